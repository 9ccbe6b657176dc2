// Snapshots as the engine makes them: a bounded step at a time, between commands, and used when it opens
// again.
#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "journal/engine.h"
#include "journal/opening.h"
#include "journal/testing/engine_rig.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::journal {
namespace {

using namespace journal::testing;
using holdfast::testing::TemporaryDirectory;

constexpr int kMany = 9'000;

EngineOptions often() {
  EngineOptions options;
  options.snapshot_every_bytes = 4 << 10;
  return options;
}

class EngineSnapshots : public ::testing::Test {
 protected:
  EngineSnapshots() : engine(directory.path(), often()) { engine.stock(); }
  void trade(int from, int count) {
    for (int i = from; i < from + count; ++i)
      (void)engine.submit(hold(fmt::format("h:{}", i), "alice", "shop", 10, "g"));
    engine.settle();
  }
  void trade_in_one_event(int count) {
    std::vector<Command> holds;
    for (int i = 0; i < count; ++i)
      holds.push_back(hold(fmt::format("many:{}", i), "alice", "shop", 10, fmt::format("g:{}", i % 50)));
    engine.run(atomic(std::move(holds)));
  }
  /// Steps until none is to do; how many there were.
  int maintain() {
    int steps = 0;
    while (engine->maintain()) ++steps;
    return steps;
  }
  std::vector<std::filesystem::path> snapshots() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path() / "snapshot"))
      files.push_back(entry.path());
    return files;
  }
  /// Bytes of events that opening replays.
  std::uint64_t replayed() {
    auto root = *open_posix_directory(directory.path(), false);
    const auto opened = journal::open_ledger(*root, false, {});
    EXPECT_TRUE(opened);
    return opened ? opened->replayed_bytes : 0;
  }

  TemporaryDirectory directory;
  EngineRig engine;
};

TEST_F(EngineSnapshots, OneIsMadeInBoundedStepsAndUsedWhenItOpensAgain) {
  trade_in_one_event(kMany);
  const auto before = replayed();
  std::uint64_t step = 0;
  std::uint64_t largest = 0;
  std::uint64_t all = 0;
  int writes = 0;
  engine.faults.on_call = [&](FileCall call, const std::string& path, std::uint64_t bytes) {
    if (call == FileCall::write && path.find("/snapshot/") != path.npos) step += bytes;
    return 0;
  };
  while (engine->maintain()) {
    writes += step > 0;
    largest = std::max(largest, step);
    all += std::exchange(step, 0);
  }
  EXPECT_GE(writes, 2) << "not all at once";
  EXPECT_LT(largest, std::uint64_t{2} << 20) << "a step writes what it collected: a chunk of rows at most";
  EXPECT_LT(largest, all);
  engine.faults.on_call = {};
  ASSERT_EQ(snapshots().size(), 1U);
  EXPECT_LT(replayed(), before / 10);
  EXPECT_FALSE(engine->maintain()) << "another one only after as much journal";
  const auto balance = engine.available();
  engine.crash();
  engine.open();
  EXPECT_TRUE(engine.report.notes.empty()) << engine.report.notes.front();
  EXPECT_EQ(engine.available(), balance);
  EXPECT_TRUE(engine.run(hold("many:7", "alice", "shop", 10, "g:7")).answer.replayed);
}

TEST_F(EngineSnapshots, CommandsGoOnBetweenItsSteps) {
  trade_in_one_event(kMany);
  int done = 0;
  while (engine->maintain()) trade(done++, 1);
  EXPECT_GT(done, 3) << "begin, a chunk a step, the end";
  EXPECT_EQ(snapshots().size(), 1U);
  const auto balance = engine.available();
  EXPECT_EQ(balance, 100'000 - (kMany + done) * 10);
  engine.crash();
  engine.open();
  EXPECT_EQ(engine.available(), balance);
}

TEST_F(EngineSnapshots, ItIsNotCompleteBeforeItsStampsAreDurable) {
  trade(0, 200);
  // Decided, not synced: the chunks hold what no disk has yet.
  (void)engine.submit(hold("on:its:way", "alice", "shop", 10, "g"));
  engine->decide();
  (void)maintain();
  for (const auto& file : snapshots()) EXPECT_NE(file.extension(), "") << file << " has its final name";
  engine.settle();
  (void)maintain();
  engine.crash();
  engine.open();
  EXPECT_EQ(engine.available(), 100'000 - 201 * 10);
}

TEST_F(EngineSnapshots, ADamagedOneIsPassedOverAndReported) {
  trade(0, 200);
  (void)maintain();
  const auto balance = engine.available();
  engine.crash();
  ASSERT_EQ(snapshots().size(), 1U);
  {
    std::fstream file(snapshots()[0], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file.put('!');
    file.put('?');
  }
  engine.open();
  ASSERT_EQ(engine.report.notes.size(), 1U);
  EXPECT_NE(engine.report.notes[0].find("snapshot passed over"), std::string::npos) << engine.report.notes[0];
  EXPECT_EQ(engine.available(), balance);
}

TEST_F(EngineSnapshots, OneThatCannotBeWrittenDisturbsNothing) {
  trade(0, 200);
  engine.faults.on_call = [](FileCall, const std::string& path, std::uint64_t) {
    return path.find("/snapshot") == path.npos ? 0 : ENOSPC;
  };
  (void)maintain();
  const auto balance = engine.available();
  EXPECT_EQ(balance, 100'000 - 200 * 10);
  engine.faults.on_call = {};
  trade(200, 200);
  (void)maintain();
  EXPECT_EQ(snapshots().size(), 1U) << "tried again after as much journal";
  engine.crash();
  engine.open();
  EXPECT_EQ(engine.available(), 100'000 - 400 * 10);
}

}  // namespace
}  // namespace holdfast::journal
