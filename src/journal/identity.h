// What makes a directory a ledger: the file `ledger` with the format version, the ledger's uuid and the
// secret of its key index. docs/journal_format.md gives every byte. Written once, last of all when a ledger
// is made: with it the ledger exists.
#pragma once

#include <cstdint>
#include <functional>

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "journal/uuid.h"

namespace holdfast::journal {

struct Identity {
  std::uint32_t format_version = 0;
  LedgerUuid uuid{};
  HashSecret secret{};
};

/// The directories of a ledger.
struct LedgerDirectories {
  std::unique_ptr<Directory> journal;
  std::unique_ptr<Directory> snapshot;
  std::unique_ptr<Directory> index;
};

[[nodiscard]] Identity new_identity(Random& random);

/// `not_a_ledger` where the directory holds anything that a creation which was cut off would not have left;
/// changes nothing.
[[nodiscard]] Result<void> check_free(Directory& root);

/// Makes an empty ledger: `journal` with its first segment, `snapshot`, `index`, and at the end `ledger`.
/// Durable when it returns. What an earlier attempt left half-made is made anew; a directory that holds
/// anything else, a ledger too, is refused with `not_a_ledger` and left alone.
/// \param fill  writes events into the new journal before the ledger comes to exist (a copy of another one)
[[nodiscard]] Result<void> create_ledger(Directory& root, const Identity& identity,
                                         const std::function<Result<void>(Directory& journal)>& fill = {});

/// `not_a_ledger` where there is none, `newer_format` where a newer version wrote it, `corrupt` where it does
/// not verify.
[[nodiscard]] Result<Identity> read_identity(Directory& root);

[[nodiscard]] Result<LedgerDirectories> open_directories(Directory& root);

}  // namespace holdfast::journal
