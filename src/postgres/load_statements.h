// What load.cc sends: locks, and reads after them.
#pragma once

#include <cstdint>
#include <string_view>

#include "holdfast/money.h"

// A namespace of their own: other files have statements of the same names.
namespace holdfast::postgres::load_statements {

// Locks, in this order in every transaction: plans, groups, escrows, accounts, each in the order of its
// numbers.

// Deposits of a currency are refused once there is too much of it. What other transactions deposit meanwhile
// is not seen, and does not matter while there is little: 2,048 of them at once would have to bring the most
// that shares the lock. Whoever brings more, or finds much, has it alone.
inline constexpr std::int64_t kDepositSpace = 0x486f6c65;
inline constexpr std::int64_t kMuchDeposited = std::int64_t{1} << 50;
inline constexpr Amount kMuchThere{std::int64_t{1} << 61};
inline constexpr std::string_view kShareDeposits = "select pg_advisory_xact_lock_shared($1::int, $2::int)";
inline constexpr std::string_view kLockDeposits = "select pg_advisory_xact_lock($1::int, $2::int)";

// Every row is looked up by its key: `from unnest(...) cross join lateral (... for update)`, or `limit 1`
// where nothing is locked. The planner can join such a query in one way only, row by row and in the array's
// order, whatever it believes of the tables' sizes. Left the choice it reads a ledger whole to find a batch:
// it knows nothing of a table that was filled since it was last analyzed.

inline constexpr std::string_view kPastCommands = R"(
select k.key, e.event, e.at, e.entry, s.seq
from unnest($2::text[]) n(key)
cross join lateral (select key, event from holdfast.keys
  where ledger = (select $1::int) and key = n.key limit 1) k
cross join lateral (select event, at, entry from holdfast.events where ledger = (select $1::int) and event = coalesce(
  (select max(c.event) from holdfast.later_chunks c where c.ledger = (select $1::int) and c.key = k.key), k.event)
  limit 1) e
left join lateral (select seq from holdfast.seals
  where ledger = (select $1::int) and event = e.event limit 1) s on true)";

#define PLANS_IN_ORDER                                                                                    \
  "select p.name, p.latest from unnest($2::text[]) n(name) cross join lateral (select name, latest from " \
  "holdfast.fee_plans where ledger = (select $1::int) and name = n.name "
inline constexpr std::string_view kSharePlans = PLANS_IN_ORDER "for key share) p";
inline constexpr std::string_view kLockPlans = PLANS_IN_ORDER "for update) p";

#define GROUPS_IN_ORDER                                                                                      \
  "select g.\"group\", g.name, g.open from unnest(array(select f.\"group\" from unnest($2::text[]) n(name) " \
  "cross join lateral (select \"group\" from holdfast.groups where ledger = (select $1::int) and name = "    \
  "n.name limit 1) f order by 1)) o(\"group\") cross join lateral (select \"group\", name, open from "       \
  "holdfast.groups where ledger = (select $1::int) and \"group\" = o.\"group\" "
inline constexpr std::string_view kShareGroups = GROUPS_IN_ORDER "for key share) g";
inline constexpr std::string_view kLockGroups = GROUPS_IN_ORDER "for update) g";

// With its place, by which it is written: it stays there while the row is locked.
#define ESCROW_COLUMNS                                                                                      \
  "e.escrow, e.payer, e.beneficiary, e.\"group\", e.plan, e.amount, e.released, e.refunded, e.commission, " \
  "e.processor_fee, e.frozen, e.release_at, e.refund_at, e.held_by, e.last_event, e.ctid"
#define LOCKED_ESCROWS                                                                                      \
  " cross join lateral (select ctid, * from holdfast.escrows where ledger = (select $1::int) and escrow = " \
  "o.escrow for update) e"
#define ESCROWS_OF_KEYS                                                                                  \
  "select k.escrow from unnest($3::text[]) n(key) cross join lateral (select escrow from holdfast.keys " \
  "where ledger = (select $1::int) and key = n.key and escrow is not null limit 1) k"

/// \pre $2 ascends
inline constexpr std::string_view kEscrows =
    "select " ESCROW_COLUMNS " from unnest($2::bigint[]) o(escrow)" LOCKED_ESCROWS;
// A bug on purpose (base/planted_bugs.h).
inline constexpr std::string_view kEscrowsUnlocked =
    "select " ESCROW_COLUMNS
    " from unnest($2::bigint[]) o(escrow) cross join lateral (select ctid, * from holdfast.escrows where "
    "ledger "
    "= (select $1::int) and escrow = o.escrow limit 1) e";
// The key of those that are named by it.
inline constexpr std::string_view kEscrowsByKeyToo =
    "select " ESCROW_COLUMNS
    ", case when e.key = any($3) then e.key end from unnest(array(select unnest($2::bigint[]) "
    "union " ESCROWS_OF_KEYS " order by 1)) o(escrow)" LOCKED_ESCROWS;
// One more than a batch can have, so that it is seen to be too large.
inline constexpr std::string_view kEscrowsOfGroupsToo =
    "select " ESCROW_COLUMNS
    ", case when e.key = any($3) then e.key end from unnest(array(select unnest($2::bigint[]) "
    "union " ESCROWS_OF_KEYS
    " union select m.escrow from unnest($4::text[]) named(name) cross join lateral (select \"group\" from "
    "holdfast.groups where ledger = (select $1::int) and name = named.name limit 1) g cross join lateral ("
    "select escrow from holdfast.escrows where ledger = (select $1::int) and \"group\" = g.\"group\" and "
    "escrow > $5 and escrow <= $6 and released + refunded < amount order by escrow limit $7) m "
    "order by 1)) o(escrow)" LOCKED_ESCROWS;

