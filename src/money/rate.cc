// Rates as text, and the names of the roundings.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "holdfast/money.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kOne = 1'000'000'000;
constexpr std::size_t kPlaces = 9;

/// `whole` and `billionths` as the shortest decimal.
std::string shortest(std::uint32_t whole, std::uint32_t fraction, std::size_t places) {
  if (fraction == 0) return fmt::format("{}", whole);
  auto text = fmt::format("{}.{:0{}}", whole, fraction, places);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace

Result<Rate> Rate::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::invalid_command,
                fmt::format("rate {} {}: write a decimal from 0 to 1, like 0.05", in_quotes(text), why));
  };
  const bool digits_and_points =
      std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  if (text.empty() || !digits_and_points) return bad("is not a decimal");
  const auto point = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, point);
  const auto decimals = text.substr(std::min(point + 1, text.size()));
  if (decimals.find('.') != decimals.npos) return bad("has more than one point");
  if (whole.empty()) return bad("has no digit before the point");
  if (point < text.size() && decimals.empty()) return bad("has no digit after the point");
  if (decimals.size() > kPlaces) return bad("has more than 9 decimals");
  if (whole != "0" && whole != "1") return bad("is not from 0 to 1");

  std::uint32_t fraction = 0;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    fraction = fraction * 10 + (i < decimals.size() ? static_cast<std::uint32_t>(decimals[i] - '0') : 0);
  }
  if (whole == "1" && fraction != 0) return bad("is above 1");
  return from_billionths(whole == "1" ? kOne : fraction);
}

Rate Rate::from_billionths(std::uint32_t billionths) {
  HOLDFAST_ASSERT(billionths <= kOne, "a rate is at most 1");
  Rate rate;
  rate.billionths_ = billionths;
  return rate;
}

std::string Rate::to_text() const {
  return shortest(billionths_ / kOne, billionths_ % kOne, kPlaces);
}

std::string Rate::to_percent() const {
  constexpr std::uint32_t kPercent = kOne / 100;
  return shortest(billionths_ / kPercent, billionths_ % kPercent, kPlaces - 2) + " %";
}

std::string_view to_string(Rounding rounding) {
  switch (rounding) {
    case Rounding::half_up:
      return "half_up";
    case Rounding::half_even:
      return "half_even";
    case Rounding::down:
      return "down";
    case Rounding::up:
      return "up";
  }
  assertion_failed("switch", "a rounding is one of the enumerators", __FILE__, __LINE__);
}

std::optional<Rounding> parse_rounding(std::string_view text) {
  for (const auto rounding : {Rounding::half_up, Rounding::half_even, Rounding::down, Rounding::up}) {
    if (text == to_string(rounding)) return rounding;
  }
  return std::nullopt;
}

}  // namespace holdfast
