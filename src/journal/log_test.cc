// The journal in good order: what is appended is read again, in every way there is to read it.
#include "journal/log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/posix_file.h"
#include "journal/frame.h"
#include "journal/segment.h"
#include "journal/testing/journal_events.h"
#include "journal/testing/memory_disk.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::journal {
namespace {

using namespace testing;
using holdfast::testing::TemporaryDirectory;

constexpr LogOptions kOneSegment{.segment_bytes = 1 << 20};

Result<std::unique_ptr<Log>> recover(Directory& directory, Seen& seen, LogOptions options = kOneSegment,
                                     std::uint64_t after = 0, LogReport* report = nullptr) {
  LogReport own;
  return Log::recover(directory, kLedger, options, Seq(after), seen.sink(), report ? *report : own);
}

/// Frames of growing size, so that some need many pages; ends with a seal. Returns the last seq.
std::uint64_t fill(Directory& directory, LogOptions options, int frames) {
  EXPECT_TRUE(Log::create(directory, kLedger));
  Seen seen;
  auto log = recover(directory, seen, options);
  EXPECT_TRUE(log) << why(log);
  std::uint64_t next = 1;
  for (int i = 0; i < frames; ++i) {
    const auto count = static_cast<std::uint32_t>(1 + i % 7);
    const auto written = put(**log, frame_of(next, count, static_cast<std::size_t>(i % 5) * 200));
    EXPECT_TRUE(written) << why(written);
    next += count;
    EXPECT_EQ(written->seq.value(), next - 1);
  }
  EXPECT_TRUE((*log)->seal());
  return next - 1;
}

void expect_reads_everything(Directory& directory, LogOptions options, std::uint64_t last) {
  for (const std::uint64_t after : {std::uint64_t{0}, std::uint64_t{1}, last / 2, last - 1, last}) {
    Seen seen;
    LogReport report;
    const auto log = recover(directory, seen, options, after, &report);
    ASSERT_TRUE(log) << why(log);
    EXPECT_TRUE(report.notes.empty()) << report.notes.front();
    seen.expect(after + 1, last);
    EXPECT_EQ((*log)->durable().seq.value(), last);
    for (std::uint64_t seq = 1 + after % 5; seq <= last; seq += 5) {
      const auto event = (*log)->read(Seq(seq));
      ASSERT_TRUE(event) << why(event);
      ASSERT_EQ(event->seq.value(), seq);
      const auto hold = (*log)->read_hold(EscrowId(seq));
      ASSERT_TRUE(hold) << why(hold);
      ASSERT_EQ(hold->seq.value(), seq);
    }
    for (std::uint64_t from = 0; from <= last; from += 29) {
      Seen scanned;
      ASSERT_TRUE((*log)->scan(Seq(from), scanned.sink()));
      scanned.expect(from + 1, last);
      if (from < last) {
        EXPECT_EQ(scanned.head, (*log)->durable().head);
      }
    }
  }
}

TEST(Log, GivesBackWhatWasAppended) {
  MemoryDisk disk;
  const auto directory = disk.root();
  const auto last = fill(*directory, kOneSegment, 100);
  expect_reads_everything(*directory, kOneSegment, last);
}

TEST(Log, FindsHoldsWhoseEscrowIdsDoNotGrow) {
  // Event n holds escrow ids[n - 1]; in one segment, then in one a frame.
  const std::vector<std::uint64_t> ids{2, 1, 9, 3, 30, 4, 8, 31, 5};
  for (const std::uint64_t segment_bytes : {1 << 20, 4096}) {
    const LogOptions options{.segment_bytes = segment_bytes};
    MemoryDisk disk;
    const auto directory = disk.root();
    EXPECT_TRUE(Log::create(*directory, kLedger));
    Seen seen;
    auto log = recover(*directory, seen, options);
    ASSERT_TRUE(log) << why(log);
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      FramePayload payload;
      payload.first = Seq(i + 1);
      payload.count = 1;
      payload.next_escrow = EscrowId(last + 1);
      last = std::max(last, ids[i]);
      Bytes event;
      encode_event(payload.first, Timestamp{7}, hold_entry(ids[i]), event);
      ByteWriter out(payload.bytes);
      out.varint(event.size());
      out.raw(event);
      ASSERT_TRUE(put(**log, payload));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto hold = (*log)->read_hold(EscrowId(ids[i]));
      ASSERT_TRUE(hold) << why(hold);
      EXPECT_EQ(hold->seq, Seq(i + 1));
    }
    std::vector<EscrowId> all(ids.begin(), ids.end());
    std::ranges::sort(all);
    std::set<Seq> found;
    ASSERT_TRUE((*log)->read_holds(
        all, [&](const Event& event) { EXPECT_TRUE(found.insert(event.seq).second) << "each event once"; }));
    EXPECT_EQ(found.size(), ids.size());
    EXPECT_EQ((*log)->read_hold(EscrowId(7)).error().code, ErrorCode::corrupt);
  }
}

