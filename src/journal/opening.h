// Opening a ledger's directory: identity, newest good snapshot, the journal's tail.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "journal/identity.h"
#include "journal/log.h"
#include "journal/state.h"

namespace holdfast::journal {

/// A ledger in memory, as of the last durable event.
struct OpenedLedger {
  Identity identity;
  LedgerDirectories directories;
  std::unique_ptr<State> state;
  std::unique_ptr<Log> log;
  std::vector<std::string> notes;    // what was found and done, for people
  std::uint64_t replayed_bytes = 0;  // of events since the snapshot
};

/// Reads everything in; with `write` the journal is recovered (a torn tail cut off) and can be appended to.
[[nodiscard]] Result<OpenedLedger> open_ledger(Directory& root, bool write, LogOptions options);

}  // namespace holdfast::journal
