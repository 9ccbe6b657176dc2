// Operations on ledgers' directories: verify, and copies made event by event (backup, restore). The public
// face is include/holdfast/maintenance.h.
#pragma once

#include <filesystem>
#include <functional>

#include "journal/log.h"

namespace holdfast::journal {

using ByteProgress = std::function<void(std::uint64_t done, std::uint64_t of)>;

[[nodiscard]] Result<LogVerification> verify_ledger(const std::filesystem::path& directory,
                                                    const ByteProgress& progress);

struct CopyOptions {
  Seq through;           // the last event to take; none: all that is durable
  bool salvage = false;  // a source that turns out corrupt is copied up to the last event that verifies
};

/// Copies the journal of `source` into a new ledger at `target`: the same events, the same chain, the same
/// identity. The target exists as a ledger only once all of it is durable.
[[nodiscard]] Result<LogVerification> copy_ledger(const std::filesystem::path& source,
                                                  const std::filesystem::path& target, CopyOptions options,
                                                  const ByteProgress& progress);

/// The format version that a directory had before it was brought to ours.
[[nodiscard]] Result<std::uint32_t> migrate_ledger(const std::filesystem::path& directory);

}  // namespace holdfast::journal
