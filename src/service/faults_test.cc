// A disk that is full or fails, seen through the library with its threads.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>

#include "base/posix_file.h"
#include "journal/testing/faulty_directory.h"
#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;
using journal::testing::Faults;
using journal::testing::FaultyDirectory;
using journal::testing::FileCall;

class FaultsTest : public ::testing::Test {
 protected:
  FaultsTest() {
    {
      const auto made = open_ledger(directory.path());
    }
    faults.on_call = [this](FileCall call, const std::string&, std::uint64_t) {
      return call == failing.load() ? number.load() : 0;
    };
    ledger = open();
    stock(ledger);
  }
  Ledger open() {
    journal::OpenReport report;
    auto root = std::make_unique<FaultyDirectory>(faults, *open_posix_directory(directory.path(), false));
    return Ledger(must(journal::open_journal_store(std::move(root), small_options(), report)));
  }
  void fail_from_now(FileCall call, int with) {
    number = with;
    failing = call;
  }
  void mend() { number = 0; }
  /// Deposits of a cent until one is refused: how many were taken, and why the last was not.
  std::pair<int, Error> until_refused(const std::string& prefix) {
    for (int i = 0;; ++i) {
      auto answer = ledger.execute(deposit(fmt::format("{}:{}", prefix, i), "alice", 1));
      if (!answer) return {i, answer.error()};
    }
  }

  TemporaryDirectory directory;
  Faults faults;
  std::atomic<FileCall> failing{FileCall::sync};
  std::atomic<int> number{0};
  Ledger ledger{nullptr};
};

TEST_F(FaultsTest, AFullDiskRefusesCommandsAndReadsGoOn) {
  fail_from_now(FileCall::allocate, ENOSPC);
  const auto [taken, error] = until_refused("d");
  EXPECT_EQ(to_string(error.code), "storage_full") << error.message;
  EXPECT_GT(taken, 0) << "what is reserved already can be used";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(available(ledger, "alice"), 100'000 + taken);
    EXPECT_EQ(must_fail(ledger.execute(deposit("more", "alice", 1))).code, ErrorCode::storage_full);
  }
  EXPECT_EQ(broken_laws(ledger), "");
  const auto full = everything(ledger);

  mend();
  EXPECT_FALSE(run(ledger, deposit("more", "alice", 1)).replayed) << "a refused command leaves its key free";
  EXPECT_EQ(available(ledger, "alice"), 100'000 + taken + 1);

  ledger = Ledger(nullptr);
  ledger = open();
  EXPECT_EQ(available(ledger, "alice"), 100'000 + taken + 1);
  EXPECT_NE(everything(ledger), full);
}

TEST_F(FaultsTest, AFullDiskRefusesABlockAndTheLedgerClosesAndOpens) {
  fail_from_now(FileCall::allocate, ENOSPC);
  const auto taken = until_refused("d").first;
  const auto before = everything(ledger);
  const auto block = ledger.atomic([](Transaction& transaction) -> Result<void> {
    const auto done = transaction.execute(deposit("in:a:block", "alice", 1));
    return done ? Result<void>() : std::unexpected(done.error());
  });
  EXPECT_EQ(must_fail(block).code, ErrorCode::storage_full);
  EXPECT_EQ(everything(ledger), before);
  ledger = Ledger(nullptr);
  mend();
  ledger = open();
  EXPECT_EQ(available(ledger, "alice"), 100'000 + taken);
}

TEST_F(FaultsTest, AfterAFailedSyncNothingIsAnsweredUntilItIsOpenedAgain) {
  run(ledger, deposit("before", "alice", 1));
  fail_from_now(FileCall::sync, EIO);
  EXPECT_EQ(must_fail(ledger.execute(deposit("lost?", "alice", 1))).code, ErrorCode::storage_failed);
  mend();
  EXPECT_EQ(must_fail(ledger.execute(deposit("after", "alice", 1))).code, ErrorCode::storage_failed);
  EXPECT_EQ(must_fail(ledger.account("alice")).code, ErrorCode::storage_failed);
  EXPECT_EQ(must_fail(ledger.status()).code, ErrorCode::storage_failed);
  EXPECT_EQ(must_fail(ledger.atomic([](Transaction&) { return Result<void>(); })).code,
            ErrorCode::storage_failed);
  EXPECT_EQ(must_fail(ledger.run_due(Timestamp{1})).code, ErrorCode::storage_failed);
  ledger = Ledger(nullptr);
  ledger = open();
  run(ledger, deposit("lost?", "alice", 1));  // a replay or not: it is there once
  EXPECT_EQ(available(ledger, "alice"), 100'002);
  EXPECT_EQ(must(ledger.escrows({})).rows.size(), 0U);
  EXPECT_EQ(broken_laws(ledger), "");
}

// A call that failed while taking space ended commands, but reads went on being answered.
TEST_F(FaultsTest, AFailedReservationEndsTheLedgerToo) {
  fail_from_now(FileCall::allocate, EIO);
  const auto [taken, error] = until_refused("d");
  EXPECT_EQ(to_string(error.code), "storage_failed") << error.message;
  mend();
  EXPECT_EQ(must_fail(ledger.account("alice")).code, ErrorCode::storage_failed);
  EXPECT_EQ(must_fail(ledger.execute(deposit("after", "alice", 1))).code, ErrorCode::storage_failed);
  ledger = Ledger(nullptr);
  ledger = open();
  EXPECT_EQ(available(ledger, "alice"), 100'000 + taken);
}

}  // namespace
}  // namespace holdfast
