#include "postgres/working_set.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace holdfast::postgres {
namespace {

template <class Id>
Id unused(const std::vector<Id>& ids, std::size_t used, std::size_t ahead = 0) {
  HOLDFAST_ASSERT(used + ahead < ids.size(), "the footprint counted every id that a command can take");
  return ids[used + ahead];
}

}  // namespace

/// Applies what was decided to the rows that were loaded. A row that was not loaded is one that no decision
/// reads: the accounts that escrows and plans name, of which only the change is kept.
class WorkingEdit {
 public:
  WorkingEdit(WorkingSet& set, Seq event) : s_(set), event_(event.value()) {}

  static bool check(bool fits, const char*, std::uint64_t, const char* message) {
    HOLDFAST_ASSERT(fits, message);
    return true;
  }
  static void prefetch_escrow(EscrowId) {}
  static void prefetch_account(AccountId) {}

  template <class Change>
  bool with_account(AccountId id, Change&& change) {
    const auto at = s_.accounts_.find(id);
    HOLDFAST_ASSERT(at != s_.accounts_.end(), "an account that is closed was loaded");
    return edit(id, at->second, [&](LoadedAccount& account) {
      const bool was_open = account.row.open;
      const bool done = change(account.row);
      if (was_open && !account.row.open) account.closed = true;
      return done;
    });
  }

  bool change(AccountId id, Bucket bucket, Amount delta, Currency currency) {
    if (const auto at = s_.accounts_.find(id); at != s_.accounts_.end()) {
      edit(id, at->second, [&](LoadedAccount& account) {
        HOLDFAST_ASSERT(account.row.currency == currency, "an event moves an account's own currency");
        (bucket == Bucket::held ? account.row.held : account.row.available) += delta;
        if (bucket == Bucket::held) return true;
        if (account.row.kind == AccountKind::external) {
          change_total(currency, -delta);
        } else if (delta < Amount()) {
          HOLDFAST_ASSERT(account.row.available >= Amount(),
                          "no account but an external one goes below zero");
          account.debited = true;
        }
        return true;
      });
    } else {
      s_.change_unloaded(id,
                         bucket == Bucket::held ? UnloadedSums{{}, delta, 0} : UnloadedSums{delta, {}, 0});
    }
    if (bucket == Bucket::available) {
      auto& pending = s_.pending_[{event_, id}];
      s_.undoable([this_set = &s_, key = PendingKey{event_, id}, before = pending] {
        this_set->pending_.at(key) = before;
      });
      pending += delta;
    }
    return true;
  }

  bool create_account(const AccountOpened& body) {
    LoadedAccount account;
    account.name = body.name;
    account.row.currency = body.currency;
    account.row.kind = body.kind;
    account.fresh = true;
    const bool is_new = s_.accounts_.emplace(body.account, std::move(account)).second;
    HOLDFAST_ASSERT(is_new, "a new account has a number of its own");
    s_.account_names_[body.name] = body.account;
    const auto used = s_.used_accounts_;
    while (unused(s_.account_ids_, s_.used_accounts_++) != body.account) {
    }
    s_.undoable([this_set = &s_, id = body.account, name = body.name, used] {
      this_set->accounts_.erase(id);
      erase_name(this_set->account_names_, name, id);
      this_set->used_accounts_ = used;
    });
    return true;
  }

  bool create_plan(const FeePlanDefined& body) {
    LoadedPlan plan;
    plan.fresh = true;
    fill_plan(plan.row, body);
    const bool is_new = s_.plans_.emplace(body.plan, std::move(plan)).second;
    HOLDFAST_ASSERT(is_new, "a new fee plan has a number of its own");
    ++s_.used_plans_;
    auto& latest = s_.latest_plans_[body.name];
    s_.undoable([this_set = &s_, id = body.plan, name = body.name, before = latest] {
      this_set->plans_.erase(id);
      if (before) {
        this_set->latest_plans_.at(name) = before;
      } else {
        this_set->latest_plans_.erase(name);
      }
      --this_set->used_plans_;
    });
    latest = body.plan;
    return true;
  }

