#include "http/retry_after.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

namespace holdfast::http {

namespace {

constexpr std::chrono::seconds kLongest = std::chrono::hours(24 * 365);

std::optional<std::int64_t> seconds_of_date(const std::string& text) {
  // The form of today, and two that RFC 9110 has recipients read still.
  for (const char* const form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* const end = ::strptime(text.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return ::timegm(&parts);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::seconds> wait_asked(std::string_view field, Timestamp now) {
  if (field.empty()) return std::nullopt;
  if (std::ranges::all_of(field, [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto [end, problem] = std::from_chars(field.data(), field.data() + field.size(), seconds);
    if (problem == std::errc::result_out_of_range) return kLongest;
    return std::min(std::chrono::seconds(seconds), kLongest);
  }
  const auto date = seconds_of_date(std::string(field));
  if (!date) return std::nullopt;
  const auto until = std::chrono::seconds(*date - now.micros / 1'000'000);
  return std::clamp(until, std::chrono::seconds(0), kLongest);
}

}  // namespace holdfast::http
