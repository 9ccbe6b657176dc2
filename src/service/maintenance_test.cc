// Verify, backup, restore and migrate, on ledgers that are whole, busy and damaged.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "service/testing/shop.h"
#include "tests/support/directory_digest.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class MaintenanceTest : public ::testing::Test {
 protected:
  MaintenanceTest()
      : source((directory.path() / "source").string()), target((directory.path() / "target").string()) {}
  /// A ledger whose every deposit is a frame of its own, closed in good order.
  void make(int deposits = 20) {
    auto ledger = open_ledger(source);
    stock(ledger);
    for (int i = 0; i < deposits; ++i) run(ledger, deposit(fmt::format("d:{}", i), "alice", 1));
    head = must(ledger.status());
    text = everything(ledger);
  }
  std::string segment() const { return source + "/journal/000001"; }
  /// Flips a byte in the middle frame; where it begins.
  std::uint64_t damage() {
    auto bytes = bytes_of(segment());
    const auto offset = std::uint64_t{4096} * 15;
    bytes[offset + 90] ^= 1;
    put_bytes(segment(), bytes);
    return offset;
  }

  TemporaryDirectory directory;
  std::string source;
  std::string target;
  LedgerStatus head;
  std::string text;
};

TEST_F(MaintenanceTest, VerifyReadsTheWholeChain) {
  make();
  std::uint64_t last = 0;
  std::uint64_t all = 0;
  const auto report =
      must(verify(source, [&](std::uint64_t done, std::uint64_t of) { last = done, all = of; }));
  EXPECT_EQ(report.seq, head.seq);
  EXPECT_EQ(report.head, head.head);
  EXPECT_GE(report.frames, 20U);
  EXPECT_GT(report.bytes, 20U * 4096);
  EXPECT_EQ(last, all);
  EXPECT_GT(all, 0U);
}

TEST_F(MaintenanceTest, VerifyNamesFileAndOffsetOfAFlippedByte) {
  make();
  const auto offset = damage();
  const auto before = digest_of(source);
  const auto error = must_fail(verify(source));
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_NE(error.message.find(segment()), std::string::npos) << error.message;
  EXPECT_NE(error.message.find(fmt::format("{}", offset)), std::string::npos) << error.message;
  EXPECT_EQ(digest_of(source), before);
}

TEST_F(MaintenanceTest, ABackupOpensAsTheSameLedger) {
  make();
  const auto before = digest_of(source);
  std::uint64_t last = 0;
  std::uint64_t all = 0;
  const auto report =
      must(backup(source, target, [&](std::uint64_t done, std::uint64_t of) { last = done, all = of; }));
  EXPECT_EQ(report.head, head.head);
  EXPECT_EQ(last, all) << "a progress bar reaches its end";
  EXPECT_EQ(digest_of(source), before);
  auto copy = open_ledger(target);
  EXPECT_EQ(everything(copy), text);
  EXPECT_EQ(broken_laws(copy), "");
  EXPECT_TRUE(run(copy, deposit("d:7", "alice", 1)).replayed) << "its keys are there too";
}

TEST_F(MaintenanceTest, ABackupOfALedgerThatIsWrittenIsAPrefixOfIt) {
  auto ledger = open_ledger(source);
  stock(ledger);
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::vector<std::future<void>> writers;
  for (int t = 0; t < 4; ++t) {
    writers.push_back(std::async(std::launch::async, [&, t] {
      for (int i = 0; !stop || i < 10; ++i) {
        const auto key = fmt::format("{}:{}", t, i);
        run(ledger, hold(key, t % 2 == 0 ? "alice" : "bob", "shop", 20));
        run(ledger, i % 2 == 0 ? release({key}) : refund({key}));
        ++written;
      }
    }));
  }
  std::vector<VerifyReport> reports;
  for (int copy = 0; copy < 3; ++copy) {
    reports.push_back(must(backup(source, fmt::format("{}:{}", target, copy))));
    (void)must(verify(source));
  }
  stop = true;
  for (auto& writer : writers) writer.get();
  EXPECT_GE(written, 40);
  EXPECT_EQ(broken_laws(ledger), "");
  for (int copy = 0; copy < 3; ++copy) {
    const auto& report = reports[static_cast<std::size_t>(copy)];
    const auto backed_up = open_ledger(fmt::format("{}:{}", target, copy));
    EXPECT_EQ(must(backed_up.status()).head, report.head);
    EXPECT_EQ(broken_laws(backed_up), "");
    if (!report.seq) continue;
    const auto event = must(ledger.events(Seq(report.seq.value() - 1), 1)).rows.at(0);
    EXPECT_EQ(to_hex(event.hash), report.head) << "its head is the source's at that seq";
  }
}

