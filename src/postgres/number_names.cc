#include "postgres/number_names.h"

#include <fmt/format.h>

namespace holdfast::postgres {
namespace {

// All three in one statement: what is not of a row's sort is null in it.
constexpr std::string_view kNames =
    "select " HOLDFAST_PLAN_COLUMNS ", null::int, null::int, null::text " HOLDFAST_PLAN_TABLES
    "where v.ledger = (select $1::int) and v.plan = any($2::bigint[]) "
    "union all select null, null, null, null, null, null, null, null, null, null, null, null, null, null, "
    "null, null, "
    "null, account, null, name from holdfast.accounts where ledger = (select $1::int) and account = "
    "any($3::bigint[]) "
    "union all select null, null, null, null, null, null, null, null, null, null, null, null, null, null, "
    "null, null, "
    "null, null, \"group\", name from holdfast.groups where ledger = (select $1::int) and \"group\" = "
    "any($4::bigint[])";

template <class Map>
std::vector<std::int64_t> numbers_of(const Map& map) {
  std::vector<std::int64_t> numbers;
  for (const auto& [id, name] : map) numbers.push_back(id.value());
  return numbers;
}

}  // namespace

void NumberNames::want(const Entry& entry) {
  const auto group = [&](const BatchInfo& batch) {
    if (batch.group.group) groups_.try_emplace(batch.group.group);
  };
  for_each_effect(entry, [&](const Entry& effect) {
    if (const auto* held = std::get_if<Held>(&effect.body)) plans_.try_emplace(held->plan);
    if (const auto* resolved = std::get_if<Resolved>(&effect.body)) plans_.try_emplace(resolved->plan.plan);
    if (const auto* refunded = std::get_if<Refunded>(&effect.body)) group(refunded->batch);
    if (const auto* released = std::get_if<Released>(&effect.body)) {
      group(released->batch);
      for (const auto& use : released->plans) plans_.try_emplace(use.plan);
    }
  });
}

void NumberNames::ask(Snapshot& snapshot, std::int64_t ledger) {
  if (plans_.empty() && accounts_.empty() && groups_.empty()) return;
  snapshot.ask(kNames, {ledger, numbers_of(plans_), numbers_of(accounts_), numbers_of(groups_)},
               [this, &snapshot](const ResultSet& rows) {
                 for (std::size_t i = 0; i < rows.rows(); ++i) {
                   const RowReader row(rows, i, snapshot, "what an event names");
                   if (!row.is_null(0)) {
                     plans_[row.id<PlanId>(0)] = view_of(plan_at(row));
                   } else if (!row.is_null(kPlanColumns)) {
                     accounts_[row.id<AccountId>(kPlanColumns)] = row.text(kPlanColumns + 2);
                   } else {
                     groups_[row.id<GroupId>(kPlanColumns + 1)] = row.text(kPlanColumns + 2);
                   }
                 }
               });
}

Names NumberNames::names() {
  const auto missed = [this](std::string_view what, std::uint64_t number) {
    if (!missing_) missing_ = fmt::format("an event names {} number {}, which is not there", what, number);
  };
  return {[this, missed](AccountId id) {
            const auto at = accounts_.find(id);
            if (at == accounts_.end() || at->second.empty())
              return missed("account", id.value()), std::string();
            return at->second;
          },
          [this, missed](GroupId id) {
            const auto at = groups_.find(id);
            if (at == groups_.end() || at->second.empty()) return missed("group", id.value()), std::string();
            return at->second;
          },
          [this, missed](PlanId id) {
            const auto at = plans_.find(id);
            if (at == plans_.end() || at->second.fee_plan.empty())
              return missed("fee plan", id.value()), FeePlanView();
            return at->second;
          }};
}

}  // namespace holdfast::postgres
