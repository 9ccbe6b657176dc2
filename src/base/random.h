// The seam to randomness.
#pragma once

#include <cstddef>
#include <span>

namespace holdfast {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;
};

/// The operating system's generator. Thread-safe.
[[nodiscard]] Random& system_random();

}  // namespace holdfast
