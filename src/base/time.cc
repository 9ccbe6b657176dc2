// RFC 3339 in UTC: the only text form of a point in time.
#include "holdfast/time.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "base/text.h"

namespace holdfast {
namespace {

std::unexpected<Error> bad_time(std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid_command,
              fmt::format("time {} {}: write it like 2026-11-24T09:00:00Z", in_quotes(text), why));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The `n` digits at `at`; none where one of them is something else.
std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t n) {
  unsigned value = 0;
  for (const char c : text.substr(at, n)) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

}  // namespace

std::string to_rfc3339(Timestamp at) {
  using namespace std::chrono;
  const sys_time<microseconds> point{microseconds{at.micros}};
  const auto day = floor<days>(point);
  const year_month_day date{day};
  const hh_mm_ss<microseconds> time{point - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  constexpr std::size_t kToSeconds = 19;  // 2026-11-24T09:00:00
  if (text.size() <= kToSeconds || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':') {
    return bad_time(text, "is not a date and a time in RFC 3339");
  }
  const auto y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const auto h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (!y || !mo || !d || !h || !mi || !s) return bad_time(text, "has something else where digits belong");

  auto rest = text.substr(kToSeconds);
  unsigned micros = 0;
  if (rest.front() == '.') {
    std::size_t n = 1;
    while (n < rest.size() && is_digit(rest[n])) ++n;
    const auto decimals = n - 1;
    if (decimals == 0) return bad_time(text, "has a point without decimals");
    if (decimals > 6) return bad_time(text, "has more than 6 decimals of a second");
    micros = *digits(rest, 1, decimals);
    for (auto i = decimals; i < 6; ++i) micros *= 10;
    rest.remove_prefix(n);
  }
  if (rest != "Z" && rest != "+00:00") return bad_time(text, "is not in UTC (end it with Z)");

  const year_month_day date{year(static_cast<int>(*y)), month(*mo), day(*d)};
  if (*y < 1970) return bad_time(text, "lies before 1970");
  if (!date.ok()) return bad_time(text, "names a day that no calendar has");
  if (*h > 23 || *mi > 59 || *s > 59)
    return bad_time(text, "names an hour, minute or second that no day has");
  const auto point = sys_days{date} + hours{*h} + minutes{*mi} + seconds{*s} + microseconds{micros};
  return Timestamp{point.time_since_epoch().count()};
}

}  // namespace holdfast
