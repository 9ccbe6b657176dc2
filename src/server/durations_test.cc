#include "server/durations.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

TEST(Durations, EachStepBeginsWhereTheOneBeforeEnds) {
  std::uint64_t lower = 0;
  for (std::size_t step = 0; step < DurationCounts::kSteps; ++step) {
    const auto upper = DurationCounts::upper_micros(step);
    ASSERT_LT(lower, upper);
    EXPECT_EQ(DurationCounts::step(lower), step);
    EXPECT_EQ(DurationCounts::step(upper - 1), step);
    EXPECT_LE(upper - lower, std::max<std::uint64_t>(1, lower / 4)) << "a quarter of an octave";
    lower = upper;
  }
  EXPECT_EQ(DurationCounts::step(UINT64_MAX), DurationCounts::kSteps - 1);
}

TEST(Durations, PercentilesAndWhatCameSince) {
  Durations durations;
  EXPECT_EQ(durations.read().percentile(990), 0U);
  for (int i = 0; i < 98; ++i) durations.add(std::chrono::microseconds(100));
  const auto before = durations.read();
  for (int i = 0; i < 2; ++i) durations.add(std::chrono::milliseconds(10));
  const auto now = durations.read();
  EXPECT_EQ(now.count(), 100U);
  EXPECT_EQ(now.percentile(500), 112U);
  EXPECT_EQ(now.percentile(980), 112U);
  EXPECT_EQ(now.percentile(990), 10'240U);
  const auto between = now.since(before);
  EXPECT_EQ(between.count(), 2U);
  EXPECT_EQ(between.total_micros, 20'000U);
  EXPECT_EQ(between.percentile(10), 10'240U);
}

TEST(Durations, OctavesForBuckets) {
  Durations durations;
  durations.add(std::chrono::microseconds(127));
  durations.add(std::chrono::microseconds(128));
  durations.add(std::chrono::microseconds(255));
  const auto counts = durations.read();
  EXPECT_EQ(counts.up_to(6), 0U);
  EXPECT_EQ(counts.up_to(7), 1U);
  EXPECT_EQ(counts.up_to(8), 3U);
}

}  // namespace
}  // namespace holdfast::server
