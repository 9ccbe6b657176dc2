// What many runs met, taken together: faults, branches, checks, and in the build that has them probes. A zero
// over the default seeds fails, so that nothing can be switched off unseen.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/run_options.h"

namespace holdfast::sim {

class Coverage {
 public:
  void add(const RunReport& report);
  void print() const;
  /// What was never met and must be, for people; empty where nothing is missing.
  /// \param twice  whether the seeds ran twice each
  [[nodiscard]] std::vector<std::string> missing(bool twice) const;
  void count_twice() { checks_.add(Check::determinism); }

 private:
  [[nodiscard]] std::uint64_t of(const std::string& branch) const;

  FaultCounts faults_;
  CheckCounts checks_;
  std::map<std::string, std::uint64_t> branches_;
  std::uint64_t commands_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t simulated_micros_ = 0;
};

}  // namespace holdfast::sim
