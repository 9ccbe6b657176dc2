// Operations on a ledger in PostgreSQL as a whole. The public face is include/holdfast/maintenance.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "ledger/event.h"
#include "postgres/schema.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {

using EventProgress = std::function<void(std::uint64_t done, std::uint64_t of)>;

[[nodiscard]] Result<MigrationReport> migrate_database(std::string_view url);

struct OpenedLedger {
  std::unique_ptr<Session> session;
  LedgerRef ledger;
};
/// \param create  makes the schema where there is none, and the ledger in it
[[nodiscard]] Result<OpenedLedger> open_ledger(std::string_view url, bool create);

/// Where the chain ends, and how many events are not in it yet.
struct ChainEnd {
  Seq seq;
  Digest head{};
  std::uint64_t unsealed = 0;
};
[[nodiscard]] Result<ChainEnd> end_of(OpenedLedger& opened);

/// Seals what was committed before the call; returns how many events. `busy` where another session keeps the
/// sealer's lock and does nothing with it.
[[nodiscard]] Result<std::uint64_t> seal_all(OpenedLedger& opened, const EventProgress& progress);

/// Called for each event in order with its canonical bytes and the hash that is kept of it, never nullptr.
using SealedSink = std::function<Result<void>(const Event&, std::span<const std::byte>, const Digest*)>;
/// Sealed events with after < seq <= through. `corrupt` where one is not there or does not decode.
[[nodiscard]] Result<void> read_sealed(OpenedLedger& opened, Seq after, Seq through, const SealedSink& sink);

struct ChainReport {
  ChainEnd end;
  std::uint64_t bytes = 0;  // canonical, of all events
};
/// Reads every sealed event and checks its form, its number and its place in the chain, and that the chain
/// ends where the ledger says. `corrupt` names the first event that is wrong.
[[nodiscard]] Result<ChainReport> verify_chain(OpenedLedger& opened, const EventProgress& progress);

}  // namespace holdfast::postgres
