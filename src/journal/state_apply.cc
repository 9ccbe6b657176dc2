// Applying what was just decided, and taking it back. Nothing here can fail: what does not fit is a bug in
// the decision and stops the process.
#include "base/assert.h"
#include "base/planted_bugs.h"
#include "journal/state_impl.h"
#include "ledger/effects.h"

namespace holdfast::journal {
namespace {

class LiveEdit {
 public:
  LiveEdit(Tables& tables, UndoLog& undo) : t_(tables), undo_(undo), recording_(undo.recording()) {}

  static bool check(bool fits, const char*, std::uint64_t, const char* message) {
    HOLDFAST_ASSERT(fits, message);
    return true;
  }

  [[gnu::always_inline]] void prefetch_escrow(EscrowId id) {
    __builtin_prefetch(t_.escrows.find(id.value()), 1);
  }
  [[gnu::always_inline]] void prefetch_account(AccountId id) {
    __builtin_prefetch(t_.accounts.find(id.value()), 1);
  }

  template <class Change>
  bool with_account(AccountId id, Change&& change) {
    AccountRow* row = t_.account(id);
    HOLDFAST_ASSERT(row != nullptr, "an account that an event names is there");
    if (recording_) undo_.record(AccountBefore{id, *row});
    return change(*row);
  }

  bool change(AccountId id, Bucket bucket, Amount delta, Currency currency) {
    return with_account(id, [&](AccountRow& row) {
      HOLDFAST_ASSERT(row.currency == currency, "an event moves an account's own currency");
      Amount& balance = bucket == Bucket::held ? row.held : row.available;
      balance += delta;
      HOLDFAST_ASSERT(balance >= Amount() || row.kind == AccountKind::external,
                      "no bucket but an external account's goes below zero");
      const auto place = CurrencySums::place_of(row.kind, bucket);
      Amount& sum = t_.currency_sums[currency.index()].of(place);
      if (recording_) undo_.record(SumBefore{currency, place, sum});
      sum += delta;
      return true;
    });
  }

  bool create_account(const AccountOpened& body) {
    HOLDFAST_ASSERT(t_.account(body.account) == nullptr, "a new account has a number of its own");
    if (recording_) undo_.record(AccountMade{body.account, t_.last_account});
    AccountRow& row = t_.make_account(body.account);
    row = {};
    row.currency = body.currency;
    row.kind = body.kind;
    t_.account_names.add(body.account.value(), body.name);
    t_.last_account = std::max(t_.last_account, body.account);
    if (body.currency.index() >= t_.currency_sums.size())
      t_.currency_sums.resize(body.currency.index() + std::size_t{1});
    ++t_.currency_sums[body.currency.index()].accounts;
    return true;
  }

  bool create_plan(const FeePlanDefined& body) {
    HOLDFAST_ASSERT(t_.plan(body.plan) == nullptr, "a new fee plan has a number of its own");
    PlanId& latest = t_.latest_plans[body.name];
    if (recording_) undo_.record(PlanMade{body.plan, t_.last_plan, latest});
    fill_plan(t_.make_plan(body.plan), body);
    latest = body.plan;
    t_.last_plan = std::max(t_.last_plan, body.plan);
    return true;
  }

  bool known_plan(PlanId id, Currency) {
    HOLDFAST_ASSERT(t_.plan(id) != nullptr, "a fee plan that an event names is there");
    return true;
  }

  bool create_group(GroupId id, const std::string& name) {
    HOLDFAST_ASSERT(t_.group(id) == nullptr, "a new group has a number of its own");
    if (recording_) undo_.record(GroupMade{id, t_.last_group});
    t_.make_group(id);
    t_.group_names.add(id.value(), name);
    t_.last_group = std::max(t_.last_group, id);
    return true;
  }

  bool known_group(GroupId id) {
    HOLDFAST_ASSERT(t_.group(id) != nullptr, "a group that an event names is there");
    return true;
  }

  template <class Change>
  bool with_group(GroupId id, Change&& change) {
    GroupSlot& slot = t_.groups[id.value()];
    if (recording_) undo_.record(GroupBefore{id, slot.row});
    change(slot.row);
    return true;
  }

  template <class Change>
  bool with_escrow(EscrowId id, Change&& change) {
    EscrowRow* row = t_.escrow(id);
    HOLDFAST_ASSERT(row != nullptr, "an escrow that an event names is there");
    if (recording_) undo_.record(EscrowBefore{id, *row});
    const EscrowRow before = *row;
    const bool fits = change(*row);
    t_.recount(before, *row);
    return fits;
  }