TEST_F(MaintenanceTest, ABackupIsRestored) {
  make();
  must(backup(source, target));
  const auto again = directory.path() / "again";
  EXPECT_EQ(must(restore(target, again.string())).head, head.head);
  EXPECT_EQ(everything(open_ledger(again)), text);
}

TEST_F(MaintenanceTest, ACorruptLedgerIsRestoredUpToTheLastEventThatVerifies) {
  make();
  const auto all = must(open_reader(source).events(Seq(), 100)).rows;
  const auto offset = damage();
  const auto before = digest_of(source);
  EXPECT_EQ(must_fail(backup(source, target)).code, ErrorCode::corrupt);
  EXPECT_FALSE(fs::exists(target + "/ledger")) << "a copy that was refused is no ledger";
  const auto report = must(restore(source, target));
  EXPECT_EQ(report.seq.value(), offset / 4096 - 1) << "one event a frame, the first at 4096";
  EXPECT_EQ(report.head, to_hex(all.at(report.seq.value() - 1).hash));
  EXPECT_EQ(digest_of(source), before);
  auto ledger = open_ledger(target);
  EXPECT_EQ(broken_laws(ledger), "");
  run(ledger, deposit("goes:on", "alice", 1));
}

TEST_F(MaintenanceTest, RestoreThroughASeq) {
  make();
  const auto all = must(open_reader(source).events(Seq(), 100)).rows;
  const auto report = must(restore(source, target, Seq(10)));
  EXPECT_EQ(report.seq, Seq(10));
  EXPECT_EQ(report.head, to_hex(all.at(9).hash));
  const auto beyond = must(restore(source, target + ":all", Seq(1'000)));
  EXPECT_EQ(beyond.seq, head.seq);
}

TEST_F(MaintenanceTest, ATargetThatIsNotEmptyIsLeftAlone) {
  make(1);
  const auto other = directory.path() / "other";
  {
    const auto ledger = open_ledger(other);
  }
  fs::create_directory(target);
  put_bytes(fs::path(target) / "thesis.txt", "chapter 1");
  put_bytes(directory.path() / "file", "a file");
  const auto before = digest_of(directory.path());
  for (const auto& place : {target, other.string(), source, (directory.path() / "file").string()}) {
    for (const bool as_backup : {true, false}) {
      const auto error = must_fail(as_backup ? backup(source, place) : restore(source, place));
      EXPECT_EQ(to_string(error.code), "not_a_ledger") << error.message;
      EXPECT_NE(error.message.find(place), std::string::npos) << error.message;
    }
  }
  EXPECT_EQ(digest_of(directory.path()), before);
}

TEST_F(MaintenanceTest, ALedgerOfThisFormatNeedsNoMigration) {
  make(1);
  const auto before = digest_of(source);
  const auto report = must(migrate(source));
  EXPECT_EQ(report.from, 1U);
  EXPECT_EQ(report.to, 1U);
  EXPECT_EQ(digest_of(source), before);
}

TEST_F(MaintenanceTest, WhatIsNoLedgerIsRefusedAndLeftAlone) {
  for (const bool there : {false, true}) {
    if (there) fs::create_directory(source);
    EXPECT_EQ(must_fail(verify(source)).code, ErrorCode::not_a_ledger);
    EXPECT_EQ(must_fail(backup(source, target)).code, ErrorCode::not_a_ledger);
    EXPECT_EQ(must_fail(restore(source, target)).code, ErrorCode::not_a_ledger);
    EXPECT_EQ(must_fail(migrate(source)).code, ErrorCode::not_a_ledger);
    EXPECT_FALSE(fs::exists(target));
    EXPECT_EQ(fs::exists(source), there);
  }
}

}  // namespace
}  // namespace holdfast
