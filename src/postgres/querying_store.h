// The questions that every store in PostgreSQL answers alike, whatever session it asks on.
#pragma once

#include "ledger/store.h"
#include "postgres/queries.h"

namespace holdfast::postgres {

/// \tparam Derived  has `ask(question)`, which gives `question(Queries)` a session of its own choice
template <class Derived>
class QueryingStore : public Store {
 public:
  Result<AccountView> account(std::string_view name) override {
    return self().ask([&](Queries queries) { return queries.account(name); });
  }
  Result<Page<AccountView, std::string>> accounts(std::string_view after, std::size_t limit) override {
    return self().ask([&](Queries queries) { return queries.accounts(after, limit); });
  }
  Result<EscrowView> escrow(const EscrowRef& ref) override {
    return self().ask([&](Queries queries) { return queries.escrow(ref); });
  }
  Result<EscrowPage> escrows(const EscrowFilter& filter) override {
    return self().ask([&](Queries queries) { return queries.escrows(filter); });
  }
  Result<std::vector<EscrowHistoryLine>> history(const EscrowRef& ref) override {
    return self().ask([&](Queries queries) { return queries.history(ref); });
  }
  Result<GroupView> group(std::string_view name) override {
    return self().ask([&](Queries queries) { return queries.group(name); });
  }
  Result<GroupSummary> group_summary(std::string_view name) override {
    return self().ask([&](Queries queries) { return queries.group_summary(name); });
  }
  Result<Page<GroupView, std::string>> groups(std::string_view after, std::size_t limit) override {
    return self().ask([&](Queries queries) { return queries.groups(after, limit); });
  }
  Result<std::vector<FeePlanView>> fee_plans() override {
    return self().ask([&](Queries queries) { return queries.fee_plans(); });
  }
  Result<StatementPage> statement(const StatementQuery& query) override {
    return self().ask([&](Queries queries) { return queries.statement(query); });
  }
  Result<EventPage> events(Seq after, std::size_t limit) override {
    return self().ask([&](Queries queries) { return queries.events(after, limit); });
  }
  Result<std::vector<TrialBalance>> trial_balance() override {
    return self().ask([&](Queries queries) { return queries.trial_balance(); });
  }
  Result<std::vector<DueEscrow>> due(Timestamp until, std::size_t limit) override {
    return self().ask([&](Queries queries) { return queries.due(until, limit); });
  }

 private:
  QueryingStore() = default;
  friend Derived;

  Derived& self() { return static_cast<Derived&>(*this); }
};

}  // namespace holdfast::postgres
