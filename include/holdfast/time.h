// Points in time: microseconds since 1970-01-01T00:00:00Z, UTC, no leap seconds.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/result.h"

namespace holdfast {

struct Timestamp {
  std::int64_t micros = 0;

  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
};

/// RFC 3339 in UTC with microseconds: `2026-11-24T09:00:00.123456Z`.
[[nodiscard]] std::string to_rfc3339(Timestamp at);

/// Parses RFC 3339 in UTC (`Z` or `+00:00`), 0 to 6 decimals of a second, years 1970 to 9999.
/// Anything else is `invalid_command` with a message that says what is wrong.
[[nodiscard]] Result<Timestamp> parse_rfc3339(std::string_view text);

}  // namespace holdfast
