// Replaying the journal at recovery. Trusts nothing: what does not fit the rows is `corrupt`. A chunk that a
// snapshot had with the event in it is left as it is; lists, counts and indexes are built by finish_load.
#include <fmt/format.h>

#include "base/planted_bugs.h"
#include "base/probe.h"
#include "journal/state_impl.h"
#include "ledger/effects.h"

namespace holdfast::journal {
namespace {

class ReplayEdit {
 public:
  ReplayEdit(Tables& tables, Seq seq) : t_(tables), seq_(seq) {}

  [[nodiscard]] const std::string& problem() const { return problem_; }

  bool check(bool fits, const char* subject, std::uint64_t number, const char* message) {
    if (!fits) [[unlikely]] {
      problem_ = fmt::format("{} {} {}", subject, number, message);
    }
    return fits;
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
    if (!check(row != nullptr, "account", id.value(), "is not there")) return false;
    return done(ChunkKind::accounts, id.value() >> kAccountShift) || change(*row);
  }

  bool change(AccountId id, Bucket bucket, Amount delta, Currency currency) {
    AccountRow* row = t_.account(id);
    if (!check(row != nullptr, "account", id.value(), "is not there") ||
        !check(row->currency == currency, "account", id.value(), "is of another currency")) {
      return false;
    }
    if (done(ChunkKind::accounts, id.value() >> kAccountShift)) return true;
    Amount& balance = bucket == Bucket::held ? row->held : row->available;
    Amount sum = balance;
    const bool may_be_negative = row->kind == AccountKind::external && bucket == Bucket::available;
    if (!check(add_to(sum, delta), "account", id.value(), "would hold more than there can be") ||
        !check(sum >= Amount() || may_be_negative, "account", id.value(), "would go below zero")) {
      return false;
    }
    balance = sum;
    return true;
  }

  bool create_account(const AccountOpened& body) {
    const auto number = body.account.value();
    if (!check(number != 0 && is_text(body.name) && body.currency && body.kind >= AccountKind::user &&
                   body.kind <= AccountKind::external,
               "account", number, "is opened without a number, name, currency or kind")) {
      return false;
    }
    if (done(ChunkKind::accounts, number >> kAccountShift)) {
      const AccountRow* row = t_.account(body.account);
      return check(row != nullptr && t_.account_names.name(number) == body.name &&
                       row->currency == body.currency && row->kind == body.kind,
                   "account", number, "is another one in the snapshot");
    }
    if (!check(!t_.account_names.exists(number), "account", number, "is opened twice")) return false;
    AccountRow& row = t_.make_account(body.account);
    row = {};
    row.currency = body.currency;
    row.kind = body.kind;
    t_.account_names.put(number, body.name);
    t_.last_account = std::max(t_.last_account, body.account);
    return true;
  }

  bool create_plan(const FeePlanDefined& body) {
    const auto number = body.plan.value();
    const auto pays = [&](AccountId id) {
      const AccountRow* row = t_.account(id);
      return row != nullptr && row->currency == body.currency;
    };
    if (!check(number != 0 && is_text(body.name) && body.currency && body.version != 0 &&
                   pays(body.commission_account) && pays(body.fee_account),
               "fee plan", number, "pays into an account that is not there or of another currency")) {
      return false;
    }
    if (done(ChunkKind::plans, number >> kPlanShift)) {
      const PlanRow* plan = t_.plan(body.plan);
      return check(plan != nullptr && plan->name == body.name && plan->version == body.version, "fee plan",
                   number, "is another one in the snapshot");
    }
    if (!check(t_.plan(body.plan) == nullptr && number <= t_.last_plan.value() + kMaxGap, "fee plan", number,
               "is defined twice")) {
      return false;
    }
    fill_plan(t_.make_plan(body.plan), body);
    t_.last_plan = std::max(t_.last_plan, body.plan);
    return true;
  }

  bool known_plan(PlanId id, Currency currency) {
    const PlanRow* plan = t_.plan(id);
    return check(plan != nullptr && plan->currency == currency, "fee plan", id.value(),
                 "is not there or of another currency");
  }

  bool create_group(GroupId id, const std::string& name) {
    const auto number = id.value();
    if (!check(is_text(name), "group", number, "has no proper name")) return false;
    if (done(ChunkKind::groups, number >> kGroupShift)) {
      return check(t_.group_names.name(number) == name, "group", number, "is another one in the snapshot");
    }
    if (!check(!t_.group_names.exists(number), "group", number, "is opened twice")) return false;
    t_.make_group(id);
    t_.group_names.put(number, name);
    t_.last_group = std::max(t_.last_group, id);
    return true;
  }

  bool known_group(GroupId id) { return check(t_.group(id) != nullptr, "group", id.value(), "is not there"); }

