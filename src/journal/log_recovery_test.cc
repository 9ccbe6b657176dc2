// The journal after damage: what recovery cuts off, and what it refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "journal/durable_mark.h"
#include "journal/log.h"
#include "journal/segment.h"
#include "journal/testing/journal_events.h"
#include "journal/testing/memory_disk.h"
#include "journal/testing/recovered.h"

namespace holdfast::journal {
namespace {

using namespace testing;

Bytes flipped(Bytes bytes, std::size_t at, unsigned bit) {
  bytes[at] ^= static_cast<std::byte>(1U << bit);
  return bytes;
}

// --- the last frame, torn -------------------------------------------------------------------------------

constexpr std::uint64_t kTornEvents = 3;
constexpr std::size_t kTornFiller = 6000;  // two pages

struct TornCase {
  MemoryDisk disk;
  std::size_t from = 0;  // the last frame's bytes
  std::size_t to = 0;
};

/// The mark tells of the frame before the last, as when the machine stopped while the last was synced.
void make_torn_case(TornCase& torn) {
  fill(torn.disk, kTornEvents - 1, kRoomy, kTornFiller, false);
  const auto mark = torn.disk.bytes(kMarkName);
  torn.from = kSegmentHeaderBytes + 2 * frame_bytes(frame_of(1, 1, kTornFiller).bytes.size());
  torn.to = torn.from + frame_bytes(frame_of(3, 1, kTornFiller).bytes.size());
  const auto directory = torn.disk.root();
  auto opened = recover(*directory);
  ASSERT_TRUE(put(**opened.log, frame_of(3, 1, kTornFiller)));
  torn.disk.put(kMarkName, mark);
}

TEST(LogRecovery, CutsOffALastFrameTornAtAnySector) {
  TornCase torn;
  make_torn_case(torn);
  const auto whole = torn.disk.bytes(segment_name(1));
  Bytes garbage(MemoryDisk::kSector, std::byte{0xA7});
  for (auto at = torn.from; at < torn.to; at += MemoryDisk::kSector) {
    for (int kind = 0; kind < 4; ++kind) {
      auto bytes = whole;
      const auto sector = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      if (kind == 0) std::fill_n(sector, MemoryDisk::kSector, std::byte{0});
      if (kind == 1) std::copy(garbage.begin(), garbage.end(), sector);
      if (kind == 2) std::fill_n(sector + 256, 256, std::byte{0});
      if (kind == 3) std::fill(sector, bytes.begin() + static_cast<std::ptrdiff_t>(torn.to), std::byte{0});
      const bool untouched = bytes == whole;
      auto disk = torn.disk.copy();
      disk.put(segment_name(1), bytes);
      SCOPED_TRACE(fmt::format("byte {} kind {}", at, kind));
      if (!untouched && !(kind == 3 && at == torn.from)) {
        auto once = disk.copy();
        const auto directory = once.root();
        const auto opened = recover(*directory);
        ASSERT_EQ(opened.report.notes.size(), 1U);
        EXPECT_NE(opened.report.notes[0].find("journal/000001 at byte"), std::string::npos);
        const auto written = put(**opened.log, frame_of(3));
        EXPECT_EQ(written->end.segment, 2U) << "nothing is written over";
        EXPECT_EQ(once.bytes(segment_name(1)).size(), torn.from) << "and what was torn is gone then";
      }
      expect_goes_on(disk, untouched ? 3 : 2);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(LogRecovery, RefusesRotBeforeATornLastFrame) {
  TornCase torn;
  make_torn_case(torn);
  torn.disk.erase(kMarkName);
  auto bytes = torn.disk.bytes(segment_name(1));
  bytes[torn.to - 1000] ^= std::byte{1};
  torn.disk.put(segment_name(1), flipped(bytes, torn.from - 1000, 1));
  const auto directory = torn.disk.root();
  EXPECT_TRUE(recover(*directory).corrupt())
      << "the torn frame's header shows that the one before was durable";
}

TEST(LogRecovery, RefusesATornLastFrameThatTheMarkCovers) {
  MemoryDisk disk;
  fill(disk, 3, kRoomy, 0, false);
  const auto end = kSegmentHeaderBytes + 2 * kFrameAlignment;
  disk.put(segment_name(1), flipped(disk.bytes(segment_name(1)), end + 100, 3));
  const auto directory = disk.root();
  const auto opened = recover(*directory);
  ASSERT_TRUE(opened.corrupt()) << why(opened.log);
  EXPECT_NE(opened.log.error().message.find(fmt::format("journal/000001 at byte {}", end)), std::string::npos)
      << opened.log.error().message;
  EXPECT_NE(opened.log.error().message.find("up to seq 2 is good"), std::string::npos);
}

TEST(LogRecovery, RefusesATornLastFrameThatASnapshotCovers) {
  MemoryDisk disk;
  fill(disk, 3, kRoomy, 0, false);
  disk.erase(kMarkName);
  disk.put(segment_name(1), flipped(disk.bytes(segment_name(1)), kSegmentHeaderBytes + 2 * 4096 + 100, 3));
  const auto directory = disk.root();
  EXPECT_TRUE(recover(*directory, kRoomy, 3).corrupt());
  EXPECT_TRUE(recover(*directory, kRoomy, 2).log);
}

TEST(LogRecovery, RefusesAnEndBeforeTheSeqThatIsAskedFor) {
  MemoryDisk disk;
  fill(disk, 3, kRoomy, 0, true);
  const auto directory = disk.root();
  EXPECT_TRUE(recover(*directory, kRoomy, 4).corrupt());
}

// --- flipped bits -----------------------------------------------------------------------------------------

enum class MarkIs : std::uint8_t { good, gone };

/// Flips one bit a byte, everywhere in the segment up to its last frame's end; `may_be_cut` says from where
/// on a torn tail may be seen. Recovery of everything must refuse elsewhere, and never give a wrong event.
void flip_everywhere(MarkIs mark, bool sealed) {
  MemoryDisk disk;
  fill(disk, 4, kRoomy, 0, sealed);
  if (mark == MarkIs::gone) disk.erase(kMarkName);
  const auto whole = disk.bytes(segment_name(1));
  const auto last = kSegmentHeaderBytes + (sealed ? 4 : 3) * kFrameAlignment;
  const auto end = last + kFrameAlignment;
  for (std::size_t at = 0; at < end; at += at % kFrameAlignment < 256 ? 1 : 97) {
    auto hit = disk.copy();
    hit.put(segment_name(1), flipped(whole, at, at % 8));
    const auto directory = hit.root();
    const auto opened = recover(*directory);
    SCOPED_TRACE(fmt::format("byte {}", at));
    const bool in_last = at >= last;
    if (opened.log) {
      ASSERT_TRUE(in_last && (mark == MarkIs::gone || sealed));
      opened.seen.expect(1, sealed ? 4 : 3);
      ASSERT_FALSE(opened.report.notes.empty());
    } else {
      ASSERT_EQ(opened.log.error().code, ErrorCode::corrupt) << why(opened.log);
      ASSERT_FALSE(in_last && mark == MarkIs::gone);
      Seq good;
      const auto fresh = hit.root();
      const auto verified = verify_log(*fresh, kLedger, {}, &good);
      ASSERT_EQ(verified.has_value(), false);
      ASSERT_EQ(good.value(), at < kSegmentHeaderBytes ? 0U : at / kFrameAlignment - 1);
    }
  }
}

TEST(LogRecovery, RefusesAFlippedBitAnywhere) {
  flip_everywhere(MarkIs::good, false);
}
TEST(LogRecovery, RefusesAFlippedBitBeforeASeal) {
  flip_everywhere(MarkIs::good, true);
}
TEST(LogRecovery, RefusesAFlippedBitWithoutTheMarkButInTheLastFrame) {
  flip_everywhere(MarkIs::gone, false);
}
TEST(LogRecovery, RefusesAFlippedBitWithoutTheMarkBeforeASeal) {
  flip_everywhere(MarkIs::gone, true);
}

TEST(LogRecovery, TakesAFlippedBitAfterTheEndForATornWrite) {
  MemoryDisk disk;
  fill(disk, 2, kRoomy, 0, true);
  disk.put(segment_name(1), flipped(disk.bytes(segment_name(1)), 40'000, 1));
  expect_goes_on(disk, 2);
}

TEST(LogRecovery, FindsAFlippedBitOnlyWhenItIsReadBeforeTheSnapshot) {
  MemoryDisk disk;
  fill(disk, 6, kSmall, 0, true);
  disk.put(segment_name(1), flipped(disk.bytes(segment_name(1)), kSegmentHeaderBytes + 4096 + 90, 1));
  const auto directory = disk.root();
  const auto opened = recover(*directory, kSmall, 5);
  ASSERT_TRUE(opened.log) << why(opened.log);
  EXPECT_TRUE((*opened.log)->read(Seq(1)));
  EXPECT_EQ((*opened.log)->read(Seq(2)).error().code, ErrorCode::corrupt);
  EXPECT_EQ((*opened.log)->read_hold(EscrowId(2)).error().code, ErrorCode::corrupt);
  Seen seen;
  const auto scanned = (*opened.log)->scan(Seq(), seen.sink());
  EXPECT_EQ(scanned.error().code, ErrorCode::corrupt);
  seen.expect(1, 1);
}

// Before, reading an event in front of the first frame that was found aborted the process.
TEST(LogRecovery, FindsADamagedFirstFrameOfTheJournalOnlyWhenItIsReadBeforeTheSnapshot) {
  MemoryDisk disk;
  fill(disk, 6, kSmall, 0, true);
  disk.put(segment_name(1), flipped(disk.bytes(segment_name(1)), kSegmentHeaderBytes + 20, 0));
  const auto directory = disk.root();
  const auto opened = recover(*directory, kSmall, 5);
  ASSERT_TRUE(opened.log) << why(opened.log);
  for (const auto& error :
       {(*opened.log)->read(Seq(1)).error(), (*opened.log)->read_hold(EscrowId(1)).error()}) {
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    EXPECT_NE(error.message.find("journal/000001 at byte 4096"), std::string::npos) << error.message;
  }
  Seen seen;
  EXPECT_EQ((*opened.log)->scan(Seq(), seen.sink()).error().code, ErrorCode::corrupt);
}

TEST(LogRecovery, RefusesAFrameInAnotherFramesPlace) {
  MemoryDisk disk;
  fill(disk, 6, kRoomy, 0, false);
  disk.erase(kMarkName);
  const auto whole = disk.bytes(segment_name(1));
  const auto frame = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n * kFrameAlignment); };
  for (std::size_t from = 1; from <= 6; ++from) {
    for (std::size_t to = 1; to <= 7; ++to) {
      if (from == to) continue;
      auto bytes = whole;
      std::copy_n(whole.begin() + frame(from), 4096, bytes.begin() + frame(to));
      auto hit = disk.copy();
      hit.put(segment_name(1), bytes);
      const auto directory = hit.root();
      ASSERT_TRUE(recover(*directory).corrupt()) << from << " over " << to;
      // Its own place keeps what it had: zeros.
      std::fill_n(bytes.begin() + frame(from), 4096, std::byte{0});
      hit.put(segment_name(1), bytes);
      ASSERT_TRUE(recover(*directory).corrupt()) << from << " moved to " << to;
    }
  }
}

// --- segments ---------------------------------------------------------------------------------------------

void expect_refused(MemoryDisk& disk, ErrorCode code, std::string_view words) {
  const auto directory = disk.root();
  const auto opened = recover(*directory, kSmall);
  ASSERT_FALSE(opened.log);
  EXPECT_EQ(opened.log.error().code, code) << why(opened.log);
  EXPECT_NE(opened.log.error().message.find(words), std::string::npos) << opened.log.error().message;
  const auto verified = verify_log(*directory, kLedger, {});
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, code) << why(verified);
}

class LogSegments : public ::testing::Test {
 protected:
  void SetUp() override { fill(disk_, 10, kSmall, 0, false); }
  MemoryDisk disk_;
};

TEST_F(LogSegments, RefusesAMissingOne) {
  disk_.erase(segment_name(2));
  expect_refused(disk_, ErrorCode::corrupt, "journal/000002 is missing");
}

TEST_F(LogSegments, RefusesAMissingFirst) {
  disk_.erase(segment_name(1));
  expect_refused(disk_, ErrorCode::corrupt, "journal/000001 is missing");
}

TEST_F(LogSegments, RefusesAMissingLastBelowTheMark) {
  ASSERT_TRUE(disk_.has(segment_name(4)));
  disk_.erase(segment_name(4));
  expect_refused(disk_, ErrorCode::corrupt, "durable up to seq 10");
}

TEST_F(LogSegments, RefusesNone) {
  for (std::uint32_t n = 1; n <= 4; ++n) disk_.erase(segment_name(n));
  expect_refused(disk_, ErrorCode::corrupt, "no segment");
}

TEST_F(LogSegments, RefusesAForeignOne) {
  MemoryDisk foreign;
  const auto directory = foreign.root();
  auto ledger = kLedger;
  ledger[0] ^= 1;
  ASSERT_TRUE(Log::create(*directory, ledger));
  disk_.put(segment_name(2), foreign.bytes(segment_name(1)));
  expect_refused(disk_, ErrorCode::corrupt, "journal/000002 belongs to another ledger");
}

TEST_F(LogSegments, RefusesOneUnderAWrongName) {
  disk_.put(segment_name(2), disk_.bytes(segment_name(3)));
  expect_refused(disk_, ErrorCode::corrupt, "journal/000002 is segment 3");
}

TEST_F(LogSegments, RefusesANewerFormat) {
  auto bytes = disk_.bytes(segment_name(3));
  const auto header = encode_segment_header(kLedger, 3, kFormatVersion + 1);
  std::copy(header.begin(), header.end(), bytes.begin());
  disk_.put(segment_name(3), bytes);
  expect_refused(disk_, ErrorCode::newer_format, "format version 2");
}

TEST_F(LogSegments, RefusesADamagedHeaderBeforeFrames) {
  disk_.put(segment_name(4), flipped(disk_.bytes(segment_name(4)), 20, 0));
  expect_refused(disk_, ErrorCode::corrupt, "journal/000004 at byte 0");
}

TEST_F(LogSegments, NamesADamagedFirstFrame) {
  disk_.put(segment_name(3), flipped(disk_.bytes(segment_name(3)), kSegmentHeaderBytes + 20, 0));
  expect_refused(disk_, ErrorCode::corrupt, "journal/000003 at byte 4096");
}

TEST_F(LogSegments, RefusesAHoleInTheMiddle) {
  auto bytes = disk_.bytes(segment_name(2));
  std::fill(bytes.begin() + kSegmentHeaderBytes, bytes.end(), std::byte{0});
  disk_.put(segment_name(2), bytes);
  expect_refused(disk_, ErrorCode::corrupt, "Everything up to seq 3 is good");
}

TEST_F(LogSegments, RefusesAFrameThatSaysItIsLongerThanTheFile) {
  auto bytes = disk_.bytes(segment_name(2));
  const auto huge = encode_frame_header({.payload_bytes = kMaxFramePayload,
                                         .first = Seq(4),
                                         .count = 1,
                                         .next_escrow = EscrowId(4),
                                         .previous = {}});
  std::copy(huge.begin(), huge.end(), bytes.begin() + kSegmentHeaderBytes);
  disk_.put(segment_name(2), bytes);
  expect_refused(disk_, ErrorCode::corrupt, "journal/000002 at byte 4096");
}

TEST_F(LogSegments, RemovesAHalfMadeOne) {
  for (const auto& bytes :
       {Bytes(), Bytes(100, std::byte{7}), Bytes(16 << 10), encode_segment_header(kLedger, 5)}) {
    auto disk = disk_.copy();
    disk.put(segment_name(5), bytes);
    expect_goes_on(disk, 10, kSmall);
  }
}

TEST(LogRecovery, RefusesAFrameOfANewerVersion) {
  MemoryDisk disk;
  fill(disk, 2, kRoomy, 0, false);
  auto bytes = disk.bytes(segment_name(1));
  const auto frame = std::span(bytes).subspan(kSegmentHeaderBytes + 4096, kFrameHeaderBytes);
  frame[8] = std::byte{2};
  const auto check = stable_hash({reinterpret_cast<const char*>(frame.data()), 72});
  std::memcpy(frame.data() + 72, &check, sizeof check);
  disk.put(segment_name(1), bytes);
  expect_refused(disk, ErrorCode::newer_format, "journal/000001 at byte 8192");
}

// --- the mark ---------------------------------------------------------------------------------------------

TEST(LogRecovery, GoesOnWithoutTheMark) {
  MemoryDisk disk;
  fill(disk, 5, kSmall, 0, false);
  disk.erase(kMarkName);
  Seen seen;
  const auto directory = disk.root();
  const auto reader = Log::open_read_only(*directory, kLedger, Seq(), seen.sink());
  ASSERT_TRUE(reader) << why(reader);
  seen.expect(1, 5);
  expect_goes_on(disk, 5, kSmall);
}

TEST(LogRecovery, GoesOnWithATornMark) {
  MemoryDisk disk;
  fill(disk, 5, kSmall, 0, false);
  const auto whole = disk.bytes(kMarkName);
  for (const std::size_t slot : {std::size_t{0}, std::size_t{4096}}) {
    auto one = disk.copy();
    one.put(kMarkName, flipped(whole, slot + 50, 2));
    expect_goes_on(one, 5, kSmall);
    auto both = disk.copy();
    both.put(kMarkName, flipped(flipped(whole, 50, 2), 4096 + 50, 2));
    expect_goes_on(both, 5, kSmall);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{60}, std::size_t{4100}}) {
    auto shortened = disk.copy();
    shortened.put(kMarkName, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    expect_goes_on(shortened, 5, kSmall);
  }
}

TEST(LogRecovery, RefusesAMarkOfAnotherHistory) {
  MemoryDisk disk;
  fill(disk, 5, kRoomy, 0, false);
  MemoryDisk other;
  fill(other, 5, kRoomy, 250, false);
  disk.put(kMarkName, other.bytes(kMarkName));
  const auto directory = disk.root();
  EXPECT_TRUE(recover(*directory).corrupt());
}

TEST(LogRecovery, IgnoresAMarkOfAnotherLedger) {
  MemoryDisk disk;
  fill(disk, 5, kRoomy, 0, false);
  MemoryDisk other;
  const auto directory = other.root();
  auto ledger = kLedger;
  ledger[0] ^= 1;
  ASSERT_TRUE(Log::create(*directory, ledger));
  disk.put(kMarkName, other.bytes(kMarkName));
  expect_goes_on(disk, 5);
}

TEST(LogRecovery, AReaderGoesByAStaleMarkAndByANewerSnapshot) {
  MemoryDisk disk;
  fill(disk, 3, kSmall, 0, false);
  const auto mark = disk.bytes(kMarkName);
  {
    const auto directory = disk.root();
    auto opened = recover(*directory, kSmall);
    for (std::uint64_t n = 4; n <= 8; ++n) ASSERT_TRUE(put(**opened.log, frame_of(n)));
  }
  disk.put(kMarkName, mark);
  const auto directory = disk.root();
  Seen seen;
  ASSERT_TRUE(Log::open_read_only(*directory, kLedger, Seq(), seen.sink()));
  seen.expect(1, 3);
  Seen after;
  const auto reader = Log::open_read_only(*directory, kLedger, Seq(6), after.sink());
  ASSERT_TRUE(reader) << why(reader);
  after.expect(7, 8);
  expect_goes_on(disk, 8, kSmall);
}

}  // namespace
}  // namespace holdfast::journal
