// The simulated disk does what it says: a simulator over a kind disk would prove nothing.
#include "sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

namespace holdfast::sim {
namespace {

Bytes filled(std::size_t n, int value) {
  return Bytes(n, static_cast<std::byte>(value));
}

/// A disk with one durable file `f` of `pages` pages of 1.
struct Prepared {
  explicit Prepared(std::uint64_t seed, std::size_t pages = 4) : disk(Prng(seed)) {
    root = disk.root();
    file = *root->open("f", OpenMode::create);
    EXPECT_TRUE(write_all(*file, 0, filled(pages * 4096, 1)).has_value());
    EXPECT_TRUE(file->sync().has_value());
    EXPECT_TRUE(root->sync().has_value());
  }

  SimDisk disk;
  std::unique_ptr<Directory> root;
  std::unique_ptr<File> file;
};

TEST(SimDisk, KeepsWhatWasSynced) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Prepared prepared(seed);
    prepared.disk.restart();
    EXPECT_EQ(prepared.disk.contents("f"), filled(4 * 4096, 1));
  }
}

TEST(SimDisk, LosesKeepsAndTearsWhatWasNotSyncedPageByPage) {
  int lost = 0;
  int kept = 0;
  int torn = 0;
  int later_kept_earlier_lost = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Prepared prepared(seed);
    ASSERT_TRUE(write_all(*prepared.file, 0, filled(2 * 4096, 2)).has_value());
    EXPECT_EQ(prepared.disk.contents("f")[0], std::byte{2}) << "reads see what is not synced";
    prepared.disk.restart();
    const auto after = prepared.disk.contents("f");
    const auto page = [&](std::size_t i) {
      return Bytes(after.begin() + static_cast<std::ptrdiff_t>(i * 4096),
                   after.begin() + static_cast<std::ptrdiff_t>((i + 1) * 4096));
    };
    for (std::size_t i = 0; i < 2; ++i) {
      lost += page(i) == filled(4096, 1);
      kept += page(i) == filled(4096, 2);
      torn += page(i) != filled(4096, 1) && page(i) != filled(4096, 2);
    }
    later_kept_earlier_lost += page(0) == filled(4096, 1) && page(1) == filled(4096, 2);
    EXPECT_EQ(page(2), filled(4096, 1)) << "what was not written is left alone";
  }
  EXPECT_GT(lost, 0);
  EXPECT_GT(kept, 0);
  EXPECT_GT(torn, 0);
  EXPECT_GT(later_kept_earlier_lost, 0);
}

TEST(SimDisk, DropsEntriesOfADirectoryThatWasNotSynced) {
  int created = 0;
  int renamed = 0;
  int removed = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Prepared prepared(seed);
    ASSERT_TRUE(write_all(**prepared.root->open("g", OpenMode::create), 0, filled(1, 3)).has_value());
    ASSERT_TRUE(prepared.root->sync().has_value());
    ASSERT_TRUE(prepared.root->open("new", OpenMode::create).has_value());
    ASSERT_TRUE(prepared.root->rename("f", "moved").has_value());
    ASSERT_TRUE(prepared.root->remove("g").has_value());
    prepared.disk.restart();
    const auto root = prepared.disk.root();
    const auto names = *root->list();
    const auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
    EXPECT_NE(has("f"), has("moved")) << "a rename is whole or not at all";
    created += has("new");
    renamed += has("moved");
    removed += !has("g");
  }
  for (const auto seen : {created, renamed, removed}) {
    EXPECT_GT(seen, 0);
    EXPECT_LT(seen, 100);
  }
}

TEST(SimDisk, DropsATruncationThatWasNotSynced) {
  int dropped = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Prepared prepared(seed);
    ASSERT_TRUE(prepared.file->truncate(4096).has_value());
    prepared.disk.restart();
    dropped += prepared.disk.contents("f").size() == 4 * 4096;
  }
  EXPECT_GT(dropped, 0);
  EXPECT_LT(dropped, 50);
}

TEST(SimDisk, AFailedSyncMarksThePagesCleanSoThatTheNextSyncDoesNotWriteThem) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Prepared prepared(seed);
    ASSERT_TRUE(write_all(*prepared.file, 0, filled(4096, 2)).has_value());
    DiskFaults faults;
    faults.sync_error = 1'000'000;
    prepared.disk.set_faults(faults);
    ASSERT_EQ(prepared.file->sync().error().error_number, EIO);
    prepared.disk.set_faults({});
    ASSERT_TRUE(prepared.file->sync().has_value());
    prepared.disk.restart();
    lost += prepared.disk.contents("f")[0] == std::byte{1};
  }
  EXPECT_GT(lost, 0);
}

TEST(SimDisk, AfterItsCrashPointNothingReachesTheDisk) {
  Prepared prepared(1);
  prepared.disk.crash_after(1);
  EXPECT_TRUE(prepared.file->size().has_value());
  EXPECT_FALSE(write_all(*prepared.file, 0, filled(4096, 2)).has_value());
  EXPECT_TRUE(prepared.disk.crashed());
  EXPECT_FALSE(prepared.file->sync().has_value());
  prepared.disk.restart();
  EXPECT_EQ(prepared.disk.contents("f")[0], std::byte{1});
  EXPECT_FALSE(prepared.file->size().has_value()) << "a handle of the machine that stopped stays dead";
}

TEST(SimDisk, FailsOneOperationOfMany) {
  Prepared prepared(1);
  prepared.disk.fail_after(1, ENOSPC);
  EXPECT_TRUE(prepared.file->size().has_value());
  EXPECT_EQ(prepared.file->truncate(4096).error().error_number, ENOSPC);
  EXPECT_TRUE(prepared.file->truncate(4096).has_value());
}

