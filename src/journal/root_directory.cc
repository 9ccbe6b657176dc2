#include "journal/root_directory.h"

#include <fmt/format.h>

#include <cerrno>

#include "base/posix_file.h"

namespace holdfast::journal {

Result<std::unique_ptr<Directory>> open_root_directory(const std::filesystem::path& path, bool create) {
  auto root = open_posix_directory(path, create);
  if (root) return std::move(*root);
  if (root.error().error_number == ENOENT) {
    return fail(ErrorCode::not_a_ledger,
                fmt::format("there is no directory {0}. Make a ledger with: holdfast --ledger {0} init",
                            path.string()));
  }
  if (root.error().error_number == ENOTDIR) {
    return fail(ErrorCode::not_a_ledger,
                fmt::format("{} is not a directory, and a ledger is one: give another path", path.string()));
  }
  return std::unexpected(to_error(root.error()));
}

Result<FoundLedger> find_ledger(const std::filesystem::path& path) {
  FoundLedger found;
  auto root = open_root_directory(path, false);
  if (!root) return std::unexpected(root.error());
  found.root = std::move(*root);
  const auto identity = read_identity(*found.root);
  if (!identity) return std::unexpected(identity.error());
  found.identity = *identity;
  auto directories = open_directories(*found.root);
  if (!directories) return std::unexpected(directories.error());
  found.directories = std::move(*directories);
  return found;
}

}  // namespace holdfast::journal
