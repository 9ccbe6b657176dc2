// The auditor's nine checks, by number. Each failure names the check that found it, and each check is
// counted: one that a run never makes proves nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::sim {

enum class Check : std::uint8_t {
  prefix = 1,  // acknowledged <= recovered <= submitted
  state,  // the state is the model's after exactly that prefix; the chain holds and never changes; no gap in
          // seq
  once,   // an unknown asked again takes effect once; an acknowledged one answers the same again
  laws,   // the nine laws of docs/laws.md
  refusal,      // an opening is refused only over a fault of class B, and none is served in live bytes
  liveness,     // faults off, all that was asked is answered within so many steps
  determinism,  // the same seed gives the same last draw, state and head
  coverage,     // every fault, branch and check was met
  answers       // every answer, a rejection and a read too, is the model's, and rests on what is durable
};
inline constexpr std::size_t kChecks = 9;

[[nodiscard]] constexpr std::string_view to_string(Check check) {
  constexpr std::array<std::string_view, kChecks> kNames = {
      "prefix", "state", "once", "laws", "refusal", "liveness", "determinism", "coverage", "answers"};
  return kNames[static_cast<std::size_t>(check) - 1];
}

class CheckCounts {
 public:
  void add(Check check, std::uint64_t n = 1) { counts_[static_cast<std::size_t>(check) - 1] += n; }
  [[nodiscard]] std::uint64_t of(Check check) const { return counts_[static_cast<std::size_t>(check) - 1]; }
  void merge(const CheckCounts& other) {
    for (std::size_t i = 0; i < kChecks; ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<std::uint64_t, kChecks> counts_{};
};

}  // namespace holdfast::sim
