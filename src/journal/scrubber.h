// A thread that reads the whole journal over and over, slowly, so that rot in bytes written long ago is found
// while a good backup still exists.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "holdfast/queries.h"
#include "journal/engine.h"

namespace holdfast::journal {

struct ScrubPace {
  std::chrono::milliseconds rest_ms{60'000};  // before each pass
  std::chrono::milliseconds pause_ms{100};    // after each 256 KiB: at most 2.5 MiB a second
};

class Scrubber {
 public:
  /// Begins at once with a rest. \param engine  outlives this object
  Scrubber(const Engine& engine, ScrubPace pace);
  /// Ends the pass early.
  ~Scrubber();
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  /// Thread-safe.
  [[nodiscard]] ScrubStatus status() const;

 private:
  void run();
  /// False: it is time to end.
  [[nodiscard]] bool wait(std::chrono::milliseconds time);

  const Engine& engine_;
  const ScrubPace pace_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  ScrubStatus status_;
  std::thread thread_;
};

}  // namespace holdfast::journal
