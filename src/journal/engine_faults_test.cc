// The engine on a disk that fails or is full. A failed write or sync ends it: nothing more is answered,
// nothing is tried again. A full disk refuses commands before they are decided, and nothing else.
#include <fmt/format.h>

#include <cerrno>

#include "journal/engine.h"
#include "journal/testing/engine_rig.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::journal {
namespace {

using namespace journal::testing;
using holdfast::testing::TemporaryDirectory;

class EngineFaults : public ::testing::Test {
 protected:
  EngineFaults() : engine(directory.path()) { engine.stock(); }
  /// The calls of that kind on a segment fail from now on; how many there were.
  std::shared_ptr<int> fail_from_now(FileCall which, int number) {
    auto calls = std::make_shared<int>(0);
    engine.faults.on_call = [=](FileCall call, const std::string& path, std::uint64_t) {
      if (call != which || path.find("/journal/0") == path.npos) return 0;
      ++*calls;
      return number;
    };
    return calls;
  }

  TemporaryDirectory directory;
  EngineRig engine;
};

TEST_F(EngineFaults, AFailedWriteOrSyncEndsTheEngineAndIsNotRetried) {
  for (const auto call : {FileCall::write, FileCall::sync}) {
    const auto balance = engine.available();
    const auto key = fmt::format("lost:{}", static_cast<int>(call));
    const auto waiting = engine.submit(deposit(key, "alice", 1));
    const auto rejected = engine.submit(deposit("never", "nobody", 1));
    const auto read = engine.read([](const State&) {});
    engine->decide();
    const auto calls = fail_from_now(call, EIO);
    engine->sync();
    EXPECT_EQ(*calls, 1);
    EXPECT_EQ(code_of(waiting), "storage_failed");
    EXPECT_EQ(code_of(rejected), "storage_failed") << "it was decided on what may be lost";
    EXPECT_EQ(code_of(read), "storage_failed");

    engine.faults.on_call = [&](FileCall, const std::string&, std::uint64_t) { return ++*calls, 0; };
    *calls = 0;
    const auto later = engine.submit(deposit("later", "alice", 1));
    const auto later_read = engine.read([](const State&) { ADD_FAILURE() << "nothing is read any more"; });
    const auto block = engine.exclusive({}, [](TransactionPort&) -> Result<void> {
      ADD_FAILURE() << "no block runs any more";
      return {};
    });
    engine.settle();
    EXPECT_EQ(code_of(later), "storage_failed");
    EXPECT_EQ(code_of(later_read), "storage_failed");
    EXPECT_EQ(code_of(block), "storage_failed");
    EXPECT_FALSE(engine->maintain());
    EXPECT_EQ(engine->close().error().code, ErrorCode::storage_failed);
    EXPECT_EQ(*calls, 0) << "the disk is not touched any more";

    engine.faults.on_call = {};
    engine.open();
    engine.run(deposit(key, "alice", 1));  // it may have been written: then this is a replay
    EXPECT_EQ(engine.available(), balance + 1);
  }
}

TEST_F(EngineFaults, WhatWasDecidedMeanwhileFailsToo) {
  const auto first = engine.submit(hold("h", "alice", "shop", 100));
  engine->decide();
  Awaited<StoreAnswer> meanwhile;
  engine.faults.on_call = [&](FileCall call, const std::string&, std::uint64_t) {
    if (call != FileCall::sync || meanwhile) return 0;
    meanwhile = engine.submit(release({"h"}));
    engine->decide();
    return EIO;
  };
  engine->sync();
  EXPECT_EQ(code_of(first), "storage_failed");
  EXPECT_EQ(code_of(meanwhile), "not answered");
  engine.settle();
  EXPECT_EQ(code_of(meanwhile), "storage_failed");
}

// The sync fails after the engine was found to be alive, while the retry is decided.
TEST_F(EngineFaults, ARetryOfWhatASyncHasJustLostIsToldSoAndDoesNotEndTheProcess) {
  for (const auto& lost : {deposit("lost:deposit", "alice", 1), hold("lost:hold", "alice", "shop", 100)}) {
    const auto first = engine.submit(lost);
    engine->decide();
    const auto block = engine.exclusive({}, [&](TransactionPort& port) -> Result<void> {
      EXPECT_TRUE(port.execute(deposit("space", "alice", 1)).has_value());
      (void)fail_from_now(FileCall::sync, EIO);
      engine->sync();
      const auto again = port.execute(lost);
      EXPECT_EQ(again.error().code, ErrorCode::storage_failed) << again.error().message;
      return std::unexpected(again.error());
    });
    engine.settle();
    EXPECT_EQ(code_of(first), "storage_failed");
    EXPECT_EQ(code_of(block), "storage_failed");
    engine.faults.on_call = {};
    engine.open();
  }
}

TEST_F(EngineFaults, AScanOfWhatASyncHasJustLostEnds) {
  const auto first = engine.submit(deposit("lost", "alice", 1));
  engine->decide();
  const auto read = engine.read([&](const State&) {
    (void)fail_from_now(FileCall::sync, EIO);
    engine->sync();
    const auto none = [](const Event&, std::span<const std::byte>, const Digest*) { return Result<void>(); };
    EXPECT_EQ(engine->scan_applied(Seq(), none).error().code, ErrorCode::storage_failed);
  });
  engine.settle();
  EXPECT_EQ(code_of(first), "storage_failed");
  EXPECT_EQ(code_of(read), "storage_failed");
}

TEST_F(EngineFaults, AFullDiskRefusesCommandsAndReadsGoOn) {
  (void)fail_from_now(FileCall::allocate, ENOSPC);
  int taken = 0;
  Awaited<StoreAnswer> refused;
  for (int i = 0; !refused; ++i) {
    const auto answer = engine.submit(deposit(fmt::format("d:{}", i), "alice", 1));
    engine.settle();
    if (code_of(answer) == "ok") {
      ++taken;
    } else {
      refused = answer;
    }
  }
  EXPECT_EQ(code_of(refused), "storage_full");
  EXPECT_GT(taken, 0);
  EXPECT_EQ(engine.available(), 100'000 + taken);
  const auto durable = engine->log().durable().seq;
  const auto again = engine.submit(deposit("again", "alice", 1));
  engine.settle();
  EXPECT_EQ(code_of(again), "storage_full");
  EXPECT_EQ(engine->log().durable().seq, durable);

  engine.faults.on_call = {};
  EXPECT_FALSE(engine.run(deposit("again", "alice", 1)).answer.replayed);
  EXPECT_EQ(engine.available(), 100'001 + taken);
  ASSERT_TRUE(engine->close());
  engine.open();
  EXPECT_EQ(engine.available(), 100'001 + taken);
}

TEST_F(EngineFaults, AFullDiskInABlockLeavesTheBlockToDecide) {
  (void)fail_from_now(FileCall::allocate, ENOSPC);
  std::vector<Command> many;
  for (int i = 0; i < 10'000; ++i) many.push_back(deposit(fmt::format("many:{}", i), "alice", 1));
  const auto block = engine.exclusive({}, [&](TransactionPort& port) -> Result<void> {
    EXPECT_TRUE(port.execute(deposit("small", "alice", 1)));
    const auto large = port.execute(atomic(many));
    if (large) return fail(ErrorCode::aborted, "there was room");
    EXPECT_EQ(large.error().code, ErrorCode::storage_full);
    return {};
  });
  engine.settle();
  EXPECT_EQ(code_of(block), "ok");
  EXPECT_EQ(engine.available(), 100'001);
}

// Every command of a block that had outgrown a segment took a new segment.
TEST_F(EngineFaults, ALongBlockTakesItsSpaceInFewSegments) {
  int allocated = 0;
  engine.faults.on_call = [&](FileCall call, const std::string&, std::uint64_t) {
    allocated += call == FileCall::allocate;
    return 0;
  };
  const auto block = engine.exclusive({}, [&](TransactionPort& port) -> Result<void> {
    for (int i = 0; i < 10'000; ++i) {
      if (auto done = port.execute(deposit(fmt::format("long:{}", i), "alice", 1)); !done) {
        return std::unexpected(done.error());
      }
    }
    return {};
  });
  engine.settle();
  EXPECT_EQ(code_of(block), "ok");
  EXPECT_LE(allocated, 8);
  EXPECT_EQ(engine.available(), 110'000);
}

// Commands were refused with `storage_failed`, but reads went on being answered.
TEST_F(EngineFaults, AReservationThatFailedEndsTheEngine) {
  const auto failing = fail_from_now(FileCall::allocate, EIO);
  Awaited<StoreAnswer> failed;
  int taken = 0;
  for (int i = 0; !failed; ++i) {
    const auto answer = engine.submit(deposit(fmt::format("d:{}", i), "alice", 1));
    engine.settle();
    if (code_of(answer) == "ok") {
      ++taken;
    } else {
      failed = answer;
    }
  }
  EXPECT_EQ(code_of(failed), "storage_failed");
  const auto read = engine.read([](const State&) {});
  engine.settle();
  EXPECT_EQ(code_of(read), "storage_failed");
  EXPECT_EQ(*failing, 1) << "nothing is tried again";
  engine.faults.on_call = {};
  engine.open();
  EXPECT_EQ(engine.available(), 100'000 + taken);
}

TEST_F(EngineFaults, ASecondWriterIsRefusedWhileTheFirstLives) {
  OpenReport report;
  auto root = *open_posix_directory(directory.path(), false);
  const auto second = Engine::open(*root, engine.clock, {}, "the second", report);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().message.find("the test"), std::string::npos) << second.error().message;
}

}  // namespace
}  // namespace holdfast::journal
