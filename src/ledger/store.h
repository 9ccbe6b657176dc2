// Where a ledger lives. The journal store and the PostgreSQL store implement this; the service is the only
// caller.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

#include "holdfast/answers.h"
#include "holdfast/queries.h"
#include "ledger/event.h"

namespace holdfast {

/// What a store says of an executed command.
struct StoreAnswer {
  Answer answer;
  bool more = false;  // a chunk was done and others are left: execute the same command again
};

/// The caller's own code inside an exclusive atomic block.
class TransactionPort {
 public:
  virtual ~TransactionPort() = default;
  [[nodiscard]] virtual Result<CommandResult> execute(const Command& command) = 0;
  virtual void savepoint() = 0;
  virtual void release_savepoint() = 0;
  virtual void rollback_savepoint(Error error) = 0;
};

/// All calls are thread-safe and blocking but for `submit`. What they answer is durable.
class Store {
 public:
  virtual ~Store() = default;

  using Done = std::function<void(Result<StoreAnswer>)>;
  /// `done` runs on a thread of the store, must not block and must not throw.
  virtual void submit(Command command, Done done) = 0;
  [[nodiscard]] virtual Result<StoreAnswer> execute(const Command& command) = 0;
  /// Runs `block` as if alone; what it did is one event, or nothing where it returns an error. `options.key`
  /// as for any command.
  [[nodiscard]] virtual Result<StoreAnswer> transact(
      const Options& options, std::chrono::milliseconds time_limit,
      const std::function<Result<void>(TransactionPort&)>& block) = 0;

  [[nodiscard]] virtual Result<AccountView> account(std::string_view name) = 0;
  [[nodiscard]] virtual Result<Page<AccountView, std::string>> accounts(std::string_view after,
                                                                        std::size_t limit) = 0;
  [[nodiscard]] virtual Result<EscrowView> escrow(const EscrowRef& ref) = 0;
  [[nodiscard]] virtual Result<EscrowPage> escrows(const EscrowFilter& filter) = 0;
  [[nodiscard]] virtual Result<std::vector<EscrowHistoryLine>> history(const EscrowRef& ref) = 0;
  [[nodiscard]] virtual Result<GroupView> group(std::string_view name) = 0;
  [[nodiscard]] virtual Result<GroupSummary> group_summary(std::string_view name) = 0;
  [[nodiscard]] virtual Result<Page<GroupView, std::string>> groups(std::string_view after,
                                                                    std::size_t limit) = 0;
  [[nodiscard]] virtual Result<std::vector<FeePlanView>> fee_plans() = 0;
  [[nodiscard]] virtual Result<StatementPage> statement(const StatementQuery& query) = 0;
  [[nodiscard]] virtual Result<EventPage> events(Seq after, std::size_t limit) = 0;
  [[nodiscard]] virtual Result<std::vector<TrialBalance>> trial_balance() = 0;
  [[nodiscard]] virtual Result<std::vector<DueEscrow>> due(Timestamp until, std::size_t limit) = 0;
  /// `aborted`: it was told to stop.
  [[nodiscard]] virtual Result<AuditReport> audit(const std::function<void(Seq done, Seq of)>& progress,
                                                  const std::stop_token& stop) = 0;
  [[nodiscard]] virtual Result<LedgerStatus> status() = 0;
};

}  // namespace holdfast
