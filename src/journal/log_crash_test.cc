// The journal when calls fail and machines stop: nothing that was acknowledged is lost, wherever that
// happens, in recovery too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "journal/durable_mark.h"
#include "journal/segment.h"
#include "journal/testing/recovered.h"

namespace holdfast::journal {
namespace {

using namespace testing;

// --- failures ---------------------------------------------------------------------------------------------

TEST(LogFailures, AnyFailedCallOfAnAppendEndsTheLog) {
  for (std::uint64_t call = 0; call < 4; ++call) {
    MemoryDisk disk;
    fill(disk, 3, kSmall, 0, false);  // the next frame opens a segment, so that there is a truncate too
    const auto directory = disk.root();
    {
      auto opened = recover(*directory, kSmall);
      ASSERT_TRUE((*opened.log)->reserve(0, 1000));
      disk.fail_after(call, call == 0 ? ENOSPC : EIO);
      const auto failed = (*opened.log)->append(frame_of(4));
      ASSERT_FALSE(failed) << call;
      EXPECT_EQ(failed.error().code, ErrorCode::storage_failed);
      EXPECT_EQ((*opened.log)->append(frame_of(4)).error().code, ErrorCode::storage_failed);
      EXPECT_EQ((*opened.log)->reserve(0, 1).error().code, ErrorCode::storage_failed);
      EXPECT_EQ((*opened.log)->seal().error().code, ErrorCode::storage_failed);
      EXPECT_EQ((*opened.log)->durable().seq.value(), 3U);
    }
    auto opened = recover(*directory, kSmall);
    ASSERT_TRUE(opened.log) << why(opened.log);
    EXPECT_GE(opened.seen.last(), 3U);
    opened.seen.expect(1, opened.seen.last());
  }
}

TEST(LogFailures, WhatAFailedSyncLeftInTheCacheIsMadeDurableBeforeItCounts) {
  MemoryDisk disk;
  fill(disk, 3, kRoomy, 0, false);
  const auto directory = disk.root();
  {
    auto opened = recover(*directory);
    ASSERT_TRUE((*opened.log)->reserve(0, 1000));
    disk.fail_after(1, EIO);  // the sync: the page is marked clean, reads still see it
    ASSERT_FALSE((*opened.log)->append(frame_of(4, 1, 9000)));
  }
  std::uint64_t answered = 0;
  {
    auto opened = recover(*directory);
    ASSERT_TRUE(opened.log) << why(opened.log);
    answered = opened.seen.last();
    ASSERT_EQ(answered, 4U);
  }
  disk.restart(Survives::nothing);
  const auto after = disk.root();
  const auto opened = recover(*after);
  ASSERT_TRUE(opened.log) << why(opened.log);
  opened.seen.expect(1, answered);
}

TEST(LogFailures, AFullDiskDuringReserveLeavesNothingBehind) {
  for (std::uint64_t call = 0; call < 5; ++call) {
    MemoryDisk disk;
    fill(disk, 3, kSmall, 0, false);
    const auto directory = disk.root();
    auto opened = recover(*directory, kSmall);
    disk.fail_after(call, ENOSPC);
    EXPECT_EQ((*opened.log)->reserve(0, 1000).error().code, ErrorCode::storage_full) << call;
    EXPECT_FALSE(disk.has(segment_name(2)));
    EXPECT_TRUE(put(**opened.log, frame_of(4))) << call;
    expect_goes_on(disk, 4, kSmall);
  }
}

// --- crashes ----------------------------------------------------------------------------------------------

/// What a machine did before it stopped.
struct Acknowledged {
  bool created = false;
  std::uint64_t seq = 0;  // acknowledged
  std::uint64_t submitted = 0;
};

/// Opens, appends a few, closes in good order; twice. Whatever fails ends it.
void work(MemoryDisk& disk, Acknowledged& told, std::size_t filler, std::uint64_t each) {
  const auto directory = disk.root();
  if (!told.created) {
    if (!Log::create(*directory, kLedger)) return;
    told.created = true;
  }
  for (int round = 0; round < 2; ++round) {
    auto opened = recover(*directory, kSmall);
    if (!opened.log) {
      ASSERT_TRUE(disk.stopped()) << why(opened.log);
      return;
    }
    ASSERT_GE(opened.seen.last(), told.seq);
    ASSERT_LE(opened.seen.last(), told.submitted);
    opened.seen.expect(1, opened.seen.last());
    told.seq = opened.seen.last();  // answers may be given from it
    for (std::uint64_t i = 0; i < each; ++i) {
      const auto next = told.seq + 1;
      told.submitted = std::max(told.submitted, next);
      if (!put(**opened.log, frame_of(next, 1, filler * (next % 3)))) return;
      told.seq = next;
    }
    if (round == 0 && !(*opened.log)->seal()) return;
  }
}

std::uint64_t calls_of_work(std::size_t filler, std::uint64_t each) {
  MemoryDisk disk;
  Acknowledged told;
  work(disk, told, filler, each);
  return disk.calls();
}

TEST(LogCrashes, LoseNothingAtAnyFileOperation) {
  const auto calls = calls_of_work(3000, 5);
  ASSERT_GT(calls, 50U);
  for (std::uint64_t at = 0; at <= calls; ++at) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      MemoryDisk disk;
      Acknowledged told;
      disk.stop_after(at);
      work(disk, told, 3000, 5);
      if (!told.created) continue;
      disk.restart(seed == 0 ? Survives::nothing : seed == 1 ? Survives::everything : Survives::some, seed);
      SCOPED_TRACE(fmt::format("stopped at call {}, seed {}", at, seed));
      work(disk, told, 3000, 3);
      if (::testing::Test::HasFatalFailure()) return;
      ASSERT_GE(told.seq, 6U) << "the journal goes on";
    }
  }
}

