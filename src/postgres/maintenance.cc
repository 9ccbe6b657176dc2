#include "postgres/maintenance.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

#include "ledger/event_codec.h"
#include "postgres/committer.h"
#include "postgres/libpq_session.h"
#include "postgres/postgres_store.h"
#include "postgres/sealer.h"

namespace holdfast::postgres {
namespace {

constexpr std::size_t kPage = 4'096;

// What is not sealed yet counts with what is: an event that was committed before this snapshot is in one of
// both.
constexpr std::string_view kEnd = R"(
select seq, hash, (select count(*) from holdfast.unsealed where ledger = (select $1::int))
from holdfast.ledgers where ledger = (select $1::int))";
constexpr std::string_view kSeq = "select seq from holdfast.ledgers where ledger = (select $1::int)";

/// How far the ledger is sealed. Counting what is not would read all of it each time.
Result<std::uint64_t> sealed_through(OpenedLedger& opened) {
  const std::array<Statement, 1> ask{{{kSeq, {opened.ledger.number}}}};
  const auto found = opened.session->run(ask);
  if (!found) return std::unexpected(to_error(found.error()));
  return static_cast<std::uint64_t>(found->front()->integer(0, 0));
}

}  // namespace

Result<OpenedLedger> open_ledger(std::string_view url, bool create) {
  auto address = parse_address(url);
  if (!address) return std::unexpected(std::move(address.error()));
  auto session = connect(address->conninfo);
  if (!session) return std::unexpected(std::move(session.error()));
  if (create) {
    if (auto migrated = migrate(**session); !migrated) return std::unexpected(std::move(migrated.error()));
  }
  if (auto fits = check_schema(**session); !fits) return std::unexpected(std::move(fits.error()));
  auto ledger = find_ledger(**session, address->ledger, create);
  if (!ledger) return std::unexpected(std::move(ledger.error()));
  return OpenedLedger{std::move(*session), std::move(*ledger)};
}

Result<ChainEnd> end_of(OpenedLedger& opened) {
  const std::array<Statement, 1> ask{{{kEnd, {opened.ledger.number}}}};
  const auto found = opened.session->run(ask);
  if (!found) return std::unexpected(to_error(found.error()));
  const auto& rows = *found->front();
  ChainEnd end;
  if (rows.rows() == 0 || rows.bytes(0, 1).size() != sizeof end.head)
    return fail(ErrorCode::corrupt, fmt::format("ledger \"{}\" has no chain's head", opened.ledger.name));
  end.seq = Seq(static_cast<std::uint64_t>(rows.integer(0, 0)));
  std::ranges::copy(rows.bytes(0, 1), std::as_writable_bytes(std::span(end.head)).begin());
  end.unsealed = static_cast<std::uint64_t>(rows.integer(0, 2));
  return end;
}

Result<MigrationReport> migrate_database(std::string_view url) {
  const auto address = parse_address(url);
  if (!address) return std::unexpected(address.error());
  auto session = connect(address->conninfo);
  if (!session) return std::unexpected(std::move(session.error()));
  return migrate(**session);
}

Result<std::uint64_t> seal_all(OpenedLedger& opened, const EventProgress& progress) {
  const auto begin = end_of(opened);
  if (!begin) return std::unexpected(begin.error());
  const auto goal = begin->seq.value() + begin->unsealed;
  constexpr int kPatience = 60;  // rounds without any progress, up to a second each
  std::uint64_t sealed_here = 0;
  SealedThrough through;
  int in_the_way = 0;
  while (true) {
    const auto sealed = seal(*opened.session, opened.ledger, through);
    if (!sealed) return std::unexpected(to_error(sealed.error()));
    sealed_here += sealed->events;
    if (progress) progress(sealed_here, begin->unsealed);
    // What is committed while this runs is for whoever seals next: else it might never end.
    const auto now = sealed_through(opened);
    if (!now) return std::unexpected(now.error());
    if (*now >= goal || (sealed->events == 0 && !sealed->other_seals)) return sealed_here;
    if (sealed->events > 0) {
      in_the_way = 0;
      continue;
    }
    if (++in_the_way == kPatience) {
      return fail(
          ErrorCode::busy,
          fmt::format("another session keeps the lock of ledger \"{}\" and seals nothing: see pg_locks",
                      opened.ledger.name));
    }
    std::this_thread::sleep_for(backoff(std::min(in_the_way, 8)));
  }
}

Result<void> read_sealed(OpenedLedger& opened, Seq after, Seq through, const SealedSink& sink) {
  Event event;
  const auto broken = [&](Seq seq, std::string_view what) {
    return fail(ErrorCode::corrupt, fmt::format("ledger \"{}\", seq {}: {}. Everything before it was read",
                                                opened.ledger.name, seq.value(), what));
  };
  while (after < through) {
    const auto wanted = std::min<std::uint64_t>(kPage, through.value() - after.value());
    const auto page = sealed_events(*opened.session, opened.ledger, after, wanted);
    if (!page) return std::unexpected(to_error(page.error()));
    if (page->empty()) return broken(after.next(), "it is not there, though the ledger says so");
    for (const auto& one : *page) {
      if (one.seq != after.next()) return broken(after.next(), "it is not there");
      if (const auto decoded = decode_event(one.bytes, event); !decoded)
        return broken(one.seq, decoded.error().message);
      if (auto taken = sink(event, one.bytes, &one.hash); !taken) return taken;
      after = one.seq;
    }
  }
  return {};
}

Result<ChainReport> verify_chain(OpenedLedger& opened, const EventProgress& progress) {
  const auto end = end_of(opened);
  if (!end) return std::unexpected(end.error());
  ChainReport report;
  Sha256 hasher;
  Digest head{};
  const auto read = read_sealed(
      opened, Seq(), end->seq,
      [&](const Event& event, std::span<const std::byte> bytes, const Digest* hash) -> Result<void> {
        head = chain(hasher, head, bytes);
        if (head != *hash) {
          return fail(ErrorCode::corrupt,
                      fmt::format("ledger \"{}\", seq {}: the chain breaks. Everything before it "
                                  "verifies",
                                  opened.ledger.name, event.seq.value()));
        }
        report.bytes += bytes.size();
        if (progress) progress(event.seq.value(), end->seq.value());
        return {};
      });
  if (!read) return std::unexpected(read.error());
  if (head != end->head) {
    return fail(ErrorCode::corrupt,
                fmt::format("ledger \"{}\": the chain does not end at seq {} as the ledger says",
                            opened.ledger.name, end->seq.value()));
  }
  report.end = *end;
  return report;
}

}  // namespace holdfast::postgres
