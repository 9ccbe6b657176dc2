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

}  // namespace holdfast::journal
