#include "text/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::text {

namespace {

bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

/// Bytes of the first `count` characters.
std::size_t bytes_of(std::string_view text, std::size_t count) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (starts_character(text[i]) && count-- == 0) break;
    ++i;
  }
  return i;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto i = static_cast<std::ptrdiff_t>(text.size()) - 3; i > 0; i -= 3) {
    text.insert(static_cast<std::size_t>(i), 1, ',');
  }
  return text;
}

std::string counted(std::uint64_t number, std::string_view thing) {
  return fmt::format("{} {}{}", grouped(number), thing, number == 1 ? "" : "s");
}

std::string when(Timestamp at) {
  const auto text = to_rfc3339(at);
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, 8));
}

std::string money(Amount amount, Currency currency) {
  return fmt::format("{} {}", to_grouped(amount, currency), currency.code());
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_character));
}

std::string cut_middle(std::string_view text, std::size_t width) {
  const auto length = characters(text);
  if (length <= width) return std::string(text);
  if (width == 0) return "";
  const auto tail = (width - 1) / 2;
  const auto head = width - 1 - tail;
  return fmt::format("{}…{}", text.substr(0, bytes_of(text, head)),
                     text.substr(bytes_of(text, length - tail)));
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto& line = lines.back();
    if (line.empty()) {
      line = word;
    } else if (characters(line) + 1 + characters(word) <= width) {
      line += fmt::format(" {}", word);
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

std::string pad_right(std::string_view text, std::size_t width) {
  const auto length = characters(text);
  return std::string(text) + std::string(width > length ? width - length : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const auto length = characters(text);
  return std::string(width > length ? width - length : 0, ' ') + std::string(text);
}

}  // namespace holdfast::text
