// The sums of a group: one pass over its escrows, added up by the server.
#include "ledger/query_checks.h"
#include "ledger/validate.h"
#include "postgres/queries.h"
#include "postgres/snapshot.h"

namespace holdfast::postgres {
namespace {

constexpr std::string_view kGroup =
    "select name, open from holdfast.groups where ledger = (select $1::int) and name = $2";

// By plan first: a plan has one currency, and there are few. Sums that no bigint holds are null, all of the
// currency.
constexpr std::string_view kTotals = R"(
with e as (
  select plan, sum(amount) as amount, sum(released) as released, sum(refunded) as refunded,
    sum(commission) as commission, sum(processor_fee) as processor_fee,
    coalesce(sum(amount - released - refunded) filter (where frozen), 0) as frozen,
    count(*) filter (where released + refunded < amount and not frozen) as locked_escrows,
    count(*) filter (where released + refunded < amount and frozen) as frozen_escrows,
    count(*) filter (where released + refunded = amount and refunded = 0) as released_escrows,
    count(*) filter (where released + refunded = amount and released = 0) as refunded_escrows,
    count(*) as escrows
  from holdfast.escrows
  where ledger = (select $1::int)
    and "group" = (select "group" from holdfast.groups where ledger = (select $1::int) and name = $2)
  group by plan),
t as (
  select v.currency, sum(e.amount) as amount, sum(e.released) as released, sum(e.refunded) as refunded,
    sum(e.commission) as commission, sum(e.processor_fee) as processor_fee, sum(e.frozen) as frozen,
    sum(e.locked_escrows)::bigint as locked_escrows, sum(e.frozen_escrows)::bigint as frozen_escrows,
    sum(e.released_escrows)::bigint as released_escrows, sum(e.refunded_escrows)::bigint as refunded_escrows,
    sum(e.escrows)::bigint as escrows
  from e left join holdfast.fee_plan_versions v on v.ledger = (select $1::int) and v.plan = e.plan
  group by v.currency)
select currency, escrows, locked_escrows, frozen_escrows, released_escrows, refunded_escrows,
  case when amount <= 9223372036854775807 then amount::bigint end,
  case when amount <= 9223372036854775807 then released::bigint end,
  case when amount <= 9223372036854775807 then refunded::bigint end,
  case when amount <= 9223372036854775807 then commission::bigint end,
  case when amount <= 9223372036854775807 then processor_fee::bigint end,
  case when amount <= 9223372036854775807 then frozen::bigint end
from t order by currency)";

constexpr std::size_t kAmount = 6;

GroupTotal total_at(const RowReader& row) {
  const auto count = [&](std::size_t column) { return static_cast<std::uint64_t>(row.integer(column)); };
  GroupTotal total;
  total.currency = row.currency(0);
  total.escrows = count(1);
  total.locked_escrows = count(2);
  total.frozen_escrows = count(3);
  total.released_escrows = count(4);
  total.refunded_escrows = count(5);
  total.split_escrows = total.escrows - total.locked_escrows - total.frozen_escrows - total.released_escrows -
                        total.refunded_escrows;
  total.amount = row.amount(kAmount);
  total.released = row.amount(7);
  total.refunded = row.amount(8);
  total.commission = row.amount(9);
  total.processor_fee = row.amount(10);
  total.frozen = row.amount(11);
  total.locked = total.amount - total.released - total.refunded - total.frozen;
  total.net = total.released - total.commission - total.processor_fee;
  return total;
}

}  // namespace

Result<GroupSummary> Queries::group_summary(std::string_view name) {
  if (!is_name(name)) return no_group(name);
  GroupSummary summary;
  std::optional<Currency> too_large;
  Snapshot snapshot(session_);
  snapshot.ask(kGroup, {ledger_.number, std::string(name)}, [&](const ResultSet& rows) {
    if (rows.rows() == 0) return;
    const RowReader row(rows, 0, snapshot, "a group");
    summary.group.group = row.text(0);
    summary.group.open = row.boolean(1);
  });
  snapshot.ask(kTotals, {ledger_.number, std::string(name)}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const RowReader row(rows, i, snapshot, "the sums of a group");
      if (row.is_null(kAmount)) {
        too_large = row.currency(0);
        continue;
      }
      const auto& total = summary.totals.emplace_back(total_at(row));
      summary.group.escrows += total.escrows;
      summary.group.live += total.locked_escrows + total.frozen_escrows;
    }
  });
  if (auto done = snapshot.end(); !done) return std::unexpected(std::move(done.error()));
  if (summary.group.group.empty()) return no_group(name);
  if (too_large) return too_large_sums(name, *too_large);
  return summary;
}

}  // namespace holdfast::postgres
