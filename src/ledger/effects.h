// What each kind of event does to the rows, written once for every store. The edit it is given decides how a
// row is found and changed, and keeps what hangs on rows: lists, counts, due dates, totals, undo.
//
// An edit's functions return false where the event does not fit the rows; then the whole event is given up.
// An edit that applies what was just decided asserts instead and returns true always; one that replays a
// journal trusts nothing.
#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <variant>
#include <vector>

#include "base/planted_bugs.h"
#include "ledger/rows.h"

namespace holdfast {

/// Fees of one plan of a release, paid out once for all its items.
struct FeeSums {
  Amount commission;
  Amount processor_fee;
};

/// What settling does to an escrow.
struct Settling {
  Amount released;
  Amount refunded;
  Amount commission;
  Amount processor_fee;
  PlanId plan;  // none: as it was
  bool ends_freeze = false;
};

/// What a key was used for.
struct KeyUse {
  EscrowId escrow;     // the entry held it; none for every other entry
  Seq seq;             // the event's
  bool again = false;  // a chunk: the key may have been taken by the chunk before it, and is taken anew
};

/// False where the sum does not fit.
[[nodiscard]] inline bool add_to(Amount& sum, Amount more) {
  std::int64_t total = 0;
  if (__builtin_add_overflow(sum.minor(), more.minor(), &total)) return false;
  sum = Amount(total);
  return true;
}

/// The rows that events make, as they begin.
void fill_escrow(EscrowRow& row, const Held& body, Seq seq);
void fill_plan(PlanRow& row, const FeePlanDefined& body);

/// What Effects asks of a store. `change(row)` is called at most once, before the function returns, and says
/// whether the row fits; a row stays where it is while other rows are changed.
template <class Edit>
concept RowEdit =
    requires(Edit& edit, bool fits, std::uint64_t number, Amount amount, Currency currency,
             const std::string& text, bool (*change_account)(AccountRow&), bool (*change_escrow)(EscrowRow&),
             void (*change_group)(GroupRow&), EscrowRow& escrow_row, const AccountOpened& opened,
             const FeePlanDefined& defined, const Held& held, const Dates& dates, const KeyUse& use) {
      // Is told what must hold and how to say that it does not: "{subject} {number} {message}". Returns
      // `fits`.
      { edit.check(fits, "subject", number, "message") } -> std::same_as<bool>;

      // Hints that the row is touched some items later. May do nothing.
      edit.prefetch_escrow(EscrowId());
      edit.prefetch_account(AccountId());

      // Accounts. `change` adds a signed amount to one bucket: the account is there and of this currency, no
      // bucket but an external account's `available` goes below 0, and no sum overflows.
      { edit.with_account(AccountId(), change_account) } -> std::same_as<bool>;
      { edit.change(AccountId(), Bucket::available, amount, currency) } -> std::same_as<bool>;
      { edit.create_account(opened) } -> std::same_as<bool>;

      // Fee plans. `create_plan` makes it the latest of its name; `known_plan`: it is there, in this
      // currency.
      { edit.create_plan(defined) } -> std::same_as<bool>;
      { edit.known_plan(PlanId(), currency) } -> std::same_as<bool>;

      // Groups; of `with_group` the group is known.
      { edit.create_group(GroupId(), text) } -> std::same_as<bool>;
      { edit.known_group(GroupId()) } -> std::same_as<bool>;
      { edit.with_group(GroupId(), change_group) } -> std::same_as<bool>;

      // Escrows. `create_escrow` makes the row (`fill_escrow`) with its dates, and counts it as live: in its
      // plan, its group and its beneficiary's row. Moving the payer's money is not its business.
      { edit.create_escrow(held, Seq()) } -> std::same_as<bool>;
      { edit.with_escrow(EscrowId(), change_escrow) } -> std::same_as<bool>;
      // The rest is called from inside `with_escrow`, with its row. `set_date` replaces the dates, none too,
      // and row.dated; `froze` and `settled` come when the row has changed already, and keep what hangs on
      // it: due dates of what is locked and not frozen; for `settled` the live counts too, of the plan before
      // and the plan now, which may differ.
      { edit.set_date(EscrowId(), escrow_row, dates) } -> std::same_as<bool>;
      edit.froze(EscrowId(), escrow_row);
      edit.settled(EscrowId(), escrow_row, /*plan_before=*/PlanId(), /*ended_freeze=*/fits);

      // Keys. `fetch_key` comes before the entry's effect, so that the edit can look ahead, and gives any
      // handle; `take_key` comes after it. A key that has taken effect is taken again only where `use.again`;
      // for a part that was replayed, which took none, `key_there` is asked first.
      { edit.key_there(edit.fetch_key(text)) } -> std::same_as<bool>;
      { edit.take_key(edit.fetch_key(text), use) } -> std::same_as<bool>;
    };

/// One event's effects. \param sums  scratch space, kept by the caller from event to event
template <RowEdit Edit>
class Effects {
 public:
  Effects(Edit& edit, Seq seq, std::vector<FeeSums>& sums) : edit_(edit), seq_(seq), sums_(sums) {}

