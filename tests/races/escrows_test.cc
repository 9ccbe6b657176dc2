// Races for the same escrows: releases, refunds, whole groups, chunks, locks in opposite orders.
#include "tests/races/two_stores.h"

namespace holdfast {
namespace {

TEST(EscrowRaces, SixteenFirstReleasesInAFreshLedger) {
  for (int round = 0; round < 5; ++round) {
    TwoStores two;
    const auto names = two.fill("g", 16);
    std::vector<Command> releases;
    for (const auto& name : names) releases.push_back(release({name}));
    EXPECT_EQ(accepted(two.race(releases)), 16);
    EXPECT_EQ(two.available("platform:commission"), 16 * 50);
    EXPECT_EQ(two.available("processor:fees"), 16 * 30);
    EXPECT_EQ(two.available("shop"), 16 * 920);
    two.check();
  }
}

void release_against_refund(int rounds) {
  constexpr int kItems = 4;
  TwoStores two;
  std::int64_t released = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto names = two.fill(fmt::format("r{}", round), kItems);
    const auto answers = two.race({release(names), refund({names.rbegin(), names.rend()})});
    ASSERT_EQ(accepted(answers), 1) << code_of(answers[0]) << ", " << code_of(answers[1]);
    ASSERT_EQ(code_of(answers[answers[0] ? 1 : 0]), "escrow_not_locked");
    released += answers[0] ? kItems : 0;
  }
  EXPECT_EQ(two.available("shop"), released * 920);
  EXPECT_EQ(two.held("alice"), 0);
  two.check();
}

TEST(EscrowRaces, OfAReleaseAndARefundExactlyOneWinsEachTime) {
  release_against_refund(80);
}
TEST(LongRaces, OfAReleaseAndARefundExactlyOneWinsAThousandTimes) {
  release_against_refund(1'000);
}

TEST(EscrowRaces, TwoGroupsClosedAtOnce) {
  TwoStores two;
  two.fill("a", 500);
  two.fill("b", 500);
  const auto close = [](std::string group) {
    return changed<Release>(release_group(std::move(group)), [](Release& op) { op.close = true; });
  };
  EXPECT_EQ(accepted(two.race({close("a"), close("b")})), 2);
  EXPECT_EQ(two.available("platform:commission"), 50'000);
  EXPECT_EQ(two.available("shop"), 920'000);
  two.check();
}

TEST(EscrowRaces, OneGroupReleasedAndRefundedFourTimesAtOnce) {
  TwoStores two;
  for (int round = 0; round < 10; ++round) {
    const auto group = fmt::format("g{}", round);
    two.fill(group, 30);
    const auto answers =
        two.race({release_group(group), refund_group(group), release_group(group), refund_group(group)});
    EXPECT_EQ(accepted(answers), 4);
    std::uint64_t moved = 0;
    for (const auto& answer : answers) {
      const auto& totals = std::get<Settlement>(answer->result).totals;
      if (!totals.empty()) moved += totals[0].escrows;
    }
    EXPECT_EQ(moved, 30U);
  }
  two.check();
}

TEST(EscrowRaces, HoldsAgainstTheClosingOfTheirGroup) {
  TwoStores two;
  for (int round = 0; round < 30; ++round) {
    const auto group = fmt::format("g{}", round);
    must(two.run(0, hold(group + ":first", "alice", "shop", 10, group)));
    const auto close = changed<Release>(release_group(group), [](Release& op) { op.close = true; });
    const auto answers = two.race({hold(group + ":1", "alice", "shop", 10, group), close,
                                   hold(group + ":2", "alice", "shop", 10, group),
                                   hold(group + ":3", "alice", "shop", 10, group), close_group(group)});
    ASSERT_TRUE(answers[1]) << code_of(answers[1]);
    ASSERT_TRUE(answers[4]) << code_of(answers[4]);
    for (const std::size_t i : {0U, 2U, 3U}) {
      EXPECT_TRUE(answers[i] || code_of(answers[i]) == "group_closed") << code_of(answers[i]);
    }
  }
  two.check();
}

TEST(EscrowRaces, HoldsAgainstReleasesOfTheirGroup) {
  TwoStores two;
  for (int round = 0; round < 40; ++round) {
    const auto group = fmt::format("g{}", round % 4);
    const auto key = fmt::format("{}:{}", group, round);
    two.race({hold(key + ":1", "alice", "shop", 10, group), release_group(group),
              hold(key + ":2", "alice", "shop", 10, group), refund_group(group),
              hold(key + ":3", "alice", "shop", 10, group)});
  }
  two.check();
}

TEST(EscrowRaces, PartsFreezesAndResolvesOfOneEscrow) {
  TwoStores two;
  for (int round = 0; round < 25; ++round) {
    const auto key = fmt::format("h{}", round);
    must(two.run(0, hold(key, "alice", "shop", 1'000, "g")));
    two.race({release_part(key + ":a", key, 600), release_part(key + ":b", key, 600), freeze(key),
              refund_part(key + ":c", key, 500), resolve(key + ":d", key, 100, 100),
              reschedule(key, Timestamp{1}), release({key}), skip_refund({key})});
  }
  two.check();
}

/// By its number an escrow can be named before it is there.
TEST(EscrowRaces, NumbersThatAreBeingGiven) {
  TwoStores two;
  auto next =
      std::get<HoldResult>(must(two.run(0, hold("first", "alice", "shop", 10))).result).escrow->value() + 1;
  for (int round = 0; round < 60; ++round) {
    const auto n = std::to_string(round);
    const auto by_number = [&](std::string key) {
      return with_key(changed<Release>(release_ids({EscrowId(next), EscrowId(next + 1), EscrowId(next + 2)}),
                                       [](Release& op) { op.mode = BatchMode::skip; }),
                      std::move(key));
    };
    const auto answers =
        two.race({hold("h" + n, "alice", "shop", 10), by_number("r" + n), hold("i" + n, "alice", "shop", 10),
                  by_number("s" + n),
                  atomic({savepoint({deposit("d" + n, "bob", 1), {Freeze{{EscrowId(next), {}}}, {}}}),
                          deposit("e" + n, "bob", 1)})});
    for (const std::size_t i : {0U, 2U}) {
      next = std::max(next, std::get<HoldResult>(must(answers[i]).result).escrow->value() + 1);
    }
  }
  two.check();
}

TEST(EscrowRaces, BatchesInOppositeOrders) {
  TwoStores two;
  for (int round = 0; round < 12; ++round) {
    auto names = two.fill(fmt::format("g{}", round), 40);
    auto backwards = names;
    std::ranges::reverse(backwards);
    auto shuffled = names;
    std::ranges::rotate(shuffled, shuffled.begin() + 17);
    must(two.run(0, deposit(fmt::format("bob{}", round), "bob", 50)));
    const auto answers =
        two.race({skip_release(names), skip_refund(backwards), skip_release(shuffled), refund(backwards),
                  transfer(fmt::format("t{}", round), "alice", "bob", 10),
                  transfer(fmt::format("u{}", round), "bob", "alice", 10),
                  atomic({transfer(fmt::format("v{}", round), "alice", "bob", 1), skip_release(backwards)}),
                  atomic({skip_release(names), transfer(fmt::format("w{}", round), "bob", "alice", 1)})});
    for (const auto& answer : answers) {
      EXPECT_TRUE(answer || is_rejection(answer.error().code))
          << code_of(answer) << ": " << answer.error().message;
    }
  }
  EXPECT_EQ(two.held("alice"), 0);
  two.check();
}

void one_chunked_command(int escrows, std::uint32_t chunk, std::size_t threads) {
  TwoStores two;
  two.fill("g", escrows);
  const std::vector<Command> same(threads, chunked<Release>("chunks", "g", chunk));
  for (const auto& answer : two.race(same)) {
    ASSERT_TRUE(answer) << answer.error().message;
    const auto& totals = std::get<Settlement>(answer->result).totals;
    ASSERT_EQ(totals.size(), 1U);
    EXPECT_EQ(totals[0].escrows, static_cast<std::uint64_t>(escrows));
    EXPECT_EQ(totals[0].net, Amount(escrows * 920));
  }
  EXPECT_EQ(two.available("shop"), escrows * 920);
  two.check();
}

TEST(EscrowRaces, OneChunkedCommandRunByFour) {
  for (int round = 0; round < 5; ++round) {
    one_chunked_command(30, 4, 4);
    if (HasFailure()) return;
  }
}
TEST(LongRaces, OneChunkedCommandRunByEight) {
  one_chunked_command(2'000, 7, 8);
}

TEST(EscrowRaces, TwoChunkedCommandsOverOneGroup) {
  TwoStores two;
  for (int round = 0; round < 5; ++round) {
    const auto group = fmt::format("g{}", round);
    two.fill(group, 30);
    const auto answers =
        two.race({chunked<Release>("a" + group, group, 3), chunked<Refund>("b" + group, group, 4),
                  freeze(group + ":29"), skip_release({group + ":10", group + ":20"})});
    ASSERT_TRUE(answers[0]) << answers[0].error().message;
    ASSERT_TRUE(answers[1]) << answers[1].error().message;
  }
  two.check();
}

}  // namespace
}  // namespace holdfast
