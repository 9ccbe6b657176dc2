// The post-mortem's race: the commission account was read into memory, added to and written back, so that
// batches in parallel lost each other's money. Here many threads, and sums exact to the cent.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <thread>

#include "tests/seed_tests/shop.h"

namespace holdfast {
namespace {

class SeedParallel : public ::testing::TestWithParam<testing::StoreKind> {};
INSTANTIATE_TEST_SUITE_P(Stores, SeedParallel, ::testing::ValuesIn(testing::kDirectStores),
                         testing::store_name);

TEST_P(SeedParallel, TenThreadsReleaseBatchesAndTheCommissionIsExact) {
  constexpr int kThreads = 10;
  constexpr int kBatches = 8;
  constexpr int kItems = 25;
  Shop shop(GetParam(), kThreads * kBatches * kItems * 1'000);
  auto& ledger = shop.ledger();
  for (int t = 0; t < kThreads; ++t) {
    ASSERT_TRUE(ledger.execute(many_holds(fmt::format("t{}", t), kBatches * kItems, 1'000)).has_value());
  }
  std::atomic<int> released = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int b = 0; b < kBatches; ++b) {
        Release release;
        for (int i = 0; i < kItems; ++i) release.escrows.add(fmt::format("t{}:{}", t, b * kItems + i));
        if (ledger.release(std::move(release))) ++released;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(released, kThreads * kBatches);
  constexpr int kAll = kThreads * kBatches * kItems;
  EXPECT_EQ(shop.available("platform:commission"), kAll * 50);
  EXPECT_EQ(shop.available("processor:fees"), kAll * 30);
  EXPECT_EQ(shop.available("shop"), kAll * 920);
  EXPECT_EQ(shop.held("payer"), 0);
  shop.expect_lawful();
}

TEST_P(SeedParallel, TwoGroupsOfAThousandInParallelPayACommissionOf100000) {
  Shop shop(GetParam(), 2'000'000);
  auto& ledger = shop.ledger();
  for (const auto* group : {"a", "b"})
    ASSERT_TRUE(ledger.execute(many_holds(group, 1'000, 1'000)).has_value());
  std::barrier start(2);
  const auto release = [&](const char* group) {
    start.arrive_and_wait();
    Release all;
    all.group = group;
    EXPECT_TRUE(ledger.release(std::move(all)).has_value());
  };
  std::thread a(release, "a");
  std::thread b(release, "b");
  a.join();
  b.join();
  EXPECT_EQ(shop.available("platform:commission"), 100'000);
  EXPECT_EQ(shop.available("processor:fees"), 60'000);
  EXPECT_EQ(shop.available("shop"), 1'840'000);
  shop.expect_lawful();
}

TEST_P(SeedParallel, OfThreeHoldsOf5000On10000TwoSucceed) {
  for (int round = 0; round < 20; ++round) {
    Shop shop(GetParam(), 10'000);
    std::array<Result<Answered<HoldResult>>, 3> answers;
    std::barrier start(3);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        answers[i] = shop.ledger().hold({"payer", "shop", Amount(5'000), "standard", {}, {}, {}},
                                        keyed(fmt::format("hold:{}", i)));
      });
    }
    for (auto& thread : threads) thread.join();
    int held = 0;
    for (const auto& answer : answers) {
      held += answer.has_value();
      if (!answer) {
        EXPECT_EQ(answer.error().code, ErrorCode::insufficient_funds);
      }
    }
    EXPECT_EQ(held, 2);
    EXPECT_EQ(shop.available("payer"), 0);
    EXPECT_EQ(shop.held("payer"), 10'000);
  }
}

TEST_P(SeedParallel, OfAReleaseAndARefundOfOneEscrowExactlyOneWinsEachTime) {
  constexpr int kRaces = 1'000;
  Shop shop(GetParam(), kRaces * 1'000);
  auto& ledger = shop.ledger();
  ASSERT_TRUE(ledger.execute(many_holds("race", kRaces, 1'000)).has_value());
  std::vector<Result<Answered<Settlement>>> released(kRaces);
  std::vector<Result<Answered<Settlement>>> refunded(kRaces);
  std::barrier start(2);
  std::thread releaser([&] {
    for (int i = 0; i < kRaces; ++i) {
      start.arrive_and_wait();
      Release release;
      release.escrows.add(fmt::format("race:{}", i));
      released[static_cast<std::size_t>(i)] = ledger.release(std::move(release));
    }
  });
  std::thread refunder([&] {
    for (int i = 0; i < kRaces; ++i) {
      start.arrive_and_wait();
      Refund refund;
      refund.escrows.add(fmt::format("race:{}", i));
      refunded[static_cast<std::size_t>(i)] = ledger.refund(std::move(refund));
    }
  });
  releaser.join();
  refunder.join();
  std::int64_t releases = 0;
  for (std::size_t i = 0; i < kRaces; ++i) {
    EXPECT_NE(released[i].has_value(), refunded[i].has_value()) << i;
    const auto& loser = released[i] ? refunded[i] : released[i];
    if (!loser) {
      EXPECT_EQ(loser.error().code, ErrorCode::escrow_not_locked);
    }
    releases += released[i].has_value();
  }
  EXPECT_EQ(shop.available("platform:commission"), releases * 50);
  EXPECT_EQ(shop.available("payer"), (kRaces - releases) * 1'000);
  EXPECT_EQ(shop.held("payer"), 0);
  shop.expect_lawful();
}

}  // namespace
}  // namespace holdfast
