// What a set of runs reached: every fault kind, every branch of recovery. A zero over a long run means that
// something is not tested any more.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sim/run_options.h"

namespace holdfast::sim {

class Coverage {
 public:
  void add(const RunReport& report);
  /// Prints each count. \param needed  those that must be reached and were not, to the standard error stream
  void print(bool needed) const;
  [[nodiscard]] bool complete() const;

 private:
  [[nodiscard]] std::uint64_t of(const std::string& branch) const;

  FaultCounts faults_;
  std::map<std::string, std::uint64_t> branches_;
  std::uint64_t commands_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace holdfast::sim
