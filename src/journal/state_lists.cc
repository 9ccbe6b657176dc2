// What can be asked of the state: lists of escrows, names in order, due dates, the trial balance. Every list
// does bounded work a page.
#include <algorithm>

#include "base/assert.h"
#include "journal/state_impl.h"
#include "journal/wide.h"
#include "ledger/query_checks.h"

namespace holdfast::journal {
namespace {

/// One of the three lists that run through the escrows.
struct Chain {
  const ChunkedArray<EscrowNumber, 19>* next = nullptr;
  EscrowNumber first = 0;
  EscrowNumber last = 0;
  std::uint32_t owner = 0;
  ListKind kind = ListKind::group;

  [[nodiscard]] bool has(const EscrowRow* row) const {
    if (row == nullptr) return false;
    switch (kind) {
      case ListKind::group:
        return row->group.value() == owner;
      case ListKind::payer:
        return row->payer.value() == owner;
      case ListKind::beneficiary:
        return row->beneficiary.value() == owner;
      case ListKind::all:
        break;
    }
    return true;
  }
};

Chain chain_of(const Tables& t, ListKind kind, std::uint32_t owner) {
  if (kind == ListKind::group) {
    const GroupSlot* group = t.group(GroupId(owner));
    if (group == nullptr) return {};
    return {&t.next_of_group, group->first, group->last, owner, kind};
  }
  if (t.account(AccountId(owner)) == nullptr) return {};
  const AccountLists& lists = t.account_lists[owner];
  if (kind == ListKind::payer) return {&t.next_of_payer, lists.first_paid, lists.last_paid, owner, kind};
  return {&t.next_of_beneficiary, lists.first_received, lists.last_received, owner, kind};
}

/// Walks the whole book or one chain, a step at a time, counting the work.
class Walk {
 public:
  Walk(const Tables& tables, ListKind kind, const Chain& chain, std::uint64_t after, std::size_t work)
      : t_(tables), kind_(kind), chain_(chain), work_(work), at_(after) {
    last_ = kind == ListKind::all ? tables.last_escrow.value() : chain.last;
  }

  /// True where more may come.
  [[nodiscard]] bool more() const { return at_ < last_; }
  [[nodiscard]] bool may_work() const { return work_ > 0; }
  /// The last one looked at.
  [[nodiscard]] EscrowId at() const { return EscrowId(at_); }

  /// Looks at the next one; nullptr where it is no member. \pre more() and may_work()
  const EscrowRow* step() {
    --work_;
    if (kind_ == ListKind::all) {
      ++at_;
      if (t_.escrows.find(at_) == nullptr) {  // a gap: on to the end of what no chunk covers
        at_ = std::min(last_, at_ | ((std::uint64_t{1} << kEscrowShift) - 1));
      }
      return t_.escrow(EscrowId(at_));
    }
    if (at_ < chain_.first) {
      at_ = chain_.first;
    } else if (chain_.has(t_.escrow(EscrowId(at_)))) {
      at_ = (*chain_.next)[at_];
    } else {
      ++at_;  // the cursor is no member: on to the next one that is
    }
    const EscrowRow* row = t_.escrow(EscrowId(at_));
    return chain_.has(row) ? row : nullptr;
  }