  bool known_plan(PlanId id, Currency) {
    HOLDFAST_ASSERT(s_.plans_.contains(id), "the plan of an escrow was loaded with it");
    return true;
  }

  bool create_group(GroupId id, const std::string& name) {
    LoadedGroup group;
    group.name = name;
    group.fresh = true;
    const bool is_new = s_.groups_.emplace(id, std::move(group)).second;
    HOLDFAST_ASSERT(is_new, "a new group has a number of its own");
    s_.group_names_[name] = id;
    ++s_.used_groups_;
    s_.undoable([this_set = &s_, id, name] {
      this_set->groups_.erase(id);
      erase_name(this_set->group_names_, name, id);
      --this_set->used_groups_;
    });
    return true;
  }

  bool known_group(GroupId id) {
    HOLDFAST_ASSERT(s_.groups_.contains(id), "a group that a command names was loaded");
    return true;
  }

  template <class Change>
  bool with_group(GroupId id, Change&& change) {
    auto& group = s_.groups_.at(id);
    s_.undoable([this_set = &s_, id, before = group] { this_set->groups_.at(id) = before; });
    change(group.row);
    group.changed = true;
    return true;
  }

  template <class Change>
  bool with_escrow(EscrowId id, Change&& change) {
    auto* escrow = s_.loaded(id);
    HOLDFAST_ASSERT(escrow != nullptr, "an escrow that an event names was loaded");
    s_.undoable([escrow, row = escrow->row, dates = escrow->dates, touches = escrow->touched_by.size()] {
      escrow->row = row;
      escrow->dates = dates;
      escrow->touched_by.resize(touches);
    });
    if (escrow->touched_by.empty() || escrow->touched_by.back() != event_)
      escrow->touched_by.push_back(event_);
    return change(escrow->row);
  }

  bool create_escrow(const Held& body, Seq event) {
    const auto used = s_.used_escrows_;
    while (unused(s_.escrow_ids_, s_.used_escrows_++) != body.escrow) {
    }
    LoadedEscrow escrow;
    escrow.id = body.escrow;
    escrow.held_by = event.value();
    escrow.touched_by = {event.value()};
    escrow.dates = {body.release_at, body.refund_at};
    auto& row = escrow.row;
    fill_escrow(row, body, event);
    row.dated = body.release_at || body.refund_at ? 1 : 0;
    if (const auto beneficiary = s_.accounts_.find(body.beneficiary); beneficiary != s_.accounts_.end()) {
      with_account(body.beneficiary, [](AccountRow& account) { return ++account.live_escrows, true; });
    }
    count(row.plan, +1);
    if (row.group) s_.add_member(row.group, body.escrow);
    s_.escrow_places_[body.escrow] = s_.escrows_.size();
    s_.escrows_.push_back(std::move(escrow));
    // Rows that were loaded since then stand behind it, so it stays in its place, as one that nothing
    // touched.
    s_.undoable([this_set = &s_, id = body.escrow, group = body.group.group, used] {
      if (group) std::erase(this_set->members_.at(group), id);
      this_set->loaded(id)->touched_by.clear();
      this_set->escrow_places_.erase(id);
      this_set->used_escrows_ = used;
    });
    return true;
  }

  bool set_date(EscrowId id, EscrowRow& row, const Dates& dates) {
    s_.loaded(id)->dates = dates;  // with_escrow keeps what was before
    row.dated = dates.release_at || dates.refund_at ? 1 : 0;
    return true;
  }

  void froze(EscrowId, const EscrowRow&) {}

  void settled(EscrowId, const EscrowRow& row, PlanId plan_before, bool) {
    const bool closed = row.locked() == Amount();
    count(plan_before, -1);
    if (!closed) count(row.plan, +1);
    if (!closed) return;
    if (s_.accounts_.contains(row.beneficiary)) {
      with_account(row.beneficiary, [](AccountRow& account) { return --account.live_escrows, true; });
    } else {
      s_.change_unloaded(row.beneficiary, {{}, {}, static_cast<std::uint32_t>(-1)});
    }
  }

  std::string_view fetch_key(const std::string& key) { return key; }

  bool key_there(std::string_view key) { return s_.key_used(key); }