TEST(SimDisk, IsFullAtItsCapacityButNotInsideWhatWasAllocated) {
  Prepared prepared(1);
  DiskFaults faults;
  faults.capacity_bytes = 8 * 4096;
  prepared.disk.set_faults(faults);
  ASSERT_TRUE(prepared.file->allocate(8 * 4096).has_value());
  EXPECT_EQ(prepared.file->allocate(9 * 4096).error().error_number, ENOSPC);
  EXPECT_TRUE(write_all(*prepared.file, 7 * 4096, filled(4096, 2)).has_value());
  EXPECT_EQ(write_all(*prepared.file, 8 * 4096, filled(1, 2)).error().error_number, ENOSPC);
}

TEST(SimDisk, AMisdirectedWriteShowsAfterARestart) {
  Prepared prepared(3);
  prepared.disk.misdirect_next_write();
  ASSERT_TRUE(write_all(*prepared.file, 4096, filled(4096, 2)).has_value());
  ASSERT_TRUE(prepared.file->sync().has_value());
  EXPECT_EQ(prepared.disk.contents("f")[4096], std::byte{2});
  prepared.disk.restart();
  const auto after = prepared.disk.contents("f");
  EXPECT_EQ(after[4096], std::byte{1}) << "its own place keeps what it had";
  EXPECT_EQ(std::ranges::count(after, std::byte{2}), 4096) << "it is somewhere else";
}

TEST(SimDisk, AMisdirectedWriteMayHitAnotherFile) {
  int others = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Prepared prepared(seed);
    auto other = *prepared.root->open("g", OpenMode::create);
    ASSERT_TRUE(write_all(*other, 0, filled(4096 + 100, 7)).has_value());
    ASSERT_TRUE(other->sync().has_value());
    ASSERT_TRUE(prepared.root->sync().has_value());
    prepared.disk.misdirect_next_write();
    ASSERT_TRUE(write_all(*prepared.file, 4096, filled(4096, 2)).has_value());
    ASSERT_TRUE(prepared.file->sync().has_value());
    prepared.disk.restart();
    const auto after = prepared.disk.contents("g");
    EXPECT_EQ(after.size(), 4096U + 100U) << "a write that lands elsewhere makes no file longer";
    others += std::ranges::count(after, std::byte{2}) == 4096;
  }
  EXPECT_GT(others, 0);
}

TEST(SimDisk, AnyCallCanFailWithEioAndWithEintr) {
  int seen_eintr = 0;
  int seen_eio = 0;
  const auto note = [&](int number) { ++(number == EINTR ? seen_eintr : seen_eio); };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Prepared prepared(seed);
    DiskFaults faults;
    faults.read_error = faults.write_error = faults.sync_error = 1'000'000;
    faults.directory_error = faults.call_error = 1'000'000;
    faults.interrupted = 500'000;
    prepared.disk.set_faults(faults);
    Bytes out(8);
    note(prepared.file->read_at(0, out).error().error_number);
    note(prepared.file->write_at(0, out).error().error_number);
    note(prepared.file->truncate(1).error().error_number);
    note(prepared.file->allocate(1 << 20).error().error_number);
    note(prepared.file->sync().error().error_number);
    note(prepared.file->size().error().error_number);
    note(prepared.root->open("f", OpenMode::read).error().error_number);
    note(prepared.root->open("new", OpenMode::create).error().error_number);
    note(prepared.root->subdirectory("d", true).error().error_number);
    note(prepared.root->rename("f", "g").error().error_number);
    note(prepared.root->remove("f").error().error_number);
    note(prepared.root->list().error().error_number);
    note(prepared.root->sync().error().error_number);
    note(prepared.root->lock("LOCK", "one").error().error_number);
  }
  EXPECT_GT(seen_eintr, 50);
  EXPECT_GT(seen_eio, 50);
}

TEST(SimDisk, RotFlipsOneBitOfASyncedFile) {
  Prepared prepared(5);
  const auto before = prepared.disk.contents("f");
  const auto rot = prepared.disk.rot([](std::string_view path) { return path == "f"; });
  ASSERT_TRUE(rot.has_value());
  const auto after = prepared.disk.contents("f");
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i] != before[i], i == rot->offset);
}

TEST(SimDisk, RotIsChosenFromTheContentSoThatTheSameBytesRotTheSameWay) {
  // One page, so that only its content is left to choose the bit.
  std::optional<Bytes> first;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Prepared prepared(seed, 1);
    ASSERT_TRUE(prepared.disk.rot([](std::string_view path) { return path == "f"; }).has_value());
    const auto after = prepared.disk.contents("f");
    if (!first) first = after;
    EXPECT_EQ(after, *first);
    EXPECT_EQ(prepared.disk.contents("f"), after) << "rereads agree";
  }
}

TEST(SimDisk, ALockIsHeldUntilItIsGivenBackOrItsProcessEnds) {
  Prepared prepared(1);
  auto lock = prepared.root->lock("LOCK", "one");
  ASSERT_TRUE(lock.has_value());
  const auto second = prepared.root->lock("LOCK", "two");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().error_number, EWOULDBLOCK);
  EXPECT_EQ(second.error().what, "one");
  prepared.disk.new_process();
  EXPECT_TRUE(prepared.disk.root()->lock("LOCK", "three").has_value());
}

}  // namespace
}  // namespace holdfast::sim
