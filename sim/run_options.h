// What one run of the simulator is like, drawn from its seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "journal/engine.h"
#include "sim/disk.h"
#include "sim/faults.h"

namespace holdfast::sim {

struct RunOptions {
  std::uint64_t seed = 0;
  std::uint64_t steps = 0;
  DiskFaults disk;
  std::uint64_t crash_of_million = 0;  // a step: a crash point is set some operations ahead
  std::uint64_t clock_jump_of_million = 0;
  std::uint64_t interleave_of_million = 0;  // a file operation of a sync: `decide` runs before it
  std::uint64_t flood_of_million = 0;
  std::uint64_t in_flight_max = 1;
  bool rots = false;        // ends with a fault of class B: rot in synced bytes
  bool misdirects = false;  // or a write that lands elsewhere
  journal::EngineOptions engine;
  bool verbose = false;
};

/// Draws tiny constants, a mix of faults with some of them off, and a pace.
[[nodiscard]] RunOptions draw_options(std::uint64_t seed);
/// One line, for failure reports.
[[nodiscard]] std::string describe(const RunOptions& options);

struct RunReport {
  std::string failure;  // empty: all checks held
  FaultCounts faults;
  std::map<std::string, std::uint64_t> branches;  // what was reached, by name
  std::uint64_t commands = 0;
  std::uint64_t events = 0;
  std::uint64_t draw = 0;  // the last draw of the run's generators
  std::string head;        // the chain's hash at the end
};

}  // namespace holdfast::sim
