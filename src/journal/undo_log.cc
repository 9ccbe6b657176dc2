#include "journal/undo_log.h"

#include "base/assert.h"
#include "base/planted_bugs.h"

namespace holdfast::journal {
namespace {

struct TakeBack {
  Tables& t;

  void operator()(const AccountBefore& r) const {
    if (planted(PlantedBug::undo_forgets_account) && r.row.kind == AccountKind::beneficiary) return;
    t.accounts[r.id.value()] = r.row;
  }
  void operator()(const AccountMade& r) const {
    t.account_names.remove_last(r.id.value());
    AccountRow& row = t.accounts[r.id.value()];
    --t.currency_sums[row.currency.index()].accounts;
    row = {};
    t.account_lists[r.id.value()] = {};
    t.last_account = r.last;
  }
  void operator()(const EscrowBefore& r) const {
    EscrowRow& row = t.escrows[r.id.value()];
    t.recount(row, r.row);
    row = r.row;
    if (!r.row.group) return;
    const auto& group = t.groups[r.row.group.value()];
    const auto number = static_cast<EscrowNumber>(r.id.value());
    if (group.first_live > number) group.first_live = number;
  }
  void operator()(const EscrowMade& r) const {
    EscrowRow& row = t.escrows[r.id.value()];
    t.count_out(row);
    t.unlink(row, r.group_end, r.payer_end, r.beneficiary_end);
    row = {};
    t.last_escrow = r.last;
  }
  void operator()(const DateBefore& r) const { t.dates[r.id.value()] = r.date; }
  void operator()(const DueChanged& r) const {
    if (r.added) {
      t.due.erase(r.key);
    } else {
      t.due.insert(r.key);
    }
  }
  void operator()(const GroupBefore& r) const { t.groups[r.id.value()].row = r.row; }
  void operator()(const GroupMade& r) const {
    t.group_names.remove_last(r.id.value());
    t.groups[r.id.value()] = {};
    t.last_group = r.last;
  }
  void operator()(const PlanLiveBefore& r) const { t.plan(r.id)->live = r.live; }
  void operator()(const PlanMade& r) const {
    const std::string name = t.plan(r.id)->name;
    if (r.latest) {
      t.latest_plans[name] = r.latest;
    } else {
      t.latest_plans.erase(name);
    }
    t.plans[r.id.value()].reset();
    t.last_plan = r.last;
  }
  void operator()(const KeyBefore& r) const {
    if (planted(PlantedBug::undo_forgets_key)) return;
    if (r.value == 0) {
      t.keys.erase(r.hash);
    } else {
      t.keys.put(r.hash, r.value);
    }
  }
  void operator()(const SumBefore& r) const { t.currency_sums[r.currency.index()].of(r.place) = r.sum; }
};

}  // namespace

void UndoLog::commit() {
  HOLDFAST_ASSERT(recording(), "a commit ends a begin");
  marks_.pop_back();
  if (!marks_.empty()) return;
  records_.clear();
  constexpr std::size_t kKeep = 1 << 18;  // a rare huge command does not hold its memory for ever
  if (records_.capacity() > kKeep) records_.shrink_to_fit();
}

void UndoLog::rollback(Tables& tables) {
  HOLDFAST_ASSERT(recording(), "a rollback ends a begin");
  const std::size_t mark = marks_.back();
  while (records_.size() > mark) {
    std::visit(TakeBack{tables}, records_.back());
    records_.pop_back();
  }
  marks_.pop_back();
}

}  // namespace holdfast::journal
