// A ledger that a real process serves, and a client that is as plain as can be.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/cli/program.h"
#include "tests/crash/process.h"

namespace holdfast::served {

struct Reply {
  int status = 0;  // 0: the connection failed before an answer came
  std::string body;

  /// The number after `"name":`; -1: there is none.
  [[nodiscard]] std::int64_t number(const std::string& name) const;
};

/// One keep-alive connection, opened when it is needed. Not thread-safe.
class Connection {
 public:
  Connection(std::uint16_t port, std::string key) : port_(port), key_(std::move(key)) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Reply get(const std::string& path) { return ask("GET", path, ""); }
  Reply post(const std::string& path, const std::string& body) { return ask("POST", path, body); }
  /// False: it cannot be opened.
  bool open();
  void close();
  /// Bytes as they are; nothing is waited for. False: they cannot be sent.
  bool send(std::string_view bytes);
  /// What comes next, at most so much; empty: the end, or nothing for twenty seconds.
  std::string receive();
  /// The line and fields of a request, and its end.
  [[nodiscard]] std::string head(const std::string& method, const std::string& path,
                                 const std::string& fields = {}) const;

 private:
  Reply ask(const std::string& method, const std::string& path, const std::string& body);

  std::uint16_t port_;
  std::string key_;
  int socket_ = -1;
};

/// An event stream that is open.
class Stream {
 public:
  /// \param fields  more of the head, each with its line end
  Stream(std::uint16_t port, const std::string& key, std::int64_t after, const std::string& fields = {});
  /// The id of the next event; none: the stream has ended.
  std::optional<std::int64_t> next();
  /// Whether it ended as HTTP says that it ends, and was not cut off.
  [[nodiscard]] bool ended_well() const { return ended_; }

 private:
  /// The next line of the body.
  std::optional<std::string> line();

  Connection connection_;
  std::string received_;  // not taken out of its chunks yet
  std::string body_;
  bool ended_ = false;
};

/// A ledger in a directory of its own (or in PostgreSQL) with the keys `root`, `shop` (operate) and `auditor`
/// (read), the accounts `payer` and `shop` and a fee plan; and its server.
class Served {
 public:
  /// \param url  of a ledger in PostgreSQL, or a directory; empty: a directory of the test's own
  explicit Served(std::string url = {});
  /// Shows the server's log where the test has failed.
  ~Served();

  /// \param options      of `holdfast serve`, besides those that every test needs
  /// \param environment  NAME=VALUE
  void start(const std::vector<std::string>& options = {}, const std::vector<std::string>& environment = {});
  /// Its exit code.
  int end(int signal) { return process_->end(signal); }
  void tell(int signal) const { process_->tell(signal); }
  /// The exit code, once it ends by itself.
  int wait() { return process_->wait(); }
  /// What it wrote to its errors, in all its lives.
  [[nodiscard]] std::string log() const { return place_.read("log"); }
  [[nodiscard]] const std::filesystem::path& directory() const { return place_.path(); }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string key(const std::string& name) const { return keys_.at(name); }
  [[nodiscard]] Reply get(const std::string& path, const std::string& key = "auditor") const;
  [[nodiscard]] Reply post(const std::string& path, const std::string& body,
                           const std::string& key = "shop") const;
  /// The command line on the same ledger.
  [[nodiscard]] cli::Outcome run(std::vector<std::string> arguments) const;
  std::string make_key(const std::string& name, const std::string& role);

 private:
  cli::Workplace place_;
  std::string url_;
  std::map<std::string, std::string> keys_;
  std::unique_ptr<crash::Process> process_;
  std::uint16_t port_ = 0;
};

/// Looks again and again until it is so; a failure where it is not after `time`.
template <class Condition>
::testing::AssertionResult within(std::chrono::milliseconds time, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return ::testing::AssertionSuccess();
    std::this_thread::yield();
  }
  return ::testing::AssertionFailure() << time.count() << " ms have passed";
}

inline constexpr std::int64_t kHeld = 100;  // by each hold of a load
[[nodiscard]] std::string hold_body(const std::string& key, const std::string& more = {});

/// Clients that hold, one after the other, each under a key of its own, and ask again until it is answered.
class Load {
 public:
  Load(const Served& served, int clients, std::string name);
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// What they ask from now on, when the server has started again on another port.
  void move_to(std::uint16_t port) { port_.store(port); }
  void wait_for(std::size_t answers) const;
  [[nodiscard]] std::size_t answers() const { return answers_; }
  /// Each client gives up what it has not got an answer for, at once where the server has gone.
  void stop();
  /// Keys that were answered 200, with their seq (0: not numbered yet). After stop.
  [[nodiscard]] std::map<std::string, std::int64_t> acknowledged() const;
  /// Keys that were asked at the end and had no answer. After stop.
  [[nodiscard]] std::vector<std::string> unanswered() const;

 private:
  struct Client {
    std::map<std::string, std::int64_t> acknowledged;
    std::string unanswered;
    std::thread thread;
  };
  void run(Client& client, int number);

  const std::string key_;
  const std::string name_;
  std::atomic<std::uint16_t> port_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> answers_{0};
  std::vector<Client> clients_;
};

/// Every acknowledged hold is there, once: asked again it is a replay with the seq that it had.
void expect_all_there(const Served& served, const std::map<std::string, std::int64_t>& acknowledged);
/// The payer has so many holds.
void expect_held(const Served& served, std::size_t holds);
/// Every law holds, and the chain.
void expect_sound(const Served& served);

}  // namespace holdfast::served
