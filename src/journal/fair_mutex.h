// A mutex that is granted in the order in which it was asked for. The decide side takes the state's lock for
// command after command; with a plain mutex a snapshot or a name lookup could wait for it for ever.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace holdfast::journal {

class FairMutex {
 public:
  void lock() {
    std::unique_lock hold(mutex_);
    const auto ticket = next_++;
    turn_.wait(hold, [&] { return serving_ == ticket; });
  }
  void unlock() {
    const std::scoped_lock hold(mutex_);
    ++serving_;
    if (serving_ != next_) turn_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  std::uint64_t next_ = 0;
  std::uint64_t serving_ = 0;
};

}  // namespace holdfast::journal
