// Numbers, times and names as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/money.h"
#include "holdfast/time.h"

namespace holdfast::text {

/// `4,210`
[[nodiscard]] std::string grouped(std::uint64_t number);
/// `1 escrow`, `2,500 escrows`
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view thing);
/// `2026-11-24 09:00:00 UTC`, to the second that has begun.
[[nodiscard]] std::string when(Timestamp at);
/// `1,234.50 EUR`
[[nodiscard]] std::string money(Amount amount, Currency currency);

/// Characters, not bytes, of a UTF-8 text: what it takes on a terminal, near enough for names.
[[nodiscard]] std::size_t characters(std::string_view text);
/// At most `width` characters: the middle gives way to an ellipsis, since names differ at both ends.
[[nodiscard]] std::string cut_middle(std::string_view text, std::size_t width);
/// Broken between words into lines of at most `width` characters; a word that is longer has a line alone.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);
/// `left` filled with spaces to `width` characters.
[[nodiscard]] std::string pad_right(std::string_view text, std::size_t width);
[[nodiscard]] std::string pad_left(std::string_view text, std::size_t width);

}  // namespace holdfast::text
