// Events, for people and for those who follow them. Only sealed ones, so that nobody who asks for what comes
// after a seq misses any.
#include "ledger/event_codec.h"
#include "ledger/postings.h"
#include "ledger/query_checks.h"
#include "postgres/number_names.h"
#include "postgres/queries.h"
#include "postgres/snapshot.h"

namespace holdfast::postgres {
namespace {

// What one page may cost before it ends early: events can be of a million escrows.
constexpr std::int64_t kMaxBytes = 16 << 20;
constexpr std::size_t kMaxPostings = 100'000;

// At least one event, however large.
constexpr std::string_view kEvents = R"(
select seq, at, hash, entry from (
  select s.seq, s.at, s.hash, coalesce(r.entry, e.entry) as entry,
    sum(length(coalesce(r.entry, e.entry))) over (order by s.seq rows between unbounded preceding and 1 preceding)
      as before
  from (select * from holdfast.seals where ledger = (select $1::int) and seq > $2 order by seq limit $3) s
  left join holdfast.events e on e.ledger = (select $1::int) and e.event = s.event
  left join holdfast.replaying_entries r on e.replays and r.ledger = (select $1::int) and r.seq = s.seq) q
where before is null or before < $4 order by seq)";
constexpr std::string_view kLastSeq = "select max(seq) from holdfast.seals where ledger = (select $1::int)";

}  // namespace

Result<EventPage> Queries::events(Seq after, std::size_t limit) {
  if (auto fits = check_limit(limit); !fits) return std::unexpected(fits.error());
  struct Sealed {
    Event event;
    Digest hash{};
  };
  std::vector<Sealed> sealed;
  Seq last;
  NumberNames names;
  Snapshot snapshot(session_);
  snapshot.ask(kLastSeq, {ledger_.number},
               [&](const ResultSet& rows) { last = RowReader(rows, 0, snapshot, "the ledger").id<Seq>(0); });
  snapshot.ask(kEvents, {ledger_.number, bigint(after), static_cast<std::int64_t>(limit), kMaxBytes},
               [&](const ResultSet& rows) {
                 std::size_t shown = 0;
                 std::vector<Posting> posted;
                 for (std::size_t i = 0; i < rows.rows() && shown < kMaxPostings; ++i) {
                   const RowReader row(rows, i, snapshot, "an event");
                   auto& one = sealed.emplace_back();
                   one.event.seq = row.id<Seq>(0);
                   one.event.at = row.time(1);
                   one.hash = row.digest(2);
                   if (row.is_null(3)) return row.damaged("its entry is not there");
                   if (auto decoded = decode_entry(rows.bytes(i, 3), one.event.entry); !decoded) {
                     return row.damaged(decoded.error().message);
                   }
                   postings(one.event.entry, posted);
                   for (const auto& posting : posted) names.want(posting.account);
                   shown += posted.size();
                 }
               });
  if (auto done = snapshot.run(); !done) return std::unexpected(std::move(done.error()));
  names.ask(snapshot, ledger_.number);
  if (auto done = snapshot.end(); !done) return std::unexpected(std::move(done.error()));

  EventPage page;
  const auto by_number = names.names();
  for (const auto& one : sealed) page.rows.push_back(view_of(one.event, one.hash, by_number));
  if (names.missing()) return std::unexpected(to_error(data_corrupted(*names.missing())));
  if (!page.rows.empty() && page.rows.back().seq < last) page.next = page.rows.back().seq;
  return page;
}

}  // namespace holdfast::postgres
