#include "ledger/testing/map_rows.h"

#include <algorithm>

#include "base/assert.h"

namespace holdfast::testing {
namespace {

template <class Map, class Id>
auto* find_in(Map& map, Id id) {
  const auto at = map.find(id);
  return at == map.end() ? nullptr : &at->second;
}

template <class Map, class Matches>
auto find_id(const Map& map, Matches matches) -> std::optional<typename Map::key_type> {
  for (const auto& [id, value] : map) {
    if (matches(value)) return id;
  }
  return std::nullopt;
}

template <class Map>
auto next_in(const Map& map) {
  return map.empty() ? typename Map::key_type(1) : map.rbegin()->first.next();
}

}  // namespace

// What each body does to the rows, in the plainest words.
struct Effect {
  MapRows::Data& data;
  const Entry& entry;
  Seq seq;

  void operator()(const AccountOpened& body) {
    AccountRow row;
    row.currency = body.currency;
    row.kind = body.kind;
    const bool is_new = data.accounts.emplace(body.account, MapRows::Account{body.name, row}).second;
    HOLDFAST_ASSERT(is_new, "an account number is given once");
  }
  void operator()(const AccountClosed& body) { data.accounts.at(body.account).row.open = false; }
  void operator()(const FeePlanDefined& body) {
    for (const auto& opened : body.opens) (*this)(opened);
    data.plans[body.plan] = {body.name,          body.version,  body.currency,           body.commission,
                             body.processor_fee, body.rounding, body.commission_account, body.fee_account};
  }
  void operator()(const Moved& body) {
    for (const auto& opened : body.opens) (*this)(opened);
    add(body.from, -body.amount);
    add(body.to, body.amount);
  }
  void operator()(const Held& body) {
    name_group(body.group);
    auto& escrow = data.escrows[body.escrow];
    escrow.key = entry.key;
    escrow.dates = {body.release_at, body.refund_at};
    escrow.row.amount = body.amount;
    escrow.row.payer = body.payer;
    escrow.row.beneficiary = body.beneficiary;
    escrow.row.group = body.group.group;
    escrow.row.plan = body.plan;
    touch(escrow);
    add(body.payer, -body.amount);
    held(body.payer) += body.amount;
    live(escrow.row, true);
    if (body.group.group) ++data.groups.at(body.group.group).row.escrows;
  }
  void operator()(const Rescheduled& body) {
    auto& escrow = data.escrows.at(body.escrow);
    escrow.dates = {body.release_at, body.refund_at};
    touch(escrow);
  }
  void operator()(const Released& body) {
    batch(body.batch);
    for (const auto& item : body.items) {
      auto& row = data.escrows.at(item.escrow).row;
      const auto& use = body.plans.at(item.plan_use);
      if (row.plan != use.plan) {
        --data.plans.at(row.plan).live;
        row.plan = use.plan;
        ++data.plans.at(row.plan).live;
      }
      release(item.escrow, use, item.amount, item.commission, item.processor_fee);
      end_if_empty(row);
    }
  }
  void operator()(const Refunded& body) {
    batch(body.batch);
    for (const auto& item : body.items) {
      refund(item.escrow, item.amount);
      end_if_empty(data.escrows.at(item.escrow).row);
    }
  }
  void operator()(const Frozen& body) {
    auto& escrow = data.escrows.at(body.escrow);
    escrow.row.frozen = 1;
    touch(escrow);
  }
  void operator()(const Resolved& body) {
    auto& row = data.escrows.at(body.escrow).row;
    row.frozen = 0;
    touch(data.escrows.at(body.escrow));
    if (body.to_payer > Amount()) refund(body.escrow, body.to_payer);
    if (body.to_beneficiary > Amount()) {
      release(body.escrow, body.plan, body.to_beneficiary, body.commission, body.processor_fee);
    }
    if (body.to_payer + body.to_beneficiary > Amount()) end_if_empty(row);
  }
  void operator()(const GroupClosed& body) {
    name_group(body.group);
    data.groups.at(body.group.group).row.open = false;
  }
  void operator()(const GroupReopened& body) { data.groups.at(body.group.group).row.open = true; }
  void operator()(const Unchanged&) {}
  void operator()(const Replayed&) {}
  void operator()(const AtomicDone&) {}  // its parts were applied one by one

 private:
  void add(AccountId id, Amount amount) {
    auto& row = data.accounts.at(id).row;
    row.available += amount;
    HOLDFAST_ASSERT(row.open, "a closed account takes nothing");
    HOLDFAST_ASSERT(row.kind == AccountKind::external || row.available >= Amount(),
                    "nobody spends what is not there");
  }
  Amount& held(AccountId id) { return data.accounts.at(id).row.held; }