TEST(LogCrashes, LoseNothingInRecoveryEither) {
  const auto calls = calls_of_work(3000, 4);
  for (std::uint64_t first = 20; first <= calls; first += 3) {
    for (std::uint64_t second = 0; second < 24; ++second) {
      MemoryDisk disk;
      Acknowledged told;
      disk.stop_after(first);
      work(disk, told, 3000, 4);
      if (!told.created) continue;
      // Several times in a row, then in peace.
      for (std::uint64_t again = 0; again < 3; ++again) {
        disk.restart(Survives::some, first * 100 + second * 4 + again);
        disk.stop_after(second + again * 2);
        SCOPED_TRACE(fmt::format("stopped at call {}, then {}", first, second));
        work(disk, told, 3000, 1);
        if (::testing::Test::HasFatalFailure()) return;
      }
      disk.restart(Survives::some, first + second);
      work(disk, told, 3000, 2);
      if (::testing::Test::HasFatalFailure()) return;
      ASSERT_GE(told.seq, 4U);
    }
  }
}

TEST(LogCrashes, LoseNothingWhenACallFailsAndTheProcessStartsAgain) {
  const auto calls = calls_of_work(3000, 4);
  for (std::uint64_t first = 10; first <= calls; ++first) {
    for (std::uint64_t second = 0; second < 16; ++second) {
      MemoryDisk disk;
      Acknowledged told;
      const auto run = [&](std::uint64_t each) {
        const auto directory = disk.root();
        auto opened = recover(*directory, kSmall);
        if (!opened.log) {
          ASSERT_EQ(opened.log.error().code, ErrorCode::storage_failed) << why(opened.log);
          return;
        }
        ASSERT_GE(opened.seen.last(), told.seq);
        ASSERT_LE(opened.seen.last(), told.submitted);
        told.seq = opened.seen.last();
        for (std::uint64_t i = 0; i < each; ++i) {
          told.submitted = std::max(told.submitted, told.seq + 1);
          if (!put(**opened.log, frame_of(told.seq + 1, 1, 3000))) return;
          ++told.seq;
        }
      };
      const auto directory = disk.root();
      ASSERT_TRUE(Log::create(*directory, kLedger));
      SCOPED_TRACE(fmt::format("call {} failed, then {}", first, second));
      disk.fail_after(first, EIO);
      run(8);
      disk.fail_after(second, EIO);
      run(2);
      disk.restart(Survives::some, first * 16 + second);
      run(2);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(LogCrashes, LeaveNoGapWhereRecoveryRemovesSegments) {
  for (std::uint64_t call = 0; call < 12; ++call) {
    for (std::uint64_t seed = 0; seed < 16; ++seed) {
      MemoryDisk disk;
      fill(disk, 2, kSmall, 0, true);
      for (std::uint32_t n = 2; n <= 4; ++n) disk.put(segment_name(n), Bytes(100, std::byte{7}));
      const auto directory = disk.root();
      disk.stop_after(call);
      static_cast<void>(recover(*directory, kSmall));
      disk.restart(Survives::some, seed);
      SCOPED_TRACE(fmt::format("stopped at call {}, seed {}", call, seed));
      expect_goes_on(disk, 2, kSmall);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(LogCrashes, TakeTheFirstCopyWhereTheSecondIsTorn) {
  MemoryDisk disk;
  fill(disk, 3, kRoomy, 6000, false);
  disk.erase(kMarkName);
  auto first = disk.bytes(segment_name(1));
  const auto length = frame_bytes(frame_of(3, 1, 6000).bytes.size());
  const auto at = static_cast<std::ptrdiff_t>(kSegmentHeaderBytes + 2 * length);
  auto second = encode_segment_header(kLedger, 2);
  second.resize(64 << 10);
  std::copy_n(first.begin() + at, 4096, second.begin() + kSegmentHeaderBytes);  // its first page alone
  disk.put(segment_name(2), second);
  for (const std::uint64_t after : {0, 3}) {
    auto copy = disk.copy();
    const auto directory = copy.root();
    const auto opened = recover(*directory, kRoomy, after);
    ASSERT_TRUE(opened.log) << why(opened.log);
    EXPECT_EQ((*opened.log)->durable().seq.value(), 3U);
  }
  expect_goes_on(disk, 3);
}

}  // namespace
}  // namespace holdfast::journal
