// The engine driven by hand: what is answered when, and what is decided on what. Laws 5, 6, 7 and 9.
#include "journal/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/testing/engine_rig.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::journal {
namespace {

using namespace journal::testing;
using holdfast::testing::TemporaryDirectory;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : engine(directory.path()) { engine.stock(); }

  TemporaryDirectory directory;
  EngineRig engine;
};

/// Calls `then` once, at the first sync of a segment from now on: while a group is on its way.
void while_it_syncs(EngineRig& engine, std::function<void()> then) {
  engine.faults.on_call = [&engine, then = std::move(then)](FileCall call, const std::string& path,
                                                            std::uint64_t) {
    if (call != FileCall::sync || path.find("/journal/0") == path.npos) return 0;
    const auto once = then;  // lives on while the hook it was kept in is taken away
    engine.faults.on_call = {};
    once();
    return 0;
  };
}

TEST_F(EngineTest, AnAnswerIsNotGivenBeforeItsSync) {
  const auto answer = engine.submit(deposit("d", "alice", 1));
  EXPECT_TRUE(engine->wants_decide());
  EXPECT_TRUE(engine->decide());
  EXPECT_FALSE(engine->wants_decide());
  EXPECT_TRUE(engine->wants_sync());
  EXPECT_EQ(code_of(answer), "not answered");
  std::string meanwhile;
  while_it_syncs(engine, [&] { meanwhile = code_of(answer); });
  EXPECT_TRUE(engine->sync());
  EXPECT_EQ(meanwhile, "not answered");
  EXPECT_EQ(code_of(answer), "ok");
  EXPECT_FALSE(engine->sync()) << "nothing is left";
  EXPECT_FALSE(engine->decide());
}

