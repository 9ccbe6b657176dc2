// The seam to time.
#pragma once

#include <chrono>

#include "holdfast/time.h"

namespace holdfast {

class Clock {
 public:
  virtual ~Clock() = default;
  /// May jump and drift. Events take the later of this and the last event's time.
  [[nodiscard]] virtual Timestamp wall() const = 0;
  /// Only advances; for durations.
  [[nodiscard]] virtual std::chrono::nanoseconds monotonic() const = 0;
};

[[nodiscard]] const Clock& system_clock();

}  // namespace holdfast
