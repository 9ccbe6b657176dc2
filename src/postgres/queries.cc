#include "postgres/queries.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/event_views.h"
#include "ledger/query_checks.h"
#include "ledger/validate.h"
#include "postgres/snapshot.h"

namespace holdfast::postgres {
namespace {

#define ACCOUNT_COLUMNS                                                                         \
  "select a.name, a.currency, a.kind, " HOLDFAST_AVAILABLE_OF_A "::bigint, " HOLDFAST_HELD_OF_A \
  "::bigint, "                                                                                  \
  "a.open from holdfast.accounts a where a.ledger = (select $1::int) "
constexpr std::string_view kAccount = ACCOUNT_COLUMNS "and a.name = $2";
constexpr std::string_view kAccounts = ACCOUNT_COLUMNS "and a.name > $2 order by a.name limit $3";

#define GROUP_COLUMNS                               \
  "select g.name, g.open, c.escrows, c.live from (" \
  "select name, open, \"group\" from holdfast.groups where ledger = (select $1::int) "
#define GROUP_COUNTS                                                                            \
  ") g cross join lateral (select count(*) as escrows, "                                        \
  "count(*) filter (where e.released + e.refunded < e.amount) as live from holdfast.escrows e " \
  "where e.ledger = (select $1::int) and e.\"group\" = g.\"group\") c "
constexpr std::string_view kGroup = GROUP_COLUMNS "and name = $2" GROUP_COUNTS;
constexpr std::string_view kGroups =
    GROUP_COLUMNS "and name > $2 order by name limit $3" GROUP_COUNTS "order by g.name";

constexpr std::string_view kPlans = "select " HOLDFAST_PLAN_COLUMNS HOLDFAST_PLAN_TABLES
                                    "where v.ledger = (select $1::int) order by v.name, v.version";

constexpr std::string_view kAccountNumber =
    "select account from holdfast.accounts where ledger = (select $1::int) and name = $2";
// One event more than can be shown tells whether the page is the last: each has a line or two.
constexpr std::string_view kStatement = R"(
select n.seq, s.at, e.op, e.reference, n.available, n.available_after, n.available_escrows, n.held, n.held_after,
  n.held_escrows
from (select * from holdfast.lines where ledger = (select $1::int)
    and account = (select account from holdfast.accounts where ledger = (select $1::int) and name = $2) and seq > $3
  order by seq limit $4) n
left join holdfast.seals s on s.ledger = (select $1::int) and s.seq = n.seq
left join holdfast.events e on e.ledger = (select $1::int) and e.event = s.event
order by n.seq)";

// What is held belongs to the payer, whatever its kind.
// What is pending is added up as a whole: looking for each account's own among it takes as many looks as
// there are accounts, times what is pending.
constexpr std::string_view kTrialBalance = R"(
with pending as (
  select u.account, sum(u.available) as available from (
    select account, available from holdfast.pending where ledger = (select $1::int)
    union all
    select of_batch.account, of_batch.available from holdfast.pending_batches b
      cross join lateral unnest(b.accounts, b.available) of_batch(account, available)
      where b.ledger = (select $1::int)) u
  group by u.account),
held as (
  select payer as account, sum(amount - released - refunded) as held from holdfast.escrows
  where ledger = (select $1::int) and amount > released + refunded group by payer),
all_of as (
  select a.currency, a.kind, coalesce(h.held, 0) as held,
    coalesce(l.available_after, 0) + coalesce(p.available, 0) as available
  from holdfast.accounts a left join pending p on p.account = a.account left join held h on h.account = a.account
    left join lateral (select available_after from holdfast.lines l where l.ledger = a.ledger
      and l.account = a.account order by l.seq desc limit 1) l on true
  where a.ledger = (select $1::int))
select currency, coalesce(sum(available) filter (where kind <= 2), 0)::bigint, sum(held)::bigint,
  coalesce(sum(available) filter (where kind = 5), 0)::bigint,
  coalesce(sum(available) filter (where kind = 3), 0)::bigint,
  coalesce(sum(available) filter (where kind = 4), 0)::bigint, (sum(available) + sum(held))::bigint
from all_of group by currency order by currency)";