 private:
  const Tables& t_;
  ListKind kind_;
  Chain chain_;
  std::size_t work_;
  std::uint64_t at_;
  std::uint64_t last_ = 0;
};

}  // namespace

State::ListPage State::list(ListKind kind, std::uint32_t owner, std::optional<EscrowStatus> status,
                            EscrowId after, std::size_t limit, std::size_t work) const {
  HOLDFAST_ASSERT(limit > 0 && work > 0, "a page can make progress");
  const Tables& t = impl_->tables;
  const Chain chain = kind == ListKind::all ? Chain{} : chain_of(t, kind, owner);
  Walk walk(t, kind, chain, after.value(), work);
  ListPage page;
  while (walk.more() && walk.may_work() && page.ids.size() < limit) {
    const EscrowRow* row = walk.step();
    if (row != nullptr && (!status || status_of(*row) == *status)) page.ids.push_back(walk.at());
  }
  if (walk.more()) page.next = walk.at();
  return page;
}

void State::group_escrows(GroupId id, EscrowId after, EscrowId up_to, std::size_t limit,
                          std::vector<EscrowId>& out) const {
  const Tables& t = impl_->tables;
  const GroupSlot* group = t.group(id);
  if (group == nullptr || group->row.live == 0 || group->first == 0) return;
  const Chain chain = chain_of(t, ListKind::group, id.value());
  const EscrowNumber begin = group->first_live != 0 ? group->first_live : group->first;
  const bool from_begin = after.value() < begin;
  // A cursor that is a member is where to go on; any other is looked for from the first live one.
  EscrowNumber at = begin;
  if (!from_begin && chain.has(t.escrow(after))) at = t.next_of_group[after.value()];
  std::size_t left = std::min<std::uint64_t>(limit, group->row.live);
  bool found = false;
  for (; at != 0 && at <= up_to.value() && left > 0; at = t.next_of_group[at]) {
    const EscrowRow& row = t.escrows[at];
    if (row.locked() == Amount()) continue;
    if (from_begin && !found) group->first_live = at;
    found = true;
    if (at <= after.value()) continue;
    out.emplace_back(at);
    --left;
  }
}

Result<std::vector<GroupTotal>> State::group_totals(GroupId id) const {
  const Tables& t = impl_->tables;
  const GroupSlot* slot = t.group(id);
  HOLDFAST_ASSERT(slot != nullptr, "the group exists");
  std::vector<GroupTotal> totals;
  std::optional<Currency> too_large;
  const auto add = [&](const GroupSums& sums) {
    if (sums.empty()) return;
    if (auto total = sums.total()) {
      totals.push_back(*total);
    } else {
      too_large = sums.currency;
    }
  };
  add(slot->sums);
  for (auto it = t.more_sums.lower_bound({id, Currency()}); it != t.more_sums.end() && it->first.first == id;
       ++it) {
    add(it->second);
  }
  if (too_large) return too_large_sums(group_name(id), *too_large);
  std::ranges::sort(totals, {}, [](const GroupTotal& total) { return total.currency.code(); });
  return totals;
}

std::vector<AccountId> State::accounts_by_name(std::string_view after, std::size_t limit) const {
  std::vector<AccountId> ids;
  for (auto number : impl_->tables.account_names.in_order(after, limit)) ids.emplace_back(number);
  return ids;
}

std::vector<GroupId> State::groups_by_name(std::string_view after, std::size_t limit) const {
  std::vector<GroupId> ids;
  for (auto number : impl_->tables.group_names.in_order(after, limit)) ids.emplace_back(number);
  return ids;
}

std::vector<DueEscrow> State::due(Timestamp until, std::size_t limit) const {
  const Tables& t = impl_->tables;
  std::vector<DueEscrow> found;
  for (auto it = t.due.begin(); it != t.due.end() && it->micros <= until.micros; ++it) {
    if (found.size() == limit) break;
    const Dates dates = unpack(t.dates[it->escrow]);
    found.push_back({EscrowId(it->escrow), dates.release_at.has_value(), Timestamp{it->micros}});
  }
  return found;
}

std::vector<TrialBalance> State::trial_balance() const {
  using enum CurrencySums::Place;
  std::vector<TrialBalance> rows;
  const auto& sums = impl_->tables.currency_sums;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const CurrencySums& s = sums[i];
    if (s.accounts == 0) continue;
    rows.push_back({.currency = Currency::from_index(static_cast<std::uint16_t>(i)),
                    .available = s.of(available),
                    .held = s.of(held),
                    .external = s.of(external),
                    .commission = s.of(commission),
                    .processor_fee = s.of(processor_fee),
                    .sum = s.inside() + s.of(external)});
  }
  std::sort(rows.begin(), rows.end(), [](const TrialBalance& a, const TrialBalance& b) {
    return a.currency.code() < b.currency.code();
  });
  return rows;
}

}  // namespace holdfast::journal
