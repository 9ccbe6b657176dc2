// Escrows: one, pages of them, and what happened to each.
#include <fmt/format.h>

#include <limits>

#include "ledger/event_codec.h"
#include "ledger/query_checks.h"
#include "ledger/validate.h"
#include "postgres/number_names.h"
#include "postgres/queries.h"
#include "postgres/snapshot.h"

namespace holdfast::postgres {
namespace {

/// Escrows looked at for one page: bounds the work where a status filter finds few.
constexpr std::int64_t kPageWork = 100'000;

// An event's time is the one that it has in the chain, as soon as it is sealed.
#define ESCROW_VIEW                                                                                          \
  "select e.escrow, e.key, p.name, b.name, g.name, p.currency, e.amount, e.released, e.refunded, e.frozen, " \
  "v.name, v.version, e.commission, e.processor_fee, coalesce(hs.at, h.at), coalesce(ls.at, l.at), "         \
  "e.release_at, "                                                                                           \
  "e.refund_at, e.\"group\" is null "
#define ESCROW_JOINS                                                                            \
  "left join holdfast.accounts p on p.ledger = (select $1::int) and p.account = e.payer "       \
  "left join holdfast.accounts b on b.ledger = (select $1::int) and b.account = e.beneficiary " \
  "left join holdfast.groups g on g.ledger = (select $1::int) and g.\"group\" = e.\"group\" "   \
  "left join holdfast.fee_plan_versions v on v.ledger = (select $1::int) and v.plan = e.plan "  \
  "left join holdfast.events h on h.ledger = (select $1::int) and h.event = e.held_by "         \
  "left join holdfast.seals hs on hs.ledger = (select $1::int) and hs.event = e.held_by "       \
  "left join holdfast.events l on l.ledger = (select $1::int) and l.event = e.last_event "      \
  "left join holdfast.seals ls on ls.ledger = (select $1::int) and ls.event = e.last_event "
#define BY_KEY "(select escrow from holdfast.keys where ledger = (select $1::int) and key = $2)"

constexpr std::string_view kById =
    ESCROW_VIEW "from holdfast.escrows e " ESCROW_JOINS "where e.ledger = (select $1::int) and e.escrow = $2";
constexpr std::string_view kByKey = ESCROW_VIEW "from holdfast.escrows e " ESCROW_JOINS
                                                "where e.ledger = (select $1::int) and e.escrow = " BY_KEY;

// The lists. $2 is their owner, by name; `all` has none, and $2 is not used.
struct List {
  std::string_view owner;  // finds its number
  std::string page;        // $3 after, $4 limit, $5 status, $6 how many are looked at
  std::string behind;      // the first escrow behind $3, and one more: $4 is how many to pass over
};

List list_of(std::string_view owner, const std::string& where) {
  const auto one_owner =
      owner.empty() ? std::string("$2::text is null") : where + " = (" + std::string(owner) + ")";
  const auto listed = " from holdfast.escrows where ledger = (select $1::int) and " + one_owner +
                      " and escrow > $3 order by escrow ";
  return {owner,
          ESCROW_VIEW "from (select * from (select *" + listed +
              "limit $6) looked where $5::bigint = 0 or $5 = case "
              "when released + refunded < amount then case when frozen then 2 else 1 end "
              "when refunded = 0 then 3 when released = 0 then 4 else 5 end order by escrow limit $4) "
              "e " ESCROW_JOINS "order by e.escrow",
          "select escrow" + listed + "offset $4 limit 2"};
}
constexpr std::string_view kAccountOwner =
    "select account from holdfast.accounts where ledger = (select $1::int) and name = $2";
constexpr std::string_view kGroupOwner =
    R"(select "group" from holdfast.groups where ledger = (select $1::int) and name = $2)";
const List kOfPayer = list_of(kAccountOwner, "payer");
const List kOfBeneficiary = list_of(kAccountOwner, "beneficiary");
const List kOfGroup = list_of(kGroupOwner, R"("group")");
const List kAll = list_of({}, {});

// Held, changed, and last changed: in the order of event ids, which is that of seqs for events that touch one
// escrow.
#define HISTORY_OF(escrow)                                                                                   \
  "with e as (select held_by, last_event, escrow from holdfast.escrows where ledger = (select $1::int) and " \
  "escrow "                                                                                                  \
  "= " escrow                                                                                                \
  "), t as (select held_by as event from e union select last_event from e union "                            \
  "select event from holdfast.escrow_events where ledger = (select $1::int) and escrow in (select escrow "   \
  "from e)) "                                                                                                \
  "select e.escrow, s.seq, coalesce(s.at, v.at), v.entry from t cross join e "                               \
  "left join holdfast.events v on v.ledger = (select $1::int) and v.event = t.event "                        \
  "left join holdfast.seals s on s.ledger = (select $1::int) and s.event = t.event order by t.event"
constexpr std::string_view kHistoryById = HISTORY_OF("$2");
constexpr std::string_view kHistoryByKey = HISTORY_OF(BY_KEY);

std::optional<EscrowView> escrow_at(const RowReader& row) {
  EscrowView view;
  view.escrow = row.id<EscrowId>(0);
  view.key = row.text(1);
  view.payer = row.text(2);
  view.beneficiary = row.text(3);
  if (!row.boolean(18)) view.group = row.text(4);
  view.currency = row.currency(5);
  EscrowRow amounts;
  amounts.amount = view.amount = row.amount(6);
  amounts.released = view.released = row.amount(7);
  amounts.refunded = view.refunded = row.amount(8);
  view.commission = row.amount(12);
  view.processor_fee = row.amount(13);
  for (const auto part : {view.amount, view.released, view.refunded, view.commission, view.processor_fee}) {
    if (part < Amount() || part > kMaxAmount) {
      row.damaged(fmt::format("escrow {} has an amount out of range", view.escrow.value()));
      return std::nullopt;
    }
  }
  amounts.frozen = row.boolean(9) ? 1 : 0;
  view.locked = amounts.locked();
  view.status = status_of(amounts);
  view.fee_plan = row.text(10);
  view.fee_plan_version = static_cast<std::uint32_t>(row.integer(11));
  view.net = view.released - view.commission - view.processor_fee;
  view.held_at = row.time(14);
  if (view.locked == Amount()) view.closed_at = row.time(15);
  view.release_at = row.optional_time(16);
  view.refund_at = row.optional_time(17);
  return view;
}

/// The second value of statements about one escrow. none: there can be none.
std::optional<Value> naming(const EscrowRef& ref) {
  if (ref.key.empty()) return bigint(ref.id);
  return is_key(ref.key) ? std::optional<Value>(ref.key) : std::nullopt;
}

const List& choose(const EscrowFilter& filter) {
  if (!filter.group.empty()) return kOfGroup;
  if (!filter.payer.empty()) return kOfPayer;
  return filter.beneficiary.empty() ? kAll : kOfBeneficiary;
}

}  // namespace

Result<EscrowView> Queries::escrow(const EscrowRef& ref) {
  const auto named = naming(ref);
  if (!named) return no_escrow(ref);
  std::optional<EscrowView> view;
  Snapshot snapshot(session_);
  snapshot.ask(ref.key.empty() ? kById : kByKey, {ledger_.number, *named}, [&](const ResultSet& rows) {
    if (rows.rows() > 0) view = escrow_at(RowReader(rows, 0, snapshot, "an escrow"));
  });
  if (auto done = snapshot.end(); !done) return std::unexpected(std::move(done.error()));
  if (!view) return no_escrow(ref);
  return std::move(*view);
}

Result<EscrowPage> Queries::escrows(const EscrowFilter& filter) {
  if (auto fits = check_filter(filter); !fits) return std::unexpected(fits.error());
  const auto& list = choose(filter);
  const auto& name = !filter.group.empty()  ? filter.group
                     : filter.payer.empty() ? filter.beneficiary
                                            : filter.payer;
  const auto nobody = [&]() -> std::unexpected<Error> {
    return filter.group.empty() ? no_account(name) : no_group(name);
  };
  const bool owned = !list.owner.empty();
  if (owned && !is_name(name)) return nobody();
  const Value owner = owned ? Value(name) : Value();
  const auto limit = static_cast<std::int64_t>(filter.limit);

  EscrowPage page;
  bool known = !owned;
  Snapshot snapshot(session_);
  if (owned) {
    snapshot.ask(list.owner, {ledger_.number, owner},
                 [&](const ResultSet& rows) { known = rows.rows() > 0; });
  }
  snapshot.ask(list.page,
               {ledger_.number, owner, bigint(filter.after), limit,
                static_cast<std::int64_t>(filter.status ? static_cast<int>(*filter.status) : 0), kPageWork},
               [&](const ResultSet& rows) {
                 for (std::size_t i = 0; i < rows.rows(); ++i) {
                   auto view = escrow_at(RowReader(rows, i, snapshot, "an escrow of a list"));
                   if (view) page.rows.push_back(std::move(*view));
                 }
               });
  if (auto done = snapshot.run(); !done) return std::unexpected(std::move(done.error()));
  if (!known) return nobody();

  // Where the page stopped: behind its last row, or behind all that it looked at. It goes on where more is
  // there.
  const bool full = page.rows.size() == filter.limit;
  const auto stopped_at = full ? page.rows.back().escrow : filter.after;
  if (full || filter.status) {
    snapshot.ask(list.behind, {ledger_.number, owner, bigint(stopped_at), full ? 0 : kPageWork - 1},
                 [&](const ResultSet& rows) {
                   if (full && rows.rows() > 0) page.next = stopped_at;
                   if (!full && rows.rows() > 1)
                     page.next = EscrowId(static_cast<std::uint64_t>(rows.integer(0, 0)));
                 });
  }
  if (auto done = snapshot.end(); !done) return std::unexpected(std::move(done.error()));
  return page;
}

Result<std::vector<EscrowHistoryLine>> Queries::history(const EscrowRef& ref) {
  const auto named = naming(ref);
  if (!named) return no_escrow(ref);
  EscrowId escrow;
  std::vector<Event> events;
  Snapshot snapshot(session_);
  snapshot.ask(ref.key.empty() ? kHistoryById : kHistoryByKey, {ledger_.number, *named},
               [&](const ResultSet& rows) {
                 events.resize(rows.rows());
                 for (std::size_t i = 0; i < rows.rows(); ++i) {
                   const RowReader row(rows, i, snapshot, "an event of an escrow");
                   escrow = row.id<EscrowId>(0);
                   events[i].seq = row.id<Seq>(1);
                   events[i].at = row.time(2);
                   if (row.is_null(3)) return;  // the time has told
                   if (auto decoded = decode_entry(rows.bytes(i, 3), events[i].entry); !decoded)
                     row.damaged(decoded.error().message);
                 }
               });
  if (auto done = snapshot.run(); !done) return std::unexpected(std::move(done.error()));
  if (!escrow) return no_escrow(ref);

  NumberNames names;
  for (const auto& event : events) names.want(event.entry);
  names.ask(snapshot, ledger_.number);
  if (auto done = snapshot.end(); !done) return std::unexpected(std::move(done.error()));
  std::vector<EscrowHistoryLine> lines;
  for (const auto& event : events) append_history(event, escrow, names.names(), lines);
  if (names.missing()) return std::unexpected(to_error(data_corrupted(*names.missing())));
  return lines;
}

}  // namespace holdfast::postgres
