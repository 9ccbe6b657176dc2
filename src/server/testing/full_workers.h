// Workers that have so much to do that they take nothing more.
#pragma once

#include <future>
#include <latch>
#include <memory>
#include <stdexcept>

#include "server/workers.h"

namespace holdfast::server::testing {

/// Keeps every worker busy, and the queue full, until it goes.
class FullWorkers {
 public:
  FullWorkers(Workers& workers, int threads, int longest_queue) {
    const auto begun = std::make_shared<std::latch>(threads);
    const auto end = end_.get_future().share();
    bool posted = true;
    for (int i = 0; i < threads; ++i) {
      posted = posted && workers.post([begun, end] {
        begun->count_down();
        end.wait();
      });
    }
    if (posted) begun->wait();
    for (int i = 0; i < longest_queue; ++i) posted = posted && workers.post([] {});
    if (!posted) throw std::runtime_error("the workers were not idle");
  }
  ~FullWorkers() { end_.set_value(); }
  FullWorkers(const FullWorkers&) = delete;
  FullWorkers& operator=(const FullWorkers&) = delete;

 private:
  std::promise<void> end_;
};

}  // namespace holdfast::server::testing
