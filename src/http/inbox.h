// The way back from any thread to the I/O thread of a connection: answers, and pieces of streamed bodies.
// Many that come while the I/O thread is busy cost it one wake-up.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http/message.h"

namespace holdfast::http {

class Connection;

/// The next piece of a streamed body; none at its end.
using Piece = std::optional<std::string>;
/// Who was to answer let go of it without an answer.
struct LetGo {};
using Delivery = std::variant<Response, Piece, LetGo>;

class Inbox {
 public:
  struct Item {
    std::weak_ptr<Connection> to;
    std::uint64_t turn = 0;  // what of the connection it is for: what is not asked for any more is dropped
    Delivery what;
  };

  /// \param wake  has the I/O thread call `take` soon; called from any thread, and not after `close`
  explicit Inbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void push(Item item) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    items_.push_back(std::move(item));
    // Under the lock: what is woken lives as long as the inbox is open.
    if (items_.size() == 1) wake_();
  }

  /// All that came; `items` is empty and its memory is used again.
  void take(std::vector<Item>& items) {
    const std::lock_guard lock(mutex_);
    items_.swap(items);
  }

  /// What is pushed from now on is dropped.
  void close() {
    std::vector<Item> dropped;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(items_);
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Item> items_;
  std::function<void()> wake_;
};

/// One answer that is owed. Delivers once; when it is let go undelivered, that is told too.
class Owed {
 public:
  Owed(std::shared_ptr<Inbox> inbox, std::weak_ptr<Connection> to, std::uint64_t turn)
      : inbox_(std::move(inbox)), to_(std::move(to)), turn_(turn) {}
  ~Owed() { deliver(LetGo{}); }
  Owed(Owed&&) = delete;
  Owed& operator=(Owed&&) = delete;

  void deliver(Delivery what) {
    if (delivered_.test_and_set(std::memory_order_relaxed)) return;
    inbox_->push({std::move(to_), turn_, std::move(what)});
  }

 private:
  std::shared_ptr<Inbox> inbox_;
  std::weak_ptr<Connection> to_;
  std::uint64_t turn_;
  std::atomic_flag delivered_;
};

}  // namespace holdfast::http
