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

inline constexpr std::string_view kPastCommands = R"(
select k.key, e.event, e.at, e.entry, s.seq
from holdfast.keys k
join holdfast.events e on e.ledger = k.ledger and e.event = coalesce(
  (select max(c.event) from holdfast.later_chunks c where c.ledger = k.ledger and c.key = k.key), k.event)
left join holdfast.seals s on s.ledger = e.ledger and s.event = e.event
where k.ledger = (select $1::int) and k.key = any($2))";

inline constexpr std::string_view kSharePlans = R"(
select name, latest from holdfast.fee_plans where ledger = (select $1::int) and name = any($2) order by name for key share)";
inline constexpr std::string_view kLockPlans = R"(
select name, latest from holdfast.fee_plans where ledger = (select $1::int) and name = any($2) order by name for update)";

inline constexpr std::string_view kShareGroups = R"(
select "group", name, open from holdfast.groups where ledger = (select $1::int) and name = any($2) order by "group" for key share)";
inline constexpr std::string_view kLockGroups = R"(
select "group", name, open from holdfast.groups where ledger = (select $1::int) and name = any($2) order by "group" for update)";

#define ESCROW_COLUMNS                                                                                      \
  "e.escrow, e.payer, e.beneficiary, e.\"group\", e.plan, e.amount, e.released, e.refunded, e.commission, " \
  "e.processor_fee, e.frozen, e.release_at, e.refund_at, e.held_by, e.last_event"
#define ESCROWS_OF_KEYS                                                                                   \
  "array(select k.escrow from holdfast.keys k where k.ledger = (select $1::int) and k.key = any($3) and " \
  "k.escrow is not null)"

inline constexpr std::string_view kEscrows =
    "select " ESCROW_COLUMNS
    " from holdfast.escrows e "
    "where e.ledger = (select $1::int) and e.escrow = any($2) order by e.escrow for update";
// The key of those that are named by it.
inline constexpr std::string_view kEscrowsByKeyToo =
    "select " ESCROW_COLUMNS
    ", case when e.key = any($3) then e.key end from holdfast.escrows e "
    "where e.ledger = (select $1::int) and e.escrow = any($2::bigint[] || " ESCROWS_OF_KEYS
    ") "
    "order by e.escrow for update";
// One more than a batch can have, so that it is seen to be too large.
inline constexpr std::string_view kEscrowsOfGroupsToo =
    "select " ESCROW_COLUMNS
    ", case when e.key = any($3) then e.key end from holdfast.escrows e "
    "where e.ledger = (select $1::int) and e.escrow = any($2::bigint[] || " ESCROWS_OF_KEYS
    " || array("
    "select m.escrow from unnest($4::text[]) named(name) "
    "join holdfast.groups g on g.ledger = (select $1::int) and g.name = named.name cross join lateral ("
    "select escrow from holdfast.escrows where ledger = (select $1::int) and \"group\" = g.\"group\" and "
    "escrow > $5 and escrow <= $6 and released + refunded < amount order by escrow limit $7) m)) "
    "order by e.escrow for update";

// Accounts by name, and the external accounts of the currencies of some of them. A debit keeps other debits
// away, a credit only closing; closing keeps all away.
#define NAMED_ACCOUNTS                                                                                     \
  "select account, name, currency, kind, open from holdfast.accounts where ledger = (select $1::int) and " \
  "name = any($2) "                                                                                        \
  "order by account "
inline constexpr std::string_view kCloseAccounts = NAMED_ACCOUNTS "for update";
inline constexpr std::string_view kDebitAccounts = NAMED_ACCOUNTS "for no key update";
inline constexpr std::string_view kCreditAccounts = R"(
select account, name, currency, kind, open from holdfast.accounts
where ledger = (select $1::int) and name = any($2::text[] || array(
  select 'external:' || o.currency from holdfast.accounts o where o.ledger = (select $1::int) and o.name = any($3)))
order by account for key share)";

// What is sealed and what is pending, in one statement: sealing moves it from one to the other.
#define AVAILABLE_OF_A                                                                                  \
  "coalesce((select l.available_after from holdfast.lines l where l.ledger = a.ledger and l.account = " \
  "a.account "                                                                                          \
  "order by l.seq desc limit 1), 0) + coalesce((select sum(p.available) from holdfast.pending p "       \
  "where p.ledger = a.ledger and p.account = a.account), 0)"
inline constexpr std::string_view kAvailable =
    "select a.account, (" AVAILABLE_OF_A
    ")::bigint from holdfast.accounts a where a.ledger = (select $1::int) and a.name = any($2)";
// All money of a currency is a minus of its external accounts.
inline constexpr std::string_view kTotals =
    "select a.currency, (-sum(" AVAILABLE_OF_A
    "))::bigint from holdfast.accounts a where a.ledger = (select $1::int) "
    "and a.kind = 5 and a.currency = any($2::text[] || array("
    "select o.currency::text from holdfast.accounts o where o.ledger = "
    "(select $1::int) and o.name = any($3))) group by a.currency";

inline constexpr std::string_view kLiveOfClosed = R"(
select a.account,
  coalesce((select sum(e.amount - e.released - e.refunded) from holdfast.escrows e
    where e.ledger = a.ledger and e.payer = a.account), 0)::bigint,
  (select count(*) from holdfast.escrows e
    where e.ledger = a.ledger and e.beneficiary = a.account and e.released + e.refunded < e.amount)
from holdfast.accounts a where a.ledger = (select $1::int) and a.name = any($2))";

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
#undef NAMED_ACCOUNTS
#undef AVAILABLE_OF_A
#undef PLAN_COLUMNS
#undef PLAN_TABLES

}  // namespace holdfast::postgres::load_statements