  bool take_key(std::string_view key, const KeyUse& use) {
    const bool again = s_.key_used(key);
    HOLDFAST_ASSERT(use.again || !again, "a key takes effect once");
    const auto before = s_.used_keys_.find(key);
    const std::uint64_t used_by = before == s_.used_keys_.end() ? 0 : before->second;
    s_.undoable([this_set = &s_, text = std::string(key), used_by, escrow = use.escrow] {
      this_set->taken_.pop_back();
      if (used_by == 0) {
        this_set->used_keys_.erase(text);
      } else {
        this_set->used_keys_[text] = used_by;
      }
      if (escrow) this_set->escrow_keys_.erase(text);
    });
    s_.used_keys_[std::string(key)] = event_;
    if (use.escrow) {
      s_.escrow_keys_[std::string(key)] = use.escrow;
      s_.loaded(use.escrow)->key = key;
    }
    s_.taken_.push_back({std::string(key), event_, use.escrow, again});
    return true;
  }

 private:
  // Sums may be loaded between a change and its undoing: what is taken back is the change.
  template <class Change>
  bool edit(AccountId id, LoadedAccount& account, const Change& change) {
    const auto before = account.row;
    const bool debited = account.debited;
    const bool closed = account.closed;
    const bool done = change(account);
    s_.undoable([this_set = &s_, id, debited, closed, open = before.open,
                 available = account.row.available - before.available, held = account.row.held - before.held,
                 live = account.row.live_escrows - before.live_escrows] {
      auto& changed = this_set->accounts_.at(id);
      changed.row.available -= available;
      changed.row.held -= held;
      changed.row.live_escrows -= live;
      changed.row.open = open;
      changed.debited = debited;
      changed.closed = closed;
    });
    return done;
  }
  void change_total(Currency currency, Amount delta) {
    s_.totals_[currency] += delta;
    s_.undoable([this_set = &s_, currency, delta] { this_set->totals_.at(currency) -= delta; });
  }
  void count(PlanId id, int change) {
    const auto delta = static_cast<std::uint64_t>(static_cast<std::int64_t>(change));
    s_.plans_.at(id).row.live += delta;
    s_.undoable([this_set = &s_, id, delta] { this_set->plans_.at(id).row.live -= delta; });
  }
  // The name may be that of another's row by now.
  template <class Names, class Id>
  static void erase_name(Names& names, const std::string& name, Id id) {
    if (const auto at = names.find(name); at != names.end() && at->second == id) names.erase(at);
  }

  WorkingSet& s_;
  std::uint64_t event_;
};

void WorkingSet::add_account(AccountId id, std::string name, AccountRow row) {
  account_names_.try_emplace(name, id);
  const auto [at, is_new] = accounts_.try_emplace(id);
  if (!is_new) return;
  auto& account = at->second;
  account.name = std::move(name);
  account.row = row;
  if (const auto change = unloaded_.extract(id)) {
    account.row.available += change.mapped().available;
    account.row.held += change.mapped().held;
    account.row.live_escrows += change.mapped().live_escrows;
  }
}

/// Of an account that this transaction has not named: an escrow's payer and beneficiary, and who gets the
/// fees.
void WorkingSet::change_unloaded(AccountId id, const UnloadedSums& change) {
  if (!loads_later_) return;
  const auto add = [](auto& sums, const UnloadedSums& more) {
    sums.available += more.available;
    sums.held += more.held;
    sums.live_escrows += more.live_escrows;
  };
  add(unloaded_[id], change);
  undoable([this, id, add, back = UnloadedSums{-change.available, -change.held, -change.live_escrows}] {
    if (const auto at = accounts_.find(id); at != accounts_.end()) {
      add(at->second.row, back);
    } else {
      add(unloaded_[id], back);
    }
  });
}

bool WorkingSet::set_available(AccountId id, Amount stored) {
  const auto at = accounts_.find(id);
  if (at == accounts_.end()) return false;  // made after the rows were locked: not there for this transaction
  auto& account = at->second;
  const auto change = stored - std::exchange(account.stored_available, stored);
  account.row.available += change;
  return change != Amount();
}

