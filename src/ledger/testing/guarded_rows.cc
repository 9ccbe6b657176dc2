#include "ledger/testing/guarded_rows.h"

#include <fmt/core.h>

namespace holdfast::testing {
namespace {

auto to_set(const std::vector<std::string>& list) {
  return std::set<std::string, std::less<>>(list.begin(), list.end());
}

}  // namespace

// Everything that the footprint leads to is found here, before the command runs, as a store would load it.
GuardedRows::GuardedRows(MapRows& rows, const Command& command)
    : rows_(rows),
      first_new_account_(rows.next_account_id(0)),
      first_new_escrow_(rows.next_escrow_id()),
      first_new_group_(rows.next_group_id()),
      first_new_plan_(rows.next_plan_id()) {
  const auto named = footprint(command);
  account_names_ = to_set(named.accounts);
  debited_ = to_set(named.debited);
  closed_ = to_set(named.closed);
  new_ids_ = named.new_ids;
  escrow_keys_ = to_set(named.escrow_keys);
  group_names_ = to_set(named.groups);
  member_groups_ = to_set(named.group_members);
  plan_names_ = to_set(named.fee_plans);
  keys_ = to_set(named.keys);
  totals_.insert(named.currency_totals.begin(), named.currency_totals.end());
  escrows_.insert(named.escrows.begin(), named.escrows.end());

  const auto currency_of = [&](const std::string& account) {
    const auto id = rows.find_account(account);
    return id ? rows.account(*id)->currency : Currency();
  };
  for (const auto& account : named.external_of) {
    if (const auto currency = currency_of(account)) account_names_.insert(default_external(currency));
  }
  for (const auto& account : named.totals_of) {
    if (const auto currency = currency_of(account)) totals_.insert(currency);
  }
  for (const auto& name : account_names_) {
    if (const auto id = rows.find_account(name)) accounts_.insert(*id);
  }
  for (const auto& name : plan_names_) {
    if (const auto id = rows.find_latest_plan(name)) reach_plan(*id);
  }
  for (const auto& name : group_names_) {
    if (const auto id = rows.find_group(name)) groups_.insert(*id);
  }
  for (const auto& key : escrow_keys_) {
    if (const auto id = rows.find_escrow(key)) escrows_.insert(*id);
  }
  for (const auto& [id, escrow] : rows.data().escrows) {
    const auto* group = escrow.row.group ? &rows.data().groups.at(escrow.row.group) : nullptr;
    if (group != nullptr && member_groups_.contains(group->name)) escrows_.insert(id);
  }
  for (const auto id : escrows_) reach_escrow(id);
}

void GuardedRows::reach_escrow(EscrowId id) {
  const auto* row = rows_.escrow(id);
  if (row == nullptr) return;
  accounts_.insert(row->payer);
  accounts_.insert(row->beneficiary);
  if (row->group) groups_.insert(row->group);
  reach_plan(row->plan);
}

void GuardedRows::reach_plan(PlanId id) {
  plans_.insert(id);
  accounts_.insert(rows_.plan(id)->commission_account);
  accounts_.insert(rows_.plan(id)->fee_account);
}

void GuardedRows::check(bool inside, std::string what) const {
  if (!inside) strays_.push_back(std::move(what));
}
void GuardedRows::check_account(AccountId id) const {
  check(id >= first_new_account_ || accounts_.contains(id), fmt::format("account number {}", id.value()));
}
void GuardedRows::check_escrow(EscrowId id) const {
  if (id) check(id >= first_new_escrow_ || escrows_.contains(id), fmt::format("escrow {}", id.value()));
}

std::optional<AccountId> GuardedRows::find_account(std::string_view name) const {
  check(account_names_.contains(name), fmt::format("account {}", name));
  return rows_.find_account(name);
}
const AccountRow* GuardedRows::account(AccountId id) const {
  check_account(id);
  return rows_.account(id);
}
std::string_view GuardedRows::account_name(AccountId id) const {
  check_account(id);
  return rows_.account_name(id);
}
std::optional<EscrowId> GuardedRows::find_escrow(std::string_view key) const {
  check(escrow_keys_.contains(key), fmt::format("escrow {}", key));
  return rows_.find_escrow(key);
}
const EscrowRow* GuardedRows::escrow(EscrowId id) const {
  check_escrow(id);
  return rows_.escrow(id);
}
void GuardedRows::escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const {
  for (const auto id : ids) check_escrow(id);
  rows_.escrows(ids, out);
}
Dates GuardedRows::dates(EscrowId id) const {
  check_escrow(id);
  return rows_.dates(id);
}
std::optional<GroupId> GuardedRows::find_group(std::string_view name) const {
  check(group_names_.contains(name), fmt::format("group {}", name));
  return rows_.find_group(name);
}
const GroupRow* GuardedRows::group(GroupId id) const {
  check(id >= first_new_group_ || groups_.contains(id), fmt::format("group number {}", id.value()));
  return rows_.group(id);
}
void GuardedRows::group_escrows(GroupId id, EscrowId after, EscrowId up_to, std::size_t limit,
                                std::vector<EscrowId>& out) const {
  check(member_groups_.contains(rows_.data().groups.at(id).name),
        fmt::format("the escrows of group number {}", id.value()));
  rows_.group_escrows(id, after, up_to, limit, out);
}
std::optional<PlanId> GuardedRows::find_latest_plan(std::string_view name) const {
  check(plan_names_.contains(name), fmt::format("fee plan {}", name));
  return rows_.find_latest_plan(name);
}
const PlanRow* GuardedRows::plan(PlanId id) const {
  check(id >= first_new_plan_ || plans_.contains(id), fmt::format("fee plan number {}", id.value()));
  return rows_.plan(id);
}
bool GuardedRows::plan_pays_into(AccountId id) const {
  check_account(id);
  return rows_.plan_pays_into(id);
}
Amount GuardedRows::currency_total(Currency currency) const {
  check(totals_.contains(currency), fmt::format("the total of {}", currency.code()));
  return rows_.currency_total(currency);
}
bool GuardedRows::key_used(std::string_view key) const {
  check(keys_.contains(key), fmt::format("key {}", key));
  return rows_.key_used(key);
}
Result<PastCommand> GuardedRows::past_command(std::string_view key) const {
  check(keys_.contains(key), fmt::format("the command of key {}", key));
  return rows_.past_command(key);
}
void GuardedRows::apply(const Entry& entry, Seq seq, Timestamp at) {
  if (!entry.key.empty()) check(keys_.contains(entry.key), fmt::format("taking key {}", entry.key));
  check_effect(entry.body);
  rows_.apply(entry, seq, at);
  check_new_ids();
}
void GuardedRows::check_effect(const Body& body) const {
  const auto debits = [&](AccountId id) {
    const auto name = rows_.account_name(id);
    check(debited_.contains(name), fmt::format("debiting {}", name));
  };
  if (const auto* held = std::get_if<Held>(&body)) debits(held->payer);
  if (const auto* moved = std::get_if<Moved>(&body);
      moved != nullptr && moved->kind != Moved::Kind::deposit) {
    debits(moved->from);
  }
  if (const auto* closed = std::get_if<AccountClosed>(&body)) {
    const auto name = rows_.account_name(closed->account);
    check(closed_.contains(name), fmt::format("closing {}", name));
  }
}
void GuardedRows::check_new_ids() const {
  const auto fits = [&](auto first, auto next, std::size_t most, const char* what) {
    check(next.value() - first.value() <= most, fmt::format("more than {} new {}", most, what));
  };
  fits(first_new_account_, rows_.next_account_id(0), new_ids_.accounts, "accounts");
  fits(first_new_escrow_, rows_.next_escrow_id(), new_ids_.escrows, "escrows");
  fits(first_new_group_, rows_.next_group_id(), new_ids_.groups, "groups");
  fits(first_new_plan_, rows_.next_plan_id(), new_ids_.fee_plans, "fee plans");
}

}  // namespace holdfast::testing
