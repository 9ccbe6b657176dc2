#include "server/target.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::server {

namespace {

std::optional<int> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return std::nullopt;
}

/// The part up to `separator`, which is taken off `text` with it.
std::string_view take_part(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::optional<std::string> form_decoded(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decoded(spaced);
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

std::optional<Target> split_target(std::string_view target) {
  // What a proxy may send: the whole address. Whose it is was settled by connecting here.
  if (target.starts_with("http://") || target.starts_with("https://")) {
    target.remove_prefix(std::min(target.find('/', target.find("//") + 2), target.size()));
  }
  if (!target.starts_with('/')) return std::nullopt;
  Target split;
  const auto question = target.find('?');
  if (question != std::string_view::npos) split.query = target.substr(question + 1);
  auto path = target.substr(1, std::min(question, target.size()) - 1);
  for (bool more = true; more;) {
    more = path.find('/') != std::string_view::npos;
    split.segments.push_back(take_part(path, '/'));
  }
  return split;
}

std::expected<std::map<std::string, std::string>, std::string> parse_query(
    std::string_view query, const std::vector<std::string>& known) {
  std::map<std::string, std::string> values;
  while (!query.empty()) {
    auto pair = take_part(query, '&');
    if (pair.empty()) continue;
    const auto written = take_part(pair, '=');
    const auto name = form_decoded(written);
    const auto value = form_decoded(pair);
    if (!name || !value) {
      return std::unexpected(
          fmt::format("the query's \"{}\" has a % without two hexadecimal digits", written));
    }
    if (std::ranges::find(known, *name) == known.end()) {
      const auto list = fmt::format("{}", fmt::join(known, ", "));
      return std::unexpected(fmt::format("the query's \"{}\" is unknown here; known: {}", name->substr(0, 60),
                                         list.empty() ? "none" : list));
    }
    if (!values.emplace(*name, *value).second) {
      return std::unexpected(fmt::format("the query has \"{}\" twice", *name));
    }
  }
  return values;
}

}  // namespace holdfast::server
