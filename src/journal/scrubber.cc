#include "journal/scrubber.h"

#include <unistd.h>

namespace holdfast::journal {

Scrubber::Scrubber(const Engine& engine, ScrubPace pace)
    : engine_(engine), pace_(pace), thread_([this] { run(); }) {}

Scrubber::~Scrubber() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

ScrubStatus Scrubber::status() const {
  const std::scoped_lock hold(mutex_);
  return status_;
}

bool Scrubber::wait(std::chrono::milliseconds time) {
  std::unique_lock hold(mutex_);
  return !changed_.wait_for(hold, time, [&] { return stopping_; });
}

void Scrubber::run() {
  if (::nice(10) == -1) { /* only a courtesy to the others */
  }
  while (wait(pace_.rest_ms)) {
    bool complete = true;
    const auto scrubbed = engine_.scrub([&](std::size_t) { return complete = wait(pace_.pause_ms); });
    const std::scoped_lock hold(mutex_);
    if (complete) ++status_.passes;
    // Kept for good: a later pass does not make bad bytes good.
    if (!scrubbed && status_.failure.empty()) status_.failure = scrubbed.error().message;
  }
}

}  // namespace holdfast::journal
