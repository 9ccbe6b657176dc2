// The split of a release, as tables: the numbers of the domain first, then the edges.
#include "money/fees.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/property.h"

namespace holdfast {
namespace {

using testing::holds;

constexpr std::uint32_t kBillion = 1'000'000'000;

FeeRule percent(std::uint32_t hundredths) {
  FeeRule rule;
  rule.rate = Rate::from_billionths(hundredths * (kBillion / 100));
  return rule;
}

const FeeRule kCommission = percent(5);
const FeeRule kProcessor = percent(3);

/// Releases `parts` of one escrow one after another.
std::vector<Fees> in_parts(const std::vector<std::int64_t>& parts, const FeeRule& commission,
                           const FeeRule& processor, Rounding rounding = Rounding::half_up) {
  std::vector<Fees> all;
  Amount released;
  Fees recorded;
  for (const auto part : parts) {
    const auto fees = part_fees(Amount(part), released, recorded, commission, processor, rounding);
    released += Amount(part);
    recorded.commission += fees.commission;
    recorded.processor_fee += fees.processor_fee;
    all.push_back(fees);
  }
  return all;
}

Fees fees(std::int64_t commission, std::int64_t processor) {
  return {Amount(commission), Amount(processor)};
}

}  // namespace

void PrintTo(const Fees& fees, std::ostream* out) {
  *out << fees.commission.minor() << " / " << fees.processor_fee.minor();
}

namespace {

TEST(Fees, DomainNumbersOfWholeReleases) {
  const struct {
    std::int64_t amount, commission, processor, net;
  } cases[] = {
      {10'000, 500, 300, 9'200},
      {999, 50, 30, 919},
      {1'370, 69, 41, 1'260},  // 68.5 and 41.1
      {10, 1, 0, 9},           // 0.5 and 0.3
      {9, 0, 0, 9},            // 0.45 and 0.27
      {7'500, 375, 225, 6'900},
      {3'000, 150, 90, 2'760},
      {1'000, 50, 30, 920},
  };
  for (const auto& c : cases) {
    const auto got = whole_fees(Amount(c.amount), kCommission, kProcessor, Rounding::half_up);
    EXPECT_EQ(got, fees(c.commission, c.processor)) << c.amount;
    EXPECT_EQ(Amount(c.amount) - got.commission - got.processor_fee, Amount(c.net)) << c.amount;
    EXPECT_EQ(part_fees(Amount(c.amount), Amount(), {}, kCommission, kProcessor, Rounding::half_up), got)
        << "a whole release is a part too: " << c.amount;
  }
}

TEST(Fees, Domain2500Times999InOneGroup) {
  Fees sum;
  Amount net;
  for (int i = 0; i < 2'500; ++i) {
    const auto one = whole_fees(Amount(999), kCommission, kProcessor, Rounding::half_up);
    sum.commission += one.commission;
    sum.processor_fee += one.processor_fee;
    net += Amount(999) - one.commission - one.processor_fee;
  }
  EXPECT_EQ(sum, fees(125'000, 75'000));
  EXPECT_EQ(net, Amount(2'297'500));
}

TEST(Fees, DomainPartsOf49Then1NeverHaveANegativeNet) {
  // 50 owes 2.5 -> 3 and 1.5 -> 2; 49 paid 2 and 1, so the last cent owes two: the processor's goes first.
  EXPECT_EQ(in_parts({49, 1}, kCommission, kProcessor), (std::vector{fees(2, 1), fees(0, 1)}));
}

TEST(Fees, WhatAPartIsShortFallsOnLaterParts) {
  EXPECT_EQ(in_parts({49, 1, 1}, kCommission, kProcessor), (std::vector{fees(2, 1), fees(0, 1), fees(1, 0)}));
  // A fixed fee that is larger than the first parts.
  FeeRule fixed;
  fixed.fixed = Amount(25);
  EXPECT_EQ(in_parts({10, 10, 10, 70}, kCommission, fixed),
            (std::vector{fees(0, 10), fees(0, 10), fees(2, 5), fees(3, 0)}));
}

TEST(Fees, OneCentPartsPayWhatOneReleasePays) {
  const auto all = in_parts(std::vector<std::int64_t>(1'000, 1), kCommission, kProcessor);
  Fees sum;
  for (const auto& part : all) sum.commission += part.commission, sum.processor_fee += part.processor_fee;
  EXPECT_EQ(sum, fees(50, 30));
}

TEST(Fees, APartOfNothingOwesNothingNew) {
  EXPECT_EQ(part_fees(Amount(), Amount(100), fees(5, 3), kCommission, kProcessor, Rounding::half_up), Fees());
  FeeRule minimum;
  minimum.min = Amount(30);
  EXPECT_EQ(part_fees(Amount(), Amount(), {}, minimum, minimum, Rounding::half_up), Fees());
}

TEST(Fees, MoreRecordedThanOwedIsNotPaidBack) {
  EXPECT_EQ(part_fees(Amount(100), Amount(100), fees(50, 60), kCommission, kProcessor, Rounding::half_up),
            Fees());
}

TEST(ApplyRate, AllRoundingsAtExactHalvesAndBesideThem) {
  const struct {
    std::int64_t amount;
    std::uint32_t billionths;
    std::int64_t half_up, half_even, down, up;
  } cases[] = {
      {10, 50'000'000, 1, 0, 0, 1},                        // 0.5
      {30, 50'000'000, 2, 2, 1, 2},                        // 1.5
      {50, 50'000'000, 3, 2, 2, 3},                        // 2.5
      {70, 50'000'000, 4, 4, 3, 4},                        // 3.5
      {1, 500'000'000, 1, 0, 0, 1},                        // 0.5
      {1, 499'999'999, 0, 0, 0, 1},                        // a hair below
      {1, 500'000'001, 1, 1, 0, 1},                        // a hair above
      {20, 50'000'000, 1, 1, 1, 1},                        // exact
      {1, 1, 0, 0, 0, 1},                                  // a billionth
      {500'000'000, 1, 1, 0, 0, 1},                        // 0.5 from the other side
      {1'500'000'000, 1, 2, 2, 1, 2},                      // 1.5
      {0, 999'999'999, 0, 0, 0, 0},                        // nothing
      {12'345, 0, 0, 0, 0, 0},                             // no rate
      {12'345, kBillion, 12'345, 12'345, 12'345, 12'345},  // all of it
  };
  for (const auto& c : cases) {
    const auto rate = Rate::from_billionths(c.billionths);
    const auto at = [&](Rounding rounding) { return apply_rate(Amount(c.amount), rate, rounding).minor(); };
    EXPECT_EQ(at(Rounding::half_up), c.half_up) << c.amount << " x " << c.billionths;
    EXPECT_EQ(at(Rounding::half_even), c.half_even) << c.amount << " x " << c.billionths;
    EXPECT_EQ(at(Rounding::down), c.down) << c.amount << " x " << c.billionths;
    EXPECT_EQ(at(Rounding::up), c.up) << c.amount << " x " << c.billionths;
  }
}

TEST(ApplyRate, IsExactAtTheLargestAmountAndRate) {
  // (2^53 - 1) x 0.999999999 = 9007199245733791.745259009, beyond what 64 bits or a double could hold.
  const auto rate = Rate::from_billionths(kBillion - 1);
  EXPECT_EQ(apply_rate(kMaxAmount, rate, Rounding::down).minor(), 9'007'199'245'733'791);
  EXPECT_EQ(apply_rate(kMaxAmount, rate, Rounding::up).minor(), 9'007'199'245'733'792);
  EXPECT_EQ(apply_rate(kMaxAmount, rate, Rounding::half_up).minor(), 9'007'199'245'733'792);
  EXPECT_EQ(apply_rate(kMaxAmount, rate, Rounding::half_even).minor(), 9'007'199'245'733'792);
  EXPECT_EQ(apply_rate(kMaxAmount, Rate::from_billionths(kBillion), Rounding::up), kMaxAmount);
  const Amount largest(INT64_MAX);
  EXPECT_EQ(apply_rate(largest, Rate::from_billionths(kBillion), Rounding::half_up), largest);
}

TEST(ApplyRateDeathTest, RefusesADebt) {
  EXPECT_DEATH((void)apply_rate(Amount(-1), Rate::from_billionths(1), Rounding::down), "not from a debt");
}

TEST(FeeOf, AddsTheFixedPartThenClamps) {
  FeeRule rule = percent(3);  // Kickstarter's payment fee: 3 % and 0.20
  rule.fixed = Amount(20);
  EXPECT_EQ(fee_of(Amount(2'500), rule, Rounding::half_up), Amount(95));
  EXPECT_EQ(fee_of(Amount(1), rule, Rounding::half_up), Amount(20));
  rule.min = Amount(50);
  EXPECT_EQ(fee_of(Amount(999), rule, Rounding::half_up), Amount(50));    // 30 + 20, at the minimum
  EXPECT_EQ(fee_of(Amount(1'017), rule, Rounding::half_up), Amount(51));  // 30.51 -> 31, above it
  EXPECT_EQ(fee_of(Amount(1), rule, Rounding::half_up), Amount(50));
  rule.max = Amount(60);
  EXPECT_EQ(fee_of(Amount(100'000), rule, Rounding::half_up), Amount(60));
  EXPECT_EQ(fee_of(Amount(), rule, Rounding::half_up), Amount()) << "nothing owes nothing, not the minimum";
  rule.max = Amount();
  rule.min = Amount();
  EXPECT_EQ(fee_of(Amount(100'000), rule, Rounding::half_up), Amount()) << "a maximum of 0 is one";
}

TEST(FeeOf, WholeFeesMayExceedTheAmountAndAreNotClipped) {
  FeeRule fixed;
  fixed.fixed = Amount(80);
  EXPECT_EQ(whole_fees(Amount(100), fixed, fixed, Rounding::half_up), fees(80, 80));
}

// Properties. Amounts lean to the small, where fees collide with parts, and reach the largest.

Amount any_amount() {
  return Amount(*rc::gen::weightedOneOf<std::int64_t>(
      {{4, rc::gen::inRange<std::int64_t>(1, 300)},
       {2, rc::gen::inRange<std::int64_t>(1, 10'000'000)},
       {1, rc::gen::inRange<std::int64_t>(kMaxAmount.minor() - 1'000, kMaxAmount.minor() + 1)}}));
}

FeeRule any_rule() {
  FeeRule rule;
  rule.rate = Rate::from_billionths(*rc::gen::weightedOneOf<std::uint32_t>(
      {{3, rc::gen::map(rc::gen::inRange<std::uint32_t>(0, 41), [](auto n) { return n * 5'000'000; })},
       {1, rc::gen::inRange<std::uint32_t>(0, kBillion + 1)}}));
  rule.fixed = Amount(*rc::gen::weightedOneOf<std::int64_t>(
      {{3, rc::gen::just<std::int64_t>(0)}, {1, rc::gen::inRange<std::int64_t>(0, 100)}}));
  rule.min = Amount(*rc::gen::weightedOneOf<std::int64_t>(
      {{3, rc::gen::just<std::int64_t>(0)}, {1, rc::gen::inRange<std::int64_t>(0, 50)}}));
  if (*rc::gen::inRange(0, 4) == 0) rule.max = rule.min + Amount(*rc::gen::inRange<std::int64_t>(0, 100));
  return rule;
}

Rounding any_rounding() {
  return *rc::gen::element(Rounding::half_up, Rounding::half_even, Rounding::down, Rounding::up);
}

TEST(FeesProperty, APartNeverPaysMoreThanItselfAndPartsPayTheWhole) {
  EXPECT_TRUE(holds([] {
    const auto commission = any_rule();
    const auto processor = any_rule();
    const auto rounding = any_rounding();
    Amount released;
    Fees recorded;
    const int parts = *rc::gen::inRange(1, 12);
    for (int i = 0; i < parts; ++i) {
      auto part = any_amount();
      if (released + part > kMaxAmount) part = Amount(1);
      if (released + part > kMaxAmount) break;
      const auto before = recorded;
      const auto paid = part_fees(part, released, recorded, commission, processor, rounding);
      released += part;
      recorded.commission += paid.commission;
      recorded.processor_fee += paid.processor_fee;
      const auto due = whole_fees(released, commission, processor, rounding);

      RC_ASSERT(paid.commission >= Amount());
      RC_ASSERT(paid.processor_fee >= Amount());
      RC_ASSERT(paid.commission + paid.processor_fee <= part);
      // Never ahead of one release of the same sum; behind only where the part is all fees.
      RC_ASSERT(recorded.commission <= due.commission);
      RC_ASSERT(recorded.processor_fee <= due.processor_fee);
      const bool covered = recorded == due;
      RC_ASSERT(covered || paid.commission + paid.processor_fee == part);
      // The commission gets nothing while the processor's fee is short.
      RC_ASSERT(recorded.processor_fee == due.processor_fee || recorded.commission == before.commission);
    }
  }));
}

TEST(FeesProperty, FeesGrowWithTheAmount) {
  EXPECT_TRUE(holds([] {
    const auto rule = any_rule();
    const auto rounding = any_rounding();
    const auto a = any_amount();
    const auto b = any_amount();
    RC_ASSERT(fee_of(std::min(a, b), rule, rounding) <= fee_of(std::max(a, b), rule, rounding));
  }));
}

TEST(FeesProperty, EachRoundingIsTheNearestItMayBe) {
  EXPECT_TRUE(holds([] {
    const auto amount = any_amount();
    const auto rate = any_rule().rate;
    __extension__ using Wide = __int128;
    const Wide exact = Wide{amount.minor()} * rate.billionths();  // in billionths of a minor unit
    const auto off = [&](Rounding rounding) {
      return Wide{apply_rate(amount, rate, rounding).minor()} * kBillion - exact;
    };
    RC_ASSERT(off(Rounding::down) <= 0 && off(Rounding::down) > -Wide{kBillion});
    RC_ASSERT(off(Rounding::up) >= 0 && off(Rounding::up) < Wide{kBillion});
    RC_ASSERT(off(Rounding::half_up) <= Wide{kBillion} / 2 && off(Rounding::half_up) > -Wide{kBillion} / 2);
    const auto even = off(Rounding::half_even);
    RC_ASSERT(even <= Wide{kBillion} / 2 && even >= -Wide{kBillion} / 2);
    if (even == Wide{kBillion} / 2 || even == -Wide{kBillion} / 2) {
      RC_ASSERT(apply_rate(amount, rate, Rounding::half_even).minor() % 2 == 0);
    }
  }));
}

}  // namespace
}  // namespace holdfast