  /// The entry's own effect and its key; of an atomic only the key.
  [[nodiscard]] bool apply(const Entry& entry) {
    if (entry.key.empty()) return std::visit(*this, entry.body);
    const auto key = edit_.fetch_key(entry.key);
    return std::visit(*this, entry.body) && take_key(key, entry);
  }

  bool operator()(const AccountOpened& body) { return edit_.create_account(body); }

  bool operator()(const AccountClosed& body) {
    return edit_.with_account(body.account, [&](AccountRow& row) {
      if (!edit_.check(row.open && row.available == Amount() && row.held == Amount(), "account",
                       body.account.value(), "is closed only while open and empty")) {
        return false;
      }
      row.open = false;
      return true;
    });
  }

  bool operator()(const FeePlanDefined& body) {
    for (const auto& opened : body.opens) {
      if (!edit_.create_account(opened)) return false;
    }
    return edit_.create_plan(body);
  }

  bool operator()(const Moved& body) {
    for (const auto& opened : body.opens) {
      if (!edit_.create_account(opened)) return false;
    }
    return in_range(body.amount) && edit_.change(body.from, Bucket::available, -body.amount, body.currency) &&
           edit_.change(body.to, Bucket::available, body.amount, body.currency);
  }

  bool operator()(const Held& body) {
    return use_group(body.group) && in_range(body.amount) && edit_.create_escrow(body, seq_) &&
           edit_.change(body.payer, Bucket::available, -body.amount, body.currency) &&
           edit_.change(body.payer, Bucket::held, body.amount, body.currency);
  }

  bool operator()(const Rescheduled& body) {
    return edit_.with_escrow(body.escrow, [&](EscrowRow& row) {
      row.last_seq = seq_.value() & kSeqMask;
      return edit_.set_date(body.escrow, row, {body.release_at, body.refund_at});
    });
  }

  bool operator()(const Released& body) {
    if (!use_group(body.batch.group)) return false;
    sums_.assign(body.plans.size(), {});
    const std::size_t n = body.items.size();
    for (std::size_t i = 0; i < std::min(n, kAhead); ++i) prefetch(body.items[i]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i + kAhead < n) prefetch(body.items[i + kAhead]);
      if (!release(body, body.items[i])) return false;
    }
    for (std::size_t i = 0; i < body.plans.size(); ++i) {
      if (!pay_fees(body.plans[i], sums_[i])) return false;
    }
    return end_batch(body.batch);
  }

