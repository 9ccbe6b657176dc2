// The rules of names, keys, references and reasons.
#include <algorithm>

#include "ledger/validate.h"
#include "ledger/validate_text.h"

namespace holdfast {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) ||
         std::string_view("._:-/@").find(c) != std::string_view::npos;
}

// One code point from the front of `text`, its length in bytes; 0 where the bytes are not UTF-8 (overlong
// forms, surrogates and numbers above U+10FFFF are not).
std::size_t code_point(std::string_view text, char32_t& out) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return out = first, 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || length > text.size()) return 0;
  char32_t value = first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  const char32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
  return out = value, length;
}

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, is_name_character);
}

bool is_reference(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_key(std::string_view text) {
  return is_reference(text) && !std::ranges::all_of(text, is_digit);
}

bool is_reason(std::string_view text) {
  if (text.size() > 255) return false;
  while (!text.empty()) {
    char32_t c = 0;
    const auto length = code_point(text, c);
    if (length == 0 || c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace holdfast
