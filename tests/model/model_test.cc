// Property: whatever commands come in whatever order, the ledger does what the naive model does, command by
// command and row by row. No engine, no disk: `execute` straight on the journal store's state.
#include <gtest/gtest.h>

#include "journal/group.h"
#include "journal/state.h"
#include "ledger/execute.h"
#include "sim/model.h"
#include "sim/prng.h"
#include "sim/state_view.h"
#include "sim/workload.h"

namespace holdfast {
namespace {

/// The rows and the events so far, of which past commands are read.
class Book {
 public:
  Book() : state_(HashSecret{1, 2, 3}) {
    state_.set_past_reader([this](journal::KeyPlace place, std::string_view key) -> Result<PastCommand> {
      for (const auto& event : events_) {
        const bool here = place.escrow ? holds_escrow(event.entry, place.escrow) : event.seq == place.seq;
        if (!here) continue;
        if (const auto* entry = entry_with_key(event.entry, key)) {
          return PastCommand{event.seq, event.seq.value(), event.at, *entry};
        }
      }
      return fail(ErrorCode::corrupt, "no event has the key");
    });
  }

  Result<Answer> execute(const Command& command) {
    const Moment moment{state_.applied().next(), Timestamp{static_cast<std::int64_t>(events_.size()) + 1}};
    auto decision = holdfast::execute(command, state_, moment, workspace_);
    if (!decision) return std::unexpected(decision.error());
    if (const auto* past = std::get_if<FirstAnswer>(&*decision)) {
      return Answer{past->past.event_id, past->past.seq, past->past.at, true, result_of(past->past.entry)};
    }
    if (const auto* unrecorded = std::get_if<Unrecorded>(&*decision)) {
      return Answer{{}, {}, moment.at, false, unrecorded->result};
    }
    const auto& entry = *std::get<Accepted>(*decision).entry;
    state_.set_applied(moment.seq, moment.at);
    events_.push_back({moment.seq, moment.at, entry});
    return Answer{moment.seq.value(), moment.seq, moment.at, false, result_of(entry)};
  }

  [[nodiscard]] const journal::State& state() const { return state_; }

 private:
  journal::State state_;
  Workspace workspace_;
  std::vector<Event> events_;
};

void run(std::uint64_t seed, int commands) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  sim::Prng prng(seed);
  sim::Workload workload(prng.fork());
  sim::Model model;
  Book book;
  auto queue = workload.opening();
  if (prng.one_in(8)) {
    for (int i = 0; i < 3; ++i) queue.push_back(workload.flood());
  }
  for (int i = 0; i < commands; ++i) {
    const auto command = static_cast<std::size_t>(i) < queue.size() ? queue[static_cast<std::size_t>(i)]
                                                                    : workload.next(model.book());
    const auto answer = book.execute(command);
    const auto expected = model.execute(command, answer ? sim::given_ids(answer->result) : sim::GivenIds{});
    ASSERT_EQ(sim::difference(expected, answer), "") << "command " << i << ": " << sim::describe(command);
    if (answer && answer->seq && !answer->replayed) {
      ASSERT_EQ(answer->seq->value(), model.book().seq);
    }
    ASSERT_EQ(model.broken_law(), "") << "command " << i << ": " << sim::describe(command);
    const auto view = sim::view_of(book.state());
    ASSERT_EQ(sim::difference(model.book(), view), "")
        << "after command " << i << ": " << sim::describe(command);
    if (i % 16 == 0) {
      ASSERT_EQ(sim::check_indexes(book.state(), view), "");
    }
  }
}

class Model : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Model, AgreesWithTheLedgerOnRandomCommands) {
  for (std::uint64_t i = 0; i < 25; ++i) {
    run(GetParam() * 1'000 + i, 400);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Model, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace holdfast
