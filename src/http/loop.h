// One thread that does the input and output of many connections. Everything of a connection happens on its
// loop's thread; answers come from any thread through the mailbox, many for one waking up.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <variant>
#include <vector>

#include "http/limits.h"
#include "http/message.h"

namespace holdfast::http {

class Connection;

/// Where answers are put. Outlives its loop, so that one that comes late is harmless.
class Mailbox {
 public:
  using Piece = std::optional<std::string>;
  struct Nothing {};  // comes any more: see `Reply`
  struct Letter {
    std::weak_ptr<Connection> to;
    std::uint64_t request;  // of the connection: a letter for one that is over is thrown away
    std::variant<Response, Piece, Nothing> content;
  };

  /// \param deliver  run on the loop's thread when there are letters and nobody attends
  Mailbox(boost::asio::io_context& context, std::function<void()> deliver)
      : context_(&context), deliver_(std::move(deliver)) {}
  void put(Letter letter);
  /// The loop's thread is busy and will look: until `leave`, letters need not wake it.
  void attend();
  [[nodiscard]] std::vector<Letter> take();
  void leave();
  /// Nobody takes letters any more.
  void close();

 private:
  std::mutex mutex_;
  boost::asio::io_context* context_;  // null once closed
  std::function<void()> deliver_;
  std::vector<Letter> letters_;
  bool attended_ = false;
};

/// One answer, or one piece of one, that somebody owes a connection. It is put once, from any thread; where
/// nobody has it any more and it was not put, the connection is told so instead of waiting for ever.
class Reply {
 public:
  Reply(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Connection> to, std::uint64_t request)
      : mailbox_(std::move(mailbox)), to_(std::move(to)), request_(request) {}
  ~Reply() { put(Mailbox::Nothing{}); }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  /// Only the first counts.
  void put(std::variant<Response, Mailbox::Piece, Mailbox::Nothing> content) {
    if (!put_.exchange(true)) mailbox_->put({to_, request_, std::move(content)});
  }

 private:
  const std::shared_ptr<Mailbox> mailbox_;
  const std::weak_ptr<Connection> to_;
  const std::uint64_t request_;
  std::atomic<bool> put_{false};
};

/// How many connections are open on all loops.
class ConnectionCount {
 public:
  void add();
  void remove();
  [[nodiscard]] std::size_t now() const { return count_.load(std::memory_order_relaxed); }
  /// False: there still are some after `time`.
  [[nodiscard]] bool wait_for_none(std::chrono::milliseconds time);

 private:
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::condition_variable none_;
};

class Loop {
 public:
  Loop(const Limits& limits, Handler& handler, ConnectionCount& connections);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start();
  /// Ends the thread; its connections are closed by the destructor.
  void stop();
  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] Handler& handler() { return handler_; }
  [[nodiscard]] bool draining() const { return draining_; }

  // On the loop's thread:
  /// \pre it was counted
  void add(std::shared_ptr<Connection> connection);
  void remove(const std::shared_ptr<Connection>& connection);
  void drain();
  [[nodiscard]] std::chrono::nanoseconds now() const { return now_; }
  /// Of the field Date, for this second.
  [[nodiscard]] const std::string& date() const { return date_; }
  /// Does what a socket has become ready for, and then what that was answered at once.
  template <class Work>
  void on_ready(Work work) {
    mailbox_->attend();
    work();
    deliver();
  }
  [[nodiscard]] std::string make_request_id();
  /// Where any connection reads into, one at a time.
  [[nodiscard]] std::array<char, 65'536>& scratch() { return *scratch_; }

 private:
  void deliver();
  void deliver(Mailbox::Letter& letter);
  void tick();

  const Limits& limits_;
  Handler& handler_;
  ConnectionCount& count_;
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::unique_ptr<std::array<char, 65'536>> scratch_;
  std::chrono::nanoseconds now_{};
  std::int64_t date_second_ = -1;
  std::string date_;
  std::string id_prefix_;
  std::uint64_t ids_ = 0;
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace holdfast::http
