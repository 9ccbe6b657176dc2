// A ledger in a real PostgreSQL server of its own that is killed, stopped, cut off and filled up while eight
// people work: five clients of two stores (as two processes would have them), and three callers with
// transactions of their own. What was answered is then held against the naive model of sim/, in the order of
// seals.
//
// All that is asked, and which faults come in which round after how many commands, follows from the seed.
// When a real server is hit, and in the middle of what, does not: the same seed meets other moments.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/storm/faults.h"
#include "tests/support/seal_windows.h"

namespace holdfast::storm {

struct StormOptions {
  std::uint64_t seed = 1;
  int rounds = 8;
  int commands = 12;  // a person and round
  bool falls = true;  // the server is killed and stopped
  bool disk = true;   // and full, which needs root or namespaces of users; odd seeds fill the log, even ones
                      // the tables
};

struct StormReport {
  std::string failure;  // empty: there is none
  FaultCounts faults;
  std::uint64_t commands = 0;
  std::uint64_t events = 0;
  std::uint64_t rejected = 0;
  std::uint64_t replayed = 0;
  std::uint64_t unknown_done = 0;
  std::uint64_t unknown_undone = 0;
  std::uint64_t asked_again = 0;  // acknowledged ones, at the end
  std::uint64_t orders = 0;       // of callers, committed
  testing::WindowCounts windows;
};

[[nodiscard]] std::string describe(const StormReport& report);
/// Which faults a seed of these options must meet, sooner or later.
[[nodiscard]] std::vector<Fault> faults_of(const StormOptions& options);

[[nodiscard]] StormReport run_storm(const StormOptions& options);

}  // namespace holdfast::storm
