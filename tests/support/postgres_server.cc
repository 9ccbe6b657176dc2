#include "tests/support/postgres_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <utility>

#include "base/assert.h"

namespace holdfast::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServerUser = "postgres";
constexpr int kPoolerPort = 6432;  // names its socket; it does not listen on TCP

// Waits for the end of its input, which comes when nobody has the pipe's other end any more.
constexpr const char* kGuardian = R"sh(
cat >/dev/null
server=$(head -n 1 "$2/data/postmaster.pid") && kill -CONT "$server" $(cat "/proc/$server/task/$server/children")
[ ! -e "$2/pgbouncer.pid" ] || kill "$(cat "$2/pgbouncer.pid")"
"$1" stop -D "$2/data" -m immediate
rm -rf "$2"
)sh";

struct Account {
  uid_t user = 0;
  gid_t group = 0;
};

/// Whom the server's processes run as; nothing where it is who runs the test.
std::optional<Account> server_account() {
  if (::geteuid() != 0) return std::nullopt;
  const auto* entry = ::getpwnam(kServerUser);
  HOLDFAST_ASSERT(entry != nullptr,
                  "root has a user postgres to run the server as (Debian's postgresql makes it)");
  return Account{entry->pw_uid, entry->pw_gid};
}

fs::path find_programs() {
  if (const char* given = std::getenv("HOLDFAST_PG_BIN"); given != nullptr) return given;
  fs::path newest;
  int newest_version = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version <= newest_version || !fs::exists(entry.path() / "bin" / "initdb")) continue;
    newest_version = version;
    newest = entry.path() / "bin";
  }
  HOLDFAST_ASSERT(
      !newest.empty(),
      "PostgreSQL's server is in /usr/lib/postgresql/*/bin or HOLDFAST_PG_BIN (scripts/setup test)");
  return newest;
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::vector<char*> argv_of(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  return argv;
}

/// In a child, before exec: only system calls.
void become(const std::optional<Account>& account) {
  if (!account) return;
  if (::setgroups(0, nullptr) != 0 || ::setgid(account->group) != 0 || ::setuid(account->user) != 0)
    ::_exit(126);
}