// Four holds an event, up to forty events a frame.
TEST(Log, ReadsEachFrameOnceForManyHoldsAndHeads) {
  constexpr std::uint64_t kEvents = 3'000;
  constexpr std::uint64_t kEach = 4;
  MemoryDisk disk;
  const auto directory = disk.root();
  const LogOptions options{.segment_bytes = 128 << 10};
  EXPECT_TRUE(Log::create(*directory, kLedger));
  Seen seen;
  auto log = recover(*directory, seen, options);
  ASSERT_TRUE(log) << why(log);
  std::uint64_t bytes = 0;
  for (std::uint64_t seq = 1; seq <= kEvents;) {
    FramePayload payload;
    payload.first = Seq(seq);
    payload.next_escrow = EscrowId((seq - 1) * kEach + 1);
    for (std::uint64_t i = 0; i < 1 + seq % 40 && seq <= kEvents; ++i, ++seq) {
      AtomicDone done;
      for (std::uint64_t escrow = (seq - 1) * kEach + 1; escrow <= seq * kEach; ++escrow) {
        done.entries.emplace_back(hold_entry(escrow));
      }
      Entry entry;
      entry.body = std::move(done);
      Bytes event;
      encode_event(Seq(seq), Timestamp{static_cast<std::int64_t>(1'000 + seq)}, entry, event);
      ByteWriter out(payload.bytes);
      out.varint(event.size());
      out.raw(event);
      ++payload.count;
    }
    bytes += frame_bytes(payload.bytes.size());
    ASSERT_TRUE(put(**log, payload));
  }

  // Of every event one escrow or more: all is needed, and nothing is read twice but where a buffer ends.
  std::vector<EscrowId> ids;
  std::vector<Seq> seqs;
  for (std::uint64_t seq = 1; seq <= kEvents; ++seq) {
    for (std::uint64_t i = 0; i <= seq % kEach; ++i) ids.emplace_back((seq - 1) * kEach + 1 + i);
    seqs.emplace_back(seq);
    if (seq % 3 == 0) seqs.emplace_back(seq);
  }
  auto before = disk.bytes_read();
  std::vector<Seq> visited;
  ASSERT_TRUE((*log)->read_holds(ids, [&](const Event& event) { visited.push_back(event.seq); }));
  ASSERT_EQ(visited.size(), kEvents) << "each event once";
  EXPECT_TRUE(std::ranges::is_sorted(visited));
  EXPECT_LT(disk.bytes_read() - before, 2 * bytes);

  before = disk.bytes_read();
  std::size_t at = 0;
  ASSERT_TRUE((*log)->read_heads(seqs, [&](const EventHead& head) {
    ASSERT_LT(at, seqs.size());
    EXPECT_EQ(head.seq, seqs[at++]);
    EXPECT_EQ(head.at.micros, static_cast<std::int64_t>(1'000 + head.seq.value()));
  }));
  EXPECT_EQ(at, seqs.size());
  EXPECT_LT(disk.bytes_read() - before, 2 * bytes);

  // Far from each other; only some of the frames are looked at.
  for (const std::uint64_t step : {7U, 500U, 2'999U}) {
    ids.clear(), seqs.clear(), visited.clear();
    for (std::uint64_t seq = 1; seq <= kEvents; seq += step) {
      ids.emplace_back(seq * kEach);
      seqs.emplace_back(seq);
    }
    ASSERT_TRUE((*log)->read_holds(ids, [&](const Event& event) { visited.push_back(event.seq); }));
    EXPECT_EQ(visited, seqs);
    visited.clear();
    ASSERT_TRUE((*log)->read_heads(seqs, [&](const EventHead& head) { visited.push_back(head.seq); }));
    EXPECT_EQ(visited, seqs);
  }
  ASSERT_TRUE((*log)->read_holds({}, [](const Event&) { FAIL(); }));
  ASSERT_TRUE((*log)->read_heads({}, [](const EventHead&) { FAIL(); }));
  EXPECT_EQ((*log)->read_holds(std::vector{EscrowId(kEvents * kEach + 1)}, [](const Event&) {}).error().code,
            ErrorCode::corrupt);
}

TEST(Log, GoesOnInTheNextSegment) {
  MemoryDisk disk;
  const auto directory = disk.root();
  const LogOptions options{.segment_bytes = 64 << 10};
  const auto last = fill(*directory, options, 100);
  EXPECT_TRUE(disk.has(segment_name(5)));
  expect_reads_everything(*directory, options, last);
}

TEST(Log, PutsEveryFrameIntoASegmentOfItsOwnWhereSegmentsAreTiny) {
  MemoryDisk disk;
  const auto directory = disk.root();
  const LogOptions options{.segment_bytes = 4096};
  const auto last = fill(*directory, options, 20);
  EXPECT_TRUE(disk.has(segment_name(20)));
  expect_reads_everything(*directory, options, last);
}

TEST(Log, WorksOnFilesOfTheOperatingSystem) {
  const TemporaryDirectory temporary;
  auto* const directory = temporary.operator->();
  const LogOptions options{.segment_bytes = 64 << 10};
  const auto last = fill(*directory, options, 60);
  expect_reads_everything(*directory, options, last);
  const auto verified = verify_log(*directory, kLedger, {});
  ASSERT_TRUE(verified) << why(verified);
  EXPECT_EQ(verified->seq.value(), last);
}

TEST(Log, TakesAFrameThatIsLargerThanASegment) {
  MemoryDisk disk;
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  Seen seen;
  auto log = recover(*directory, seen, {.segment_bytes = 64 << 10});
  ASSERT_TRUE(put(**log, frame_of(1)));
  ASSERT_TRUE(put(**log, frame_of(2, 3000, 1000)));  // 3 MB: several writes
  ASSERT_TRUE(put(**log, frame_of(3002)));
  Seen again;
  ASSERT_TRUE(recover(*directory, again, {.segment_bytes = 64 << 10}));
  again.expect(1, 3002);
}

TEST(Log, CountsOnShortWrites) {
  MemoryDisk disk;
  disk.set_short_writes(true);
  const auto directory = disk.root();
  const auto last = fill(*directory, {.segment_bytes = 32 << 10}, 30);
  disk.restart(Survives::nothing);
  expect_reads_everything(*directory, {.segment_bytes = 32 << 10}, last);
}

TEST(Log, WritesAFrameInOneCallAndSyncsItInOne) {
  MemoryDisk disk;
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  Seen seen;
  auto log = recover(*directory, seen);
  ASSERT_TRUE(put(**log, frame_of(1)));
  const auto payload = frame_of(2, 1000, 100);
  const auto before = disk.calls();
  ASSERT_TRUE(put(**log, payload));
  EXPECT_EQ(disk.calls() - before, 3U) << "the frame's write and sync, and the mark's write";
}

TEST(Log, ReservesForTheOpenGroupWhileTheClosedOneIsNotYetAppended) {
  MemoryDisk disk;
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  Seen seen;
  auto log = recover(*directory, seen, {.segment_bytes = 16 << 10});
  std::uint64_t next = 1;
  for (int i = 0; i < 60; ++i) {
    const auto closed = frame_of(next, 2, static_cast<std::size_t>(i % 4) * 900);
    const auto open = frame_of(next + 2, 1, static_cast<std::size_t>(i % 7) * 700);
    ASSERT_TRUE((*log)->reserve(0, closed.bytes.size() / 2));
    ASSERT_TRUE((*log)->reserve(closed.bytes.size() / 2, closed.bytes.size() - closed.bytes.size() / 2));
    // The closed one waits; the next begins with a command that is rejected after all.
    ASSERT_TRUE((*log)->reserve(0, 10'000));
    ASSERT_TRUE((*log)->reserve(0, open.bytes.size()));
    disk.set_capacity(0);
    ASSERT_TRUE((*log)->append(closed));
    ASSERT_TRUE((*log)->append(open));
    disk.set_capacity(std::nullopt);
    next += 3;
  }
  Seen again;
  ASSERT_TRUE(recover(*directory, again));
  again.expect(1, next - 1);
}

TEST(Log, RefusesWhatDoesNotFitTheDiskAndGoesOnOnceItDoes) {
  MemoryDisk disk;
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  Seen seen;
  auto log = recover(*directory, seen, {.segment_bytes = 16 << 10});
  disk.set_capacity(16384 + 8192 + 16384);  // one segment more
  std::uint64_t next = 1;
  Result<Durable> written = Durable{};
  while ((written = put(**log, frame_of(next)))) ++next;
  EXPECT_EQ(written.error().code, ErrorCode::storage_full);
  EXPECT_EQ(next, 7U) << "three frames in each of two segments";
  EXPECT_FALSE(disk.has(segment_name(3)));
  EXPECT_EQ((*log)->durable().seq.value(), 6U);
  ASSERT_TRUE((*log)->read(Seq(6)));
  disk.set_capacity(std::nullopt);
  ASSERT_TRUE(put(**log, frame_of(next)));
  Seen again;
  ASSERT_TRUE(recover(*directory, again, {.segment_bytes = 16 << 10}));
  again.expect(1, next);
}

TEST(Log, RefusesAnEventThatNoFrameCanHold) {
  MemoryDisk disk;
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  Seen seen;
  auto log = recover(*directory, seen);
  const auto reserved = (*log)->reserve(100, kMaxFramePayload);
  ASSERT_FALSE(reserved);
  EXPECT_EQ(reserved.error().code, ErrorCode::batch_too_large);
  EXPECT_TRUE(put(**log, frame_of(1)));
}

TEST(Log, SkipsSealsAndRolledOverSegmentsWhenItLooksForAHold) {
  MemoryDisk disk;
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  const LogOptions options{.segment_bytes = 12 << 10};  // two frames a segment
  std::uint64_t next = 1;
  for (int i = 0; i < 9; ++i) {
    Seen seen;
    auto log = recover(*directory, seen, options);
    ASSERT_TRUE(log) << why(log);
    ASSERT_TRUE(put(**log, frame_of(next++)));
    ASSERT_TRUE((*log)->seal());
    ASSERT_TRUE((*log)->seal()) << "a second one does nothing";
  }
  expect_reads_everything(*directory, options, next - 1);
}

TEST(Log, ListsSealedSegments) {
  MemoryDisk disk;
  const auto directory = disk.root();
  const auto last = fill(*directory, {.segment_bytes = 32 << 10}, 60);
  Seen seen;
  const auto log = recover(*directory, seen, {.segment_bytes = 32 << 10}, last);
  std::uint64_t next = 1;
  for (const auto& segment : (*log)->sealed_segments()) {
    EXPECT_EQ(segment.first.value(), next);
    next = segment.last.value() + 1;
    EXPECT_GT(segment.bytes, kFrameAlignment);
  }
  EXPECT_GT(next, last / 2);
}

TEST(Log, StopsAScanWhereTheSinkSaysSo) {
  MemoryDisk disk;
  const auto directory = disk.root();
  fill(*directory, kOneSegment, 30);
  Seen seen;
  const auto log = recover(*directory, seen);
  int calls = 0;
  const auto done = (*log)->scan(Seq(3), [&](const Event&, std::span<const std::byte>, const Digest*) {
    return ++calls == 5 ? fail(ErrorCode::aborted, "enough") : Result<void>();
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::aborted);
  EXPECT_EQ(calls, 5);
}

TEST(Log, ReadersSeeWhatIsDurableBesideAWriter) {
  const TemporaryDirectory temporary;
  auto* const directory = temporary.operator->();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  const LogOptions options{.segment_bytes = 64 << 10};
  Seen seen;
  auto log = recover(*directory, seen, options);
  constexpr std::uint64_t kFrames = 400;
  std::atomic<std::uint64_t> acknowledged = 0;
  std::thread writer([&] {
    for (std::uint64_t n = 1; n <= kFrames; ++n) {
      ASSERT_TRUE(put(**log, frame_of(n, 1, n % 9 * 1000)));
      acknowledged = n;
    }
  });
  while (acknowledged < kFrames) {
    const auto at_least = acknowledged.load();
    const auto own = open_posix_directory(temporary.path(), false).value();
    Seen read;
    const auto reader = Log::open_read_only(*own, kLedger, Seq(), read.sink());
    ASSERT_TRUE(reader) << why(reader);
    EXPECT_GE(read.last(), at_least);
    read.expect(1, (*reader)->durable().seq.value());
    // The writer's own object, from another thread.
    const auto durable = log->get()->durable().seq;
    if (durable) {
      const auto event = (*log)->read(durable);
      ASSERT_TRUE(event) << why(event);
      EXPECT_EQ(event->seq, durable);
    }
    ASSERT_TRUE((*log)->scan(
        Seq(durable.value() / 2),
        [](const Event&, std::span<const std::byte>, const Digest*) -> Result<void> { return {}; }));
    const auto verified = verify_log(*own, kLedger, {});
    ASSERT_TRUE(verified) << why(verified);
  }
  writer.join();
}

TEST(Log, AReaderChangesNothing) {
  MemoryDisk disk;
  const auto directory = disk.root();
  const auto last = fill(*directory, kOneSegment, 10);
  const auto calls = disk.calls();
  Seen seen;
  const auto log = Log::open_read_only(*directory, kLedger, Seq(), seen.sink());
  ASSERT_TRUE(log) << why(log);
  seen.expect(1, last);
  ASSERT_TRUE((*log)->read(Seq(3)));
  EXPECT_EQ((*log)->reserve(0, 1).error().code, ErrorCode::read_only);
  EXPECT_EQ((*log)->append(frame_of(last + 1)).error().code, ErrorCode::read_only);
  EXPECT_EQ((*log)->seal().error().code, ErrorCode::read_only);
  EXPECT_EQ(disk.calls(), calls);
}

/// Lines of 32 bytes in hex; runs of zeros are left out.
std::string hex_of(const Bytes& bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 32) {
    const auto line = std::span(bytes).subspan(at, 32);
    if (all_zero(line)) continue;
    text += fmt::format("{:06x}:", at);
    for (const auto byte : line) text += fmt::format(" {:02x}", static_cast<unsigned>(byte));
    text += '\n';
  }
  return text;
}

TEST(Log, BytesAreThoseOfTheGoldenFile) {
  MemoryDisk disk;
  const auto directory = disk.root();
  ASSERT_TRUE(Log::create(*directory, kLedger));
  {
    Seen seen;
    auto log = recover(*directory, seen, {.segment_bytes = 32 << 10});
    ASSERT_TRUE(put(**log, frame_of(1)));
    ASSERT_TRUE(put(**log, frame_of(2, 3)));
    ASSERT_TRUE((*log)->seal());
  }
  const auto text = hex_of(disk.bytes(segment_name(1)));
  const auto* path = HOLDFAST_SOURCE_DIR "/tests/golden/journal_segment.hex";
  if (std::getenv("HOLDFAST_WRITE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  const std::string golden((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, golden) << "the journal's bytes are for ever: an old ledger must open";
}

}  // namespace
}  // namespace holdfast::journal
