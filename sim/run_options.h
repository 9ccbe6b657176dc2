// What one run of the simulator is like, drawn from its seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "journal/engine.h"
#include "sim/checks.h"
#include "sim/disk.h"
#include "sim/faults.h"

namespace holdfast::sim {

/// How often each kind of step is taken, as weights; 0: never.
struct StepWeights {
  std::uint32_t submit = 8;
  std::uint32_t decide = 6;
  std::uint32_t sync = 4;
  std::uint32_t maintain = 2;
  std::uint32_t settle_due = 1;
  std::uint32_t look_from_beside = 0;  // another process reads the ledger
  std::uint32_t scrub = 0;
};

struct RunOptions {
  std::uint64_t seed = 0;
  std::uint64_t steps = 0;
  StepWeights weights;
  DiskFaults disk;
  std::uint64_t crash_of_million = 0;  // a step: a crash point is set some operations ahead
  std::uint64_t clock_jump_of_million = 0;
  std::int64_t pace_micros = 5'000;         // a step takes up to this long
  std::uint64_t interleave_of_million = 0;  // a file operation: another part of the engine runs before it
  std::uint64_t flood_of_million = 0;
  std::uint64_t clients = 1;                 // each waits for its answer before it asks for more
  std::uint64_t lost_answer_of_million = 0;  // an answer that does not reach its client, which asks again
  std::uint64_t patience_steps =
      1'000;                // a client that waits longer asks again, while the first is under way
  bool rots = false;        // ends with faults of class B: rot in synced bytes
  bool misdirects = false;  // or a write that lands elsewhere
  bool audits = true;       // off only to prove that a run without it does not pass
  journal::EngineOptions engine;
  bool verbose = false;
};

/// Draws tiny constants, a mix of faults with some of them off, and a pace.
[[nodiscard]] RunOptions draw_options(std::uint64_t seed);
/// No fault at all; only to prove that a run without them does not pass.
void switch_off_faults(RunOptions& options);
/// One line, for failure reports.
[[nodiscard]] std::string describe(const RunOptions& options);

struct RunReport {
  std::string failure;  // empty: all checks held
  FaultCounts faults;
  CheckCounts checks;
  std::map<std::string, std::uint64_t> branches;  // what was reached, by name
  std::uint64_t commands = 0;
  std::uint64_t events = 0;
  std::uint64_t simulated_micros = 0;
  std::uint64_t draw = 0;   // the last draw of the run's generators
  std::uint64_t state = 0;  // a hash of the state at the end
  std::string head;         // the chain's hash at the end
};

}  // namespace holdfast::sim
