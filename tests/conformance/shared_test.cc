// Commands that are given in one breath may share a transaction: each builds on what those before it made,
// and is answered for itself.
#include <atomic>
#include <future>
#include <set>

#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

/// One worker: what is waiting when it is free goes into one transaction, in order.
class SharedTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  SharedTest() { stock(ledger); }

  /// The answers of commands that are given at once.
  std::vector<Result<Answer>> together(const std::vector<Command>& commands) {
    std::vector<Result<Answer>> answers(commands.size());
    std::atomic<std::size_t> left = commands.size();
    std::promise<void> all;
    for (std::size_t i = 0; i < commands.size(); ++i) {
      ledger.submit(commands[i], [&, i](Result<Answer> answer) {
        answers[i] = std::move(answer);
        if (--left == 0) all.set_value();
      });
    }
    all.get_future().get();
    return answers;
  }
  void all_accepted(const std::vector<Command>& commands) {
    const auto answers = together(commands);
    for (std::size_t i = 0; i < commands.size(); ++i) {
      EXPECT_TRUE(answers[i]) << op_name(commands[i].operation) << ": " << why(answers[i]);
    }
  }
  void TearDown() override {
    wait_until_sealed(ledger);
    EXPECT_EQ(broken_laws(ledger), "");
  }

  Place place{GetParam(), 1};
  Ledger ledger{place.open()};
};
HOLDFAST_ON_EVERY_STORE(SharedTest);

TEST_P(SharedTest, AnAccountIsOpenedAndTakesADeposit) {
  for (int i = 0; i < 20; ++i) {
    const auto name = fmt::format("new{}", i);
    all_accepted({open("other" + name), open(name), deposit("d" + name, name, 100)});
    EXPECT_EQ(available(ledger, name), 100);
  }
}

TEST_P(SharedTest, ANewCurrencysFirstDeposits) {
  const auto yen = currency("JPY");
  all_accepted({open("a"), open("y1", AccountKind::user, yen), open("y2", AccountKind::user, yen),
                deposit("d1", "y1", 100), deposit("d2", "y2", 100)});
  EXPECT_EQ(available(ledger, "external:JPY"), -200);
}

TEST_P(SharedTest, APlanIsDefinedAndHeldUnder) {
  for (int i = 0; i < 20; ++i) {
    const auto name = fmt::format("p{}", i);
    all_accepted({open(name), plan(name, "0.1", "0.1"), hold("h" + name, "alice", "shop", 100, name, name),
                  release({"h" + name}), close_group(name)});
    EXPECT_EQ(must(ledger.escrow(ref("h" + name))).net, Amount(80));
  }
}

TEST_P(SharedTest, ReleasesOfTheSameEscrowOneAfterAnother) {
  for (int i = 0; i < 20; ++i) {
    const auto key = fmt::format("h{}", i);
    const auto answers = together({open(key), hold(key, "alice", "shop", 100, "g"), release({key}),
                                   refund({key}), release_group("g"), freeze(key)});
    EXPECT_TRUE(answers[1]);
    EXPECT_TRUE(answers[2]);
    EXPECT_EQ(why(answers[3]).substr(0, 17), "escrow_not_locked");
    EXPECT_TRUE(answers[4]);
    EXPECT_EQ(why(answers[5]).substr(0, 17), "escrow_not_locked");
  }
  EXPECT_EQ(available(ledger, "shop"), 20 * 92);
}

TEST_P(SharedTest, TheSameKeyAgainAndAgain) {
  for (int i = 0; i < 20; ++i) {
    const auto key = fmt::format("d{}", i);
    const auto answers = together({open(key), deposit(key, "alice", 1), deposit(key, "alice", 1),
                                   deposit(key, "alice", 2), deposit(key, "alice", 1)});
    for (const std::size_t again : {2U, 4U}) {
      ASSERT_TRUE(answers[again]) << why(answers[again]);
      EXPECT_TRUE(answers[again]->replayed);
      EXPECT_EQ(answers[again]->event_id, answers[1]->event_id);
    }
    EXPECT_EQ(why(answers[3]).substr(0, 20), "idempotency_conflict");
  }
  EXPECT_EQ(available(ledger, "alice"), 100'020);
}

TEST_P(SharedTest, RejectedOnesLeaveNothingToThoseAfterThem) {
  for (int i = 0; i < 20; ++i) {
    const auto name = fmt::format("n{}", i);
    const auto answers = together(
        {open("other" + name), atomic({open(name), deposit(name + "d", name, 5), freeze("none")}),
         deposit(name + "e", name, 5), open(name, AccountKind::beneficiary), deposit(name + "f", name, 7),
         hold(name + "h", "alice", "shop", 1'000'000, name), hold(name + "h", "alice", "shop", 10, name)});
    EXPECT_FALSE(answers[1]);
    EXPECT_FALSE(answers[2]);
    EXPECT_TRUE(answers[3]) << why(answers[3]);
    EXPECT_TRUE(answers[4]) << why(answers[4]);
    EXPECT_FALSE(answers[5]);
    EXPECT_TRUE(answers[6]) << why(answers[6]);
    EXPECT_EQ(available(ledger, name), 7);
    EXPECT_EQ(must(ledger.group(name)).escrows, 1U);
  }
}

TEST_P(SharedTest, AnAccountIsEmptiedAndClosed) {
  for (int i = 0; i < 20; ++i) {
    const auto name = fmt::format("n{}", i);
    run(ledger, open(name));
    run(ledger, deposit(name + "d", name, 5));
    const auto answers = together({open("other" + name), withdraw(name + "w", name, 5), close_account(name),
                                   deposit(name + "e", name, 5)});
    EXPECT_TRUE(answers[2]) << why(answers[2]);
    EXPECT_EQ(why(answers[3]).substr(0, 14), "account_closed");
    EXPECT_EQ(available(ledger, name), 0);
  }
}

/// Many workers: commands pass each other, and none is broken by what another makes.
class PassingTest : public ConformanceTest {};
HOLDFAST_ON_EVERY_STORE(PassingTest);

TEST_P(PassingTest, CommandsOnWhatTheOnesBeforeThemMade) {
  constexpr int kRounds = 40;
  for (int i = 0; i < kRounds; ++i) {
    const auto name = fmt::format("new{}", i);
    std::promise<void> all;
    std::atomic<int> left = 6;
    const auto give = [&](Command command) {
      ledger.submit(std::move(command), [&](Result<Answer> answer) {
        if (!answer && answer.error().code != ErrorCode::account_not_found &&
            answer.error().code != ErrorCode::insufficient_funds &&
            answer.error().code != ErrorCode::escrow_not_found &&
            answer.error().code != ErrorCode::group_closed &&
            answer.error().code != ErrorCode::fee_plan_not_found) {
          ADD_FAILURE() << why(answer);
        }
        if (--left == 0) all.set_value();
      });
    };
    give(open(name));
    give(plan(name, "0.1", "0.1"));
    give(deposit(name + ":d", name, 100));
    give(hold(name + ":h", name, "shop", 100, name, name));
    give(release({name + ":h"}));
    give(close_group(name));
    all.get_future().get();
  }
}

}  // namespace
}  // namespace holdfast
