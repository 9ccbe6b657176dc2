// What validate asks of texts beside names, keys and references.
#pragma once

#include <string_view>

namespace holdfast {

/// Up to 255 bytes of UTF-8 without control characters.
[[nodiscard]] bool is_reason(std::string_view text);

}  // namespace holdfast
