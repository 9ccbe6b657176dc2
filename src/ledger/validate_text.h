// Texts that callers give: what validate asks of them beside names and keys.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

/// Up to 255 bytes of UTF-8 without control characters.
[[nodiscard]] bool is_reason(std::string_view text);
/// For messages: in quotes, shortened, on one line whatever is in it.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace holdfast
