// The questions that a journal store answers, whether it writes or only reads: from the state in memory and
// the journal.
#pragma once

#include <functional>

#include "journal/history.h"
#include "journal/log.h"
#include "journal/state.h"
#include "ledger/store.h"

namespace holdfast::journal {

class QueryingStore : public Store {
 public:
  [[nodiscard]] Result<AccountView> account(std::string_view name) override;
  [[nodiscard]] Result<Page<AccountView, std::string>> accounts(std::string_view after,
                                                                std::size_t limit) override;
  [[nodiscard]] Result<EscrowView> escrow(const EscrowRef& ref) override;
  [[nodiscard]] Result<EscrowPage> escrows(const EscrowFilter& filter) override;
  [[nodiscard]] Result<std::vector<EscrowHistoryLine>> history(const EscrowRef& ref) override;
  [[nodiscard]] Result<GroupView> group(std::string_view name) override;
  [[nodiscard]] Result<GroupSummary> group_summary(std::string_view name) override;
  [[nodiscard]] Result<Page<GroupView, std::string>> groups(std::string_view after,
                                                            std::size_t limit) override;
  [[nodiscard]] Result<std::vector<FeePlanView>> fee_plans() override;
  [[nodiscard]] Result<StatementPage> statement(const StatementQuery& query) override;
  [[nodiscard]] Result<EventPage> events(Seq after, std::size_t limit) override;
  [[nodiscard]] Result<std::vector<TrialBalance>> trial_balance() override;
  [[nodiscard]] Result<std::vector<DueEscrow>> due(Timestamp until, std::size_t limit) override;
  [[nodiscard]] Result<AuditReport> audit(const std::function<void(Seq done, Seq of)>& progress,
                                          const std::stop_token& stop) override;
  [[nodiscard]] Result<LedgerStatus> status() override;

 protected:
  /// Runs `look` on a state that stands still meanwhile; returns when all that it saw is durable.
  [[nodiscard]] virtual Result<void> read_state(const std::function<void(const State&)>& look) = 0;
  /// Inside read_state: the events with seq > after that the state has, durable or on their way.
  [[nodiscard]] virtual Result<void> scan_applied(Seq after, const EventSink& sink) = 0;
  [[nodiscard]] virtual const History& journal_history() const = 0;
  [[nodiscard]] virtual const Log& journal_log() const = 0;
  /// A reader does not scrub.
  [[nodiscard]] virtual ScrubStatus scrub_status() const { return {}; }
  /// Nor does it write.
  [[nodiscard]] virtual GroupStatus group_status() const { return {}; }
};

}  // namespace holdfast::journal
