// A thread that serves its share of the connections.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "http/inbox.h"
#include "http/limits.h"
#include "http/message.h"

namespace holdfast::http {

class Connection;

/// How many connections there are, on all threads.
class Census {
 public:
  [[nodiscard]] std::size_t open() const { return open_.load(std::memory_order_relaxed); }
  void add() { open_.fetch_add(1, std::memory_order_relaxed); }
  void remove() {
    const std::lock_guard lock(mutex_);
    if (open_.fetch_sub(1, std::memory_order_relaxed) == 1) none_.notify_all();
  }
  /// True once there is none.
  bool wait_for_none(std::chrono::milliseconds within) {
    std::unique_lock lock(mutex_);
    return none_.wait_for(lock, within, [this] { return open() == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::atomic<std::size_t> open_ = 0;
};

class IoThread {
 public:
  IoThread(const Limits& limits, Handler& handler, Census& census);
  /// Every connection ends now.
  ~IoThread();
  IoThread(IoThread&&) = delete;
  IoThread& operator=(IoThread&&) = delete;

  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  /// Any thread. Runs the thread's loop; once.
  void run();
  void stop();

  /// Takes over an accepted connection, which the census knows already. Any thread.
  void adopt(std::shared_ptr<Connection> connection);
  /// Any thread: connections end once their request under way is answered, and those without one now.
  void drain();

  // On this thread:
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] Handler& handler() { return handler_; }
  [[nodiscard]] const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  [[nodiscard]] std::span<char> scratch() { return scratch_; }
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] std::chrono::nanoseconds now() const;
  [[nodiscard]] std::string_view date();
  [[nodiscard]] std::string make_request_id();
  void forget(Connection& connection);

 private:
  void take_inbox();
  void tick();
  void start_ticking();

  const Limits& limits_;
  Handler& handler_;
  Census& census_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  std::chrono::milliseconds tick_;
  bool ticking_ = false;
  bool draining_ = false;
  std::shared_ptr<Inbox> inbox_;
  std::vector<Inbox::Item> taken_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::array<char, std::size_t{64} * 1024> scratch_;
  std::uint64_t id_seed_ = 0;
  std::uint64_t ids_ = 0;
  std::int64_t date_at_ = -1;
  std::string date_;
  std::thread thread_;
};

}  // namespace holdfast::http