constexpr std::string_view kDue =
    "select escrow, release, at from holdfast.due_dates where ledger = (select $1::int) and at <= $2 order "
    "by at, escrow "
    "limit $3";

// Numbers that were given, not rows: counting those of a large ledger takes long.
constexpr std::string_view kStatus = R"(
select seq, hash, coalesce(pg_sequence_last_value(('holdfast.escrows_of_' || ledger)::regclass), 0),
  coalesce(pg_sequence_last_value(('holdfast.accounts_of_' || ledger)::regclass), 0),
  (select count(*) from holdfast.unsealed u where u.ledger = l.ledger),
  (select min(e.at) from holdfast.events e where e.ledger = l.ledger
    and e.event = (select min(u.event) from holdfast.unsealed u where u.ledger = l.ledger))
from holdfast.ledgers l where ledger = (select $1::int))";

/// Names are ASCII. What comes after a text that a server would not take comes after this one.
std::string cursor(std::string_view after) {
  const auto odd = std::ranges::find_if(after, [](char c) { return c == '\0' || (c & 0x80) != 0; });
  std::string text(after.begin(), odd);
  if (odd != after.end() && *odd != '\0') text += '\x7f';
  return text;
}

AccountView account_at(const RowReader& row) {
  return {row.text(0), row.currency(1), row.kind(2), row.amount(3), row.amount(4), row.boolean(5)};
}

GroupView group_at(const RowReader& row) {
  return {row.text(0), row.boolean(1), static_cast<std::uint64_t>(row.integer(2)),
          static_cast<std::uint64_t>(row.integer(3))};
}

/// Asks for rows of one kind, in one round trip.
template <class View>
Result<std::vector<View>> list(Session& session, std::string_view sql, std::vector<Value> values,
                               std::string_view of, View (*view_at)(const RowReader&)) {
  std::vector<View> views;
  Snapshot snapshot(session);
  snapshot.ask(sql, std::move(values), [&](const ResultSet& rows) {
    views.reserve(rows.rows());
    for (std::size_t i = 0; i < rows.rows(); ++i) views.push_back(view_at(RowReader(rows, i, snapshot, of)));
  });
  if (auto done = snapshot.end(); !done) return std::unexpected(std::move(done.error()));
  return views;
}

void append_lines(const RowReader& row, std::vector<StatementLine>& lines) {
  const auto add = [&](Bucket bucket, std::size_t column) {
    if (row.integer(column) == 0) return;
    auto& line = lines.emplace_back();
    line.seq = row.id<Seq>(0);
    line.at = row.time(1);
    line.op = row.text(2);
    line.bucket = bucket;
    line.amount = row.amount(column);
    line.balance = row.amount(column + 1);
    line.escrows = static_cast<std::uint64_t>(row.integer(column + 2));
    line.reference = row.optional_text(3);
  };
  add(Bucket::available, 4);
  add(Bucket::held, 7);
}

}  // namespace

Result<AccountView> Queries::account(std::string_view name) {
  if (!is_name(name)) return no_account(name);
  auto found = list(session_, kAccount, {ledger_.number, std::string(name)}, "an account", account_at);
  if (!found) return std::unexpected(std::move(found.error()));
  if (found->empty()) return no_account(name);
  return std::move(found->front());
}

Result<Page<AccountView, std::string>> Queries::accounts(std::string_view after, std::size_t limit) {
  if (auto fits = check_limit(limit); !fits) return std::unexpected(fits.error());
  auto found = list(session_, kAccounts, {ledger_.number, cursor(after), static_cast<std::int64_t>(limit)},
                    "an account", account_at);
  if (!found) return std::unexpected(std::move(found.error()));
  Page<AccountView, std::string> page{std::move(*found), {}};
  if (page.rows.size() == limit) page.next = page.rows.back().account;
  return page;
}

Result<GroupView> Queries::group(std::string_view name) {
  if (!is_name(name)) return no_group(name);
  auto found = list(session_, kGroup, {ledger_.number, std::string(name)}, "a group", group_at);
  if (!found) return std::unexpected(std::move(found.error()));
  if (found->empty()) return no_group(name);
  return std::move(found->front());
}

