// Operations on a ledger as a whole. Each says with `corrupt` what is wrong and where (the first bad file and
// offset, or the first bad event), and leaves the source as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/ids.h"
#include "holdfast/result.h"

namespace holdfast {

/// Bytes done, of all; where the ledger is in PostgreSQL, events.
using Progress = std::function<void(std::uint64_t done, std::uint64_t of)>;

struct VerifyReport {
  Seq seq;                   // of the last event that verifies
  std::string head;          // the chain's hash there, in hex
  std::uint64_t frames = 0;  // of the journal; 0 in PostgreSQL
  std::uint64_t bytes = 0;   // of the frames; in PostgreSQL of the events' canonical bytes
};

/// Reads the whole journal up to what is durable, or all sealed events, and checks every frame, every event's
/// form and the chain. Also while another process writes.
[[nodiscard]] Result<VerifyReport> verify(std::string_view url, const Progress& progress = {});

/// Copies what is durable now into a new directory that opens as a ledger. Also while another process writes.
/// The target must not exist or be empty.
[[nodiscard]] Result<VerifyReport> backup(std::string_view directory, std::string_view target,
                                          const Progress& progress = {});

/// Makes a new ledger at `target` from the journal of `source`, up to the last event that verifies (or
/// `through`, where given): for a backup, and for what can be saved of a corrupt ledger. The target must not
/// exist or be empty.
[[nodiscard]] Result<VerifyReport> restore(std::string_view source, std::string_view target, Seq through = {},
                                           const Progress& progress = {});

struct MigrateReport {
  std::uint32_t from = 0;  // the version that was found; the same as now means that nothing was to do
  std::uint32_t to = 0;
  std::vector<std::string> applied;  // PostgreSQL: the files that were run, in order
};

/// Brings a directory to this version's format, or a database to this version's schema (made where there is
/// none; it needs a role that may). Several at once are fine. `newer_format` where a newer version wrote it.
[[nodiscard]] Result<MigrateReport> migrate(std::string_view url);

struct SealReport {
  std::uint64_t events = 0;  // that were numbered and chained now
  Seq seq;                   // of the last sealed event
  std::string head;          // the chain's hash there, in hex
};

/// Numbers and chains every event that was committed before the call. In the journal store there is never
/// any: it only says where the chain ends. `busy` where another session keeps the sealer's lock.
[[nodiscard]] Result<SealReport> seal(std::string_view url, const Progress& progress = {});

struct CopyReport {
  std::uint64_t before = 0;    // events that the target had
  std::uint64_t events = 0;    // that were copied now
  Seq seq;                     // of the last
  std::string head;            // the chain's hash there, in hex: the same in both
  std::uint64_t accounts = 0;  // whose balances were compared
};

/// Copies a whole ledger from one store to another, either way: events keep their numbers, times, bytes and
/// hashes. Ends where the source ended when it began (in PostgreSQL what is committed is sealed first), also
/// while the source is written. The target is new, or has a beginning of the source: then the copy goes on
/// there, after a crash too; anything else is `not_a_ledger`, and nothing was changed. At the end the
/// target's whole chain is read, and its balances are compared with what the source's events make. The target
/// must not be used before that. In PostgreSQL its role must own the schema.
[[nodiscard]] Result<CopyReport> copy(std::string_view from, std::string_view to,
                                      const Progress& progress = {});

}  // namespace holdfast
