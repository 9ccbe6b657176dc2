#include "tests/support/seal_windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

namespace holdfast::testing {
namespace {

constexpr std::uint64_t kMostTries = 20'000;  // commands given to the model for one answer
constexpr int kMostLeftOut = 3;

/// Positions count the events before them.
struct Window {
  const UnsealedAnswer* answer = nullptr;
  std::size_t first = 0;
  std::size_t last = 0;
  bool right = false;
};

sim::GivenIds ids_of(const Result<Answer>& answer) {
  return answer ? sim::given_ids(answer->result) : sim::GivenIds{};
}

Window window_of(const UnsealedAnswer& answer, std::span<const SealedStep> events) {
  Window window{&answer, 0, events.size()};
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].known < answer.asked) window.first = i + 1;
    if (events[i].asked > answer.answered) window.last = std::min(window.last, i);
  }
  return window;
}

/// A model at one position, for questions that mostly change nothing.
class Position {
 public:
  explicit Position(const sim::Model& model) : model_(model) {}

  bool agrees(const UnsealedAnswer& asked) {
    if (!trial_) trial_.emplace(model_);
    const auto expected = trial_->execute(*asked.command, ids_of(*asked.answer));
    if (expected.recorded) trial_.reset();
    return sim::difference(expected, *asked.answer).empty();
  }

 private:
  const sim::Model& model_;
  std::optional<sim::Model> trial_;
};

/// Looks for what the answer can have seen: all that it must have, and any of what was under way but a few.
class Search {
 public:
  Search(std::span<const SealedStep> events, const UnsealedAnswer& answer, std::size_t first)
      : events_(events), answer_(answer), first_(first) {}

  bool found(const sim::Model& model, std::size_t position, int left_out) {
    if (position >= first_ && Position(model).agrees(answer_)) return true;
    tries_ += position >= first_ ? 1 : 0;
    if (position == events_.size() || tries_ > kMostTries) return false;
    const auto& event = events_[position];
    if (left_out > 0 && event.known > answer_.asked && found(model, position + 1, left_out - 1)) return true;
    if (event.asked > answer_.answered) return found(model, position + 1, left_out);
    ++tries_;
    auto next = model;
    std::string wrong;
    const auto expected = execute(next, event, wrong);
    if (!wrong.empty() || !sim::difference(expected, event.answer).empty())
      return false;  // it had seen what was left out
    return found(next, position + 1, left_out);
  }
  [[nodiscard]] bool gave_up() const { return tries_ > kMostTries; }

 private:
  std::span<const SealedStep> events_;
  const UnsealedAnswer& answer_;
  std::size_t first_;
  std::uint64_t tries_ = 0;
};

/// The model and the first event, from which on not all was known when the answer was asked for.
std::string look_out_of_order(sim::Model model, std::span<const SealedStep> events, const Window& window,
                              WindowCounts& counts) {
  std::size_t known = 0;
  std::string ignored;
  for (; known < events.size() && events[known].known < window.answer->asked; ++known) {
    std::ignore = execute(model, events[known], ignored);
  }
  const auto first = std::max(window.first, known) - known;
  for (int left_out = 0; left_out <= kMostLeftOut; ++left_out) {
    Search search(events.subspan(known), *window.answer, first);
    if (search.found(model, 0, left_out)) {
      ++counts.out_of_order;
      return {};
    }
    if (search.gave_up()) {
      ++counts.undecided;
      return {};
    }
  }
  const auto expected = model.execute(*window.answer->command, ids_of(*window.answer->answer));
  return fmt::format(
      "{} was answered {}, which no state can explain between event {} and {} of {}; after {}: {}",
      sim::describe(*window.answer->command), sim::describe(*window.answer->answer), window.first,
      window.last, events.size(), known, sim::difference(expected, *window.answer->answer));
}

}  // namespace

sim::Outcome execute(sim::Model& model, const SealedStep& step, std::string& wrong) {
  if (step.block == nullptr) return model.execute(*step.command, ids_of(step.answer));
  sim::Outcome whole;
  wrong = expect_block(model, step.block->block, step.block->results, whole, Rejections::left_out);
  return whole;
}

std::string check_windows(sim::Model before, std::span<const SealedStep> events,
                          std::span<const UnsealedAnswer> answers, WindowCounts& counts) {
  std::vector<Window> windows;
  windows.reserve(answers.size());
  for (const auto& answer : answers) windows.push_back(window_of(answer, events));
  auto model = before;
  std::string ignored;
  for (std::size_t position = 0; position <= events.size(); ++position) {
    Position here(model);
    for (auto& window : windows) {
      if (window.right || position < window.first || position > window.last) continue;
      window.right = here.agrees(*window.answer);
      counts.in_order += window.right ? 1 : 0;
    }
    if (position < events.size()) {
      std::ignore = execute(model, events[position], ignored);
    }
  }
  for (const auto& window : windows) {
    if (window.right) continue;
    if (auto wrong = look_out_of_order(before, events, window, counts); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace holdfast::testing
