// What was answered is there again after closing and opening: from the journal alone, with snapshots, and for
// a reader beside the writer.
#include <gtest/gtest.h>

#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;

/// A bit of everything, on `count` escrows in groups of 100.
void trade(Ledger& ledger, int from, int count) {
  const auto give = [&](Command command) {
    ledger.submit(std::move(command), [](Result<Answer> answer) { EXPECT_TRUE(answer) << why(answer); });
  };
  for (int i = from; i < from + count; ++i) {
    const auto key = fmt::format("h:{}", i);
    give(testing::hold(key, i % 2 == 0 ? "alice" : "bob", "shop", 50 + i, fmt::format("g:{}", i / 100)));
    if (i % 7 == 1) give(release_part(key + ":part", key, 20));
    if (i % 7 == 2) give(refund({key}));
    if (i % 7 == 3) give(freeze(key));
    if (i % 7 == 4) give(reschedule(key, Timestamp{kMaxAmount.minor()}));
    if (i % 7 == 5) give(release({key}));
    if (i % 21 == 3) give(resolve(key + ":end", key, 10, 10));
  }
  run(ledger, close_group(fmt::format("g:{}", from / 100)));
}

TEST(ReopenTest, EverythingIsAsBeforeFromTheJournalAlone) {
  const TemporaryDirectory directory;
  auto ledger = open_ledger(directory.path());
  stock(ledger);
  for (int round = 0; round < 3; ++round) {
    trade(ledger, round * 100, 100);
    const auto before = everything(ledger);
    ledger = Ledger(nullptr);
    EXPECT_TRUE(std::filesystem::is_empty(directory.path() / "snapshot"));
    ledger = open_ledger(directory.path());
    ASSERT_EQ(everything(ledger), before);
    EXPECT_EQ(broken_laws(ledger), "");
  }
}

TEST(ReopenTest, EverythingIsAsBeforeWithSnapshots) {
  const TemporaryDirectory directory;
  auto options = small_options();
  options.snapshot_every_bytes = 8 << 10;
  auto ledger = open_ledger(directory.path(), options);
  stock(ledger);
  for (int round = 0; round < 4; ++round) {
    trade(ledger, round * 100, 100);
    const auto before = everything(ledger);
    ledger = Ledger(nullptr);
    journal::OpenReport report;
    ledger = open_ledger(directory.path(), options, &report);
    EXPECT_TRUE(report.notes.empty()) << report.notes.front();
    ASSERT_EQ(everything(ledger), before);
    EXPECT_EQ(broken_laws(ledger), "");
  }
  const auto before = everything(ledger);
  ledger = Ledger(nullptr);
  EXPECT_FALSE(std::filesystem::is_empty(directory.path() / "snapshot")) << "this test is about snapshots";
  for (const auto& file : std::filesystem::directory_iterator(directory.path() / "snapshot"))
    std::filesystem::remove(file.path());
  ledger = open_ledger(directory.path(), options);
  EXPECT_EQ(everything(ledger), before) << "deleting them all loses nothing";
}

TEST(ReopenTest, AReaderBesideTheWriterSeesWhatIsDurableAndTakesNoCommand) {
  const TemporaryDirectory directory;
  auto writer = open_ledger(directory.path());
  stock(writer);
  run(writer, testing::hold("h", "alice", "shop", 10'000));
  auto reader = open_reader(directory.path());
  const auto then = everything(writer);
  EXPECT_EQ(everything(reader), then);
  EXPECT_EQ(broken_laws(reader), "");

  run(writer, release({"h"}));
  EXPECT_EQ(everything(reader), then) << "a reader stands still";
  EXPECT_EQ(everything(open_reader(directory.path())), everything(writer));

  const auto error = must_fail(reader.execute(deposit("d", "alice", 1)));
  EXPECT_EQ(error.code, ErrorCode::read_only);
  EXPECT_NE(error.message.find(directory.path().string()), std::string::npos) << error.message;
  EXPECT_EQ(must_fail(reader.atomic([](Transaction&) { return Result<void>(); })).code, ErrorCode::read_only);
  ErrorCode submitted{};
  reader.submit(deposit("d", "alice", 1), [&](Result<Answer> answer) { submitted = answer.error().code; });
  EXPECT_EQ(submitted, ErrorCode::read_only);
}

/// 2,500 escrows of 9.99 in one group.
void fill_campaign(Ledger& ledger) {
  stock(ledger);
  run(ledger, deposit("more", "alice", 2'500 * 999));
  std::vector<Command> holds;
  for (int i = 0; i < 2'500; ++i)
    holds.push_back(testing::hold(fmt::format("h:{}", i), "alice", "shop", 999, "campaign"));
  run(ledger, atomic(std::move(holds)));
}

constexpr const char* kWhole = "EUR 2500 of 2497500: 125000 / 75000 / 2297500";

TEST(ReopenTest, ACloseReleasesAllAndReportsWhatItReleased) {
  const TemporaryDirectory directory;
  auto ledger = open_ledger(directory.path());
  fill_campaign(ledger);
  const auto close = changed<Release>(release_group("campaign"), [](Release& op) { op.close = true; });
  EXPECT_EQ(split(settle(ledger, close)), kWhole);
  EXPECT_EQ(must(ledger.group("campaign")).live, 0U);
  EXPECT_FALSE(must(ledger.group("campaign")).open);
  EXPECT_EQ(available(ledger, "platform:commission"), 125'000);
  EXPECT_EQ(available(ledger, "shop"), 2'297'500);
}

TEST(ReopenTest, AChunkedReleaseIsOneEventAChunkAndAnswersAtTheEnd) {
  const TemporaryDirectory directory;
  auto ledger = open_ledger(directory.path());
  fill_campaign(ledger);
  const auto before = must(ledger.status()).seq.value();
  EXPECT_EQ(split(settle(ledger, chunked<Release>("close", "campaign", 300))), kWhole);
  EXPECT_EQ(must(ledger.status()).seq.value(), before + 9);
  const auto again = run(ledger, chunked<Release>("close", "campaign", 300));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(split(std::get<Settlement>(again.result)), kWhole);
  EXPECT_EQ(must(ledger.status()).seq.value(), before + 9);
}

// Five chunks of 260 make the 1,300 after which it is cut off: the store does one chunk a call.
TEST(ReopenTest, AChunkedReleaseThatWasCutOffGoesOnAfterReopening) {
  const TemporaryDirectory directory;
  {
    auto ledger = open_ledger(directory.path());
    fill_campaign(ledger);
  }
  const auto command = chunked<Release>("close", "campaign", 260);
  {
    journal::OpenReport report;
    auto store = must(journal::open_journal_store(directory.path(), false, small_options(), report));
    for (int chunk = 0; chunk < 5; ++chunk) EXPECT_TRUE(must(store->execute(command)).more);
    EXPECT_EQ(must(store->group("campaign")).live, 1'200U);
  }
  auto ledger = open_ledger(directory.path());
  run(ledger, testing::hold("meanwhile", "bob", "shop", 999, "campaign"));
  EXPECT_EQ(split(settle(ledger, command)), kWhole);
  EXPECT_EQ(available(ledger, "platform:commission"), 125'000);
  EXPECT_EQ(available(ledger, "processor:fees"), 75'000);
  EXPECT_EQ(available(ledger, "shop"), 2'297'500);
  EXPECT_EQ(status(ledger, "meanwhile"), EscrowStatus::locked) << "the set was fixed at the start";
  EXPECT_TRUE(run(ledger, command).replayed);
  EXPECT_EQ(broken_laws(ledger), "");
}

}  // namespace
}  // namespace holdfast
