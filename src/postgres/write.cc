// What a transaction changed, as a handful of statements over arrays.
#include <algorithm>

#include "base/assert.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {
namespace {

constexpr std::string_view kOpenAccounts = R"(
insert into holdfast.accounts (ledger, account, name, currency, kind, open, left_by_debit)
select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bool[], $7::bigint[]))";

// What is changed is locked, so that a row stays in its place: it is found there, and by its key in no other
// way than one row after another (load_statements.h says why).
constexpr std::string_view kDebitAccounts = R"(
update holdfast.accounts a set left_by_debit = u.available, open = u.open
from unnest($2::bigint[], $3::bigint[], $4::bool[]) u(account, available, open)
cross join lateral (select ctid from holdfast.accounts
  where ledger = (select $1::int) and account = u.account limit 1) there
where a.ctid = there.ctid)";

constexpr std::string_view kMakeGroups = R"(
insert into holdfast.groups (ledger, "group", name, open)
select $1, * from unnest($2::bigint[], $3::text[], $4::bool[]))";
constexpr std::string_view kChangeGroups = R"(
update holdfast.groups g set open = u.open from unnest($2::bigint[], $3::bool[]) u("group", open)
cross join lateral (select ctid from holdfast.groups
  where ledger = (select $1::int) and "group" = u."group" limit 1) there
where g.ctid = there.ctid)";

constexpr std::string_view kMakePlan = R"(
insert into holdfast.fee_plan_versions (ledger, plan, name, version, currency, commission_rate, commission_fixed,
  commission_min, commission_max, commission_account, fee_rate, fee_fixed, fee_min, fee_max, fee_account, rounding)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16))";
constexpr std::string_view kFirstPlan =
    "insert into holdfast.fee_plans (ledger, name, latest) values ($1, $2, $3)";
constexpr std::string_view kLaterPlan =
    "update holdfast.fee_plans set latest = $3 where ledger = $1 and name = $2";

constexpr std::string_view kHoldEscrows = R"(
insert into holdfast.escrows (ledger, escrow, key, payer, beneficiary, "group", plan, amount, released, refunded,
  commission, processor_fee, frozen, release_at, refund_at, held_by, last_event)
select $1, * from unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bool[], $14::timestamptz[], $15::timestamptz[],
  $16::bigint[], $17::bigint[]))";

// Most of what happens to escrows: an event settles all that is left of them, and changes nothing else. What
// is left need not be sent.
constexpr std::string_view kReleaseEscrows = R"(
update holdfast.escrows e set released = e.amount - e.refunded, commission = u.commission,
  processor_fee = u.processor_fee, last_event = $4
from (select unnest($1::tid[]), unnest($2::bigint[]), unnest($3::bigint[])) u(place, commission, processor_fee)
where e.ctid = u.place)";
constexpr std::string_view kRefundEscrows = R"(
update holdfast.escrows e set refunded = e.amount - e.released, last_event = $2
from unnest($1::tid[]) u(place) where e.ctid = u.place)";
// Else: money moves, and nothing else changes.
constexpr std::string_view kSettleEscrows = R"(
update holdfast.escrows e set released = u.released, refunded = u.refunded, commission = u.commission,
  processor_fee = u.processor_fee, last_event = u.event
from unnest($1::tid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
  u(place, escrow, released, refunded, commission, processor_fee, event)
where e.ctid = u.place and e.escrow = u.escrow)";
constexpr std::string_view kChangeEscrows = R"(
update holdfast.escrows e set released = u.released, refunded = u.refunded, commission = u.commission,
  processor_fee = u.processor_fee, last_event = u.event, plan = u.plan, frozen = u.frozen, release_at = u.release_at,
  refund_at = u.refund_at
from unnest($1::tid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bool[], $10::timestamptz[], $11::timestamptz[])
  u(place, escrow, released, refunded, commission, processor_fee, event, plan, frozen, release_at, refund_at)
where e.ctid = u.place and e.escrow = u.escrow)";

constexpr std::string_view kEscrowEvents = R"(
insert into holdfast.escrow_events (ledger, escrow, event) select $1, * from unnest($2::bigint[], $3::bigint[]))";

constexpr std::string_view kClearDates = R"(
delete from holdfast.due_dates where ctid = any(array(
  select d.ctid from unnest($2::bigint[]) u(escrow) cross join lateral (select ctid from holdfast.due_dates
    where ledger = (select $1::int) and escrow = u.escrow limit 1) d)))";