  void name_group(const GroupUse& use) {
    if (!use.opened_name.empty()) data.groups[use.group].name = use.opened_name;
  }
  void batch(const BatchInfo& batch) {
    name_group(batch.group);
    if (batch.closes_group) data.groups.at(batch.group.group).row.open = false;
  }
  void touch(MapRows::Escrow& escrow) {
    escrow.row.last_seq = seq.value() & ((std::uint64_t{1} << 56) - 1);
    escrow.row.dated = escrow.dates.release_at || escrow.dates.refund_at;
  }
  void release(EscrowId id, const PlanUse& use, Amount amount, Amount commission, Amount processor_fee) {
    auto& escrow = data.escrows.at(id);
    escrow.row.released += amount;
    escrow.row.commission += commission;
    escrow.row.processor_fee += processor_fee;
    touch(escrow);
    held(escrow.row.payer) -= amount;
    add(use.commission_account, commission);
    add(use.fee_account, processor_fee);
    add(escrow.row.beneficiary, amount - commission - processor_fee);
  }
  void refund(EscrowId id, Amount amount) {
    auto& escrow = data.escrows.at(id);
    escrow.row.refunded += amount;
    touch(escrow);
    held(escrow.row.payer) -= amount;
    add(escrow.row.payer, amount);
  }
  void end_if_empty(const EscrowRow& row) {
    HOLDFAST_ASSERT(row.locked() >= Amount(), "no more is settled than was locked");
    if (row.locked() == Amount()) live(row, false);
  }
  void live(const EscrowRow& row, bool begins) {
    const auto change = [&](auto& count) { begins ? ++count : --count; };
    change(data.accounts.at(row.beneficiary).row.live_escrows);
    change(data.plans.at(row.plan).live);
    if (row.group) change(data.groups.at(row.group).row.live);
  }
};

std::optional<AccountId> MapRows::find_account(std::string_view name) const {
  return find_id(data_.accounts, [&](const Account& account) { return account.name == name; });
}
const AccountRow* MapRows::account(AccountId id) const {
  const auto* found = find_in(data_.accounts, id);
  return found == nullptr ? nullptr : &found->row;
}
std::string_view MapRows::account_name(AccountId id) const {
  return data_.accounts.at(id).name;
}

std::optional<EscrowId> MapRows::find_escrow(std::string_view key) const {
  return find_id(data_.escrows, [&](const Escrow& escrow) { return escrow.key == key; });
}
const EscrowRow* MapRows::escrow(EscrowId id) const {
  const auto* found = find_in(data_.escrows, id);
  return found == nullptr ? nullptr : &found->row;
}
void MapRows::escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const {
  HOLDFAST_ASSERT(ids.size() == out.size(), "a place for each id");
  for (std::size_t i = 0; i < ids.size(); ++i) out[i] = escrow(ids[i]);
}
Dates MapRows::dates(EscrowId id) const {
  return data_.escrows.at(id).dates;
}

std::optional<GroupId> MapRows::find_group(std::string_view name) const {
  return find_id(data_.groups, [&](const Group& group) { return group.name == name; });
}
const GroupRow* MapRows::group(GroupId id) const {
  const auto* found = find_in(data_.groups, id);
  return found == nullptr ? nullptr : &found->row;
}
void MapRows::group_escrows(GroupId id, EscrowId after, EscrowId up_to, std::size_t limit,
                            std::vector<EscrowId>& out) const {
  for (auto at = data_.escrows.upper_bound(after); at != data_.escrows.end() && at->first <= up_to; ++at) {
    if (limit == 0) return;
    if (at->second.row.group != id || at->second.row.locked() == Amount()) continue;
    out.push_back(at->first);
    --limit;
  }
}

std::optional<PlanId> MapRows::find_latest_plan(std::string_view name) const {
  std::optional<PlanId> latest;
  for (const auto& [id, plan] : data_.plans) {
    if (plan.name == name) latest = id;
  }
  return latest;
}
const PlanRow* MapRows::plan(PlanId id) const {
  return find_in(data_.plans, id);
}
bool MapRows::plan_pays_into(AccountId id) const {
  return std::ranges::any_of(data_.plans, [&](const auto& entry) {
    const auto& [plan_id, plan] = entry;
    const bool pays = plan.commission_account == id || plan.fee_account == id;
    return pays && (plan.live > 0 || find_latest_plan(plan.name) == plan_id);
  });
}

Amount MapRows::currency_total(Currency currency) const {
  Amount total;
  for (const auto& [id, account] : data_.accounts) {
    if (account.row.currency != currency || account.row.kind == AccountKind::external) continue;
    total += account.row.available + account.row.held;
  }
  return total;
}

bool MapRows::key_used(std::string_view key) const {
  return data_.keys.contains(key);
}
Result<PastCommand> MapRows::past_command(std::string_view key) const {
  if (past_error_) return std::unexpected(*past_error_);
  const auto at = data_.keys.find(key);
  HOLDFAST_ASSERT(at != data_.keys.end(), "only used keys are asked for");
  return at->second;
}

AccountId MapRows::next_account_id(std::size_t ahead) const {
  return AccountId(next_in(data_.accounts).value() + static_cast<std::uint32_t>(ahead));
}
EscrowId MapRows::next_escrow_id() const {
  return next_in(data_.escrows);
}
GroupId MapRows::next_group_id() const {
  return next_in(data_.groups);
}
PlanId MapRows::next_plan_id() const {
  return next_in(data_.plans);
}

void MapRows::apply(const Entry& entry, Seq seq, Timestamp at) {
  std::visit(Effect{data_, entry, seq}, entry.body);
  if (entry.key.empty()) return;
  const auto is_chunk = [](const Body& body) {
    const auto* released = std::get_if<Released>(&body);
    const auto* refunded = std::get_if<Refunded>(&body);
    return (released && released->batch.chunk) || (refunded && refunded->batch.chunk);
  };
  HOLDFAST_ASSERT(is_chunk(entry.body) || !data_.keys.contains(entry.key), "a key takes effect once");
  data_.keys.insert_or_assign(entry.key, PastCommand{seq, seq.value(), at, entry});
}

void MapRows::begin() {
  saved_.push_back(data_);
}
void MapRows::commit() {
  HOLDFAST_ASSERT(!saved_.empty(), "a begin for every commit");
  saved_.pop_back();
}
void MapRows::rollback() {
  HOLDFAST_ASSERT(!saved_.empty(), "a begin for every rollback");
  data_ = std::move(saved_.back());
  saved_.pop_back();
}

}  // namespace holdfast::testing
