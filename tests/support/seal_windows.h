// Answers that left no event: rejections, dry runs, commands that changed nothing. They have no number, so
// each is compared with the moments at which it can have been decided: after all that was acknowledged before
// it was asked, and without what was asked only after it was answered.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "holdfast/answers.h"
#include "sim/model.h"
#include "tests/support/model_store.h"

namespace holdfast::testing {

/// An event in the order of seals, with what was answered. Times are of one clock that counts.
struct SealedStep {
  const Command* command = nullptr;
  const BlockRun* block = nullptr;  // then the command only has its options
  Result<Answer> answer;
  std::uint64_t asked = 0;
  std::uint64_t known = 0;  // when it was acknowledged; the largest number where it never was
};

/// Has the model do what was asked. \param wrong  where a command of a block should have been answered
/// otherwise
[[nodiscard]] sim::Outcome execute(sim::Model& model, const SealedStep& step, std::string& wrong);

struct UnsealedAnswer {
  const Command* command = nullptr;
  const Result<Answer>* answer = nullptr;
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
};

struct WindowCounts {
  std::uint64_t in_order = 0;  // right at some point of the order of seals
  // Right only without one to three events that were under way meanwhile, and are sealed before others that
  // it saw: transactions are not committed in the order of their numbers.
  std::uint64_t out_of_order = 0;
  std::uint64_t undecided = 0;  // too much was under way to try all of it
};

/// \param before  the model before the first of the events
/// \param events  all that were sealed since, each of which the model agrees with
/// \return empty where each answer is right; else the first that is not, for people
[[nodiscard]] std::string check_windows(sim::Model before, std::span<const SealedStep> events,
                                        std::span<const UnsealedAnswer> answers, WindowCounts& counts);

}  // namespace holdfast::testing