bool WorkingSet::set_live(AccountId id, Amount held, std::uint32_t live_escrows) {
  const auto at = accounts_.find(id);
  if (at == accounts_.end()) return false;
  auto& account = at->second;
  const auto held_change = held - std::exchange(account.stored_held, held);
  const auto live_change = live_escrows - std::exchange(account.stored_live, live_escrows);
  const bool held_some = account.row.held != Amount();
  const bool lived = account.row.live_escrows != 0;
  account.row.held += held_change;
  account.row.live_escrows += live_change;
  return held_some != (account.row.held != Amount()) || lived != (account.row.live_escrows != 0);
}

bool WorkingSet::set_plan_live(PlanId id, std::uint64_t stored) {
  auto& plan = plans_.at(id);
  const auto change = stored - std::exchange(plan.stored_live, stored);
  const bool lived = plan.row.live != 0;
  plan.row.live += change;
  return lived != (plan.row.live != 0);
}

bool WorkingSet::set_latest_plan(const std::string& name, PlanId id) {
  const auto [at, is_new] = latest_plans_.try_emplace(name, id);
  if (is_new) return true;
  // One that this transaction defined is later than any that can be read, and nobody can define another.
  const auto known = plans_.find(at->second);
  if (known != plans_.end() && known->second.fresh) return false;
  return std::exchange(at->second, id) != id;
}

void WorkingSet::add_escrow(LoadedEscrow escrow) {
  if (escrow_places_.contains(escrow.id)) return;
  if (escrow.row.group) add_member(escrow.row.group, escrow.id);
  escrow_places_[escrow.id] = escrows_.size();
  escrows_.push_back(std::move(escrow));
}

void WorkingSet::add_member(GroupId group, EscrowId id) {
  auto& members = members_[group];
  members.insert(std::ranges::upper_bound(members, id), id);
}

void WorkingSet::add_group(GroupId id, std::string name, bool open) {
  group_names_.try_emplace(name, id);
  const auto [at, is_new] = groups_.try_emplace(id);
  if (!is_new) return;
  at->second.name = std::move(name);
  at->second.row.open = open;
}

void WorkingSet::give_ids(const std::vector<AccountId>& accounts, const std::vector<EscrowId>& escrows,
                          const std::vector<GroupId>& groups, const std::vector<PlanId>& plans) {
  account_ids_.insert(account_ids_.end(), accounts.begin(), accounts.end());
  escrow_ids_.insert(escrow_ids_.end(), escrows.begin(), escrows.end());
  group_ids_.insert(group_ids_.end(), groups.begin(), groups.end());
  plan_ids_.insert(plan_ids_.end(), plans.begin(), plans.end());
}

LoadedEscrow* WorkingSet::loaded(EscrowId id) {
  const auto at = escrow_places_.find(id);
  return at == escrow_places_.end() ? nullptr : &escrows_[at->second];
}

std::optional<AccountId> WorkingSet::find_account(std::string_view name) const {
  const auto at = account_names_.find(name);
  return at == account_names_.end() ? std::nullopt : std::optional(at->second);
}
const AccountRow* WorkingSet::account(AccountId id) const {
  const auto at = accounts_.find(id);
  return at == accounts_.end() ? nullptr : &at->second.row;
}
std::string_view WorkingSet::account_name(AccountId id) const {
  const auto at = accounts_.find(id);
  return at == accounts_.end() ? std::string_view() : std::string_view(at->second.name);
}

std::optional<EscrowId> WorkingSet::find_escrow(std::string_view key) const {
  const auto at = escrow_keys_.find(key);
  return at == escrow_keys_.end() ? std::nullopt : std::optional(at->second);
}
const EscrowRow* WorkingSet::escrow(EscrowId id) const {
  const auto at = escrow_places_.find(id);
  return at == escrow_places_.end() ? nullptr : &escrows_[at->second].row;
}
void WorkingSet::escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const {
  for (std::size_t i = 0; i < ids.size(); ++i) out[i] = escrow(ids[i]);
}
Dates WorkingSet::dates(EscrowId id) const {
  const auto at = escrow_places_.find(id);
  return at == escrow_places_.end() ? Dates{} : escrows_[at->second].dates;
}

