// `holdfast copy`: journal to PostgreSQL and back, cut off and gone on with, and what it refuses.
//
// A source is made by random commands of every kind. What is copied must be the same chain of the same bytes,
// must pass every law's audit, and must take further commands.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "holdfast/holdfast.h"
#include "journal/copy_target.h"
#include "ledger/store.h"
#include "sim/model.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/cli/program.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result) << result.error().message;
  if (!result) std::abort();
  return std::move(*result);
}

/// All canonical bytes and hashes, in order.
std::string chain_of(const std::string& directory) {
  std::string all;
  const auto read = journal::read_events(
      directory, Seq(),
      [&](const Event&, std::span<const std::byte> bytes, const Digest* hash) -> Result<void> {
        all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        all.append(reinterpret_cast<const char*>(hash->data()), hash->size());
        return {};
      });
  EXPECT_TRUE(read) << read.error().message;
  return all;
}

std::string audit_of(const std::string& url) {
  const auto ledger = must(Ledger::open(url, {.read_only = true}));
  const auto report = must(ledger.audit());
  std::string text;
  for (const auto& check : report.checks)
    text += fmt::format("{} {}\n", check.law, check.ok ? "holds" : check.detail);
  return text;
}

/// What people see of it: every account and escrow, and the trial balance.
std::string books_of(const std::string& url) {
  const auto ledger = must(Ledger::open(url, {.read_only = true}));
  std::string text;
  for (std::string after;;) {
    const auto page = must(ledger.accounts(after, 1'000));
    for (const auto& a : page.rows)
      text += fmt::format("{} {} {} {} {} {}\n", a.account, a.currency.code(), to_string(a.kind),
                          a.available.minor(), a.held.minor(), a.open);
    if (!page.next) break;
    after = *page.next;
  }
  EscrowFilter filter;
  filter.limit = 1'000;
  while (true) {
    const auto page = must(ledger.escrows(filter));
    for (const auto& e : page.rows) {
      text += fmt::format("{} {} {}>{} {} {} {} {} {} {}.{} {} {} {} {} {} {}\n", e.escrow.value(), e.key,
                          e.payer, e.beneficiary, e.group, e.amount.minor(), e.released.minor(),
                          e.refunded.minor(), to_string(e.status), e.fee_plan, e.fee_plan_version,
                          e.commission.minor(), e.processor_fee.minor(), e.held_at.micros,
                          e.closed_at ? e.closed_at->micros : 0, e.release_at ? e.release_at->micros : 0,
                          e.refund_at ? e.refund_at->micros : 0);
    }
    if (!page.next) break;
    filter.after = *page.next;
  }
  for (const auto& due : must(ledger.due(Timestamp{253'402'300'799'000'000}, 10'000)))
    text += fmt::format("due {} {} {}\n", due.escrow.value(), due.release, due.at.micros);
  for (const auto& t : must(ledger.trial_balance()))
    text += fmt::format("{} {} {} {} {} {} {}\n", t.currency.code(), t.available.minor(), t.held.minor(),
                        t.external.minor(), t.commission.minor(), t.processor_fee.minor(), t.sum.minor());
  return text;
}

class CopyTest : public ::testing::Test {
 protected:
  CopyTest() {
    journal_ = (directory_.path() / "source").string();
    back_ = (directory_.path() / "back").string();
    database_ = testing::shared_postgres().new_database();
  }

  /// Adds random commands to the ledger, from where an earlier call stopped.
  void work(const std::string& url, int commands) {
    auto ledger = must(Ledger::open(url, {.create = true}));
    const auto run = [&](const Command& command) {
      const auto answer = ledger.execute(command);
      if (answer) {
        model_.execute(command, sim::given_ids(answer->result));
      } else {
        ASSERT_TRUE(is_rejection(answer.error().code)) << answer.error().message;
      }
    };
    if (!begun_) {
      for (const auto& command : workload_.opening()) run(command);
    }
    begun_ = true;
    for (int i = 0; i < commands; ++i) run(workload_.next(model_.book()));
  }

  testing::TemporaryDirectory directory_;
  std::string journal_, back_, database_;
  sim::Prng prng_{7};
  sim::Workload workload_{prng_.fork()};
  sim::Model model_{sim::IdOrder::any};
  bool begun_ = false;
};

class CopyOfSeed : public CopyTest, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  CopyOfSeed() {
    prng_ = sim::Prng(GetParam());
    workload_ = sim::Workload(prng_.fork());
  }
};

TEST_P(CopyOfSeed, ThereAndBackItIsTheSameLedger) {
  work(journal_, 1'500);
  const auto there = must(copy(journal_, database_));
  EXPECT_EQ(there.before, 0U);
  EXPECT_EQ(there.seq.value(), there.events);
  EXPECT_GT(there.events, 100U);
  EXPECT_EQ(must(verify(database_)).head, there.head);
  const auto back = must(copy(database_, back_));
  EXPECT_EQ(back.events, there.events);
  EXPECT_EQ(back.head, there.head);

  EXPECT_EQ(chain_of(back_), chain_of(journal_));
  const auto audit = audit_of(journal_);
  EXPECT_EQ(audit.find("holds"), audit.find(' ') + 1);
  EXPECT_EQ(audit_of(database_), audit);
  EXPECT_EQ(audit_of(back_), audit);
  const auto books = books_of(journal_);
  EXPECT_EQ(books_of(database_), books);
  EXPECT_EQ(books_of(back_), books);
}

TEST_P(CopyOfSeed, TheCopyTakesCommandsAndTheyAreCopiedBackToo) {
  work(journal_, 300);
  const auto there = must(copy(journal_, database_));
  work(database_, 200);
  const auto back = must(copy(database_, journal_));
  EXPECT_EQ(back.before, there.seq.value());
  EXPECT_GT(back.events, 10U);
  EXPECT_EQ(books_of(journal_), books_of(database_));
  EXPECT_EQ(audit_of(journal_), audit_of(database_));
  work(journal_, 200);
  EXPECT_GT(must(copy(journal_, database_)).events, 10U);
  EXPECT_EQ(books_of(journal_), books_of(database_));
  EXPECT_EQ(audit_of(journal_), audit_of(database_));
}
INSTANTIATE_TEST_SUITE_P(Seeds, CopyOfSeed, ::testing::Range<std::uint64_t>(1, 4));

TEST_F(CopyTest, AgainItCopiesNothingAndLaterWhatIsNew) {
  work(journal_, 100);
  const auto first = must(copy(journal_, database_));
  const auto again = must(copy(journal_, database_));
  EXPECT_EQ(again.events, 0U);
  EXPECT_EQ(again.before, first.events);
  EXPECT_EQ(again.head, first.head);
  work(journal_, 100);
  const auto later = must(copy(journal_, database_));
  EXPECT_EQ(later.before, first.events);
  EXPECT_GT(later.events, 0U);
  EXPECT_EQ(books_of(database_), books_of(journal_));
}

TEST_F(CopyTest, AnEmptyLedgerIsCopiedToAnEmptyOne) {
  (void)must(Ledger::open(journal_, {.create = true}));
  EXPECT_EQ(must(copy(journal_, database_)).events, 0U);
  EXPECT_EQ(must(copy(database_, back_)).events, 0U);
}

TEST_F(CopyTest, WhatIsNotABeginningOfTheSourceIsRefusedAndLeftAlone) {
  work(journal_, 100);
  const auto other = (directory_.path() / "other").string();
  {
    auto ledger = must(Ledger::open(other, {.create = true}));
    (void)must(ledger.open_account({"someone", must(Currency::parse("EUR")), AccountKind::user}));
    auto in_database = must(Ledger::open(database_, {.create = true}));
    (void)must(in_database.open_account({"someone", must(Currency::parse("EUR")), AccountKind::user}));
  }
  for (const auto& target : {other, database_}) {
    const auto before = books_of(target);
    const auto refused = copy(journal_, target);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::not_a_ledger) << refused.error().message;
    EXPECT_NE(refused.error().message.find("not a beginning of the source"), std::string::npos);
    EXPECT_EQ(books_of(target), before);
  }
  // A target that has gone on by itself.
  const auto copied = testing::shared_postgres().new_database();
  (void)must(copy(journal_, copied));
  {
    auto ledger = must(Ledger::open(copied));
    (void)must(ledger.open_account({"one:more", must(Currency::parse("EUR")), AccountKind::user}));
  }
  EXPECT_FALSE(copy(journal_, copied));
  work(journal_, 50);
  EXPECT_FALSE(copy(journal_, copied));
}

// The target is made by one of them; the other is refused as long as that one writes.
TEST_F(CopyTest, TwoAtOnceIntoOneNewLedger) {
  work(journal_, 200);
  for (const auto& target : {back_, database_}) {
    Result<CopyReport> second = fail(ErrorCode::aborted, "not tried");
    const auto first = holdfast::copy(journal_, target, [&](std::uint64_t done, std::uint64_t) {
      if (done == 1) second = holdfast::copy(journal_, target);
    });
    ASSERT_NE(first.has_value(), second.has_value()) << "one is refused";
    const auto& refused = first ? second.error() : first.error();
    EXPECT_EQ(refused.code, ErrorCode::busy) << refused.message;
    EXPECT_EQ(books_of(target), books_of(journal_));
  }
  for (int round = 0; round < 20; ++round) {
    const auto target = (directory_.path() / fmt::format("raced-{}", round)).string();
    std::latch ready(2);
    const auto race = [&] {
      ready.arrive_and_wait();
      return holdfast::copy(journal_, target);
    };
    auto other = std::async(std::launch::async, race);
    const auto mine = race();
    const auto theirs = other.get();
    EXPECT_TRUE(mine || theirs);
    for (const auto* one : {&mine, &theirs}) {
      EXPECT_TRUE(*one || one->error().code == ErrorCode::busy) << one->error().message;
    }
    EXPECT_EQ(chain_of(target), chain_of(journal_));
  }
}

TEST_F(CopyTest, CutOffAnywhereItGoesOn) {
  work(journal_, 3'000);
  const cli::Workplace place;
  int killed = 0;
  for (const auto& [from, to] : {std::pair(journal_, database_), std::pair(database_, back_)}) {
    // Longer from try to try, so that each is cut off somewhere else, and the last is not.
    for (int millis = 5;; millis += 5 + millis / 4) {
      const auto outcome =
          cli::shell(place, fmt::format("timeout -s KILL {}.{:03} holdfast copy --from '{}' --to '{}'",
                                        millis / 1'000, millis % 1'000, from, to));
      if (outcome.code == 0) break;
      EXPECT_TRUE(outcome.code == 137 || outcome.code == 1009) << outcome.code << outcome.out;
      ++killed;
    }
    EXPECT_EQ(books_of(to), books_of(journal_));
  }
  EXPECT_GT(killed, 2);
  EXPECT_EQ(chain_of(back_), chain_of(journal_));
  EXPECT_EQ(audit_of(database_), audit_of(journal_));
}

}  // namespace
}  // namespace holdfast
