// Files and directories of the operating system.
#pragma once

#include <filesystem>
#include <memory>

#include "base/file.h"

namespace holdfast {

/// Opens a directory; `create` makes it, and its parents, where they are not there.
[[nodiscard]] IoResult<std::unique_ptr<Directory>> open_posix_directory(const std::filesystem::path& path,
                                                                        bool create);

}  // namespace holdfast