/// A process that outlives this one by as long as it takes to stop the server and remove its directory.
/// It is nobody's child and in a session of its own, so that what kills the test and its children spares it.
int start_guardian(const std::string& pg_ctl, const std::string& directory,
                   const std::optional<Account>& account) {
  std::array<int, 2> pipe{};
  HOLDFAST_ASSERT(::pipe2(pipe.data(), O_CLOEXEC) == 0, "a pipe can be made");
  const std::vector<std::string> arguments{"/bin/sh", "-c", kGuardian, "guardian", pg_ctl, directory};
  const auto words = argv_of(arguments);
  const pid_t child = ::fork();
  HOLDFAST_ASSERT(child >= 0, "a process can be started");
  if (child == 0) {
    if (::fork() != 0) ::_exit(0);
    ::setsid();
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(pipe[0], STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
    become(account);
    if (::chdir("/") == 0) ::execv(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(pipe[0]);
  return pipe[1];
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = ::bind(fd, generic, size) == 0 && ::getsockname(fd, generic, &size) == 0;
  ::close(fd);
  HOLDFAST_ASSERT(bound, "127.0.0.1 has a free port");
  return ntohs(address.sin_port);
}

bool accepts_connections(const fs::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool accepted = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return accepted;
}

/// Processes held by descriptors, which never come to mean another process.
class Processes {
 public:
  ~Processes() {
    for (const int fd : descriptors_) ::close(fd);
  }
  void add(pid_t pid) {
    const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd >= 0) descriptors_.push_back(fd);
  }
  void add_children(pid_t parent) {
    std::istringstream children(text_of(fmt::format("/proc/{0}/task/{0}/children", parent)));
    for (pid_t child = 0; children >> child;) add(child);
  }
  void signal(int number) const {
    for (const int fd : descriptors_) ::syscall(SYS_pidfd_send_signal, fd, number, nullptr, 0);
  }
  void wait() const {
    for (const int fd : descriptors_) {
      pollfd gone{.fd = fd, .events = POLLIN, .revents = 0};
      while (::poll(&gone, 1, -1) < 0) {
      }
    }
  }

 private:
  std::vector<int> descriptors_;
};

}  // namespace

PostgresServer::PostgresServer(PostgresOptions options)
    : options_(std::move(options)), programs_(find_programs()) {
  std::string pattern = "/tmp/holdfast-pg-XXXXXX";  // short: a socket's path has at most 107 characters
  HOLDFAST_ASSERT(::mkdtemp(pattern.data()) != nullptr, "a temporary directory can be made");
  directory_ = pattern;
  const auto account = server_account();
  give_to_server(directory_);
  guardian_ = start_guardian(program("pg_ctl"), pattern, account);
  if (options_.tcp) port_ = free_port();
  if (options_.replica_of != nullptr) {
    run({program("pg_basebackup"), "--pgdata", data(), "--dbname", options_.replica_of->url(), "--checkpoint",
         "fast", "--no-sync", "--write-recovery-conf"});
  } else {
    std::vector<std::string> initdb{
        program("initdb"), "--pgdata", data(),     "--username", "postgres",  "--auth",           "trust",
        "--encoding",      "UTF8",     "--locale", "C",          "--no-sync", "--no-instructions"};
    if (!options_.wal_directory.empty()) {
      for (const auto& argument : {std::string("--wal-segsize=1"), "--waldir=" + options_.wal_directory})
        initdb.push_back(argument);
    }
    run(initdb);
  }
  write_settings();
  start();
}

PostgresServer::~PostgresServer() {
  if (pooling_) stop_pooler();
  if (paused_) go_on();
  if (running_) stop(Stop::immediate);
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
  ::close(guardian_);
}

void PostgresServer::write_settings() const {
  std::ofstream out(data() + "/postgresql.conf", std::ios::app);
  out << fmt::format("unix_socket_directories = '{}'\n", directory_.string());
  out << fmt::format("listen_addresses = '{}'\nport = {}\n", options_.tcp ? "127.0.0.1" : "", port_);
  out << "max_connections = 100\nlog_line_prefix = '%m [%p] '\n";
  out << "recovery_init_sync_method = syncfs\n";  // after a kill; one sync instead of one for each of 1000
                                                  // files
  if (!options_.durable) out << "fsync = off\nfull_page_writes = off\n";
  for (const auto& setting : options_.settings) out << setting << '\n';
  HOLDFAST_ASSERT(out.flush().good(), "the server's settings can be written");
}

void PostgresServer::start() {
  HOLDFAST_ASSERT(!running_, "a server that is down is started");
  run({program("pg_ctl"), "start", "--wait", "--silent", "-D", data(), "--log",
       (directory_ / "log").string()});
  running_ = true;
}

void PostgresServer::stop(Stop how) {
  HOLDFAST_ASSERT(running_, "a server that runs is stopped");
  const char* mode = how == Stop::smart ? "smart" : how == Stop::fast ? "fast" : "immediate";
  run({program("pg_ctl"), "stop", "--wait", "--silent", "-D", data(), "--mode", mode});
  running_ = false;
}

/// The server's own id; its other processes are its children. 0: it has ended.
int PostgresServer::process() const {
  HOLDFAST_ASSERT(running_, "a server that was started is asked");
  return std::atoi(text_of(data() + "/postmaster.pid").c_str());
}

void PostgresServer::kill() {
  if (const pid_t server = process(); server != 0) {
    // Stopped first: it starts no more processes while those that it has are listed.
    ::kill(server, SIGSTOP);
    Processes all;
    all.add(server);
    all.add_children(server);
    all.signal(SIGKILL);
    all.wait();
  }
  // Where nobody reaps it, the dead server's id still looks taken, and the next one would not start.
  fs::remove(data() + "/postmaster.pid");
  fs::remove(directory_ / fmt::format(".s.PGSQL.{}.lock", port_));
  running_ = false;
}

void PostgresServer::pause() {
  const pid_t server = process();
  HOLDFAST_ASSERT(server != 0, "a server that runs is stopped");
  ::kill(server, SIGSTOP);
  Processes children;
  children.add_children(server);
  children.signal(SIGSTOP);
  paused_ = true;
}

void PostgresServer::go_on() {
  const pid_t server = process();
  Processes all;
  all.add(server);
  all.add_children(server);
  all.signal(SIGCONT);
  paused_ = false;
}

void PostgresServer::promote() {
  run({program("pg_ctl"), "promote", "--wait", "--silent", "-D", data()});
}

void PostgresServer::create_database(std::string_view name) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  HOLDFAST_ASSERT(std::ranges::all_of(name, plain), "a database's name is of letters, digits and _");
  run({program("psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url(), "--command",
       fmt::format("CREATE DATABASE \"{}\" STRATEGY file_copy", name)});
}

std::string PostgresServer::new_database() {
  const auto name = fmt::format("test_{}", ++databases_);
  create_database(name);
  return url(name);
}

std::string PostgresServer::url(std::string_view database) const {
  return fmt::format("postgresql://postgres@/{}?host={}&port={}", database, directory_.string(), port_);
}

std::string PostgresServer::tcp_url(std::string_view database) const {
  HOLDFAST_ASSERT(options_.tcp, "the server was asked to listen on TCP");
  return fmt::format("postgresql://postgres@127.0.0.1:{}/{}", port_, database);
}

void PostgresServer::start_pooler(int connections) {
  HOLDFAST_ASSERT(!pooling_, "a server has one pooler");
  const auto settings = directory_ / "pgbouncer.ini";
  std::ofstream out(settings);
  out << fmt::format("[databases]\n* = host={} port={} user=postgres\n", directory_.string(), port_);
  out << fmt::format(
      "[pgbouncer]\npool_mode = transaction\ndefault_pool_size = {}\nauth_type = any\n"
      "server_login_retry = 1\n",
      connections);
  out << fmt::format("listen_addr =\nlisten_port = {}\nunix_socket_dir = {}\n", kPoolerPort,
                     directory_.string());
  out << fmt::format("pidfile = {0}/pgbouncer.pid\nlogfile = {0}/pgbouncer.log\n", directory_.string());
  HOLDFAST_ASSERT(out.flush().good(), "the pooler's settings can be written");
  run({"/usr/sbin/pgbouncer", "--daemon", "--quiet", settings.string()});
  const auto socket = directory_ / fmt::format(".s.PGSQL.{}", kPoolerPort);
  while (!accepts_connections(socket)) ::sched_yield();  // it forks before it listens
  pooling_ = true;
}

void PostgresServer::stop_pooler() {
  Processes pooler;
  pooler.add(std::atoi(text_of(directory_ / "pgbouncer.pid").c_str()));
  pooler.signal(SIGTERM);
  pooler.wait();
  pooling_ = false;
}

std::string PostgresServer::pooled_url(std::string_view database) const {
  HOLDFAST_ASSERT(pooling_, "a pooler was started");
  return fmt::format("postgresql://postgres@/{}?host={}&port={}", database, directory_.string(), kPoolerPort);
}

std::string PostgresServer::log() const {
  return text_of(directory_ / "log");
}

std::string PostgresServer::program(std::string_view name) const {
  return (programs_ / name).string();
}

/// Runs a program as the server's user; prints what it said, and aborts, where it fails.
void PostgresServer::run(const std::vector<std::string>& arguments) const {
  const auto said = directory_ / "said";
  const auto argv = argv_of(arguments);
  const auto account = server_account();
  const pid_t child = ::fork();
  HOLDFAST_ASSERT(child >= 0, "a process can be started");
  if (child == 0) {
    become(account);
    ::umask(077);
    const int out = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    if (::chdir("/") == 0) ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  for (const auto& argument : arguments) std::cerr << argument << ' ';
  std::cerr << "failed:\n" << text_of(said) << log();
  HOLDFAST_ASSERT(false, "a program of PostgreSQL does what a test needs; what it said is above");
}

void give_to_server(const std::filesystem::path& directory) {
  const auto account = server_account();
  if (!account) return;
  HOLDFAST_ASSERT(::chown(directory.c_str(), account->user, account->group) == 0,
                  "root can give a directory away");
}

PostgresServer& shared_postgres() {
  static PostgresServer server(PostgresOptions{.durable = false});
  return server;
}

}  // namespace holdfast::testing
