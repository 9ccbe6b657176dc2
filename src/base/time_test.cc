#include "holdfast/time.h"

#include <gtest/gtest.h>

#include "tests/support/property.h"

namespace holdfast {
namespace {

using testing::holds;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kLast = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z

TEST(Rfc3339, ReadsAndWritesUtc) {
  const struct {
    std::string_view text;
    std::int64_t micros;
    std::string_view written;
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"},
      {"1970-01-01T00:00:00.000001Z", 1, "1970-01-01T00:00:00.000001Z"},
      {"2026-11-24T09:00:00.123456Z", 1'795'510'800'123'456, "2026-11-24T09:00:00.123456Z"},
      {"2026-11-24T09:00:00+00:00", 1'795'510'800 * kSecond, "2026-11-24T09:00:00.000000Z"},
      {"2026-11-24T09:00:00.5Z", 1'795'510'800 * kSecond + 500'000, "2026-11-24T09:00:00.500000Z"},
      {"2026-11-24T09:00:00.012+00:00", 1'795'510'800 * kSecond + 12'000, "2026-11-24T09:00:00.012000Z"},
      {"2000-02-29T23:59:59Z", 951'868'799 * kSecond, "2000-02-29T23:59:59.000000Z"},
      {"2038-01-19T03:14:08Z", 2'147'483'648 * kSecond, "2038-01-19T03:14:08.000000Z"},
      {"9999-12-31T23:59:59.999999Z", kLast, "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& c : cases) {
    const auto got = parse_rfc3339(c.text);
    ASSERT_TRUE(got) << c.text << ": " << got.error().message;
    EXPECT_EQ(got->micros, c.micros) << c.text;
    EXPECT_EQ(to_rfc3339(*got), c.written);
  }
}

TEST(Rfc3339, SaysWhatIsWrong) {
  const struct {
    std::string_view text, why;
  } cases[] = {
      {"", "is not a date and a time in RFC 3339"},
      {"2026-11-24", "is not a date and a time in RFC 3339"},
      {"2026-11-24T09:00Z", "is not a date and a time in RFC 3339"},
      {"2026-11-24 09:00:00Z", "is not a date and a time in RFC 3339"},
      {"2026-11-24t09:00:00z", "is not a date and a time in RFC 3339"},
      {"2026/11/24T09:00:00Z", "is not a date and a time in RFC 3339"},
      {"2026-11-24T09:00:00", "is not a date and a time in RFC 3339"},
      {"2O26-11-24T09:00:00Z", "has something else where digits belong"},
      {"2026-1 -24T09:00:00Z", "has something else where digits belong"},
      {"2026-11-24T+9:00:00Z", "has something else where digits belong"},
      {"2026-11-24T09:00:00z", "is not in UTC (end it with Z)"},
      {"2026-11-24T09:00:00ZZ", "is not in UTC (end it with Z)"},
      {"2026-11-24T09:00:00 Z", "is not in UTC (end it with Z)"},
      {"2026-11-24T09:00:00+01:00", "is not in UTC (end it with Z)"},
      {"2026-11-24T09:00:00-00:00", "is not in UTC (end it with Z)"},
      {"2026-11-24T09:00:00.5", "is not in UTC (end it with Z)"},
      {"2026-11-24T09:00:00,5Z", "is not in UTC (end it with Z)"},
      {"2026-11-24T09:00:00.Z", "has a point without decimals"},
      {"2026-11-24T09:00:00.1234567Z", "has more than 6 decimals of a second"},
      {"1969-12-31T23:59:59Z", "lies before 1970"},
      {"0000-01-01T00:00:00Z", "lies before 1970"},
      {"2026-02-29T00:00:00Z", "names a day that no calendar has"},
      {"2100-02-29T00:00:00Z", "names a day that no calendar has"},
      {"2026-04-31T00:00:00Z", "names a day that no calendar has"},
      {"2026-13-01T00:00:00Z", "names a day that no calendar has"},
      {"2026-00-01T00:00:00Z", "names a day that no calendar has"},
      {"2026-01-00T00:00:00Z", "names a day that no calendar has"},
      {"2026-11-24T24:00:00Z", "names an hour, minute or second that no day has"},
      {"2026-11-24T23:60:00Z", "names an hour, minute or second that no day has"},
      {"2016-12-31T23:59:60Z", "names an hour, minute or second that no day has"},  // a leap second
  };
  for (const auto& c : cases) {
    const auto got = parse_rfc3339(c.text);
    ASSERT_FALSE(got) << c.text;
    EXPECT_EQ(got.error().code, ErrorCode::invalid_command);
    EXPECT_EQ(got.error().message, "time \"" + std::string(c.text) + "\" " + std::string(c.why) +
                                       ": write it like 2026-11-24T09:00:00Z");
  }
}

TEST(Rfc3339Property, TextReadsBackAsTheSameTime) {
  EXPECT_TRUE(holds([] {
    const Timestamp at{*rc::gen::inRange<std::int64_t>(0, kLast + 1)};
    RC_ASSERT(*parse_rfc3339(to_rfc3339(at)) == at);
  }));
}

TEST(Rfc3339Property, TextsSortAsTheirTimes) {
  EXPECT_TRUE(holds([] {
    const Timestamp a{*rc::gen::inRange<std::int64_t>(0, kLast + 1)};
    const Timestamp b{*rc::gen::inRange<std::int64_t>(0, kLast + 1)};
    RC_ASSERT((to_rfc3339(a) < to_rfc3339(b)) == (a < b));
  }));
}

TEST(Rfc3339Property, AnyTextIsATimeOrAnError) {
  EXPECT_TRUE(holds([] {
    // Near misses: a good text with one character changed.
    std::string text = "2026-11-24T09:00:00.123456Z";
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
    const auto got = parse_rfc3339(text);
    RC_ASSERT(!got || to_rfc3339(*got) == text);
  }));
}

}  // namespace
}  // namespace holdfast