constexpr std::string_view kSetDates = R"(
insert into holdfast.due_dates (ledger, escrow, at, release)
select $1, * from unnest($2::bigint[], $3::timestamptz[], $4::bool[]))";

constexpr std::string_view kTakeKeys = R"(
insert into holdfast.keys (ledger, key, event, escrow)
select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[]))";
constexpr std::string_view kTakeKeysAgain = R"(
insert into holdfast.later_chunks (ledger, key, event) select $1, * from unnest($2::text[], $3::bigint[]))";

constexpr std::string_view kEvents = R"(
insert into holdfast.events (ledger, event, at, op, actor, reason, reference, replays, entry)
select $1, u.event, $3, u.op, nullif(u.actor, ''), nullif(u.reason, ''), nullif(u.reference, ''), u.replays, u.entry
from unnest($2::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::bytea[])
  u(event, op, actor, reason, reference, replays, entry))";
constexpr std::string_view kUnsealed =
    "insert into holdfast.unsealed (ledger, event) select $1, * from unnest($2::bigint[])";
constexpr std::string_view kPending = R"(
insert into holdfast.pending (ledger, account, event, available)
select $1, * from unnest($2::bigint[], $3::bigint[], $4::bigint[]))";
// Each row is a part of two long arrays.
constexpr std::string_view kPendingBatches = R"(
insert into holdfast.pending_batches (ledger, event, first_account, last_account, accounts, available)
select $1, u.event, ($2::bigint[])[u.first], ($2::bigint[])[u.last], ($2::bigint[])[u.first:u.last],
  ($3::bigint[])[u.first:u.last]
from unnest($4::bigint[], $5::bigint[], $6::bigint[]) u(event, first, last))";
// An event that changes fewer accounts leaves a row for each. A row of a batch stays small enough for its
// page.
constexpr std::size_t kLeastOfBatch = 8;
constexpr std::size_t kMostOfRow = 128;

std::optional<std::int64_t> maximum(const FeeRule& rule) {
  return rule.max ? std::optional(rule.max->minor()) : std::nullopt;
}
Value nullable(std::optional<std::int64_t> value) {
  if (value) return *value;
  return std::monostate();
}

/// Columns of escrows, as arrays.
struct EscrowColumns {
  std::vector<RowPlace> place;
  std::vector<std::int64_t> escrow, payer, beneficiary, plan, amount, released, refunded, commission,
      processor_fee, held_by, event;
  std::vector<std::optional<std::int64_t>> group;
  std::vector<std::string> key;
  std::vector<bool> frozen;
  std::vector<std::optional<Timestamp>> release_at, refund_at;

  void add(const LoadedEscrow& loaded) {
    const auto& row = loaded.row;
    place.push_back(loaded.place);
    escrow.push_back(static_cast<std::int64_t>(loaded.id.value()));
    released.push_back(row.released.minor());
    refunded.push_back(row.refunded.minor());
    commission.push_back(row.commission.minor());
    processor_fee.push_back(row.processor_fee.minor());
    event.push_back(static_cast<std::int64_t>(loaded.touched_by.back()));
  }
  void add_rest(const LoadedEscrow& loaded) {
    plan.push_back(loaded.row.plan.value());
    frozen.push_back(loaded.row.frozen != 0);
    release_at.push_back(loaded.dates.release_at);
    refund_at.push_back(loaded.dates.refund_at);
  }
  void add_hold(const LoadedEscrow& loaded) {
    const auto& row = loaded.row;
    key.push_back(loaded.key);
    payer.push_back(row.payer.value());
    beneficiary.push_back(row.beneficiary.value());
    group.push_back(row.group ? std::optional<std::int64_t>(row.group.value()) : std::nullopt);
    amount.push_back(row.amount.minor());
    held_by.push_back(static_cast<std::int64_t>(loaded.held_by));
  }
};

bool is_due(const LoadedEscrow& loaded) {
  return loaded.row.dated != 0 && loaded.row.frozen == 0 && loaded.row.locked() > Amount();
}

bool is_whole(const LoadedEscrow& escrow) {
  return escrow.before != 0 && escrow.changed_only_money() &&
         (escrow.rest_was_released() || escrow.rest_was_refunded());
}

/// What an event settled to the end.
struct Whole {
  std::vector<const LoadedEscrow*> released, refunded;
};
using WholeByEvent = std::map<std::uint64_t, Whole>;

