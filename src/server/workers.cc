#include "server/workers.h"

#include <utility>

namespace holdfast::server {

Workers::Workers(std::size_t threads, std::size_t longest_queue) : longest_queue_(longest_queue) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

Workers::~Workers() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool Workers::post(std::function<void()> work) {
  {
    const std::scoped_lock hold(mutex_);
    if (queue_.size() >= longest_queue_) return false;
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

std::size_t Workers::queued() const {
  const std::scoped_lock hold(mutex_);
  return queue_.size();
}

void Workers::run() {
  std::unique_lock hold(mutex_);
  while (true) {
    changed_.wait(hold, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto work = std::move(queue_.front());
    queue_.pop_front();
    hold.unlock();
    work();
    work = nullptr;  // what it holds goes outside the lock
    hold.lock();
  }
}

}  // namespace holdfast::server