Result<Page<GroupView, std::string>> Queries::groups(std::string_view after, std::size_t limit) {
  if (auto fits = check_limit(limit); !fits) return std::unexpected(fits.error());
  auto found = list(session_, kGroups, {ledger_.number, cursor(after), static_cast<std::int64_t>(limit)},
                    "a group", group_at);
  if (!found) return std::unexpected(std::move(found.error()));
  Page<GroupView, std::string> page{std::move(*found), {}};
  if (page.rows.size() == limit) page.next = page.rows.back().group;
  return page;
}

Result<std::vector<FeePlanView>> Queries::fee_plans() {
  return list<FeePlanView>(session_, kPlans, {ledger_.number}, "a fee plan",
                           [](const RowReader& row) { return view_of(plan_at(row)); });
}

Result<StatementPage> Queries::statement(const StatementQuery& query) {
  if (auto fits = check_limit(query.limit); !fits) return std::unexpected(fits.error());
  if (!is_name(query.account)) return no_account(query.account);
  StatementPage page;
  bool known = false;
  Snapshot snapshot(session_);
  snapshot.ask(kAccountNumber, {ledger_.number, query.account},
               [&](const ResultSet& rows) { known = rows.rows() > 0; });
  snapshot.ask(
      kStatement,
      {ledger_.number, query.account, bigint(query.after), static_cast<std::int64_t>(query.limit) + 1},
      [&](const ResultSet& rows) {
        for (std::size_t i = 0; i < rows.rows(); ++i) {
          if (page.rows.size() >= query.limit) {
            page.next = page.rows.back().seq;
            break;
          }
          append_lines(RowReader(rows, i, snapshot, "a line of a statement"), page.rows);
        }
      });
  if (auto done = snapshot.end(); !done) return std::unexpected(std::move(done.error()));
  if (!known) return no_account(query.account);
  return page;
}

Result<std::vector<TrialBalance>> Queries::trial_balance() {
  return list<TrialBalance>(session_, kTrialBalance, {ledger_.number}, "a trial balance",
                            [](const RowReader& row) {
                              return TrialBalance{.currency = row.currency(0),
                                                  .available = row.amount(1),
                                                  .held = row.amount(2),
                                                  .external = row.amount(3),
                                                  .commission = row.amount(4),
                                                  .processor_fee = row.amount(5),
                                                  .sum = row.amount(6)};
                            });
}

Result<std::vector<DueEscrow>> Queries::due(Timestamp until, std::size_t limit) {
  constexpr std::size_t kMost = std::size_t{1} << 31;
  // Dates are in the years 1 to 9999; PostgreSQL has no times far from them.
  constexpr Timestamp kFirst{-62'135'596'800'000'000};
  constexpr Timestamp kLast{253'402'300'799'999'999};
  return list<DueEscrow>(
      session_, kDue,
      {ledger_.number, std::clamp(until, kFirst, kLast), static_cast<std::int64_t>(std::min(limit, kMost))},
      "a due date",
      [](const RowReader& row) { return DueEscrow{row.id<EscrowId>(0), row.boolean(1), row.time(2)}; });
}

Result<LedgerStatus> Queries::status() {
  auto found =
      list<LedgerStatus>(session_, kStatus, {ledger_.number}, "the ledger", [](const RowReader& row) {
        LedgerStatus status;
        status.seq = row.id<Seq>(0);
        status.head = to_hex(row.digest(1));
        status.escrows = static_cast<std::uint64_t>(row.integer(2));
        status.accounts = static_cast<std::uint64_t>(row.integer(3));
        status.unsealed = static_cast<std::uint64_t>(row.integer(4));
        status.unsealed_since = row.optional_time(5);
        return status;
      });
  if (!found) return std::unexpected(std::move(found.error()));
  if (found->empty()) {
    return fail(ErrorCode::not_a_ledger, fmt::format("there is no ledger \"{}\" any more", ledger_.name));
  }
  return std::move(found->front());
}

}  // namespace holdfast::postgres