/// Events that settled enough escrows to be worth statements of their own.
constexpr std::size_t kWorthIt = 16;
WholeByEvent settled_whole(const std::deque<LoadedEscrow>& all) {
  WholeByEvent by_event;
  for (const auto& escrow : all) {
    if (escrow.touched_by.empty() || !is_whole(escrow)) continue;
    auto& whole = by_event[escrow.touched_by.back()];
    (escrow.rest_was_released() ? whole.released : whole.refunded).push_back(&escrow);
  }
  std::erase_if(by_event, [](const auto& one) {
    return one.second.released.size() + one.second.refunded.size() < kWorthIt;
  });
  return by_event;
}

void write_whole(const WholeByEvent& by_event, Pipeline& out) {
  const auto places = [](const std::vector<const LoadedEscrow*>& escrows) {
    std::vector<RowPlace> all;
    all.reserve(escrows.size());
    for (const auto* escrow : escrows) all.push_back(escrow->place);
    return all;
  };
  for (const auto& [id, whole] : by_event) {
    const auto event = static_cast<std::int64_t>(id);
    if (!whole.released.empty()) {
      std::vector<std::int64_t> commission, processor_fee;
      for (const auto* escrow : whole.released) {
        commission.push_back(escrow->row.commission.minor());
        processor_fee.push_back(escrow->row.processor_fee.minor());
      }
      out.add(kReleaseEscrows,
              {places(whole.released), std::move(commission), std::move(processor_fee), event});
    }
    if (!whole.refunded.empty()) out.add(kRefundEscrows, {places(whole.refunded), event});
  }
}

void write_escrows(std::int64_t ledger, const std::deque<LoadedEscrow>& all, Pipeline& out) {
  EscrowColumns held;
  EscrowColumns settled;
  EscrowColumns changed;
  const auto whole = settled_whole(all);
  std::vector<std::int64_t> between_escrow, between_event;
  std::vector<std::int64_t> undated, dated;
  std::vector<std::optional<Timestamp>> dates;
  std::vector<bool> dated_release;
  for (const auto& escrow : all) {
    const auto& touches = escrow.touched_by;
    if (touches.empty()) continue;
    const bool fresh = escrow.before == 0;
    if (fresh) {
      held.add(escrow);
      held.add_rest(escrow);
      held.add_hold(escrow);
    } else if (!escrow.changed_only_money()) {
      changed.add(escrow);
      changed.add_rest(escrow);
    } else if (!is_whole(escrow) || !whole.contains(touches.back())) {
      settled.add(escrow);
    }

    const auto between = [&](std::uint64_t event) {
      between_escrow.push_back(static_cast<std::int64_t>(escrow.id.value()));
      between_event.push_back(static_cast<std::int64_t>(event));
    };
    if (!fresh && escrow.before != escrow.held_by) between(escrow.before);
    for (std::size_t i = fresh ? 1 : 0; i + 1 < touches.size(); ++i) between(touches[i]);

    const bool due = is_due(escrow);
    if (escrow.due_before && (!due || !escrow.changed_only_money())) {
      undated.push_back(static_cast<std::int64_t>(escrow.id.value()));
    }
    if (due && (!escrow.due_before || !escrow.changed_only_money())) {
      dated.push_back(static_cast<std::int64_t>(escrow.id.value()));
      dates.push_back(escrow.dates.release_at ? escrow.dates.release_at : escrow.dates.refund_at);
      dated_release.push_back(escrow.dates.release_at.has_value());
    }
  }
  if (!held.escrow.empty()) {
    auto& c = held;
    out.add(kHoldEscrows,
            {ledger, std::move(c.escrow), std::move(c.key), std::move(c.payer), std::move(c.beneficiary),
             std::move(c.group), std::move(c.plan), std::move(c.amount), std::move(c.released),
             std::move(c.refunded), std::move(c.commission), std::move(c.processor_fee), std::move(c.frozen),
             std::move(c.release_at), std::move(c.refund_at), std::move(c.held_by), std::move(c.event)});
  }
  write_whole(whole, out);
  if (!settled.escrow.empty()) {
    auto& c = settled;
    out.add(kSettleEscrows,
            {std::move(c.place), std::move(c.escrow), std::move(c.released), std::move(c.refunded),
             std::move(c.commission), std::move(c.processor_fee), std::move(c.event)});
  }
  if (!changed.escrow.empty()) {
    auto& c = changed;
    out.add(kChangeEscrows,
            {std::move(c.place), std::move(c.escrow), std::move(c.released), std::move(c.refunded),
             std::move(c.commission), std::move(c.processor_fee), std::move(c.event), std::move(c.plan),
             std::move(c.frozen), std::move(c.release_at), std::move(c.refund_at)});
  }
  if (!between_escrow.empty()) {
    out.add(kEscrowEvents, {ledger, std::move(between_escrow), std::move(between_event)});
  }
  if (!undated.empty()) out.add(kClearDates, {ledger, std::move(undated)});
  if (!dated.empty()) {
    out.add(kSetDates, {ledger, std::move(dated), std::move(dates), std::move(dated_release)});
  }
}