// Accounts by name, and the external accounts of the currencies of some of them. A debit keeps other debits
// away, a credit only closing; closing keeps all away.
#define ACCOUNTS_NAMED(names)                                                                               \
  "select a.account, a.name, a.currency, a.kind, a.open from unnest(array(select distinct f.account from "  \
  "unnest(" names                                                                                           \
  ") n(name) cross join lateral (select account from holdfast.accounts where ledger = "                     \
  "(select $1::int) and name = n.name limit 1) f order by 1)) o(account) cross join lateral (select "       \
  "account, name, currency, kind, open from holdfast.accounts where ledger = (select $1::int) and account " \
  "= o.account "
inline constexpr std::string_view kCloseAccounts = ACCOUNTS_NAMED("$2::text[]") "for update) a";
inline constexpr std::string_view kDebitAccounts = ACCOUNTS_NAMED("$2::text[]") "for no key update) a";
inline constexpr std::string_view kCreditAccounts = ACCOUNTS_NAMED(
    "$2::text[] || array(select 'external:' || c.currency from unnest($3::text[]) m(name) cross join lateral "
    "(select currency from holdfast.accounts where ledger = (select $1::int) and name = m.name limit 1) "
    "c)") "for key share) a";

// What is sealed and what is pending, in one statement: sealing moves it from one to the other.
#define AVAILABLE_OF_A                                                                                      \
  "coalesce((select l.available_after from holdfast.lines l where l.ledger = a.ledger and l.account = "     \
  "a.account order by l.seq desc limit 1), 0) + coalesce((select sum(p.available) from holdfast.pending p " \
  "where p.ledger = a.ledger and p.account = a.account), 0) + coalesce((select "                            \
  "sum(b.available[array_position(b.accounts, a.account)]) from holdfast.pending_batches b where "          \
  "b.ledger = a.ledger and a.account between b.first_account and b.last_account), 0)"
inline constexpr std::string_view kAvailable =
    "select a.account, (" AVAILABLE_OF_A
    ")::bigint from unnest($2::text[]) n(name) cross join lateral (select ledger, account from "
    "holdfast.accounts where ledger = (select $1::int) and name = n.name limit 1) a";
// All money of a currency is a minus of its external accounts.
inline constexpr std::string_view kTotals =
    "select a.currency, (-sum(" AVAILABLE_OF_A
    "))::bigint from (select unnest($2::text[]) union select o.currency::text from unnest($3::text[]) "
    "n(name) "
    "cross join lateral (select currency from holdfast.accounts where ledger = (select $1::int) and name = "
    "n.name limit 1) o) c(currency) cross join lateral (select ledger, account, currency from "
    "holdfast.accounts where ledger = (select $1::int) and kind = 5 and currency = c.currency offset 0) a "
    "group by a.currency";

inline constexpr std::string_view kLiveOfClosed = R"(
select a.account,
  coalesce((select sum(e.amount - e.released - e.refunded) from holdfast.escrows e
    where e.ledger = a.ledger and e.payer = a.account), 0)::bigint,
  (select count(*) from holdfast.escrows e
    where e.ledger = a.ledger and e.beneficiary = a.account and e.released + e.refunded < e.amount)
from unnest($2::text[]) n(name) cross join lateral (select ledger, account from holdfast.accounts
  where ledger = (select $1::int) and name = n.name limit 1) a)";

#define PLAN_COLUMNS                                                                                 \
  "v.plan, v.name, v.version, v.currency, v.commission_rate, v.commission_fixed, v.commission_min, " \
  "v.commission_max, v.commission_account, c.name, v.fee_rate, v.fee_fixed, v.fee_min, v.fee_max, "  \
  "v.fee_account, f.name, v.rounding "
#define PLAN_TABLES                                                                       \
  "from holdfast.fee_plan_versions v "                                                    \
  "join holdfast.accounts c on c.ledger = v.ledger and c.account = v.commission_account " \
  "join holdfast.accounts f on f.ledger = v.ledger and f.account = v.fee_account "
inline constexpr std::string_view kPlans =
    "select " PLAN_COLUMNS PLAN_TABLES "where v.ledger = (select $1::int) and v.plan = any($2)";
inline constexpr std::string_view kPlansPayingIntoClosed =
    "select " PLAN_COLUMNS
    ", (select count(*) from holdfast.escrows e where e.ledger = v.ledger and e.plan = v.plan "
    "and e.released + e.refunded < e.amount), l.latest " PLAN_TABLES
    "join holdfast.fee_plans l on l.ledger = v.ledger and l.name = v.name "
    "where v.ledger = (select $1::int) and (c.name = any($2) or f.name = any($2))";

inline constexpr std::string_view kMoment =
    "select greatest(clock_timestamp(), at), pg_current_xact_id()::text::bigint, "
    "current_setting('transaction_isolation') = 'read committed' from holdfast.ledgers where "
    "ledger = (select $1::int)";
inline constexpr std::string_view kDraw = "select nextval($1::text::regclass) from generate_series(1, $2)";

#undef ESCROW_COLUMNS
#undef ESCROWS_OF_KEYS
#undef LOCKED_ESCROWS
#undef PLANS_IN_ORDER
#undef GROUPS_IN_ORDER
#undef ACCOUNTS_NAMED
#undef AVAILABLE_OF_A
#undef PLAN_COLUMNS
#undef PLAN_TABLES

}  // namespace holdfast::postgres::load_statements