  template <class Change>
  bool with_group(GroupId id, Change&& change) {
    if (!done(ChunkKind::groups, id.value() >> kGroupShift)) change(t_.groups[id.value()].row);
    return true;
  }

  template <class Change>
  bool with_escrow(EscrowId id, Change&& change) {
    EscrowRow* row = t_.escrow(id);
    if (!check(row != nullptr, "escrow", id.value(), "is not there")) return false;
    return done(ChunkKind::escrows, id.value() >> kEscrowShift) || change(*row);
  }

  bool create_escrow(const Held& body, Seq seq) {
    const auto number = body.escrow.value();
    const AccountRow* beneficiary = t_.account(body.beneficiary);
    if (!check(number != 0 && number <= kMaxEscrow, "escrow", number, "has a number out of range") ||
        !check(beneficiary != nullptr && beneficiary->currency == body.currency, "account",
               body.beneficiary.value(), "is not there or of another currency") ||
        !known_plan(body.plan, body.currency)) {
      return false;
    }
    const bool there = t_.escrow(body.escrow) != nullptr;
    if (done(ChunkKind::escrows, number >> kEscrowShift)) {
      return check(there, "escrow", number, "is not in the snapshot that should have it");
    }
    if (!check(!there, "escrow", number, "is held twice")) return false;
    EscrowRow& row = t_.make_escrow(body.escrow);
    fill_escrow(row, body, seq);
    t_.last_escrow = std::max(t_.last_escrow, body.escrow);
    return set_date(body.escrow, row, {body.release_at, body.refund_at});
  }

  bool set_date(EscrowId id, EscrowRow& row, const Dates& dates) {
    const auto fits = [](const std::optional<Timestamp>& at) {
      return !at || (at->micros >= 0 && at->micros < kMaxDateMicros);
    };
    if (!check(!(dates.release_at && dates.refund_at) && fits(dates.release_at) && fits(dates.refund_at),
               "escrow", id.value(), "has two dates, or one out of range")) {
      return false;
    }
    row.dated = dates.release_at || dates.refund_at ? 1 : 0;
    if (row.dated != 0) t_.dates.make(id.value()) = pack(dates);
    return true;
  }

  void froze(EscrowId, const EscrowRow&) {}
  void settled(EscrowId, const EscrowRow&, PlanId, bool) {}

  Hash128 fetch_key(const std::string& key) {
    const Hash128 hash = t_.hash(key);
    __builtin_prefetch(t_.keys.home(hash), 1);
    return hash;
  }

  bool key_there(const Hash128& hash) { return t_.keys.find(hash).has_value(); }

  bool take_key(const Hash128& hash, const KeyUse& use) {
    if (done(ChunkKind::keys, t_.keys.shard_of(hash))) return true;
    const auto value = key_value(use);
    if (!check(value <= KeyIndex::kMaxValue, "key of event", seq_.value(), "has a place out of range")) {
      return false;
    }
    const bool fresh = !t_.keys.put(hash, value);
    return check(fresh || use.again, "key of event", seq_.value(), "had taken effect before");
  }

 private:
  static constexpr std::uint64_t kMaxGap = 1 << 20;

  static bool is_text(const std::string& name) { return !name.empty() && name.size() <= NameTable::kMaxName; }
  [[nodiscard]] bool done(ChunkKind kind, std::uint64_t index) const {
    if (!t_.chunks.has(kind, index, seq_)) return false;
    reached(Probe::replay_skips_chunk);
    // Planted: the last event that a chunk of accounts has seen changes it once more.
    return !planted(PlantedBug::replay_twice) || kind != ChunkKind::accounts ||
           t_.chunks.has(kind, index, seq_.next());
  }

  Tables& t_;
  Seq seq_;
  std::string problem_;
};

/// The parts of an atomic one by one, then its own key, as they were applied.
bool replay_all(Effects<ReplayEdit>& effects, const Entry& entry) {
  if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
    for (const auto& inner : atomic->entries) {
      if (inner && !replay_all(effects, *inner)) return false;
    }
  }
  return effects.apply(entry);
}

}  // namespace

Result<void> State::replay(const Event& event) {
  Tables& t = impl_->tables;
  ReplayEdit edit(t, event.seq);
  bool fits = edit.check(event.seq > t.applied && event.at >= t.last_at, "event", event.seq.value(),
                         "is older than the one before it");
  Effects effects(edit, event.seq, impl_->sums);
  fits = fits && replay_all(effects, event.entry);
  if (!fits) {
    return fail(
        ErrorCode::corrupt,
        fmt::format("event {} does not fit what came before it: {}; restore the ledger up to event {}",
                    event.seq.value(), edit.problem(), event.seq.value() - 1));
  }
  set_applied(event.seq, event.at);
  return {};
}

}  // namespace holdfast::journal
