// The statements of importer.cc: sets of rows, as arrays.
#pragma once

#include <string_view>

// A namespace of their own: other files have statements of the same names.
namespace holdfast::postgres::import_statements {

inline constexpr std::string_view kLockHead = R"(
select seq, hash, exists (select from holdfast.unsealed u where u.ledger = l.ledger),
  greatest((select max(e.event) from holdfast.events e where e.ledger = l.ledger),
    pg_sequence_last_value(('holdfast.events_of_' || ledger)::regclass), 0)
from holdfast.ledgers l where ledger = $1 for update)";
// Row by row: load_statements.h says why.
inline constexpr std::string_view kEventsOfSeqs = R"(
select s.seq, s.event from unnest($2::bigint[]) u(seq) cross join lateral (select seq, event from holdfast.seals
  where ledger = (select $1::int) and seq = u.seq limit 1) s)";

inline constexpr std::string_view kEscrows = R"(
select e.escrow, amount, released, refunded, commission, processor_fee, held_by, last_event, plan, frozen, release_at,
  refund_at
from unnest($2::bigint[]) u(escrow) cross join lateral (select * from holdfast.escrows
  where ledger = (select $1::int) and escrow = u.escrow limit 1) e)";
inline constexpr std::string_view kKeys = R"(
select k.key from unnest($2::text[]) u(key) cross join lateral (select key from holdfast.keys
  where ledger = (select $1::int) and key = u.key limit 1) k)";

inline constexpr std::string_view kOpenAccounts = R"(
insert into holdfast.accounts (ledger, account, name, currency, kind)
select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[]))";
inline constexpr std::string_view kCloseAccounts = R"(
update holdfast.accounts set open = false where ctid = any(array(
  select a.ctid from unnest($2::bigint[]) u(account) cross join lateral (select ctid from holdfast.accounts
    where ledger = (select $1::int) and account = u.account limit 1) a)))";
inline constexpr std::string_view kDebits = R"(
update holdfast.accounts a set left_by_debit = u.left_by_debit from unnest($2::bigint[], $3::bigint[]) u(account, left_by_debit)
cross join lateral (select ctid from holdfast.accounts
  where ledger = (select $1::int) and account = u.account limit 1) there
where a.ctid = there.ctid and a.kind <> 5)";
inline constexpr std::string_view kPlan = R"(
insert into holdfast.fee_plan_versions (ledger, plan, name, version, currency, commission_rate, commission_fixed,
  commission_min, commission_max, commission_account, fee_rate, fee_fixed, fee_min, fee_max, fee_account, rounding)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16))";
inline constexpr std::string_view kLatestPlan = R"(
insert into holdfast.fee_plans (ledger, name, latest) values ($1, $2, $3)
on conflict (ledger, name) do update set latest = excluded.latest)";
inline constexpr std::string_view kOpenGroups = R"(
insert into holdfast.groups (ledger, "group", name) select $1, * from unnest($2::bigint[], $3::text[]))";
inline constexpr std::string_view kChangeGroups = R"(
update holdfast.groups g set open = u.open from unnest($2::bigint[], $3::bool[]) u("group", open)
cross join lateral (select ctid from holdfast.groups
  where ledger = (select $1::int) and "group" = u."group" limit 1) there
where g.ctid = there.ctid)";
inline constexpr std::string_view kHoldEscrows = R"(
insert into holdfast.escrows (ledger, escrow, key, payer, beneficiary, "group", amount, held_by, released, refunded,
  commission, processor_fee, last_event, plan, frozen, release_at, refund_at)
select $1, * from unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bool[],
  $16::timestamptz[], $17::timestamptz[]))";
inline constexpr std::string_view kChangeEscrows = R"(
update holdfast.escrows e set released = u.released, refunded = u.refunded, commission = u.commission,
  processor_fee = u.processor_fee, last_event = u.last_event, plan = u.plan, frozen = u.frozen,
  release_at = u.release_at, refund_at = u.refund_at
from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::bool[], $10::timestamptz[], $11::timestamptz[])
  u(escrow, released, refunded, commission, processor_fee, last_event, plan, frozen, release_at, refund_at)
cross join lateral (select ctid from holdfast.escrows
  where ledger = (select $1::int) and escrow = u.escrow limit 1) there
where e.ctid = there.ctid)";
inline constexpr std::string_view kEscrowEvents = R"(
insert into holdfast.escrow_events (ledger, escrow, event) select $1, * from unnest($2::bigint[], $3::bigint[]))";
inline constexpr std::string_view kClearDates = R"(
delete from holdfast.due_dates where ctid = any(array(
  select d.ctid from unnest($2::bigint[]) u(escrow) cross join lateral (select ctid from holdfast.due_dates
    where ledger = (select $1::int) and escrow = u.escrow limit 1) d)))";
inline constexpr std::string_view kSetDates = R"(
insert into holdfast.due_dates (ledger, escrow, at, release)
select $1, * from unnest($2::bigint[], $3::timestamptz[], $4::bool[]))";
inline constexpr std::string_view kTakeKeys = R"(
insert into holdfast.keys (ledger, key, event, escrow)
select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[]))";
inline constexpr std::string_view kLaterChunks = R"(
insert into holdfast.later_chunks (ledger, key, event) select $1, * from unnest($2::text[], $3::bigint[]))";
inline constexpr std::string_view kEvents = R"(
insert into holdfast.events (ledger, event, at, op, actor, reason, reference, replays, entry)
select $1, u.event, u.at, u.op, nullif(u.actor, ''), nullif(u.reason, ''), nullif(u.reference, ''), u.replays, u.entry
from unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::bytea[])
  u(event, at, op, actor, reason, reference, replays, entry))";
inline constexpr std::string_view kSeals = R"(
insert into holdfast.seals (ledger, seq, event, at, hash)
select $1, * from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[]))";
inline constexpr std::string_view kReplayingEntries = R"(
insert into holdfast.replaying_entries (ledger, seq, entry) select $1, * from unnest($2::bigint[], $3::bytea[]))";
inline constexpr std::string_view kMoveHead =
    "update holdfast.ledgers set seq = $2, at = $3, hash = $4 where ledger = (select $1::int)";
// What is decided here later takes numbers above all that came.
inline constexpr std::string_view kMoveSequence = R"(
select setval(s.name, greatest($3, coalesce(pg_sequence_last_value(s.name), 1)))
from (select format('holdfast.%I', $2 || '_of_' || $1)::regclass as name) s)";

}  // namespace holdfast::postgres::import_statements
