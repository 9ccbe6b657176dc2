#include <gtest/gtest.h>

#include "holdfast/money.h"
#include "tests/support/property.h"

namespace holdfast {
namespace {

using testing::holds;

TEST(Rate, ReadsDecimalsFromZeroToOne) {
  const struct {
    std::string_view text;
    std::uint32_t billionths;
    std::string_view shortest, percent;
  } cases[] = {
      {"0.05", 50'000'000, "0.05", "5 %"},
      {"0.050000000", 50'000'000, "0.05", "5 %"},
      {"0.029", 29'000'000, "0.029", "2.9 %"},
      {"0", 0, "0", "0 %"},
      {"0.0", 0, "0", "0 %"},
      {"1", 1'000'000'000, "1", "100 %"},
      {"1.000000000", 1'000'000'000, "1", "100 %"},
      {"0.999999999", 999'999'999, "0.999999999", "99.9999999 %"},
      {"0.000000001", 1, "0.000000001", "0.0000001 %"},
      {"0.1", 100'000'000, "0.1", "10 %"},
      {"0.125", 125'000'000, "0.125", "12.5 %"},
  };
  for (const auto& c : cases) {
    const auto got = Rate::parse(c.text);
    ASSERT_TRUE(got) << c.text << ": " << got.error().message;
    EXPECT_EQ(got->billionths(), c.billionths) << c.text;
    EXPECT_EQ(got->to_text(), c.shortest);
    EXPECT_EQ(got->to_percent(), c.percent);
  }
}

TEST(Rate, SaysWhatIsWrong) {
  const struct {
    std::string_view text, why;
  } cases[] = {
      {"", "is not a decimal"},
      {"5%", "is not a decimal"},
      {"NaN", "is not a decimal"},
      {"5e-2", "is not a decimal"},
      {"-0.05", "is not a decimal"},
      {"+0.05", "is not a decimal"},
      {"0,05", "is not a decimal"},
      {" 0.05", "is not a decimal"},
      {"0.0.5", "has more than one point"},
      {"0..5", "has more than one point"},
      {".05", "has no digit before the point"},
      {".", "has no digit before the point"},
      {"0.", "has no digit after the point"},
      {"0.0000000001", "has more than 9 decimals"},
      {"5", "is not from 0 to 1"},
      {"00.5", "is not from 0 to 1"},
      {"01", "is not from 0 to 1"},
      {"1.000000001", "is above 1"},
  };
  for (const auto& c : cases) {
    const auto got = Rate::parse(c.text);
    ASSERT_FALSE(got) << c.text;
    EXPECT_EQ(got.error().code, ErrorCode::invalid_command);
    EXPECT_EQ(got.error().message, "rate \"" + std::string(c.text) + "\" " + std::string(c.why) +
                                       ": write a decimal from 0 to 1, like 0.05");
  }
}

TEST(RateDeathTest, IsAtMostOne) {
  EXPECT_DEATH((void)Rate::from_billionths(1'000'000'001), "a rate is at most 1");
}

TEST(RateProperty, TextReadsBackAsTheSameRate) {
  EXPECT_TRUE(holds([] {
    const auto rate = Rate::from_billionths(*rc::gen::inRange<std::uint32_t>(0, 1'000'000'001));
    RC_ASSERT(*Rate::parse(rate.to_text()) == rate);
  }));
}

TEST(Rounding, NamesReadBack) {
  const struct {
    Rounding rounding;
    std::string_view name;
  } cases[] = {
      {Rounding::half_up, "half_up"},
      {Rounding::half_even, "half_even"},
      {Rounding::down, "down"},
      {Rounding::up, "up"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(to_string(c.rounding), c.name);
    EXPECT_EQ(parse_rounding(c.name), c.rounding);
  }
  for (const std::string_view text : {"", "HALF_UP", "half_up ", "nearest"}) {
    EXPECT_EQ(parse_rounding(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace holdfast