  bool create_escrow(const Held& body, Seq seq) {
    HOLDFAST_ASSERT(body.escrow > t_.last_escrow && body.escrow.value() <= kMaxEscrow,
                    "escrow ids grow, and fit in 32 bits");
    const auto id = static_cast<EscrowNumber>(body.escrow.value());
    if (recording_) {
      undo_.record(EscrowMade{body.escrow, t_.last_escrow,
                              body.group.group ? t_.groups[body.group.group.value()].last : 0,
                              t_.account_lists[body.payer.value()].last_paid,
                              t_.account_lists[body.beneficiary.value()].last_received});
    }
    EscrowRow& row = t_.make_escrow(body.escrow);
    fill_escrow(row, body, seq);
    t_.link(id, row);
    t_.last_escrow = body.escrow;
    t_.count_in(row);
    count(row.plan, +1);
    if (row.group) {
      with_group(row.group, [](GroupRow& group) { ++group.escrows, ++group.live; });
    }
    with_account(row.beneficiary, [](AccountRow& account) { return ++account.live_escrows, true; });
    return set_date(body.escrow, row, {body.release_at, body.refund_at});
  }

  /// \pre the row's own pre-image is recorded
  bool set_date(EscrowId id, EscrowRow& row, const Dates& dates) {
    const bool waits = row.frozen == 0 && row.locked() > Amount();
    if (row.dated != 0 && waits) due_remove(id);
    const bool dated = dates.release_at || dates.refund_at;
    if (dated) {
      PackedDate& date = t_.dates.make(id.value());
      if (recording_) undo_.record(DateBefore{id, date});
      date = pack(dates);
    }
    row.dated = dated ? 1 : 0;
    if (dated && waits) due_add(id);
    return true;
  }

  void froze(EscrowId id, const EscrowRow& row) {
    if (row.dated != 0 && !planted(PlantedBug::due_while_frozen)) due_remove(id);
  }

  void settled(EscrowId id, const EscrowRow& row, PlanId plan_before, bool ended_freeze) {
    const bool closed = row.locked() == Amount();
    if (row.plan != plan_before) {
      count(plan_before, -1);
      if (!closed) count(row.plan, +1);
    } else if (closed) {
      count(row.plan, -1);
    }
    if (closed) {
      if (row.group) {
        with_group(row.group, [](GroupRow& group) { --group.live; });
      }
      with_account(row.beneficiary, [](AccountRow& account) { return --account.live_escrows, true; });
    }
    if (row.dated != 0) {
      if (closed && !ended_freeze) due_remove(id);
      if (!closed && ended_freeze) due_add(id);
    }
  }

  Hash128 fetch_key(const std::string& key) {
    const Hash128 hash = t_.hash(key);
    __builtin_prefetch(t_.keys.home(hash), 1);
    return hash;
  }

  bool key_there(const Hash128& hash) { return t_.keys.find(hash).has_value(); }

  bool take_key(const Hash128& hash, const KeyUse& use) {
    if (planted(PlantedBug::forget_key)) return true;
    const auto before = t_.keys.put(hash, key_value(use));
    HOLDFAST_ASSERT(use.again || !before, "a key takes effect once");
    if (recording_) undo_.record(KeyBefore{hash, before.value_or(0)});
    return true;
  }

 private:
  void count(PlanId id, int change) {
    PlanRow* plan = t_.plan(id);
    HOLDFAST_ASSERT(plan != nullptr, "an escrow's fee plan is there");
    if (recording_) undo_.record(PlanLiveBefore{id, plan->live});
    plan->live += static_cast<std::uint64_t>(static_cast<std::int64_t>(change));
  }
  [[nodiscard]] DueKey due_key(EscrowId id) const {
    return {t_.dates[id.value()] >> 1, static_cast<EscrowNumber>(id.value())};
  }
  void due_add(EscrowId id) {
    t_.due.insert(due_key(id));
    if (recording_) undo_.record(DueChanged{due_key(id), true});
  }
  void due_remove(EscrowId id) {
    t_.due.erase(due_key(id));
    if (recording_) undo_.record(DueChanged{due_key(id), false});
  }

  Tables& t_;
  UndoLog& undo_;
  bool recording_;
};

}  // namespace

void State::apply(const Entry& entry, Seq seq, Timestamp) {
  LiveEdit edit(impl_->tables, impl_->undo);
  const bool done = Effects(edit, seq, impl_->sums).apply(entry);
  HOLDFAST_ASSERT(done, "applying what was decided cannot fail");
}

void State::begin() {
  impl_->undo.begin();
}
void State::commit() {
  impl_->undo.commit();
}
void State::rollback() {
  impl_->undo.rollback(impl_->tables);
}

}  // namespace holdfast::journal
