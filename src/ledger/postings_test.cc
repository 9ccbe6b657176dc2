// The double entry: every event sums to zero per currency, and each line of the table is a number of the
// domain.
#include "ledger/postings.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "ledger/testing/arbitrary_event.h"
#include "ledger/testing/sample_events.h"
#include "tests/support/property.h"

namespace holdfast {
namespace {

using testing::holds;

Currency eur() {
  return *Currency::parse("EUR");
}

struct Line {
  std::uint32_t account;
  Bucket bucket;
  std::int64_t amount;
  std::uint32_t escrows;

  friend bool operator==(const Line&, const Line&) = default;
};
void PrintTo(const Line& line, std::ostream* out) {
  *out << line.account << ' ' << to_string(line.bucket) << ' ' << line.amount << " of " << line.escrows;
}

std::vector<Line> lines(Body body) {
  Entry entry;
  entry.body = std::move(body);
  std::vector<Posting> out(3);
  postings(entry, out);
  std::vector<Line> lines;
  for (const auto& posting : out) {
    lines.push_back({posting.account.value(), posting.bucket, posting.amount.minor(), posting.escrows});
  }
  return lines;
}

constexpr auto kAvailable = Bucket::available;
constexpr auto kHeld = Bucket::held;
using Lines = std::vector<Line>;

// Accounts: 1 payer, 2 beneficiary, 3 commission, 4 fees, 5 external.
PlanUse plan() {
  return {PlanId(1), eur(), AccountId(3), AccountId(4)};
}
ReleasedItem item(std::uint64_t escrow, std::int64_t amount, std::int64_t commission, std::int64_t fee) {
  return {EscrowId(escrow), AccountId(1), AccountId(2), 0, Amount(amount), Amount(commission), Amount(fee)};
}

TEST(Postings, OfAMove) {
  EXPECT_EQ(lines(Moved{Moved::Kind::deposit, AccountId(5), AccountId(1), eur(), Amount(7), {}}),
            (Lines{{1, kAvailable, 7, 0}, {5, kAvailable, -7, 0}}));
}

TEST(Postings, OfAHold) {
  EXPECT_EQ(
      lines(Held{EscrowId(9), AccountId(1), AccountId(2), {}, PlanId(1), eur(), Amount(10'000), {}, {}}),
      (Lines{{1, kAvailable, -10'000, 1}, {1, kHeld, 10'000, 1}}));
}

TEST(Postings, OfReleasesOf999And1370And10And9) {
  const Released released{
      {plan()}, {item(1, 999, 50, 30), item(2, 1'370, 69, 41), item(3, 10, 1, 0), item(4, 9, 0, 0)}, {}};
  EXPECT_EQ(lines(released), (Lines{{1, kHeld, -2'388, 4},
                                    {2, kAvailable, 919 + 1'260 + 9 + 9, 4},
                                    {3, kAvailable, 120, 3},
                                    {4, kAvailable, 71, 2}}));
}

TEST(Postings, AFeeOfZeroMakesNoPosting) {
  EXPECT_EQ(lines(Released{{plan()}, {item(4, 9, 0, 0)}, {}}),
            (Lines{{1, kHeld, -9, 1}, {2, kAvailable, 9, 1}}));
  EXPECT_EQ(lines(Released{{plan()}, {item(4, 9, 9, 0)}, {}}),
            (Lines{{1, kHeld, -9, 1}, {3, kAvailable, 9, 1}}))
      << "nor does a net of zero";
}

TEST(Postings, TheSameDestinationTwiceInASplitLosesNoFee) {
  const PlanUse both{PlanId(1), eur(), AccountId(3), AccountId(3)};
  EXPECT_EQ(lines(Released{{both}, {item(1, 10'000, 500, 300)}, {}}),
            (Lines{{1, kHeld, -10'000, 1}, {2, kAvailable, 9'200, 1}, {3, kAvailable, 800, 1}}));
  const PlanUse own{PlanId(1), eur(), AccountId(2), AccountId(2)};
  EXPECT_EQ(lines(Released{{own}, {item(1, 10'000, 500, 300)}, {}}),
            (Lines{{1, kHeld, -10'000, 1}, {2, kAvailable, 10'000, 1}}));
}

TEST(Postings, OfARefund) {
  const Refunded refunded{
      {eur()}, {{EscrowId(1), AccountId(1), 0, Amount(5)}, {EscrowId(2), AccountId(1), 0, Amount(6)}}, {}};
  EXPECT_EQ(lines(refunded), (Lines{{1, kAvailable, 11, 2}, {1, kHeld, -11, 2}}));
}

TEST(Postings, OfAResolvedDispute) {
  const Resolved resolved{EscrowId(1),   AccountId(1),  AccountId(2), plan(),
                          Amount(2'000), Amount(3'000), Amount(150),  Amount(90)};
  EXPECT_EQ(lines(resolved), (Lines{{1, kAvailable, 2'000, 1},
                                    {1, kHeld, -5'000, 1},
                                    {2, kAvailable, 2'760, 1},
                                    {3, kAvailable, 150, 1},
                                    {4, kAvailable, 90, 1}}));
  EXPECT_EQ(lines(Resolved{EscrowId(1), AccountId(1), AccountId(2), plan(), {}, {}, {}, {}}), Lines());
}

TEST(Postings, AnEscrowTouchedTwiceInAnAtomicCountsOnce) {
  AtomicDone atomic;
  for (int part = 0; part < 2; ++part) {
    Entry entry;
    entry.body = Released{{plan()}, {item(1, 100, 5, 3)}, {}};
    atomic.entries.emplace_back(std::move(entry));
  }
  atomic.entries.emplace_back(std::unexpected(Error()));
  EXPECT_EQ(
      lines(atomic),
      (Lines{{1, kHeld, -200, 1}, {2, kAvailable, 184, 1}, {3, kAvailable, 10, 1}, {4, kAvailable, 6, 1}}));
}

TEST(Postings, WhatCancelsOutIsDropped) {
  AtomicDone atomic;
  Entry hold;
  hold.body = Held{EscrowId(1), AccountId(1), AccountId(2), {}, PlanId(1), eur(), Amount(100), {}, {}};
  Entry release;
  release.body = Released{{plan()}, {item(1, 100, 0, 0)}, {}};
  atomic.entries.emplace_back(std::move(hold));
  atomic.entries.emplace_back(std::move(release));
  EXPECT_EQ(lines(atomic), (Lines{{1, kAvailable, -100, 1}, {2, kAvailable, 100, 1}}));
}

TEST(Postings, OfEveryEventSumToZeroInOrderWithoutZeros) {
  EXPECT_TRUE(holds([] {
    Entry entry = testing::AnyEvent().entry(*rc::gen::inRange(0, 3));
    std::vector<Posting> out;
    postings(entry, out);
    std::map<Currency, std::int64_t> sums;
    for (std::size_t i = 0; i < out.size(); ++i) {
      sums[out[i].currency] += out[i].amount.minor();
      RC_ASSERT(out[i].amount != Amount());
      if (i > 0) {
        const auto place = [](const Posting& p) { return std::tuple(p.account, p.bucket, p.currency); };
        RC_ASSERT(place(out[i - 1]) < place(out[i]));
      }
    }
    for (const auto& [currency, sum] : sums) RC_ASSERT(sum == 0);
  }));
}

TEST(Postings, OfABatchAreThoseOfItsItemsOneByOne) {
  std::mt19937_64 random(11);
  const auto account = [&] { return AccountId(static_cast<std::uint32_t>(random() % 6 + 1)); };
  for (int round = 0; round < 200; ++round) {
    Released batch;
    for (std::uint32_t i = 0; i < 3; ++i) batch.plans.push_back({PlanId(i + 1), eur(), account(), account()});
    AtomicDone one_by_one;
    for (std::uint64_t escrow = 1; escrow <= 20; ++escrow) {
      const auto amount = static_cast<std::int64_t>(random() % 100 + 1);
      const auto commission = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(amount));
      const auto fee = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(amount - commission));
      batch.items.push_back({EscrowId(escrow), account(), account(), static_cast<std::uint32_t>(random() % 3),
                             Amount(amount), Amount(commission), Amount(fee)});
      Entry entry;
      entry.body = Released{batch.plans, {batch.items.back()}, {}};
      one_by_one.entries.emplace_back(std::move(entry));
    }
    ASSERT_EQ(lines(batch), lines(one_by_one)) << "round " << round;
  }
}

}  // namespace
}  // namespace holdfast
