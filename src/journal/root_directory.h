// The directory of the operating system that a ledger is in.
#pragma once

#include <filesystem>
#include <memory>

#include "base/file.h"
#include "journal/identity.h"

namespace holdfast::journal {

/// `not_a_ledger` where there is no such directory or it is something else. \param create  makes it, and its
/// parents, where it is not there
[[nodiscard]] Result<std::unique_ptr<Directory>> open_root_directory(const std::filesystem::path& path,
                                                                     bool create);

/// A ledger that is there, to be read.
struct FoundLedger {
  std::unique_ptr<Directory> root;
  Identity identity;
  LedgerDirectories directories;
};
/// The errors of `open_root_directory`, `read_identity` and `open_directories`.
[[nodiscard]] Result<FoundLedger> find_ledger(const std::filesystem::path& path);

}  // namespace holdfast::journal
