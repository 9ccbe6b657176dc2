// Money: integer minor units, currencies, rates and the text forms of each. No floating point anywhere.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/result.h"

namespace holdfast {

/// Minor units (cents). Arithmetic is checked: an overflow is a bug and aborts, since every amount that
/// enters is at most 2^53 - 1 and a currency's money in a ledger at most 2^62 + 2^53.
class Amount {
 public:
  constexpr Amount() = default;
  constexpr explicit Amount(std::int64_t minor) : minor_(minor) {}

  [[nodiscard]] constexpr std::int64_t minor() const { return minor_; }

  friend constexpr auto operator<=>(Amount, Amount) = default;
  friend constexpr Amount operator+(Amount a, Amount b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a.minor_, b.minor_, &sum)) __builtin_trap();
    return Amount(sum);
  }
  friend constexpr Amount operator-(Amount a, Amount b) {
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(a.minor_, b.minor_, &difference)) __builtin_trap();
    return Amount(difference);
  }
  constexpr Amount operator-() const { return Amount() - *this; }
  constexpr Amount& operator+=(Amount other) { return *this = *this + other; }
  constexpr Amount& operator-=(Amount other) { return *this = *this - other; }

 private:
  std::int64_t minor_ = 0;
};

/// The largest amount a command may carry: 2^53 - 1, the largest integer that JSON readers agree on.
inline constexpr Amount kMaxAmount{(std::int64_t{1} << 53) - 1};
/// Deposits are refused once a currency's money in the ledger has passed this.
inline constexpr Amount kMaxCurrencyTotal{std::int64_t{1} << 62};

/// An ISO 4217 currency that is in the table of src/money/currency.cc. Default: none.
class Currency {
 public:
  constexpr Currency() = default;

  /// `EUR`; a code that is not in the table is `invalid_command`.
  [[nodiscard]] static Result<Currency> parse(std::string_view code);

  /// Three letters; the view lives as long as the program.
  [[nodiscard]] std::string_view code() const;
  /// Decimals: EUR 2, JPY 0, BHD 3.
  [[nodiscard]] int exponent() const;
  [[nodiscard]] constexpr explicit operator bool() const { return index_ != 0; }
  /// Position in the table of this build: for arrays in memory, never for bytes that are kept.
  [[nodiscard]] constexpr std::uint16_t index() const { return index_; }
  [[nodiscard]] static Currency from_index(std::uint16_t index);

  friend constexpr auto operator<=>(Currency, Currency) = default;

 private:
  constexpr explicit Currency(std::uint16_t index) : index_(index) {}
  std::uint16_t index_ = 0;
};

/// Strict: digits, at most one point, at most the currency's decimals, 1 minor unit to 2^53 - 1.
/// `1.005` EUR, `1e3`, `10,00`, `NaN`, `+5`, `-5`, `.5`, `5.`, an empty text are `invalid_command` or
/// `amount_out_of_range`.
[[nodiscard]] Result<Amount> parse_amount(std::string_view text, Currency currency);
/// `1234.50`: the currency's decimals, a leading minus where negative, no separators.
[[nodiscard]] std::string to_decimal(Amount amount, Currency currency);
/// `1,234.50`: for people.
[[nodiscard]] std::string to_grouped(Amount amount, Currency currency);

/// A decimal fraction from 0 to 1 with up to 9 places, kept as billionths.
class Rate {
 public:
  constexpr Rate() = default;
  /// `0.05`, `0`, `1`; anything else is `invalid_command`.
  [[nodiscard]] static Result<Rate> parse(std::string_view text);
  /// \pre billionths <= 1'000'000'000
  [[nodiscard]] static Rate from_billionths(std::uint32_t billionths);

  [[nodiscard]] constexpr std::uint32_t billionths() const { return billionths_; }
  /// The shortest text that parses to the same rate: `0.05`.
  [[nodiscard]] std::string to_text() const;
  /// For people: `5 %`, `2.9 %`.
  [[nodiscard]] std::string to_percent() const;

  friend constexpr auto operator<=>(Rate, Rate) = default;

 private:
  std::uint32_t billionths_ = 0;
};

enum class Rounding : std::uint8_t { half_up = 1, half_even = 2, down = 3, up = 4 };
[[nodiscard]] std::string_view to_string(Rounding rounding);
[[nodiscard]] std::optional<Rounding> parse_rounding(std::string_view text);

/// fee(x) = clamp(round(x * rate) + fixed, min, max), and fee(0) = 0.
struct FeeRule {
  Rate rate;
  Amount fixed;
  Amount min;
  std::optional<Amount> max;
  std::string to;  // the account that is paid; empty: `platform:commission` for the commission,
                   // `processor:fees` for the fee

  friend bool operator==(const FeeRule&, const FeeRule&) = default;
};

}  // namespace holdfast