void write_accounts(std::int64_t ledger, const std::unordered_map<AccountId, LoadedAccount>& all,
                    Pipeline& out) {
  // In the order of names, so that two transactions that open the same accounts meet at the first.
  std::map<std::string_view, std::pair<AccountId, const LoadedAccount*>> fresh;
  std::vector<std::int64_t> changed, changed_available;
  std::vector<bool> changed_open;
  for (const auto& [id, account] : all) {
    if (account.fresh) {
      fresh[account.name] = {id, &account};
    } else if (account.debited || account.closed) {
      changed.push_back(id.value());
      changed_available.push_back(account.row.available.minor());
      changed_open.push_back(account.row.open);
    }
  }
  if (!fresh.empty()) {
    std::vector<std::int64_t> ids, kinds, available;
    std::vector<std::string> names, currencies;
    std::vector<bool> open;
    for (const auto& [name, opened] : fresh) {
      const auto& [id, account] = opened;
      ids.push_back(id.value());
      names.emplace_back(name);
      currencies.emplace_back(account->row.currency.code());
      kinds.push_back(static_cast<std::int64_t>(account->row.kind));
      open.push_back(account->row.open);
      available.push_back(account->debited ? account->row.available.minor() : 0);
    }
    out.add(kOpenAccounts, {ledger, std::move(ids), std::move(names), std::move(currencies), std::move(kinds),
                            std::move(open), std::move(available)});
  }
  if (!changed.empty()) {
    out.add(kDebitAccounts,
            {ledger, std::move(changed), std::move(changed_available), std::move(changed_open)});
  }
}

void write_groups(std::int64_t ledger, const std::map<GroupId, LoadedGroup>& all, Pipeline& out) {
  std::map<std::string_view, std::pair<GroupId, bool>> fresh;
  std::vector<std::int64_t> changed;
  std::vector<bool> changed_open;
  for (const auto& [id, group] : all) {
    if (group.fresh) {
      fresh[group.name] = {id, group.row.open};
    } else if (group.changed) {
      changed.push_back(id.value());
      changed_open.push_back(group.row.open);
    }
  }
  if (!fresh.empty()) {
    std::vector<std::int64_t> ids;
    std::vector<std::string> names;
    std::vector<bool> open;
    for (const auto& [name, group] : fresh) {
      ids.push_back(group.first.value());
      names.emplace_back(name);
      open.push_back(group.second);
    }
    out.add(kMakeGroups, {ledger, std::move(ids), std::move(names), std::move(open)});
  }
  if (!changed.empty()) out.add(kChangeGroups, {ledger, std::move(changed), std::move(changed_open)});
}

void write_plans(std::int64_t ledger, const std::map<PlanId, LoadedPlan>& all, Pipeline& out) {
  for (const auto& [id, plan] : all) {
    if (!plan.fresh) continue;
    const auto& row = plan.row;
    out.add(kMakePlan, {ledger, std::int64_t{id.value()}, row.name, std::int64_t{row.version},
                        std::string(row.currency.code()), std::int64_t{row.commission.rate.billionths()},
                        row.commission.fixed.minor(), row.commission.min.minor(),
                        nullable(maximum(row.commission)), std::int64_t{row.commission_account.value()},
                        std::int64_t{row.processor_fee.rate.billionths()}, row.processor_fee.fixed.minor(),
                        row.processor_fee.min.minor(), nullable(maximum(row.processor_fee)),
                        std::int64_t{row.fee_account.value()}, static_cast<std::int64_t>(row.rounding)});
    out.add(row.version == 1 ? kFirstPlan : kLaterPlan, {ledger, row.name, std::int64_t{id.value()}});
  }
}

