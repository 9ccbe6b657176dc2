// A large group in chunks: each a durable event, the set fixed at the start, one answer at the end.
#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class ChunksTest : public ConformanceTest {
 protected:
  void fill(int count, std::int64_t amount = 1'000) {
    run(ledger, deposit("fund", "alice", count * amount));
    std::vector<Command> holds;
    for (int i = 0; i < count; ++i)
      holds.push_back(hold(fmt::format("h{}", i), "alice", "shop", amount, "g"));
    run(ledger, atomic(std::move(holds)));
  }
};
HOLDFAST_ON_EVERY_STORE(ChunksTest);

TEST_P(ChunksTest, AReleaseInChunksIsOneAnswerOverManyEvents) {
  fill(25);
  const auto before = seq();
  const auto answer = run(ledger, chunked<Release>("c", "g", 4));
  EXPECT_EQ(split(std::get<Settlement>(answer.result)), "EUR 25 of 25000: 1250 / 750 / 23000");
  EXPECT_FALSE(answer.replayed);
  EXPECT_GE(seq(), before + 7);
  EXPECT_LE(seq(), before + 8) << "a last one may say that it is done";
  EXPECT_EQ(buckets("shop"), "23000+0");
  const auto again = run(ledger, chunked<Release>("c", "g", 4));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(split(std::get<Settlement>(again.result)), "EUR 25 of 25000: 1250 / 750 / 23000");
  EXPECT_EQ(code_of(reject(chunked<Release>("c", "g", 5))), "idempotency_conflict");
  EXPECT_EQ(code_of(reject(chunked<Refund>("c", "g", 4))), "idempotency_conflict");
}

TEST_P(ChunksTest, ARefundSkipsFrozenOnesAndCountsThemOnce) {
  fill(20);
  for (const auto* key : {"h0", "h7", "h13", "h19"}) run(ledger, freeze(key));
  run(ledger, release({"h1"}));
  const auto settled = settle(ledger, chunked<Refund>("c", "g", 3));
  EXPECT_EQ(split(settled), "EUR 15 of 15000: 0 / 0 / 0");
  EXPECT_EQ(text(settled.skipped_count), "escrow_frozen 4");
  EXPECT_EQ(settled.skipped.size(), 4U);
  EXPECT_EQ(must(ledger.group("g")).live, 4U);
}

TEST_P(ChunksTest, SizesOfAllKinds) {
  fill(12);
  int number = 0;
  for (const std::uint32_t size : {1U, 11U, 12U, 13U, 1'000'000U}) {
    run(ledger, deposit(fmt::format("more{}", ++number), "alice", 12'000));
    const auto group = fmt::format("of{}", size);
    std::vector<Command> holds;
    for (int i = 0; i < 12; ++i)
      holds.push_back(hold(fmt::format("{}:{}", group, i), "alice", "shop", 1'000, group));
    run(ledger, atomic(std::move(holds)));
    const auto settled = settle(ledger, chunked<Release>(fmt::format("c{}", size), group, size));
    EXPECT_EQ(split(settled), "EUR 12 of 12000: 600 / 360 / 11040") << size;
  }
}

TEST_P(ChunksTest, OfNothing) {
  const auto settled = settle(ledger, chunked<Release>("c", "unheard:of", 4));
  EXPECT_TRUE(settled.totals.empty());
  EXPECT_TRUE(run(ledger, chunked<Release>("c", "unheard:of", 4)).replayed);
}

TEST_P(ChunksTest, ClosesItsGroup) {
  fill(10);
  const auto closing = changed<Release>(chunked<Release>("c", "g", 3), [](Release& op) { op.close = true; });
  EXPECT_EQ(settle(ledger, closing).totals.at(0).escrows, 10U);
  EXPECT_FALSE(must(ledger.group("g")).open);
}

TEST_P(ChunksTest, ADryRunShowsTheWholeAndLeavesNothing) {
  fill(25);
  run(ledger, freeze("h3"));
  const auto before = contents(ledger);
  const auto answer = run(ledger, dry(chunked<Release>("c", "g", 4)));
  EXPECT_EQ(split(std::get<Settlement>(answer.result)), "EUR 24 of 24000: 1200 / 720 / 22080");
  EXPECT_EQ(text(std::get<Settlement>(answer.result).skipped_count), "escrow_frozen 1");
  EXPECT_FALSE(answer.event_id);
  EXPECT_EQ(split(settle(ledger, dry(chunked<Refund>("c", "g", 1)))), "EUR 24 of 24000: 0 / 0 / 0");
  EXPECT_EQ(contents(ledger), before);
  const auto real = run(ledger, chunked<Release>("c", "g", 4));
  EXPECT_FALSE(real.replayed);
  EXPECT_EQ(std::get<Settlement>(real.result).totals, std::get<Settlement>(answer.result).totals);
}

/// One chunk at a time, which the public API does to the end.
class ChunkByChunkTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  ChunkByChunkTest() {
    Ledger ledger = place.open();
    stock(ledger);
    run(ledger, deposit("fund", "alice", 10'000));
    for (int i = 0; i < 10; ++i) run(ledger, hold(fmt::format("h{}", i), "alice", "shop", 1'000, "g"));
  }
  Place place{GetParam()};
};
HOLDFAST_ON_EVERY_STORE(ChunkByChunkTest);

TEST_P(ChunkByChunkTest, WhatIsHeldMeanwhileIsNotInTheSetAndWhatIsSettledMeanwhileIsSkipped) {
  auto store = place.open_store();
  const auto chunk = chunked<Release>("c", "g", 3);
  EXPECT_TRUE(must(store->execute(chunk)).more);
  must(store->execute(hold("late", "alice", "shop", 1'000, "g")));
  must(store->execute(refund({"h4"})));
  must(store->execute(freeze("h9")));
  std::optional<StoreAnswer> last;
  do {
    last = must(store->execute(chunk));
  } while (last->more);
  const auto& settled = std::get<Settlement>(last->answer.result);
  EXPECT_EQ(split(settled), "EUR 8 of 8000: 400 / 240 / 7360");
  EXPECT_EQ(text(settled.skipped_count), "escrow_frozen 1");
  EXPECT_EQ(must(store->escrow(ref("late"))).status, EscrowStatus::locked);
  Ledger ledger(std::move(store));
  wait_until_sealed(ledger);
  EXPECT_EQ(broken_laws(ledger), "");
}

TEST_P(ChunkByChunkTest, GoesOnWhereItStoppedWhenTheLedgerIsOpenedAgain) {
  const auto chunk = chunked<Release>("c", "g", 3);
  for (int i = 0; i < 2; ++i) {
    auto store = place.open_store();
    const auto part = must(store->execute(chunk));
    EXPECT_TRUE(part.more);
    EXPECT_EQ(std::get<Settlement>(part.answer.result).totals.at(0).escrows,
              static_cast<std::uint64_t>(3 * (i + 1)));
  }
  auto ledger = place.open();
  const auto answer = run(ledger, chunk);
  EXPECT_FALSE(answer.replayed);
  EXPECT_EQ(split(std::get<Settlement>(answer.result)), "EUR 10 of 10000: 500 / 300 / 9200");
  EXPECT_TRUE(run(ledger, chunk).replayed);
  EXPECT_EQ(available(ledger, "shop"), 9'200);
  wait_until_sealed(ledger);
  EXPECT_EQ(broken_laws(ledger), "");
}

}  // namespace
}  // namespace holdfast
