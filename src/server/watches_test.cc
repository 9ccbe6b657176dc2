// What watches a ledger in the background, over a real one.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "server/audit_watch.h"
#include "server/books.h"
#include "server/due_watch.h"
#include "server/pulse.h"
#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

using namespace holdfast::testing;

/// Asks until it is so, or ten seconds are over.
template <class Condition>
::testing::AssertionResult comes(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return ::testing::AssertionSuccess();
    std::this_thread::yield();
  }
  return ::testing::AssertionFailure() << "it did not come";
}

/// A clock that stands until it is set.
class HandClock final : public Clock {
 public:
  [[nodiscard]] Timestamp wall() const override { return {wall_micros.load()}; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override {
    return std::chrono::seconds(seconds.load());
  }
  std::atomic<std::int64_t> wall_micros{0};
  std::atomic<std::int64_t> seconds{0};
};

class WatchesTest : public ::testing::Test {
 protected:
  WatchesTest() : ledger(open_ledger(directory.path() / "ledger")) {
    stock(ledger);
    state = must(StateDirectory::open(directory.path() / "server"));
  }
  void hold_until(std::string key, Timestamp release_at) {
    run(ledger, changed<Hold>(testing::hold(std::move(key), "alice", "shop", 1'000),
                              [&](Hold& op) { op.release_at = release_at; }));
  }
  [[nodiscard]] Seq last() const { return must(ledger.status()).seq; }

  TemporaryDirectory directory;
  Ledger ledger;
  std::unique_ptr<StateDirectory> state;
};

class BooksTest : public WatchesTest {
 protected:
  std::unique_ptr<Books> open_books() {
    return std::make_unique<Books>(ledger, *state, [this](const std::string&) { ++wrong; });
  }
  std::atomic<int> wrong{0};
};

TEST_F(BooksTest, AddsUpWhatEventsSayAndGoesOnAfterARestart) {
  for (int i = 0; i < 20; ++i) run(ledger, testing::hold(fmt::format("h{}", i), "alice", "shop", 1'000));
  run(ledger, release({"h0", "h1", "h2"}));
  run(ledger, refund({"h3"}));
  run(ledger, freeze("h4"));
  {
    const auto books = open_books();
    ASSERT_TRUE(comes([&] { return books->view().seq == last(); }));
    const auto view = books->view();
    ASSERT_EQ(view.sums.size(), 1U);
    EXPECT_EQ(view.sums[0].held.minor(), 20'000);
    EXPECT_EQ(view.sums[0].released.minor(), 3'000);
    EXPECT_EQ(view.sums[0].refunded.minor(), 1'000);
    EXPECT_EQ(view.sums[0].commission.minor(), 150);
    EXPECT_EQ(view.sums[0].processor_fee.minor(), 90);
    EXPECT_EQ(view.frozen, 1U);
  }
  ASSERT_TRUE(state->read("books.json")->has_value());
  run(ledger, release({"h5"}));
  const auto books = open_books();
  ASSERT_TRUE(comes([&] { return books->view().seq == last(); }));
  EXPECT_EQ(books->view().sums[0].released.minor(), 4'000);
  EXPECT_EQ(books->view().frozen, 1U);
  EXPECT_EQ(wrong.load(), 0);
}

// Sums that were kept for another ledger, or are damaged, are not gone on with.
TEST_F(BooksTest, BeginsAnewWhereWhatItKeptIsOfAnotherLedgerOrDamaged) {
  run(ledger, testing::hold("h", "alice", "shop", 1'000));
  run(ledger, release({"h"}));
  {
    const auto books = open_books();
    ASSERT_TRUE(comes([&] { return books->view().seq == last(); }));
  }
  const auto kept = **state->read("books.json");
  auto other = kept;
  const auto hash = other.find("\"hash\":\"") + 8;
  other[hash] = other[hash] == '0' ? '1' : '0';
  auto far = kept;
  far.replace(far.find("\"seq\":") + 6, 1, "99");
  for (const auto& text :
       {other, far, std::string("{"), std::string("[]"), kept.substr(0, kept.size() / 2)}) {
    ASSERT_TRUE(state->replace("books.json", text).has_value());
    const auto books = open_books();
    ASSERT_TRUE(comes([&] { return books->view().seq == last(); })) << text;
    EXPECT_EQ(books->view().sums[0].released.minor(), 1'000) << text;
  }
}

TEST_F(BooksTest, EachKindOfWrongEventIsSeen) {
  run(ledger, testing::hold("h", "alice", "shop", 1'000));
  run(ledger, release({"h"}));
  const auto good = must(ledger.events(Seq(last().value() - 1), 1)).rows.at(0);
  const Seq before(last().value() - 1);
  EXPECT_EQ(wrong_with(good, before), std::nullopt);
  EXPECT_NE(wrong_with(good, last()), std::nullopt) << "a gap";

  auto postings = good;
  postings.postings[0].amount += Amount(1);
  EXPECT_NE(wrong_with(postings, before), std::nullopt);
  auto moved = good;  // from one account's available to another's held: still 0 in all
  for (auto& posting : moved.postings) {
    if (posting.bucket == Bucket::held) posting.amount += Amount(1);
  }
  moved.postings.back().amount -= Amount(1);
  EXPECT_NE(wrong_with(moved, before), std::nullopt);
  auto fees = good;
  fees.sums[0].commission = Amount(1'001);
  EXPECT_NE(wrong_with(fees, before), std::nullopt);
  auto answer = good;
  std::get<Settlement>(answer.result).totals[0].amount += Amount(1);
  EXPECT_NE(wrong_with(answer, before), std::nullopt);
  auto parts = good;
  std::get<Settlement>(parts.result).totals[0].net += Amount(1);
  EXPECT_NE(wrong_with(parts, before), std::nullopt);
}

class DueWatchTest : public WatchesTest {
 protected:
  DueWatchTest() { clock.wall_micros = must(ledger.events(Seq(), 1)).rows.at(0).at.micros; }

  [[nodiscard]] Timestamp in(std::int64_t seconds) const {
    return {clock.wall_micros.load() + seconds * 1'000'000};
  }
  std::unique_ptr<DueWatch> watch() {
    DueWatch::Told told;
    told.stuck = [this](const StuckEscrow&) { ++stuck; };
    return std::make_unique<DueWatch>(
        ledger, clock, [this] { return open.load(); }, told,
        DueOptions{.poll = std::chrono::milliseconds(5)});
  }

  HandClock clock;
  std::atomic<bool> open{true};
  std::atomic<int> stuck{0};
};

TEST_F(DueWatchTest, SettlesEachDateWhenItComesAndOneThatWasSetLater) {
  hold_until("far", in(1'000));
  hold_until("near", in(10));
  const auto due = watch();
  EXPECT_TRUE(comes([&] { return due->view().next_at == in(10); }));
  hold_until("nearer", in(5));
  EXPECT_TRUE(comes([&] { return due->view().next_at == in(5); }));
  clock.wall_micros += 5'000'000;
  EXPECT_TRUE(comes([&] { return status(ledger, "nearer") == EscrowStatus::released; }));
  EXPECT_EQ(status(ledger, "near"), EscrowStatus::locked);
  clock.wall_micros += 5'000'000;
  EXPECT_TRUE(comes([&] { return status(ledger, "near") == EscrowStatus::released; }));
  EXPECT_TRUE(comes([&] { return due->view().released == 2; }));
  EXPECT_EQ(status(ledger, "far"), EscrowStatus::locked);
}

TEST_F(DueWatchTest, WhatCameWhileNothingRanIsSettledOnce) {
  for (int i = 0; i < 30; ++i) hold_until(fmt::format("h{}", i), in(1));
  clock.wall_micros += 100'000'000;
  for (int i = 0; i < 2; ++i) {
    const auto due = watch();
    EXPECT_TRUE(comes([&] { return available(ledger, "platform:commission") == 30 * 50; }));
  }
  EXPECT_EQ(broken_laws(ledger), "");
}

TEST_F(DueWatchTest, WhatCannotBeSettledIsToldOnceAndTriedAgainLater) {
  hold_until("stuck", in(1));
  hold_until("fine", in(2));
  const auto id = must(ledger.escrow({EscrowId(), "stuck"})).escrow;
  run(ledger, deposit(fmt::format("due:{}:{}", id.value(), in(1).micros), "alice", 1));
  clock.wall_micros += 3'000'000;
  const auto due = watch();
  EXPECT_TRUE(comes([&] { return due->view().stuck.size() == 1 && due->view().released == 1; }));
  EXPECT_EQ(due->view().stuck[0].due.escrow, id);
  EXPECT_EQ(due->view().stuck[0].error.code, ErrorCode::idempotency_conflict);
  const auto first = due->view().stuck[0].at;
  clock.wall_micros += 59'000'000;
  clock.seconds = 59;
  hold_until("other", in(-1));
  EXPECT_TRUE(comes([&] { return due->view().released == 2; })) << "others go on";
  EXPECT_EQ(due->view().stuck[0].at, first) << "not tried again yet";
  clock.seconds = 61;
  EXPECT_TRUE(comes([&] { return due->view().stuck[0].at > first; }));
  EXPECT_EQ(stuck.load(), 1);
  // Another date is another matter.
  run(ledger, reschedule("stuck", in(-5)));
  EXPECT_TRUE(comes([&] { return status(ledger, "stuck") == EscrowStatus::released; }));
  EXPECT_TRUE(comes([&] { return due->view().stuck.empty(); }));
}

TEST_F(DueWatchTest, NothingIsSettledWhileCommandsAreStopped) {
  hold_until("h", in(1));
  open = false;
  clock.wall_micros += 3'000'000;
  {
    const auto due = watch();
    EXPECT_TRUE(comes([&] { return due->view().next_at.has_value(); }));
    EXPECT_EQ(status(ledger, "h"), EscrowStatus::locked);
    open = true;
    EXPECT_TRUE(comes([&] { return status(ledger, "h") == EscrowStatus::released; }));
  }
}

TEST_F(WatchesTest, AnAuditRunsByItselfAndIsToldToStop) {
  std::atomic<int> done{0};
  const AuditWatch audit(ledger, system_clock(), {.first = std::chrono::seconds(0)},
                         [&](const AuditView&) { ++done; });
  ASSERT_TRUE(comes([&] { return done.load() == 1; }));
  const auto view = audit.view();
  ASSERT_TRUE(view.report.has_value());
  EXPECT_TRUE(view.report->ok);
  EXPECT_EQ(view.report->checks.size(), 9U);
  EXPECT_EQ(view.seq, last());
  EXPECT_FALSE(view.running);

  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(ledger.audit({}, stop.get_token()).error().code, ErrorCode::aborted);
}

TEST_F(WatchesTest, ThePulseTellsHowTheLedgerStands) {
  const Metrics metrics;
  Pulse::Parts parts{ledger, system_clock(), metrics, [] { return Traffic{.connections = 7}; }, {}};
  const Pulse pulse(parts);
  EXPECT_EQ(pulse.view().status->seq, last()) << "felt before it is there";
  run(ledger, deposit("more", "alice", 1));
  EXPECT_TRUE(comes([&] {
    const auto view = pulse.view();
    return view.status->seq == last() && view.balances.at(0).available.minor() == 200'001;
  }));
  EXPECT_TRUE(comes([&] { return !pulse.samples().empty(); }));
  EXPECT_EQ(pulse.samples()[0].connections, 7U);
  EXPECT_GT(pulse.samples()[0].sync_p99_us, 0U);
}

}  // namespace
}  // namespace holdfast::server
