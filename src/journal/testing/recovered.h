// Journals on the disk in memory, recovered.
#pragma once

#include <gtest/gtest.h>

#include "journal/log.h"
#include "journal/testing/journal_events.h"
#include "journal/testing/memory_disk.h"

namespace holdfast::journal::testing {

inline constexpr LogOptions kSmall{.segment_bytes = 16 << 10};  // three frames of a page
inline constexpr LogOptions kRoomy{.segment_bytes = 64 << 10};

/// A recovered journal, or why not.
struct Recovered {
  Seen seen;
  LogReport report;
  Result<std::unique_ptr<Log>> log = fail(ErrorCode::aborted, "not tried");

  [[nodiscard]] bool corrupt() const { return !log && log.error().code == ErrorCode::corrupt; }
};

inline Recovered recover(Directory& directory, LogOptions options = kRoomy, std::uint64_t after = 0) {
  Recovered result;
  result.log = Log::recover(directory, kLedger, options, Seq(after), result.seen.sink(), result.report);
  return result;
}

/// A journal of single events, each a frame of its own of about `filler` bytes.
inline void fill(MemoryDisk& disk, std::uint64_t events, LogOptions options, std::size_t filler,
                 bool sealed) {
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  auto opened = recover(*directory, options);
  ASSERT_TRUE(opened.log) << why(opened.log);
  for (std::uint64_t n = 1; n <= events; ++n) {
    const auto written = put(**opened.log, frame_of(n, 1, filler));
    ASSERT_TRUE(written) << why(written);
  }
  if (sealed) {
    ASSERT_TRUE((*opened.log)->seal());
  }
}

/// The journal opens with seqs 1 to `last`, takes another event, and opens with that too.
inline void expect_goes_on(MemoryDisk& disk, std::uint64_t last, LogOptions options = kRoomy) {
  const auto directory = disk.root();
  {
    auto opened = recover(*directory, options);
    ASSERT_TRUE(opened.log) << why(opened.log);
    opened.seen.expect(1, last);
    const auto written = put(**opened.log, frame_of(last + 1));
    ASSERT_TRUE(written) << why(written);
  }
  disk.restart(Survives::nothing);
  const auto again_directory = disk.root();
  const auto again = recover(*again_directory, options);
  ASSERT_TRUE(again.log) << why(again.log);
  again.seen.expect(1, last + 1);
  const auto verified = verify_log(*again_directory, kLedger, {});
  ASSERT_TRUE(verified) << why(verified);
  EXPECT_EQ(verified->seq.value(), last + 1);
}

}  // namespace holdfast::journal::testing
