// How long things took: counted without a lock, a quarter of an octave a step, so that a percentile is told
// within an eighth.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

namespace holdfast::server {

/// A copy of the counts. `since` gives what came between two of them.
struct DurationCounts {
  static constexpr std::size_t kSteps = 4 * 26;  // up to 2^26 microseconds, more than a minute

  std::array<std::uint64_t, kSteps> counts{};
  std::uint64_t total_micros = 0;

  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const auto each : counts) sum += each;
    return sum;
  }
  [[nodiscard]] DurationCounts since(const DurationCounts& before) const {
    DurationCounts between;
    for (std::size_t i = 0; i < kSteps; ++i) between.counts[i] = counts[i] - before.counts[i];
    between.total_micros = total_micros - before.total_micros;
    return between;
  }
  /// Microseconds that so many thousandths of them stayed below; 0 where there are none.
  [[nodiscard]] std::uint64_t percentile(std::uint64_t thousandths) const {
    const auto wanted = (count() * thousandths + 999) / 1'000;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kSteps; ++i) {
      seen += counts[i];
      if (seen >= wanted && seen > 0) return upper_micros(i);
    }
    return 0;
  }
  /// How many took at most 2^octave microseconds.
  [[nodiscard]] std::uint64_t up_to(std::size_t octave) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kSteps && upper_micros(i) <= (std::uint64_t{1} << octave); ++i)
      sum += counts[i];
    return sum;
  }

  /// The step that so many microseconds belong to: below its upper end, and not below the step before's.
  [[nodiscard]] static std::size_t step(std::uint64_t micros) {
    if (micros < 4) return static_cast<std::size_t>(micros);
    const auto octave = static_cast<std::size_t>(std::bit_width(micros)) - 1;
    const auto quarter = static_cast<std::size_t>(micros >> (octave - 2)) & 3U;
    return std::min(4 * (octave - 1) + quarter, kSteps - 1);
  }
  [[nodiscard]] static std::uint64_t upper_micros(std::size_t step) {
    const auto next = step + 1;
    if (next < 4) return next;
    return (4 + next % 4) << (next / 4 - 1);
  }
};

/// Thread-safe.
class Durations {
 public:
  void add(std::chrono::nanoseconds took) {
    const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)) / 1'000;
    counts_[DurationCounts::step(micros)].fetch_add(1, std::memory_order_relaxed);
    total_micros_.fetch_add(micros, std::memory_order_relaxed);
  }
  [[nodiscard]] DurationCounts read() const {
    DurationCounts copy;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      copy.counts[i] = counts_[i].load(std::memory_order_relaxed);
    copy.total_micros = total_micros_.load(std::memory_order_relaxed);
    return copy;
  }

 private:
  std::array<std::atomic<std::uint64_t>, DurationCounts::kSteps> counts_{};
  std::atomic<std::uint64_t> total_micros_{0};
};

}  // namespace holdfast::server
