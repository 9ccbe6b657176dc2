// The faults that the simulator knows, each counted: a fault that a long run never injects tests nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::sim {

enum class Fault : std::uint8_t {
  crash,
  crash_in_recovery,
  lost_page,
  reordered_page,
  half_sector,
  lost_sector,
  garbage_sector,
  grown_before_data,
  lost_create,
  lost_rename,
  lost_remove,
  lost_truncate,
  short_write,
  read_error,
  write_error,
  sync_error,
  directory_error,
  call_error,
  interrupted,
  no_space,
  disk_full,
  bit_rot,
  misdirected_write,
  clock_jump,
  clock_drift,
  lost_answer,
  impatient_client  // the last: it gives their number
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::impatient_client) + 1;

[[nodiscard]] constexpr std::string_view to_string(Fault fault) {
  constexpr std::array<std::string_view, kFaults> kNames = {
      "crash",       "crash in recovery", "lost page",         "reordered page", "half sector",
      "lost sector", "garbage sector",    "grown before data", "lost create",    "lost rename",
      "lost remove", "lost truncate",     "short write",       "read error",     "write error",
      "sync error",  "directory error",   "call error",        "interrupted",    "no space",
      "disk full",   "bit rot",           "misdirected write", "clock jump",     "clock drift",
      "lost answer", "impatient client"};
  return kNames[static_cast<std::size_t>(fault)];
}

class FaultCounts {
 public:
  void add(Fault fault, std::uint64_t n = 1) { counts_[static_cast<std::size_t>(fault)] += n; }
  [[nodiscard]] std::uint64_t of(Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
  void merge(const FaultCounts& other) {
    for (std::size_t i = 0; i < kFaults; ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<std::uint64_t, kFaults> counts_{};
};

}  // namespace holdfast::sim
