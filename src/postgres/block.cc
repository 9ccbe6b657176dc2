// A block of the caller's own code: its commands are decided on rows that are locked and loaded as they come,
// and written at the end as one event. Savepoints are undone in memory, since nothing is written before.
#include <fmt/format.h>

#include "base/clock.h"
#include "ledger/validate.h"
#include "postgres/committer.h"

namespace holdfast::postgres {
namespace {

class Block final : public TransactionPort {
 public:
  Block(Attempt& attempt, Workspace& workspace, std::chrono::milliseconds time_limit)
      : attempt_(attempt),
        atomic_(attempt.rows(), attempt.moment(), workspace),
        time_limit_(time_limit),
        end_(system_clock().monotonic() + time_limit) {}

  Result<CommandResult> execute(const Command& command) override {
    if (auto in_time = check_time(); !in_time) return std::unexpected(in_time.error());
    if (broken_) return std::unexpected(to_error(*broken_));
    if (auto loaded = attempt_.load_for_block(command); !loaded) {
      broken_ = std::move(loaded.error());
      return std::unexpected(to_error(*broken_));
    }
    return atomic_.execute(command);
  }
  void savepoint() override { atomic_.savepoint(); }
  void release_savepoint() override { atomic_.release_savepoint(); }
  void rollback_savepoint(Error error) override { atomic_.rollback_savepoint(std::move(error)); }

  Result<void> check_time() const {
    if (system_clock().monotonic() < end_) return {};
    return fail(
        ErrorCode::aborted,
        fmt::format("the atomic block took longer than its time limit of {} ms: nothing of it remains",
                    time_limit_.count()));
  }
  [[nodiscard]] const std::optional<SqlError>& broken() const { return broken_; }
  [[nodiscard]] OpenAtomic& atomic() { return atomic_; }

 private:
  Attempt& attempt_;
  OpenAtomic atomic_;
  std::chrono::milliseconds time_limit_;
  std::chrono::nanoseconds end_;
  std::optional<SqlError> broken_;
};

}  // namespace

Result<StoreAnswer> Committer::run_block(const Options& options, std::chrono::milliseconds time_limit,
                                         const std::function<Result<void>(TransactionPort&)>& block) {
  if (auto valid = validate_block(options); !valid) return std::unexpected(std::move(valid.error()));
  Result<Session*> session;
  const auto gives_up = [&](const SqlError& error) -> std::unexpected<Error> {
    count(fault_of(error));
    if (fault_of(error) == SqlFault::connection) {
      connection_.drop();
    } else {
      roll_back(**session);
    }
    return std::unexpected(to_error(error));
  };
  std::optional<Attempt> begun;
  for (bool idle = connection_.is_open();; idle = false) {
    session = connection_.get();
    if (!session) return std::unexpected(std::move(session.error()));
    begun.emplace(**session, ledger_, plans_, workspace_);
    const auto ready = begun->begin_block(options, time_limit);
    if (ready) break;
    auto error = gives_up(ready.error());
    // A connection that lay idle may have been lost meanwhile; nothing of the block has run.
    if (!idle || fault_of(ready.error()) != SqlFault::connection) return error;
  }
  auto& attempt = *begun;
  auto past = OpenAtomic::look_up(options, attempt.rows());
  if (!past || *past) {
    roll_back(**session);
    if (!past) return std::unexpected(std::move(past.error()));
    Decision first = FirstAnswer{std::move(**past)};
    return attempt.answer_to(first, options, 0);
  }

  Block port(attempt, workspace_, time_limit);
  Result<void> outcome;
  try {
    outcome = block(port);
  } catch (...) {
    roll_back(**session);
    throw;
  }
  if (port.broken()) return gives_up(*port.broken());
  if (outcome) outcome = port.check_time();
  auto decision =
      outcome ? port.atomic().finish(options) : Result<Decision>(std::unexpected(outcome.error()));
  if (!decision) {
    // It may have waited for the same block, and been refused because that one is done.
    if (!options.key.empty()) {
      if (auto looked = attempt.look_up_again(options.key); !looked) return gives_up(looked.error());
      past = OpenAtomic::look_up(options, attempt.rows());
    }
    roll_back(**session);
    if (past && *past) {
      Decision first = FirstAnswer{std::move(**past)};
      return attempt.answer_to(first, options, 0);
    }
    return std::unexpected(std::move(decision.error()));
  }
  const auto* accepted = std::get_if<Accepted>(&*decision);
  auto committed = attempt.commit_block(accepted != nullptr ? accepted->entry : nullptr);
  if (!committed) {
    const auto& trace = attempt.trace();
    auto error = gives_up(committed.error());
    if (fault_of(committed.error()) != SqlFault::connection || !trace.commit_sent || trace.event == 0)
      return error;
    const auto fate = find_out(trace);
    if (fate == Fate::unknown) return unknown_outcome(error.error());
    if (fate == Fate::undone) return error;
  }
  return attempt.answer_to(*decision, options, attempt.trace().event);
}

}  // namespace holdfast::postgres
