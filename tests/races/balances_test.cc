// Races for the same balances, names and keys.
#include <atomic>
#include <thread>

#include "base/hash.h"
#include "tests/races/two_stores.h"

namespace holdfast {
namespace {

TEST(BalanceRaces, HoldsOnOneBalanceWhileCreditsComeInAndAreSealed) {
  constexpr std::int64_t kAmount = 100;
  constexpr int kEach = 25;
  TwoStores two;
  std::atomic<int> held{0};
  std::atomic<int> refused{0};
  // Three bring in, three spend: no more than what has come in can ever be spent.
  TwoStores::each(6, [&](std::size_t t) {
    for (int i = 0; i < kEach; ++i) {
      const auto key = fmt::format("{}:{}", t, i);
      if (t % 2 == 0) {
        EXPECT_TRUE(two.run(t / 2, deposit(key, "bob", kAmount)));
        continue;
      }
      const auto answer = two.run(
          t / 2, i % 3 == 0 ? transfer(key, "bob", "alice", kAmount) : hold(key, "bob", "shop", kAmount));
      if (answer) {
        ++held;
      } else {
        EXPECT_EQ(code_of(answer), "insufficient_funds") << answer.error().message;
        ++refused;
      }
    }
  });
  EXPECT_EQ(two.available("bob"), (3 * kEach - held) * kAmount);
  EXPECT_EQ(held + refused, 3 * kEach);
  two.check();
}

TEST(BalanceRaces, OfThreeHoldsOfHalfTheBalanceTwoSucceed) {
  TwoStores two;
  for (int round = 0; round < 25; ++round) {
    const auto payer = fmt::format("payer{}", round);
    must(two.run(0, atomic({open(payer), deposit("f" + payer, payer, 10'000)})));
    const auto answers =
        two.race({hold(payer + ":1", payer, "shop", 5'000), hold(payer + ":2", payer, "shop", 5'000),
                  hold(payer + ":3", payer, "shop", 5'000)});
    EXPECT_EQ(accepted(answers), 2);
    EXPECT_EQ(two.available(payer), 0);
  }
  two.check();
}

TEST(BalanceRaces, FirstUseOfNamesAtOnce) {
  TwoStores two;
  for (int round = 0; round < 12; ++round) {
    const auto n = std::to_string(round);
    const auto name = "new" + n;
    const auto to = [&](Command command) {
      return changed<DefineFeePlan>(std::move(command),
                                    [&](DefineFeePlan& op) { op.commission.to = "to" + n; });
    };
    const auto answers = two.race(
        {open(name), open(name), open(name, AccountKind::beneficiary), to(plan("plan" + n, "0.1", "0")),
         to(plan("plan" + n, "0.1", "0")), hold("h" + name, "alice", "shop", 10, "group" + n),
         hold("i" + name, "alice", "shop", 10, "group" + n), close_group("group" + n), open("to" + n),
         hold("j" + name, "alice", name, 10, "group" + n, "plan" + n), deposit("d" + name, name, 5),
         withdraw("w" + name, name, 5), close_account(name)});
    for (const auto& answer : answers) {
      EXPECT_TRUE(answer || is_rejection(answer.error().code))
          << code_of(answer) << ": " << answer.error().message;
    }
  }
  two.check();
}

TEST(BalanceRaces, FirstDepositsOfACurrency) {
  for (const auto* code : {"JPY", "USD", "GBP"}) {
    TwoStores two;
    std::vector<Command> deposits;
    for (int i = 0; i < 8; ++i) {
      must(two.run(0, open(fmt::format("u{}", i), AccountKind::user, currency(code))));
      deposits.push_back(deposit(fmt::format("d{}", i), fmt::format("u{}", i), 10));
    }
    EXPECT_EQ(accepted(two.race(deposits)), 8);
    EXPECT_EQ(two.available(fmt::format("external:{}", code)), -80);
    two.check();
  }
}

TEST(BalanceRaces, TheSameKeyFromTwoSessionsIsOnceAndAnsweredTwice) {
  TwoStores two;
  for (int round = 0; round < 20; ++round) {
    const auto n = std::to_string(round);
    must(two.run(0, hold("held" + n, "alice", "shop", 100, "g" + n)));
    must(two.run(0, hold("frozen" + n, "alice", "shop", 100)));
    must(two.run(0, freeze("frozen" + n)));
    for (const auto& command :
         {deposit("d" + n, "alice", 5), withdraw("w" + n, "alice", 5), transfer("t" + n, "alice", "bob", 5),
          hold("h" + n, "alice", "shop", 50, "g" + n), with_key(release({"held" + n}), "r" + n),
          with_key(refund_group("g" + n), "b" + n), resolve("s" + n, "frozen" + n, 10, 20),
          with_key(open("account" + n), "o" + n), with_key(plan("plan" + n, "0.1", "0.1"), "p" + n),
          with_key(atomic({deposit("x" + n, "bob", 1), hold("y" + n, "alice", "shop", 7)}), "a" + n)}) {
      const auto answers = two.race({command, command, command});
      int first = 0;
      for (const auto& answer : answers) {
        ASSERT_TRUE(answer) << op_name(command.operation) << ": " << answer.error().message;
        first += !answer->replayed;
        EXPECT_EQ(answer->event_id, answers[0]->event_id);
      }
      EXPECT_EQ(first, 1) << op_name(command.operation);
    }
  }
  two.check();
}

TEST(BalanceRaces, OtherContentUnderOneKeyIsAConflict) {
  TwoStores two;
  for (int round = 0; round < 40; ++round) {
    const auto key = fmt::format("k{}", round);
    const auto answers = two.race({deposit(key, "alice", 5), deposit(key, "alice", 6)});
    EXPECT_EQ(accepted(answers), 1);
    EXPECT_EQ(code_of(answers[answers[0] ? 1 : 0]), "idempotency_conflict");
  }
  two.check();
}

/// A key of an atomic's inner command against the same command alone.
TEST(BalanceRaces, TheSameKeyInsideAndOutsideOfAnAtomic) {
  TwoStores two;
  for (int round = 0; round < 30; ++round) {
    const auto key = fmt::format("k{}", round);
    const auto answers =
        two.race({deposit(key, "alice", 5), atomic({deposit("in" + key, "bob", 1), deposit(key, "alice", 5)}),
                  deposit(key, "alice", 5)});
    EXPECT_EQ(accepted(answers), 3) << code_of(answers[0]) << code_of(answers[1]) << code_of(answers[2]);
  }
  EXPECT_EQ(two.available("alice"), 100'000 + 30 * 5);
  two.check();
}

TEST(BalanceRaces, AKeyInAPartThatIsRolledBack) {
  TwoStores two;
  for (int round = 0; round < 60; ++round) {
    const auto key = fmt::format("k{}", round);
    two.race(
        {atomic({savepoint({deposit(key, "bob", 1), freeze("none")}), deposit("a" + key, "bob", 1)}),
         deposit(key, "alice", 5),
         atomic({savepoint({hold(key, "alice", "shop", 7), freeze("none")}), deposit("b" + key, "bob", 1)})});
  }
  two.check();
}

TEST(BalanceRaces, AKeyInAPartThatConflicts) {
  TwoStores two;
  for (int round = 0; round < 80; ++round) {
    const auto key = fmt::format("k{}", round);
    const auto part = [&](std::string name, Command inner) {
      return atomic({savepoint({std::move(inner)}), deposit(name + key, "bob", 1)});
    };
    const auto answers =
        two.race({part("a", deposit(key, "bob", 1)), part("b", deposit(key, "alice", 5)),
                  deposit(key, "alice", 5), part("c", atomic({hold(key, "alice", "shop", 7), refund({key})})),
                  part("d", deposit(key, "bob", 1))});
    for (const auto& answer : answers)
      ASSERT_TRUE(answer || is_rejection(answer.error().code)) << why(answer);
  }
  two.check();
}

TEST(BalanceRaces, AClosedAccountHasNoMoney) {
  TwoStores two;
  int closed = 0;
  for (int round = 0; round < 40; ++round) {
    const auto name = fmt::format("n{}", round);
    must(two.run(0, open(name, round % 2 == 0 ? AccountKind::user : AccountKind::beneficiary)));
    must(two.run(0, hold("e" + name, "alice", "shop", 100)));
    std::vector<Command> commands{close_account(name)};
    if (round % 4 == 0) commands.push_back(deposit("d" + name, name, 5));
    if (round % 4 == 1) commands.push_back(transfer("t" + name, "alice", name, 5));
    if (round % 4 == 2) commands.push_back(hold("h" + name, "alice", name, 50));
    if (round % 4 == 3) {
      must(two.run(0, hold("l" + name, "alice", name, 50)));
      commands.push_back(release({"l" + name}));
    }
    two.race(commands);
    const auto row = must(two.store().account(name));
    if (row.open) continue;
    ++closed;
    EXPECT_EQ(row.available, Amount()) << "round " << round;
    EXPECT_EQ(row.held, Amount()) << "round " << round;
    EscrowFilter live;
    live.beneficiary = name;
    live.status = EscrowStatus::locked;
    EXPECT_TRUE(must(two.store().escrows(live)).rows.empty()) << "round " << round;
  }
  RecordProperty("closed", closed);
  two.check();
}

TEST(BalanceRaces, AnAccountIsEmptiedAndClosedInOneWhileMoneyComesIn) {
  TwoStores two;
  for (int round = 0; round < 40; ++round) {
    const auto name = fmt::format("n{}", round);
    must(two.run(0, atomic({open(name), deposit("f" + name, name, 100)})));
    two.race({atomic({transfer("out" + name, name, "bob", 100), close_account(name)}),
              deposit("d" + name, name, 5), deposit("c" + name, name, 5), refund_group("none")});
    const auto row = must(two.store(1).account(name));
    EXPECT_TRUE(row.open || row.available == Amount()) << "round " << round << ": " << row.available.minor();
  }
  two.check();
}

TEST(BalanceRaces, APlansAccountIsClosedOrNamedButNotBoth) {
  TwoStores two;
  for (int round = 0; round < 25; ++round) {
    const auto name = fmt::format("n{}", round);
    must(two.run(0, open(name, AccountKind::platform)));
    const auto paying =
        changed<DefineFeePlan>(plan("p" + name, "0.1", "0"), [&](auto& op) { op.commission.to = name; });
    const auto answers = two.race({close_account(name), paying});
    EXPECT_EQ(accepted(answers), 1) << code_of(answers[0]) << ", " << code_of(answers[1]);
  }
  two.check();
}

TEST(BalanceRaces, HoldsUnderAPlanThatIsBeingDefined) {
  TwoStores two;
  for (int round = 0; round < 20; ++round) {
    const auto n = std::to_string(round);
    two.race({plan("standard", fmt::format("0.0{}", 1 + round % 9), "0.03"),
              hold("a" + n, "alice", "shop", 100), hold("b" + n, "alice", "shop", 100),
              plan("standard", fmt::format("0.1{}", 1 + round % 9), "0.03"),
              hold("c" + n, "alice", "shop", 100)});
  }
  two.check();
}

TEST(BalanceRaces, DatesRunByTwoAtOnceSettleOnce) {
  constexpr Timestamp kDay{86'400'000'000};
  TwoStores two;
  for (int i = 0; i < 80; ++i) {
    must(two.run(0, changed<Hold>(hold(fmt::format("h{}", i), "alice", "shop", 1'000),
                                  [&](Hold& op) { (i % 2 == 0 ? op.release_at : op.refund_at) = kDay; })));
  }
  auto first = two.place().open();
  auto second = two.place().open();
  std::array<DueReport, 3> reports;
  TwoStores::each(3, [&](std::size_t i) { reports[i] = must((i == 0 ? first : second).run_due(kDay)); });
  for (const auto& report : reports)
    EXPECT_TRUE(report.failed.empty()) << report.failed.front().second.message;
  EXPECT_EQ(two.available("shop"), 40 * 920);
  EXPECT_EQ(two.held("alice"), 0);
  two.order().check_laws(two.store());
}

TEST(BalanceRaces, DepositsPastTheMostOfACurrencyAtOnce) {
  TwoStores two;
  const auto huge = kMaxAmount.minor();
  std::vector<Command> flood;
  for (int i = 0; i < 508; ++i) flood.push_back(deposit(fmt::format("f{}", i), "bob", huge));
  must(two.run(0, atomic(flood)));
  std::vector<Command> deposits;
  for (int i = 0; i < 10; ++i) {
    deposits.push_back(i % 3 == 0 ? withdraw(fmt::format("w{}", i), "bob", huge)
                                  : deposit(fmt::format("d{}", i), "alice", huge));
  }
  for (int round = 0; round < 6; ++round) {
    for (auto& command : deposits) command.options.key += "x";
    for (const auto& answer : two.race(deposits)) {
      EXPECT_TRUE(answer || code_of(answer) == "overflow") << code_of(answer);
    }
  }
  two.check();
}

TEST(BalanceRaces, FollowersMissNothing) {
  constexpr int kEach = 60;
  TwoStores two;
  std::atomic<bool> done{false};
  std::vector<std::string> first_seen;
  std::jthread follower([&] {
    Seq last;
    while (true) {
      const bool was_done = done;
      const auto page = must(two.store(1).events(last, 7));
      for (const auto& event : page.rows) {
        ASSERT_EQ(event.seq, last.next());
        last = event.seq;
        first_seen.push_back(fmt::format("{} {} {}", event.op, event.key, to_hex(event.hash)));
      }
      if (was_done && page.rows.empty()) return;
    }
  });
  TwoStores::each(6, [&](std::size_t t) {
    for (int i = 0; i < kEach; ++i) must(two.run(t, deposit(fmt::format("{}:{}", t, i), "alice", 1)));
  });
  two.check();
  done = true;
  follower.join();
  ASSERT_EQ(first_seen.size(), 5U + 6 * kEach);
  const auto all = must(two.store().events(Seq(), kMaxPage)).rows;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(first_seen[i], fmt::format("{} {} {}", all[i].op, all[i].key, to_hex(all[i].hash)));
  }
}

/// Blocks of the caller's own code among commands: each is whole, and none is lost.
TEST(BalanceRaces, BlocksAmongCommands) {
  TwoStores two;
  auto first = two.place().open();
  auto second = two.place().open();
  std::atomic<int> done{0};
  TwoStores::each(6, [&](std::size_t t) {
    auto& ledger = t % 2 == 0 ? first : second;
    for (int i = 0; i < 12; ++i) {
      const auto key = fmt::format("{}:{}", t, i);
      if (t >= 4) {
        EXPECT_TRUE(ledger.execute(deposit(key, "alice", 10)));
        continue;
      }
      const auto block = ledger.atomic([&](Transaction& transaction) -> Result<void> {
        for (const auto& command :
             {hold(key, "alice", "shop", 10, "g"), release({key}), deposit("d" + key, "bob", 1)}) {
          if (auto result = transaction.execute(command); !result) return std::unexpected(result.error());
        }
        return {};
      });
      if (block) {
        ++done;
      } else {
        EXPECT_EQ(block.error().code, ErrorCode::busy) << block.error().message;
      }
    }
  });
  EXPECT_GT(done, 0);
  EXPECT_EQ(two.available("bob"), done);
  EXPECT_EQ(two.available("alice"), 100'000 + 240 - 10 * done);
  two.order().check_laws(two.store());
}

TEST(BalanceRaces, EveryEventIsSealedWhoeverIsAtIt) {
  for (int round = 0; round < 15; ++round) {
    TwoStores two;
    TwoStores::each(8, [&](std::size_t t) {
      for (int i = 0; i < 4; ++i) must(two.run(t, deposit(fmt::format("{}:{}", t, i), "alice", 1)));
    });
    ASSERT_NO_FATAL_FAILURE(two.order().wait_for_sealers());
    two.check();
  }
}

}  // namespace
}  // namespace holdfast