void write_keys(std::int64_t ledger, const std::vector<TakenKey>& taken, Pipeline& out) {
  std::vector<std::string> keys, again_keys;
  std::vector<std::int64_t> events, again_events;
  std::vector<std::optional<std::int64_t>> escrows;
  // In order, so that two transactions that take the same keys meet at the first.
  std::map<std::string_view, const TakenKey*> sorted;
  for (const auto& one : taken) {
    if (one.later_chunk) {
      again_keys.push_back(one.key);
      again_events.push_back(static_cast<std::int64_t>(one.event));
    } else {
      sorted[one.key] = &one;
    }
  }
  for (const auto& [key, one] : sorted) {
    keys.emplace_back(key);
    events.push_back(static_cast<std::int64_t>(one->event));
    escrows.push_back(one->escrow ? std::optional(static_cast<std::int64_t>(one->escrow.value()))
                                  : std::nullopt);
  }
  if (!keys.empty()) out.add(kTakeKeys, {ledger, std::move(keys), std::move(events), std::move(escrows)});
  if (!again_keys.empty()) out.add(kTakeKeysAgain, {ledger, std::move(again_keys), std::move(again_events)});
}

void write_pending(std::int64_t ledger, const PendingAmounts& all, Pipeline& out) {
  struct Change {
    std::uint64_t event;
    AccountId account;
    std::int64_t amount;
  };
  std::vector<Change> changes;
  changes.reserve(all.size());
  for (const auto& [place, amount] : all) {
    if (amount != Amount()) changes.push_back({place.event, place.account, amount.minor()});
  }
  std::ranges::sort(changes, {}, [](const Change& one) { return std::pair(one.event, one.account); });

  std::vector<std::int64_t> accounts, events, amounts;
  std::vector<std::int64_t> batch_accounts, batch_amounts, batch_events, first, last;
  for (std::size_t begin = 0; begin < changes.size();) {
    auto end = begin;
    while (end < changes.size() && changes[end].event == changes[begin].event) ++end;
    const auto event = static_cast<std::int64_t>(changes[begin].event);
    const bool batch = end - begin >= kLeastOfBatch;
    for (std::size_t in_row = 0; begin < end; ++begin, ++in_row) {
      (batch ? batch_accounts : accounts).push_back(changes[begin].account.value());
      (batch ? batch_amounts : amounts).push_back(changes[begin].amount);
      if (!batch) {
        events.push_back(event);
        continue;
      }
      const auto place = static_cast<std::int64_t>(batch_accounts.size());  // SQL counts from 1
      if (in_row % kMostOfRow == 0) {
        batch_events.push_back(event);
        first.push_back(place);
        last.push_back(place);
      }
      last.back() = place;
    }
  }
  if (!accounts.empty()) {
    out.add(kPending, {ledger, std::move(accounts), std::move(events), std::move(amounts)});
  }
  if (!batch_accounts.empty()) {
    out.add(kPendingBatches, {ledger, std::move(batch_accounts), std::move(batch_amounts),
                              std::move(batch_events), std::move(first), std::move(last)});
  }
}

}  // namespace

void Attempt::write(Pipeline& out) {
  if (recorded_.empty()) return;
  const auto ledger = ledger_.number;
  trace_.event = recorded_.front().event;
  trace_.at = at_;
  trace_.entry = recorded_.front().entry;
  // What may wait for another transaction that makes the same name comes first.
  write_keys(ledger, set_.taken_keys(), out);
  write_accounts(ledger, set_.changed_accounts(), out);
  write_groups(ledger, set_.changed_groups(), out);
  write_plans(ledger, set_.changed_plans(), out);
  write_escrows(ledger, set_.changed_escrows(), out);

  write_pending(ledger, set_.pending(), out);

  std::vector<std::int64_t> ids;
  std::vector<std::string> ops, actors, reasons, references;
  std::vector<bool> replays;
  std::vector<Bytes> entries;
  for (auto& one : recorded_) {
    ids.push_back(static_cast<std::int64_t>(one.event));
    ops.push_back(std::move(one.op));
    actors.push_back(std::move(one.actor));
    reasons.push_back(std::move(one.reason));
    references.push_back(std::move(one.reference));
    replays.push_back(one.replays);
    entries.push_back(std::move(one.entry));
  }
  out.add(kUnsealed, {ledger, ids});
  out.add(kEvents, {ledger, std::move(ids), at_, std::move(ops), std::move(actors), std::move(reasons),
                    std::move(references), std::move(replays), std::move(entries)});
}

}  // namespace holdfast::postgres
