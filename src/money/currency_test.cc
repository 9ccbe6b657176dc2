#include <gtest/gtest.h>

#include <string>

#include "holdfast/money.h"

namespace holdfast {
namespace {

TEST(Currency, HasTheDecimalsOfIso4217) {
  const struct {
    std::string_view code;
    int exponent;
  } cases[] = {
      {"AED", 2}, {"EUR", 2}, {"USD", 2}, {"GBP", 2}, {"CHF", 2}, {"HUF", 2}, {"MGA", 2},
      {"XCG", 2}, {"ZWG", 2}, {"JPY", 0}, {"KRW", 0}, {"ISK", 0}, {"CLP", 0}, {"UGX", 0},
      {"XOF", 0}, {"VND", 0}, {"BHD", 3}, {"KWD", 3}, {"TND", 3}, {"IQD", 3}, {"LYD", 3},
      {"JOD", 3}, {"OMR", 3}, {"CLF", 4}, {"UYW", 4},
  };
  for (const auto& c : cases) {
    const auto got = Currency::parse(c.code);
    ASSERT_TRUE(got) << c.code;
    EXPECT_EQ(got->code(), c.code);
    EXPECT_EQ(got->exponent(), c.exponent) << c.code;
    EXPECT_TRUE(static_cast<bool>(*got));
    EXPECT_EQ(Currency::from_index(got->index()), *got);
  }
}

TEST(Currency, EveryEntryIsFoundByItsCodeAndSortsByIt) {
  constexpr std::uint16_t kCurrencies = 166;
  for (std::uint16_t i = 1; i <= kCurrencies; ++i) {
    const auto currency = Currency::from_index(i);
    EXPECT_EQ(currency.code().size(), 3U);
    const auto parsed = Currency::parse(currency.code());
    ASSERT_TRUE(parsed) << currency.code();
    EXPECT_EQ(*parsed, currency);
    EXPECT_LT(Currency::from_index(static_cast<std::uint16_t>(i - 1)).code(), currency.code());
  }
  EXPECT_DEATH((void)Currency::from_index(kCurrencies + 1), "position in the table");
}

TEST(Currency, NoneIsNoCode) {
  EXPECT_FALSE(static_cast<bool>(Currency()));
  EXPECT_EQ(Currency().code(), "");
  EXPECT_EQ(Currency::from_index(0), Currency());
}

TEST(Currency, SaysWhichCodeItDoesNotKnow) {
  for (const std::string_view code : {"", "eur", "EURO", "EU", "XXX", "XAU", "ZZZ", "AAA", "EUR ", "EU\n"}) {
    const auto got = Currency::parse(code);
    ASSERT_FALSE(got) << code;
    EXPECT_EQ(got.error().code, ErrorCode::invalid_command);
  }
  EXPECT_EQ(Currency::parse("eur").error().message,
            R"(currency "eur" is not known: give an ISO 4217 code in capitals, like EUR)");
}

}  // namespace
}  // namespace holdfast
