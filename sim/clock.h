// The simulated clock: the wall clock drifts and jumps both ways, the monotonic one only advances.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "sim/prng.h"

namespace holdfast::sim {

class SimClock final : public Clock {
 public:
  /// \param jumps_of_million  how often a step makes the wall clock jump
  /// \param pace_micros  a step takes up to this long
  SimClock(Prng prng, std::uint64_t jumps_of_million, std::int64_t pace_micros = 5'000)
      : prng_(prng),
        jumps_of_million_(jumps_of_million),
        pace_micros_(pace_micros),
        drift_of_million_(prng_.between(-50'000, 50'000)) {}

  [[nodiscard]] Timestamp wall() const override { return {wall_micros_}; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override {
    return std::chrono::nanoseconds(nanos_);
  }

  /// Time passes; now and then the wall clock is set anew.
  void step() {
    const auto micros = prng_.between(0, pace_micros_);
    const auto drifted = micros * drift_of_million_ / 1'000'000;
    nanos_ += micros * 1'000;
    wall_micros_ += micros + drifted;
    drifts_ += drifted != 0;
    if (prng_.chance(jumps_of_million_)) {
      wall_micros_ += prng_.between(-kJumpMicros, kJumpMicros);
      wall_micros_ = std::max<std::int64_t>(wall_micros_, 0);
      ++jumps_;
    }
  }
  [[nodiscard]] std::uint64_t jumps() const { return jumps_; }
  [[nodiscard]] std::uint64_t drifts() const { return drifts_; }

 private:
  static constexpr std::int64_t kJumpMicros = std::int64_t{3'600} * 1'000'000;

  Prng prng_;
  std::uint64_t jumps_of_million_;
  std::int64_t pace_micros_;
  std::int64_t drift_of_million_;
  std::int64_t wall_micros_ = 1'764'000'000'000'000;
  std::int64_t nanos_ = 0;
  std::uint64_t jumps_ = 0;
  std::uint64_t drifts_ = 0;
};

}  // namespace holdfast::sim
