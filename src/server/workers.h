// A few threads for what waits: queries, long commands. What comes beyond the queue's length is refused, so
// that a server with too much to do says so instead of growing.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::server {

class Workers {
 public:
  Workers(std::size_t threads, std::size_t longest_queue);
  /// Does what is queued.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False: the queue is full, and `work` will not be done. `work` must not throw.
  [[nodiscard]] bool post(std::function<void()> work);
  [[nodiscard]] std::size_t queued() const;

 private:
  void run();

  const std::size_t longest_queue_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace holdfast::server
