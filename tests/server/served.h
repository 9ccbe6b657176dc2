// A ledger that a real process serves, and a client that is as plain as can be.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
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

 private:
  Reply ask(const std::string& method, const std::string& path, const std::string& body);

  std::uint16_t port_;
  std::string key_;
  int socket_ = -1;
};

/// A ledger in a directory of its own (or in PostgreSQL) with the keys `root`, `shop` (operate) and `auditor`
/// (read), the accounts `payer` and `shop` and a fee plan; and its server.
class Served {
 public:
  /// \param url  of a ledger in PostgreSQL, or a directory; empty: a directory of the test's own
  explicit Served(std::string url = {});

  void start();
  /// Its exit code.
  int end(int signal) { return process_->end(signal); }
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

}  // namespace holdfast::served