std::optional<GroupId> WorkingSet::find_group(std::string_view name) const {
  const auto at = group_names_.find(name);
  return at == group_names_.end() ? std::nullopt : std::optional(at->second);
}
const GroupRow* WorkingSet::group(GroupId id) const {
  const auto at = groups_.find(id);
  return at == groups_.end() ? nullptr : &at->second.row;
}
void WorkingSet::group_escrows(GroupId id, EscrowId after, EscrowId up_to, std::size_t limit,
                               std::vector<EscrowId>& out) const {
  const auto members = members_.find(id);
  if (members == members_.end()) return;
  const auto& ids = members->second;
  for (auto at = std::ranges::upper_bound(ids, after); at != ids.end() && *at <= up_to && limit > 0; ++at) {
    if (escrow(*at)->locked() == Amount()) continue;
    out.push_back(*at);
    --limit;
  }
}

std::optional<PlanId> WorkingSet::find_latest_plan(std::string_view name) const {
  const auto at = latest_plans_.find(name);
  return at == latest_plans_.end() ? std::nullopt : std::optional(at->second);
}
const PlanRow* WorkingSet::plan(PlanId id) const {
  const auto at = plans_.find(id);
  return at == plans_.end() ? nullptr : &at->second.row;
}
bool WorkingSet::plan_pays_into(AccountId id) const {
  return std::ranges::any_of(plans_, [&](const auto& known) {
    const auto& row = known.second.row;
    if (row.commission_account != id && row.fee_account != id) return false;
    return row.live > 0 || find_latest_plan(row.name) == known.first;
  });
}

Amount WorkingSet::currency_total(Currency currency) const {
  const auto at = totals_.find(currency);
  return at == totals_.end() ? Amount() : at->second;
}

bool WorkingSet::key_used(std::string_view key) const {
  return used_keys_.contains(key) || past_.contains(key);
}
Result<PastCommand> WorkingSet::past_command(std::string_view key) const {
  const auto at = past_.find(key);
  HOLDFAST_ASSERT(at != past_.end(), "a key that a command names was looked up");
  return at->second;
}

AccountId WorkingSet::next_account_id(std::size_t ahead) const {
  return unused(account_ids_, used_accounts_, ahead);
}
EscrowId WorkingSet::next_escrow_id() const {
  return unused(escrow_ids_, used_escrows_);
}
GroupId WorkingSet::next_group_id() const {
  return unused(group_ids_, used_groups_);
}
PlanId WorkingSet::next_plan_id() const {
  return unused(plan_ids_, used_plans_);
}

void WorkingSet::apply(const Entry& entry, Seq event, Timestamp) {
  WorkingEdit edit(*this, event);
  const bool done = Effects(edit, event, sums_).apply(entry);
  HOLDFAST_ASSERT(done, "applying what was decided cannot fail");
}

void WorkingSet::begin() {
  marks_.push_back(undo_.size());
}
void WorkingSet::commit() {
  marks_.pop_back();
  if (marks_.empty()) undo_.clear();
}
void WorkingSet::rollback() {
  for (; undo_.size() > marks_.back(); undo_.pop_back()) undo_.back()();
  marks_.pop_back();
}

void WorkingSet::rename_event(std::uint64_t from, std::uint64_t to) {
  const auto rename = [&](std::uint64_t& event) {
    if (event == from) event = to;
  };
  for (auto& escrow : escrows_) {
    rename(escrow.held_by);
    for (auto& event : escrow.touched_by) rename(event);
  }
  for (auto& key : taken_) rename(key.event);
  PendingAmounts renamed;
  for (const auto& [was, amount] : pending_) {
    auto place = was;
    rename(place.event);
    renamed[place] += amount;
  }
  pending_ = std::move(renamed);
}

void WorkingSet::note_event(std::uint64_t event, Timestamp at, const Entry& entry) {
  if (!entry.key.empty()) past_[entry.key] = {Seq(event), event, at, entry};
  if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
    for (const auto& inner : atomic->entries) {
      if (inner) note_event(event, at, *inner);
    }
  }
}

}  // namespace holdfast::postgres
