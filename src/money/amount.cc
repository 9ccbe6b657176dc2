// The text forms of amounts, both ways. Strict where money enters; law 8.
#include <fmt/format.h>

#include "base/assert.h"
#include "base/text.h"
#include "holdfast/money.h"

namespace holdfast {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid_command, fmt::format("amount {} {}", in_quotes(text), why));
}

/// Digits with at most one point inside; says what else there is, since people paste amounts.
Result<void> check_form(std::string_view text) {
  if (text.empty()) return bad(text, "is empty: write digits, like 12.50");
  std::size_t points = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) continue;
    if (c == '.') {
      ++points;
      continue;
    }
    if (i == 0 && (c == '-' || c == '+')) return bad(text, "has a sign: write it without one");
    if (c == ',') return bad(text, "has a comma: use a point for decimals, and nothing between thousands");
    return bad(text, "is not a number: write digits and at most one point, like 12.50");
  }
  if (points > 1) return bad(text, "has more than one point");
  if (text.front() == '.') return bad(text, "has no digit before the point: write 0 there");
  if (text.back() == '.') return bad(text, "has no digit after the point");
  return {};
}

/// Absolute value; the smallest integer has none in its own type.
std::uint64_t magnitude(Amount amount) {
  const auto raw = static_cast<std::uint64_t>(amount.minor());
  return amount.minor() < 0 ? 0 - raw : raw;
}

std::uint64_t power_of_ten(int exponent) {
  std::uint64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

}  // namespace

Result<Amount> parse_amount(std::string_view text, Currency currency) {
  HOLDFAST_ASSERT(static_cast<bool>(currency), "an amount's text is read in a currency");
  if (auto form = check_form(text); !form) return std::unexpected(form.error());

  const auto point = text.find('.');
  const auto decimals = point == text.npos ? 0 : text.size() - point - 1;
  const auto exponent = static_cast<std::size_t>(currency.exponent());
  if (decimals > exponent) {
    return bad(text, fmt::format("has more decimals than {} allows ({})", currency.code(), exponent));
  }
  constexpr auto kMax = static_cast<std::uint64_t>(kMaxAmount.minor());
  std::uint64_t minor = 0;
  bool too_large = false;
  const auto take = [&](unsigned digit) {
    minor = minor * 10 + digit;
    if (minor > kMax) too_large = true, minor = 0;
  };
  for (const char c : text) {
    if (c != '.') take(static_cast<unsigned>(c - '0'));
  }
  for (auto i = decimals; i < exponent; ++i) take(0);

  if (too_large || minor == 0) {
    const auto limit = to_decimal(too_large ? kMaxAmount : Amount(1), currency);
    return fail(
        ErrorCode::amount_out_of_range,
        fmt::format("amount {} is {}: the {} in {} is {}", in_quotes(text), too_large ? "too large" : "zero",
                    too_large ? "largest" : "smallest", currency.code(), limit));
  }
  return Amount(static_cast<std::int64_t>(minor));
}

std::string to_decimal(Amount amount, Currency currency) {
  const auto unit = power_of_ten(currency.exponent());
  const auto value = magnitude(amount);
  const auto* const sign = amount.minor() < 0 ? "-" : "";
  if (unit == 1) return fmt::format("{}{}", sign, value);
  return fmt::format("{}{}.{:0{}}", sign, value / unit, value % unit, currency.exponent());
}

std::string to_grouped(Amount amount, Currency currency) {
  auto text = to_decimal(amount, currency);
  const std::size_t first = amount.minor() < 0 ? 1 : 0;
  auto end = text.find('.');
  if (end == text.npos) end = text.size();
  while (end - first > 3) {
    end -= 3;
    text.insert(end, 1, ',');
  }
  return text;
}

}  // namespace holdfast
