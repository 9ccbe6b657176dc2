// The questions that a ledger in PostgreSQL answers. Each runs in one read-only snapshot.
#pragma once

#include "holdfast/queries.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {

class Queries {
 public:
  /// The session must be in no transaction; it is in none afterwards.
  Queries(Session& session, const LedgerRef& ledger) : session_(session), ledger_(ledger) {}

  // As ledger/store.h has them.
  [[nodiscard]] Result<AccountView> account(std::string_view name);
  [[nodiscard]] Result<Page<AccountView, std::string>> accounts(std::string_view after, std::size_t limit);
  [[nodiscard]] Result<EscrowView> escrow(const EscrowRef& ref);
  [[nodiscard]] Result<EscrowPage> escrows(const EscrowFilter& filter);
  [[nodiscard]] Result<std::vector<EscrowHistoryLine>> history(const EscrowRef& ref);
  [[nodiscard]] Result<GroupView> group(std::string_view name);
  [[nodiscard]] Result<GroupSummary> group_summary(std::string_view name);
  [[nodiscard]] Result<Page<GroupView, std::string>> groups(std::string_view after, std::size_t limit);
  [[nodiscard]] Result<std::vector<FeePlanView>> fee_plans();
  [[nodiscard]] Result<StatementPage> statement(const StatementQuery& query);
  [[nodiscard]] Result<EventPage> events(Seq after, std::size_t limit);
  [[nodiscard]] Result<std::vector<TrialBalance>> trial_balance();
  [[nodiscard]] Result<std::vector<DueEscrow>> due(Timestamp until, std::size_t limit);
  [[nodiscard]] Result<AuditReport> audit(const std::function<void(Seq done, Seq of)>& progress,
                                          const std::stop_token& stop);
  [[nodiscard]] Result<LedgerStatus> status();

 private:
  Session& session_;
  const LedgerRef& ledger_;
};

}  // namespace holdfast::postgres
