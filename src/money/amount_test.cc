// Amounts as text, both ways, with the messages that a person reads.
#include <gtest/gtest.h>

#include "holdfast/money.h"
#include "tests/support/property.h"

namespace holdfast {
namespace {

using testing::holds;

Currency currency(std::string_view code) {
  return *Currency::parse(code);
}

TEST(ParseAmount, TakesDigitsAndTheCurrencysDecimals) {
  const struct {
    std::string_view text, currency;
    std::int64_t minor;
  } cases[] = {
      {"12.50", "EUR", 1'250},
      {"12.5", "EUR", 1'250},
      {"12", "EUR", 1'200},
      {"0.01", "EUR", 1},
      {"007.10", "EUR", 710},
      {"1234", "JPY", 1'234},
      {"1.234", "BHD", 1'234},
      {"0.001", "BHD", 1},
      {"1.2345", "CLF", 12'345},
      {"90071992547409.91", "EUR", kMaxAmount.minor()},
      {"9007199254740991", "JPY", kMaxAmount.minor()},
      {"9007199254740.991", "KWD", kMaxAmount.minor()},
      {"00000000000000000000000000000000000000001", "JPY", 1},
  };
  for (const auto& c : cases) {
    const auto got = parse_amount(c.text, currency(c.currency));
    ASSERT_TRUE(got) << c.text << ": " << got.error().message;
    EXPECT_EQ(got->minor(), c.minor) << c.text;
  }
}

TEST(ParseAmount, SaysWhatIsWrong) {
  const struct {
    std::string_view text, currency;
    ErrorCode code;
    std::string_view message;
  } cases[] = {
      {"12.505", "EUR", ErrorCode::invalid_command,
       R"(amount "12.505" has more decimals than EUR allows (2))"},
      {"1.005", "EUR", ErrorCode::invalid_command, R"(amount "1.005" has more decimals than EUR allows (2))"},
      {"1.00", "JPY", ErrorCode::invalid_command, R"(amount "1.00" has more decimals than JPY allows (0))"},
      {"1.0000", "BHD", ErrorCode::invalid_command,
       R"(amount "1.0000" has more decimals than BHD allows (3))"},
      {"1e3", "EUR", ErrorCode::invalid_command,
       R"(amount "1e3" is not a number: write digits and at most one point, like 12.50)"},
      {"10,00", "EUR", ErrorCode::invalid_command,
       R"(amount "10,00" has a comma: use a point for decimals, and nothing between thousands)"},
      {"NaN", "EUR", ErrorCode::invalid_command,
       R"(amount "NaN" is not a number: write digits and at most one point, like 12.50)"},
      {"Infinity", "EUR", ErrorCode::invalid_command,
       R"(amount "Infinity" is not a number: write digits and at most one point, like 12.50)"},
      {"True", "EUR", ErrorCode::invalid_command,
       R"(amount "True" is not a number: write digits and at most one point, like 12.50)"},
      {"+5", "EUR", ErrorCode::invalid_command, R"(amount "+5" has a sign: write it without one)"},
      {"-5", "EUR", ErrorCode::invalid_command, R"(amount "-5" has a sign: write it without one)"},
      {"", "EUR", ErrorCode::invalid_command, R"(amount "" is empty: write digits, like 12.50)"},
      {".5", "EUR", ErrorCode::invalid_command,
       R"(amount ".5" has no digit before the point: write 0 there)"},
      {".", "EUR", ErrorCode::invalid_command, R"(amount "." has no digit before the point: write 0 there)"},
      {"5.", "EUR", ErrorCode::invalid_command, R"(amount "5." has no digit after the point)"},
      {"5.", "JPY", ErrorCode::invalid_command, R"(amount "5." has no digit after the point)"},
      {"1.2.3", "EUR", ErrorCode::invalid_command, R"(amount "1.2.3" has more than one point)"},
      {" 5", "EUR", ErrorCode::invalid_command,
       R"(amount " 5" is not a number: write digits and at most one point, like 12.50)"},
      {"5\n", "EUR", ErrorCode::invalid_command,
       R"(amount "5\x0a" is not a number: write digits and at most one point, like 12.50)"},
      {"\xd9\xa3", "EUR", ErrorCode::invalid_command,  // an Arabic digit three
       R"(amount "\xd9\xa3" is not a number: write digits and at most one point, like 12.50)"},
      {"0", "EUR", ErrorCode::amount_out_of_range, R"(amount "0" is zero: the smallest in EUR is 0.01)"},
      {"0.00", "EUR", ErrorCode::amount_out_of_range,
       R"(amount "0.00" is zero: the smallest in EUR is 0.01)"},
      {"0", "JPY", ErrorCode::amount_out_of_range, R"(amount "0" is zero: the smallest in JPY is 1)"},
      {"90071992547409.92", "EUR", ErrorCode::amount_out_of_range,
       R"(amount "90071992547409.92" is too large: the largest in EUR is 90071992547409.91)"},
      {"9007199254740991", "EUR", ErrorCode::amount_out_of_range,
       R"(amount "9007199254740991" is too large: the largest in EUR is 90071992547409.91)"},
      {"18446744073709551617", "JPY", ErrorCode::amount_out_of_range,  // 2^64 + 1
       R"(amount "18446744073709551617" is too large: the largest in JPY is 9007199254740991)"},
  };
  for (const auto& c : cases) {
    const auto got = parse_amount(c.text, currency(c.currency));
    ASSERT_FALSE(got) << c.text;
    EXPECT_EQ(got.error().code, c.code) << c.text;
    EXPECT_EQ(got.error().message, c.message);
  }
}

TEST(ToDecimal, GivesTheCurrencysDecimals) {
  const struct {
    std::int64_t minor;
    std::string_view currency, decimal, grouped;
  } cases[] = {
      {0, "EUR", "0.00", "0.00"},
      {5, "EUR", "0.05", "0.05"},
      {-5, "EUR", "-0.05", "-0.05"},
      {123'450, "EUR", "1234.50", "1,234.50"},
      {-123'450, "EUR", "-1234.50", "-1,234.50"},
      {99'999, "EUR", "999.99", "999.99"},
      {-99'999, "EUR", "-999.99", "-999.99"},
      {100'000'000, "EUR", "1000000.00", "1,000,000.00"},
      {1'234'567, "JPY", "1234567", "1,234,567"},
      {-123, "JPY", "-123", "-123"},
      {1, "BHD", "0.001", "0.001"},
      {12'345, "CLF", "1.2345", "1.2345"},
      {INT64_MIN, "EUR", "-92233720368547758.08", "-92,233,720,368,547,758.08"},
      {INT64_MAX, "JPY", "9223372036854775807", "9,223,372,036,854,775,807"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(to_decimal(Amount(c.minor), currency(c.currency)), c.decimal);
    EXPECT_EQ(to_grouped(Amount(c.minor), currency(c.currency)), c.grouped);
  }
}

TEST(AmountProperty, TextReadsBackAsTheSameAmount) {
  EXPECT_TRUE(holds([] {
    const auto code = *rc::gen::element<std::string>("EUR", "JPY", "BHD", "CLF");
    const Amount amount(*rc::gen::oneOf(rc::gen::inRange<std::int64_t>(1, 100'000),
                                        rc::gen::inRange<std::int64_t>(1, kMaxAmount.minor() + 1)));
    RC_ASSERT(*parse_amount(to_decimal(amount, currency(code)), currency(code)) == amount);
    auto grouped = to_grouped(amount, currency(code));
    std::erase(grouped, ',');
    RC_ASSERT(grouped == to_decimal(amount, currency(code)));
  }));
}

TEST(AmountProperty, AnyTextIsAnAmountOrAnErrorOfOneLine) {
  EXPECT_TRUE(holds([](const std::string& text) {
    const auto got = parse_amount(text, currency("EUR"));
    if (got) {
      RC_ASSERT(*got >= Amount(1) && *got <= kMaxAmount);
    } else {
      for (const char c : got.error().message) RC_ASSERT(c >= 0x20 && c <= 0x7e);
    }
  }));
}

TEST(AmountDeathTest, OverflowStopsTheProgram) {
  EXPECT_DEATH((void)(Amount(INT64_MAX) + Amount(1)), "");
  EXPECT_DEATH((void)(Amount(INT64_MIN) - Amount(1)), "");
  EXPECT_DEATH((void)-Amount(INT64_MIN), "");
}

}  // namespace
}  // namespace holdfast
