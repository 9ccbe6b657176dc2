// The target of a request: a path and a query, percent-encoded (RFC 3986).
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::server {

/// None where a `%` is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

struct Target {
  std::vector<std::string_view> segments;  // of the path, still encoded: a name may hold %2F
  std::string_view query;                  // after the `?`
};

/// `/v1/accounts` has two segments, `/` has one that is empty. None where it does not begin with `/`.
[[nodiscard]] std::optional<Target> split_target(std::string_view target);

/// The query's names and values, decoded; `+` is a space, as forms write it. An error says what is wrong.
/// \param known  the names that are allowed
[[nodiscard]] std::expected<std::map<std::string, std::string>, std::string> parse_query(
    std::string_view query, const std::vector<std::string>& known);

}  // namespace holdfast::server
