// Small files that are read and written as a whole: settings, and how far something has come.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace holdfast {

/// All of the file's text; none where there is no such file.
[[nodiscard]] IoResult<std::optional<std::string>> read_small_file(Directory& directory,
                                                                   std::string_view name);

/// Makes the file's content `text`, durably when it returns: after a crash it is the old or the new one,
/// whole, and nobody but its owner may read it. Two at once on one name are the caller's matter to keep
/// apart.
[[nodiscard]] IoResult<void> replace_private_file(Directory& directory, std::string_view name,
                                                  std::string_view text);

}  // namespace holdfast
