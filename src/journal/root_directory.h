// The directory of the operating system that a ledger is in.
#pragma once

#include <filesystem>
#include <memory>

#include "base/file.h"

namespace holdfast::journal {

/// `not_a_ledger` where there is no such directory or it is something else. \param create  makes it, and its
/// parents, where it is not there
[[nodiscard]] Result<std::unique_ptr<Directory>> open_root_directory(const std::filesystem::path& path,
                                                                     bool create);

}  // namespace holdfast::journal