  bool operator()(const Refunded& body) {
    if (!use_group(body.batch.group)) return false;
    const std::size_t n = body.items.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (i + kAhead < n) {
        edit_.prefetch_escrow(body.items[i + kAhead].escrow);
        edit_.prefetch_account(body.items[i + kAhead].payer);
      }
      if (!refund(body, body.items[i])) return false;
    }
    return end_batch(body.batch);
  }

  bool operator()(const Frozen& body) {
    return edit_.with_escrow(body.escrow, [&](EscrowRow& row) {
      if (!edit_.check(row.frozen == 0 && row.locked() > Amount() && row.payer == body.payer, "escrow",
                       body.escrow.value(), "is frozen only while it is locked")) {
        return false;
      }
      row.frozen = 1;
      row.last_seq = seq_.value() & kSeqMask;
      edit_.froze(body.escrow, row);
      return true;
    });
  }

  bool operator()(const Resolved& body) {
    const auto whole = [](Amount amount) { return amount >= Amount() && amount <= kMaxAmount; };
    if (!edit_.check(whole(body.to_payer) && whole(body.to_beneficiary) && whole(body.commission) &&
                         whole(body.processor_fee) &&
                         body.commission + body.processor_fee <= body.to_beneficiary,
                     "escrow", body.escrow.value(), "is resolved in parts that are not negative")) {
      return false;
    }
    const Amount net = body.to_beneficiary - body.commission - body.processor_fee;
    const Currency currency = body.plan.currency;
    return edit_.change(body.payer, Bucket::held, -(body.to_payer + body.to_beneficiary), currency) &&
           edit_.change(body.payer, Bucket::available, body.to_payer, currency) &&
           edit_.change(body.beneficiary, Bucket::available, net, currency) &&
           pay_fees(body.plan, {body.commission, body.processor_fee}) &&
           settle(body.escrow, body.payer, &body.beneficiary,
                  {.released = body.to_beneficiary,
                   .refunded = body.to_payer,
                   .commission = body.commission,
                   .processor_fee = body.processor_fee,
                   .plan = body.plan.plan,
                   .ends_freeze = true});
  }

  bool operator()(const GroupClosed& body) { return use_group(body.group) && set_open(body.group, false); }
  bool operator()(const GroupReopened& body) { return use_group(body.group) && set_open(body.group, true); }
  bool operator()(const Unchanged&) { return true; }
  bool operator()(const Replayed&) { return true; }
  bool operator()(const AtomicDone&) { return true; }

 private:
  static constexpr std::size_t kAhead = 12;
  static constexpr std::uint64_t kSeqMask = (std::uint64_t{1} << 56) - 1;

  // Inlined by force, as the edits' own: g++ 12 drops calls of functions that do nothing but prefetch.
  [[gnu::always_inline]] void prefetch(const ReleasedItem& item) {
    edit_.prefetch_escrow(item.escrow);
    edit_.prefetch_account(item.payer);
    edit_.prefetch_account(item.beneficiary);
  }

  bool in_range(Amount amount) {
    return edit_.check(amount > Amount() && amount <= kMaxAmount, "amount",
                       static_cast<std::uint64_t>(amount.minor()), "is not from 1 to 2^53 - 1");
  }

  bool release(const Released& body, const ReleasedItem& item) {
    if (!edit_.check(item.plan_use < body.plans.size() && item.commission >= Amount() &&
                         item.processor_fee >= Amount() && item.amount <= kMaxAmount &&
                         item.commission <= item.amount &&
                         item.processor_fee <= item.amount - item.commission && item.amount > Amount(),
                     "escrow", item.escrow.value(), "is released with fees that do not fit")) {
      return false;
    }
    const PlanUse& use = body.plans[item.plan_use];
    FeeSums& sums = sums_[item.plan_use];
    if (!edit_.change(item.payer, Bucket::held, -item.amount, use.currency) ||
        !edit_.change(item.beneficiary, Bucket::available, item.net(), use.currency)) {
      return false;
    }
    if (!edit_.check(
            add_to(sums.commission, item.commission) && add_to(sums.processor_fee, item.processor_fee),
            "plan", use.plan.value(), "is paid more than there can be")) {
      return false;
    }
    return settle(item.escrow, item.payer, &item.beneficiary,
                  {.released = item.amount,
                   .refunded = {},
                   .commission = item.commission,
                   .processor_fee = item.processor_fee,
                   .plan = use.plan,
                   .ends_freeze = false});
  }

  bool refund(const Refunded& body, const RefundedItem& item) {
    if (!edit_.check(item.currency_use < body.currencies.size(), "escrow", item.escrow.value(),
                     "is refunded in a currency that is not listed") ||
        !in_range(item.amount)) {
      return false;
    }
    const Currency currency = body.currencies[item.currency_use];
    return edit_.change(item.payer, Bucket::held, -item.amount, currency) &&
           edit_.change(item.payer, Bucket::available, item.amount, currency) &&
           settle(item.escrow, item.payer, nullptr,
                  {.released = {},
                   .refunded = item.amount,
                   .commission = {},
                   .processor_fee = {},
                   .plan = {},
                   .ends_freeze = false});
  }

  bool settle(EscrowId id, AccountId payer, const AccountId* beneficiary, const Settling& settling) {
    return edit_.with_escrow(id, [&](EscrowRow& row) {
      const Amount moved = settling.released + settling.refunded;
      if (!edit_.check(moved <= row.locked() && (row.frozen != 0) == settling.ends_freeze &&
                           row.payer == payer && (beneficiary == nullptr || row.beneficiary == *beneficiary),
                       "escrow", id.value(),
                       "has not this much to settle, is frozen, or is of other accounts")) {
        return false;
      }
      const PlanId plan_before = row.plan;
      row.released += settling.released;
      row.refunded += settling.refunded;
      row.commission += settling.commission;
      row.processor_fee += settling.processor_fee;
      if (settling.plan) row.plan = settling.plan;
      row.last_seq = seq_.value() & kSeqMask;
      row.frozen = 0;
      edit_.settled(id, row, plan_before, settling.ends_freeze);
      return true;
    });
  }

  bool pay_fees(const PlanUse& use, const FeeSums& sums) {
    const Amount zero;
    if (!edit_.known_plan(use.plan, use.currency)) return false;
    if (planted(PlantedBug::fee_twice) && sums.processor_fee > zero &&
        !edit_.change(use.fee_account, Bucket::available, sums.processor_fee, use.currency)) {
      return false;
    }
    return (sums.commission == zero ||
            edit_.change(use.commission_account, Bucket::available, sums.commission, use.currency)) &&
           (sums.processor_fee == zero ||
            edit_.change(use.fee_account, Bucket::available, sums.processor_fee, use.currency));
  }

  bool use_group(const GroupUse& use) {
    if (!use.group) return true;
    if (!use.opened_name.empty()) return edit_.create_group(use.group, use.opened_name);
    return edit_.known_group(use.group);
  }

  bool set_open(const GroupUse& use, bool open) {
    return edit_.known_group(use.group) &&
           edit_.with_group(use.group, [&](GroupRow& row) { row.open = open; });
  }

  bool end_batch(const BatchInfo& batch) { return !batch.closes_group || set_open(batch.group, false); }

  template <class Key>
  bool take_key(const Key& key, const Entry& entry) {
    KeyUse use{{}, seq_, /*again=*/false};
    if (const auto* held = std::get_if<Held>(&entry.body)) {
      use.escrow = held->escrow;
      return edit_.take_key(key, use);
    }
    if (std::holds_alternative<Replayed>(entry.body) && edit_.key_there(key)) return true;
    use.again = is_chunk(std::get_if<Released>(&entry.body)) || is_chunk(std::get_if<Refunded>(&entry.body));
    return edit_.take_key(key, use);
  }

  template <class Batch>
  static bool is_chunk(const Batch* body) {
    return body != nullptr && body->batch.chunk.has_value();
  }

  Edit& edit_;
  Seq seq_;
  std::vector<FeeSums>& sums_;
};

}  // namespace holdfast
