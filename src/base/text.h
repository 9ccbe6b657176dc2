// Texts that others wrote, made fit for one line of a message.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

/// `text` in double quotes, at most 64 characters of it ("..." says that there was more). Quotes, backslashes
/// and every byte that is not printable ASCII are escaped (`\"`, `\\`, `\x0a`), so that the message stays one
/// line and valid UTF-8.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace holdfast
