#include "http/retry_after.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{1'790'000'000'900'000};  // Mon, 21 Sep 2026 14:13:20.9 GMT

TEST(RetryAfter, SecondsAndDates) {
  EXPECT_EQ(wait_asked("0", kNow), 0s);
  EXPECT_EQ(wait_asked("120", kNow), 120s);
  EXPECT_EQ(wait_asked("007", kNow), 7s);
  EXPECT_EQ(wait_asked("Mon, 21 Sep 2026 14:23:20 GMT", kNow), 600s);
  EXPECT_EQ(wait_asked("Monday, 21-Sep-26 14:23:20 GMT", kNow), 600s);
  EXPECT_EQ(wait_asked("Mon Sep 21 14:23:20 2026", kNow), 600s);
  EXPECT_EQ(wait_asked("Sun Nov  6 08:49:37 2094", kNow), 8760h) << "at most a year";
}

TEST(RetryAfter, ATimeThatHasComeAsksForNoWait) {
  EXPECT_EQ(wait_asked("Mon, 21 Sep 2026 14:13:20 GMT", kNow), 0s);
  EXPECT_EQ(wait_asked("Sun, 06 Nov 1994 08:49:37 GMT", kNow), 0s);
}

TEST(RetryAfter, ManySecondsAreAYear) {
  EXPECT_EQ(wait_asked("31536001", kNow), 8760h);
  EXPECT_EQ(wait_asked("9223372036854775807", kNow), 8760h);
  EXPECT_EQ(wait_asked("99999999999999999999999999", kNow), 8760h);
}

TEST(RetryAfter, WhatIsNeitherSaysNothing) {
  for (const auto* field :
       {"", "-5", "+5", "5.0", "5 ", "soon", "1e3", "Mon, 21 Sep 2026 14:23:20", "2026-09-21",
        "Mon, 21 Sep 2026 14:23:20 GMT and more", "Mon, 21 Sep 2026 25:00:00 GMT"}) {
    EXPECT_EQ(wait_asked(field, kNow), std::nullopt) << field;
  }
}

}  // namespace
}  // namespace holdfast::http