TEST_F(EngineTest, ARejectionAReplayAndAReadWaitForTheGroupTheyWereDecidedOn) {
  const auto held = engine.submit(hold("h", "alice", "shop", 60'000));
  const auto rejected = engine.submit(hold("more", "alice", "shop", 60'000));  // only because of the first
  const auto replayed = engine.submit(hold("h", "alice", "shop", 60'000));
  std::int64_t seen = 0;
  const auto read = engine.read(
      [&](const State& state) { seen = state.account(*state.find_account("alice"))->available.minor(); });
  engine->decide();
  EXPECT_EQ(seen, 40'000);
  for (const auto& answer : {held, rejected, replayed}) EXPECT_EQ(code_of(answer), "not answered");
  EXPECT_EQ(code_of(read), "not answered");
  engine->sync();
  EXPECT_EQ(code_of(held), "ok");
  EXPECT_EQ(code_of(rejected), "insufficient_funds");
  EXPECT_EQ(code_of(read), "ok");
  ASSERT_EQ(code_of(replayed), "ok");
  EXPECT_TRUE((**replayed)->answer.replayed);
  EXPECT_EQ((**replayed)->answer.seq, (**held)->answer.seq);
  EXPECT_EQ(std::get<HoldResult>((**replayed)->answer.result), std::get<HoldResult>((**held)->answer.result));
}

TEST_F(EngineTest, TheNextGroupIsDecidedWhileOneSyncs) {
  const auto first = engine.submit(hold("h", "alice", "shop", 60'000));
  engine->decide();
  Awaited<StoreAnswer> released;
  Awaited<StoreAnswer> rejected;
  Awaited<StoreAnswer> replayed;
  while_it_syncs(engine, [&] {
    released = engine.submit(release({"h"}));
    rejected = engine.submit(hold("more", "alice", "shop", 60'000));
    replayed = engine.submit(hold("h", "alice", "shop", 60'000));
    EXPECT_TRUE(engine->decide());
  });
  engine->sync();
  EXPECT_EQ(code_of(first), "ok");
  for (const auto& answer : {released, rejected, replayed}) EXPECT_EQ(code_of(answer), "not answered");
  engine->sync();
  EXPECT_EQ(code_of(released), "ok");
  EXPECT_EQ(code_of(rejected), "insufficient_funds");
  ASSERT_EQ(code_of(replayed), "ok");
  EXPECT_EQ((**replayed)->answer.seq, (**first)->answer.seq);
}

TEST_F(EngineTest, AGroupIsOneWriteAndOneSync) {
  std::vector<Awaited<StoreAnswer>> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(engine.submit(deposit(fmt::format("d:{}", i), "alice", 1)));
  int writes = 0;
  int syncs = 0;
  engine.faults.on_call = [&](FileCall call, const std::string& path, std::uint64_t) {
    if (path.find("/journal/0") == path.npos) return 0;
    writes += call == FileCall::write;
    syncs += call == FileCall::sync;
    return 0;
  };
  engine->decide();
  engine->sync();
  for (const auto& answer : answers) EXPECT_EQ(code_of(answer), "ok");
  EXPECT_EQ(writes, 1);
  EXPECT_EQ(syncs, 1);
}

TEST_F(EngineTest, GroupsAreCountedBySizeAndTime) {
  const auto before = engine->groups();
  engine.clock.each_call = std::chrono::microseconds(300);
  for (int i = 0; i < 100; ++i) {
    const auto answer = engine.submit(deposit(fmt::format("d:{}", i), "alice", 1));
  }
  const auto rejected = engine.submit(deposit("d", "nobody", 1));
  EXPECT_EQ(engine->groups().waiting, 101U);
  engine.settle();
  const auto after = engine->groups();
  EXPECT_EQ(after.waiting, 0U);
  EXPECT_EQ(after.groups - before.groups, 1U);
  EXPECT_EQ(after.events - before.events, 100U);
  EXPECT_EQ(after.sync_ns - before.sync_ns, 300'000U);
  EXPECT_EQ(after.sync_micros[9] - before.sync_micros[9], 1U) << "256 to 511 microseconds";
  EXPECT_EQ(after.sizes[7] - before.sizes[7], 1U) << "64 to 127 events";
}

TEST_F(EngineTest, AGroupWithoutEventsIsAnsweredWithoutWriting) {
  const auto before = engine->log().durable().end.offset;
  const auto rejected = engine.submit(deposit("d", "nobody", 1));
  const auto no_op = engine.submit(holdfast::testing::open("alice"));
  engine.settle();
  EXPECT_EQ(code_of(rejected), "account_not_found");
  EXPECT_EQ(code_of(no_op), "ok");
  EXPECT_EQ(engine->log().durable().end.offset, before);
}

TEST_F(EngineTest, AReplayFindsItsEventInTheOpenGroupTheSyncingOneAndTheJournal) {
  const auto command = atomic({deposit("outer:1", "alice", 1), hold("outer:2", "alice", "shop", 100)});
  const auto ask = [&] { return engine.submit(with_key(command, "outer")); };
  const auto first = ask();
  const auto open = ask();
  engine->decide();
  Awaited<StoreAnswer> syncing;
  Awaited<StoreAnswer> part;
  while_it_syncs(engine, [&] {
    syncing = ask();
    part = engine.submit(hold("outer:2", "alice", "shop", 100));
    engine->decide();
  });
  engine->sync();
  engine.settle();
  const auto journal = ask();
  engine.settle();
  const auto seq = (**first)->answer.seq;
  for (const auto& answer : {open, syncing, part, journal}) {
    ASSERT_EQ(code_of(answer), "ok");
    EXPECT_TRUE((**answer)->answer.replayed);
    EXPECT_EQ((**answer)->answer.seq, seq);
  }
}

TEST_F(EngineTest, AFullGroupTakesNoMoreUntilItIsTaken) {
  TemporaryDirectory other;
  EngineOptions options;
  options.group_bytes_max = 2'000;
  int room_again = 0;
  options.room_again = [&] { ++room_again; };
  EngineRig small(other.path(), options);
  small.stock();
  std::vector<Awaited<StoreAnswer>> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(small.submit(deposit(fmt::format("d:{}", i), "alice", 1)));
  const auto answered = [&] {
    return std::ranges::count_if(answers, [](const auto& a) { return a->has_value(); });
  };
  std::ptrdiff_t done = 0;
  int groups = 0;
  while (done < 200) {
    EXPECT_TRUE(small->decide());
    EXPECT_FALSE(small->decide()) << "the group is full, or nothing is left";
    const bool waits = small->wants_decide();
    EXPECT_FALSE(waits) << "it waits for room, not for decide";
    small->sync();
    const auto now = answered();
    EXPECT_GT(now, done);
    EXPECT_LE(now - done, 60) << "a group ends where it is larger than its limit";
    for (std::ptrdiff_t i = 0; i < now; ++i) EXPECT_EQ(code_of(answers[static_cast<std::size_t>(i)]), "ok");
    done = now;
    ++groups;
  }
  EXPECT_GT(groups, 3);
  EXPECT_GE(room_again, groups - 1);
  EXPECT_EQ(small.available(), 100'200);
}

// Decide can go on from the moment a full group was taken: it was woken only when that group was durable.
TEST_F(EngineTest, RoomIsToldBeforeTheFullGroupIsDurable) {
  TemporaryDirectory other;
  EngineOptions options;
  options.group_bytes_max = 100;
  std::vector<std::string> order;
  options.room_again = [&] { order.emplace_back("room"); };
  EngineRig small(other.path(), options);
  small.stock();
  order.clear();
  (void)small.submit(deposit("a:long:key:for:a:deposit:that:fills:the:group:1", "alice", 1));
  (void)small.submit(deposit("a:long:key:for:a:deposit:that:fills:the:group:2", "alice", 1));
  (void)small.submit(deposit("a:long:key:for:a:deposit:that:fills:the:group:3", "alice", 1));
  small->decide();
  while_it_syncs(small, [&] { order.emplace_back("sync"); });
  small->sync();
  EXPECT_EQ(order, (std::vector<std::string>{"room", "sync"}));
}

TEST_F(EngineTest, ABlockRunsOnTheDecideSideAndIsOneEvent) {
  const auto before = engine->log().durable().seq;
  bool ran = false;
  const auto block = engine.exclusive({.key = "block"}, [&](TransactionPort& port) -> Result<void> {
    ran = true;
    EXPECT_TRUE(port.execute(hold("h", "alice", "shop", 1'000)));
    port.savepoint();
    EXPECT_TRUE(port.execute(release({"h"})));
    port.rollback_savepoint(fail(ErrorCode::aborted, "not yet").error());
    return {};
  });
  EXPECT_FALSE(ran);
  engine->decide();
  EXPECT_TRUE(ran);
  EXPECT_EQ(code_of(block), "not answered");
  engine->sync();
  ASSERT_EQ(code_of(block), "ok");
  EXPECT_EQ((**block)->answer.seq, before.next());
  EXPECT_EQ(engine->log().durable().seq, before.next());

  const auto given_up = engine.exclusive({}, [&](TransactionPort& port) -> Result<void> {
    EXPECT_TRUE(port.execute(release({"h"})));
    return fail(ErrorCode::aborted, "the caller gives up");
  });
  engine.settle();
  EXPECT_EQ(code_of(given_up), "aborted");
  EXPECT_EQ(engine->log().durable().seq, before.next());
}

TEST_F(EngineTest, TimeNeverGoesBack) {
  const auto first = engine.run(deposit("a", "alice", 1)).answer.at;
  engine.clock.now.micros -= 5'000'000;
  EXPECT_EQ(engine.run(deposit("b", "alice", 1)).answer.at, first);
  ASSERT_TRUE(engine->close());
  engine.open();
  EXPECT_EQ(engine.run(deposit("c", "alice", 1)).answer.at, first);
  engine.clock.now.micros += 6'000'000;
  EXPECT_GT(engine.run(deposit("d", "alice", 1)).answer.at, first);
}

TEST_F(EngineTest, ReadersSeeEventsThatAreOnTheirWay) {
  const auto durable = engine->log().durable().seq;
  (void)engine.submit(deposit("d:1", "alice", 1));
  engine->decide();
  std::vector<std::uint64_t> seqs;
  while_it_syncs(engine, [&] {
    (void)engine.submit(deposit("d:2", "alice", 1));
    (void)engine.read([&](const State&) {
      const auto scanned = engine->scan_applied(
          Seq(durable.value() - 1), [&](const Event& event, std::span<const std::byte>, const Digest*) {
            seqs.push_back(event.seq.value());
            return Result<void>();
          });
      EXPECT_TRUE(scanned);
    });
    engine->decide();
  });
  engine.settle();
  const auto n = durable.value();
  EXPECT_EQ(seqs, (std::vector<std::uint64_t>{n, n + 1, n + 2}));
}

}  // namespace
}  // namespace holdfast::journal
