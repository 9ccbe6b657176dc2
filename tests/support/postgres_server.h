// A private PostgreSQL for tests, in a directory of its own under /tmp, reached by a unix socket there.
//
// It is stopped and its directory removed when the object goes, and also when the test's process ends in any
// other way, even by SIGKILL: a guardian process waits for that. A server that cannot be had is a failed
// test.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::testing {

class PostgresServer;

struct PostgresOptions {
  /// False: nothing is synced. Faster; what was committed may be gone after `kill`.
  bool durable = true;
  /// Listens on a free port of 127.0.0.1 too.
  bool tcp = false;
  /// More of postgresql.conf, each "name=value".
  std::vector<std::string> settings{};
  /// Where the write-ahead log is kept, in segments of 1 MiB; empty: in the cluster's directory, in such of
  /// 16 MiB.
  std::string wal_directory{};
  /// A streaming replica of this server, which runs, instead of a new cluster.
  const PostgresServer* replica_of = nullptr;
};

/// One server. Runs as `postgres` where the test runs as root, which the server refuses. The programs are
/// those of the newest /usr/lib/postgresql/*/bin, or of HOLDFAST_PG_BIN. Not thread-safe.
class PostgresServer {
 public:
  /// Makes a cluster (UTF-8, locale C, superuser `postgres`, no passwords) and starts it.
  explicit PostgresServer(PostgresOptions options = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  enum class Stop { smart, fast, immediate };
  /// Returns when the server is down. `immediate` leaves recovery to the next start.
  void stop(Stop how = Stop::fast);
  /// Returns when the server takes connections. \pre it is down
  void start();
  /// SIGKILL to the server and all its processes, where it has not fallen by itself; returns when they are
  /// gone.
  void kill();
  /// SIGSTOP to the server and all its processes: they keep their connections, and do nothing until `go_on`.
  void pause();
  void go_on();

  /// Makes a replica a server of its own; returns when it takes commands.
  void promote();

  /// A new, empty database. \pre none has this name, of letters, digits and _
  void create_database(std::string_view name);
  /// Creates a database with a name that no other has; its `url`.
  [[nodiscard]] std::string new_database();

  /// postgresql://postgres@/<database>?host=<directory>
  [[nodiscard]] std::string url(std::string_view database = "postgres") const;
  /// The same over TCP. \pre options.tcp
  [[nodiscard]] std::string tcp_url(std::string_view database = "postgres") const;
  /// Starts pgbouncer in transaction mode before the server, with `connections` to each database.
  /// Returns when it takes clients. \pre it was not started
  void start_pooler(int connections);
  /// `url` by way of the pooler.
  [[nodiscard]] std::string pooled_url(std::string_view database = "postgres") const;

  /// Where the sockets are.
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  [[nodiscard]] std::string log() const;

 private:
  void write_settings() const;
  [[nodiscard]] int process() const;
  void run(const std::vector<std::string>& arguments) const;
  void stop_pooler();
  [[nodiscard]] std::string program(std::string_view name) const;
  [[nodiscard]] std::string data() const { return (directory_ / "data").string(); }

  PostgresOptions options_;
  std::filesystem::path programs_;
  std::filesystem::path directory_;
  int guardian_ = -1;  // while this end of the pipe is open, the guardian waits
  int port_ = 5432;
  int databases_ = 0;
  bool running_ = false;
  bool paused_ = false;
  bool pooling_ = false;
};

/// Whoever the servers run as owns the directory from now on.
void give_to_server(const std::filesystem::path& directory);

/// The process's one server for tests that neither stop nor crash it, made at the first call. Not durable.
[[nodiscard]] PostgresServer& shared_postgres();

}  // namespace holdfast::testing
