// Opening a journal: finds how far it goes, what of that is certain, and where to go on.
// docs/journal_format.md, "Recovery". Never changes a byte of a segment it found, so that a crash at any
// point leaves what the next recovery can work with.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "base/probe.h"
#include "journal/log_impl.h"
#include "journal/walk.h"

namespace holdfast::journal {
namespace {

constexpr std::uint32_t kAllSegments = ~std::uint32_t{0};

/// A frame's place and header.
struct PlacedFrame {
  Position place;
  FrameHeader header;
};

/// One reading of the journal, from a seq up to its end or a limit.
struct Reading {
  Reading(Directory& in, const LedgerUuid& of, const LogOptions& with)
      : directory(in), ledger(of), options(with) {}

  Directory& directory;
  const LedgerUuid& ledger;
  LogOptions options;
  std::optional<Durable> mark;
  std::vector<FoundSegment> segments;
  std::optional<PlacedFrame> last;  // the last frame, a seal too
  Durable end{.seq = {}, .head = {}, .end = {1, kSegmentHeaderBytes}};
  Ending ending;
  std::uint64_t frames = 0;

  using OnFrame = std::function<Result<void>(const Step&)>;
  Result<void> read(Seq after, Seq limit, Catalog* catalog, const OnFrame& on_frame);

 private:
  Result<void> check_against_mark(const Step& step) const;
};

Result<void> Reading::check_against_mark(const Step& step) const {
  if (planted(PlantedBug::skip_mark_check)) return {};
  if (!mark || !mark->seq || step.header.is_seal()) return {};
  if (mark->seq < step.header.first || mark->seq > step.header.last()) return {};
  if (mark->seq == step.header.last() && mark->head == step.head) {
    reached(Probe::mark_agrees);
    return {};
  }
  return corrupt_at(
      segment_path(directory, step.place.segment), step.place.offset,
      fmt::format("the frame is not the one that {}/{} says was durable", directory.path(), kMarkName),
      Seq(step.header.first.value() - 1));
}

Result<void> Reading::read(Seq after, Seq limit, Catalog* catalog, const OnFrame& on_frame) {
  Walk walk(directory, walk_segments(segments), {.from = std::max(after, Seq(1)), .limit = limit});
  while (true) {
    auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    if (step->kind == Step::Kind::done) return {};
    if (step->kind == Step::Kind::end) {
      end.end = step->place;
      if (limit != Seq(~std::uint64_t{0})) {
        return corrupt_at(segment_path(directory, step->blame.segment), step->blame.offset, step->problem,
                          Seq(walk.expected().value() - 1));
      }
      auto judged =
          judge_end(directory, segments, *step, walk.expected(), std::max(after, mark ? mark->seq : Seq()));
      if (!judged) return std::unexpected(judged.error());
      ending = *judged;
      return {};
    }
    // The last frame is put into the catalog by who goes on: it may be written again elsewhere.
    if (last && catalog != nullptr) catalog->add(last->place, last->header);
    last = PlacedFrame{step->place, step->header};
    end.seq = step->header.last();
    end.end = {step->place.segment, step->place.offset + frame_bytes(step->header.payload_bytes)};
    if (step->kind == Step::Kind::skipped) continue;
    end.head = step->head;
    ++frames;
    if (auto checked = check_against_mark(*step); !checked) return checked;
    if (auto taken = on_frame(*step); !taken) return taken;
  }
}

/// \param beside_writer  a writer may be at work: only what the mark covers is looked at
/// \param known  a seq that was durable, as the caller knows
Result<Reading> begin_reading(Directory& directory, const LedgerUuid& ledger, const LogOptions& options,
                              bool beside_writer, Seq known) {
  Reading reading(directory, ledger, options);
  auto mark = read_mark(directory, ledger);
  if (!mark) return std::unexpected(mark.error());
  reading.mark = *mark;
  // A mark from before a power cut, and nobody writes: a writer would have renewed it.
  if (beside_writer && reading.mark && reading.mark->seq < known) reading.mark.reset();
  FrameChecker checker;
  // Beside a writer, what lies beyond the mark is in motion.
  const auto last = beside_writer && reading.mark ? reading.mark->end.segment : kAllSegments;
  auto found = find_segments(directory, ledger, last, checker);
  if (!found) return std::unexpected(found.error());
  reading.segments = std::move(*found);
  return reading;
}

/// The first segment that a walk from `after` reads.
std::uint32_t first_read(const std::vector<FoundSegment>& segments, Seq after) {
  std::uint32_t number = 1;
  for (const auto& segment : segments) {
    if (segment.first && segment.first->first <= std::max(after, Seq(1))) number = segment.number;
  }
  return number;
}

/// Makes durable what the process before may have left in the system's memory.
Result<void> sync_tail(Directory& directory, const std::vector<FoundSegment>& segments) {
  for (const auto& segment : segments | std::views::reverse) {
    auto file = directory.open(segment_name(segment.number), OpenMode::read_write);
    if (!file) return std::unexpected(to_error(file.error()));
    if (auto synced = (*file)->sync(); !synced) return std::unexpected(to_error(synced.error()));
    if (segment.first) break;
  }
  if (auto synced = directory.sync(); !synced) return std::unexpected(to_error(synced.error()));
  return {};
}

/// Removes the segments after the end: they have no frame that counts. The last first, each for good before
/// the next, so that no gap can be left.
Result<void> remove_unused(Reading& reading, LogReport& report) {
  auto& segments = reading.segments;
  while (segments.back().number > reading.end.end.segment) {
    const auto& segment = segments.back();
    HOLDFAST_ASSERT(!segment.first, "a segment with frames is never removed");
    auto reader = SegmentReader::open(reading.directory, segment.number, kFrameAlignment);
    if (!reader) return std::unexpected(reader.error());
    auto page = reader->bytes(kSegmentHeaderBytes, kFrameAlignment);
    if (!page) return std::unexpected(page.error());
    if (!segment.header_good || !all_zero(*page)) {
      reached(Probe::unused_segment_removed);
      report.notes.push_back(fmt::format(
          "{}: removed, an unfinished segment with nothing that was acknowledged", reader->path()));
    }
    if (auto removed = reading.directory.remove(segment_name(segment.number)); !removed) {
      return std::unexpected(to_error(removed.error()));
    }
    if (auto synced = reading.directory.sync(); !synced) return std::unexpected(to_error(synced.error()));
    segments.pop_back();
  }
  return {};
}

void note_torn(const Reading& reading, LogReport& report) {
  if (reading.ending.clean) return;
  reached(Probe::torn_tail);
  const auto end = reading.end.end;
  report.notes.push_back(
      fmt::format("{} at byte {}: a torn write of up to {} bytes, never acknowledged, was "
                  "cut off; the journal goes on after seq {} in a new segment",
                  segment_path(reading.directory, end.segment), end.offset, reading.ending.size - end.offset,
                  reading.end.seq.value()));
}

/// Opens the segment where the journal ends, to go on in it.
Result<Space::Segment> open_current(const Reading& reading) {
  const auto end = reading.end.end;
  auto file = reading.directory.open(segment_name(end.segment), OpenMode::read_write);
  if (!file) return std::unexpected(to_error(file.error()));
  Space::Segment current{end.segment, std::move(*file), end.offset, end.offset};
  if (!reading.ending.clean) return current;
  // A file that was copied may have holes, and the first segment of a new ledger has no room yet.
  const auto wanted = std::max(reading.ending.size, reading.options.segment_bytes);
  auto taken = current.file->allocate(wanted);
  if (taken) {
    current.capacity = wanted;
  } else if (to_error(taken.error()).code != ErrorCode::storage_full) {
    return std::unexpected(to_error(taken.error()));
  }
  return current;
}

/// Copies the last frame into a segment of its own, made durable, because nobody can say that it is durable
/// where it stands; the segment it came from then ends before it.
Result<Space::Segment> write_again(Reading& reading) {
  auto& place = reading.last->place;
  const auto length = frame_bytes(reading.last->header.payload_bytes);
  auto reader = SegmentReader::open(reading.directory, place.segment);
  if (!reader) return std::unexpected(reader.error());
  auto bytes = reader->bytes(place.offset, static_cast<std::size_t>(length));
  if (!bytes) return std::unexpected(bytes.error());
  HOLDFAST_ASSERT(bytes->size() == length, "a frame that was read is still there");

  if (planted(PlantedBug::cut_before_copy)) {
    auto early = reading.directory.open(segment_name(place.segment), OpenMode::read_write);
    if (!early) return std::unexpected(to_error(early.error()));
    if (auto cut = (*early)->truncate(place.offset); !cut) return std::unexpected(to_error(cut.error()));
    if (auto synced = (*early)->sync(); !synced) return std::unexpected(to_error(synced.error()));
  }
  const auto number = place.segment + 1;
  auto capacity = std::max(reading.options.segment_bytes, kSegmentHeaderBytes + length);
  auto file = make_segment(reading.directory, reading.ledger, number, capacity);
  if (!file && to_error(file.error()).code == ErrorCode::storage_full) {
    reached(Probe::no_room_in_segment);
    capacity = kSegmentHeaderBytes + length;
    file = make_segment(reading.directory, reading.ledger, number, capacity);
  }
  if (!file) return std::unexpected(to_error(file.error()));
  auto done = write_all(**file, kSegmentHeaderBytes, *bytes);
  if (done) done = (*file)->sync();
  if (!done) return std::unexpected(to_error(done.error()));

  auto before = reading.directory.open(segment_name(place.segment), OpenMode::read_write);
  if (!before) return std::unexpected(to_error(before.error()));
  if (auto cut = (*before)->truncate(place.offset); !cut) return std::unexpected(to_error(cut.error()));
  place = {number, kSegmentHeaderBytes};
  reading.end.end = {number, kSegmentHeaderBytes + length};
  reached(Probe::last_frame_copied);
  return Space::Segment{number, std::move(*file), reading.end.end.offset, capacity};
}

bool last_frame_is_certain(const Reading& reading) {
  if (!reading.last || planted(PlantedBug::trust_last_frame)) return true;
  return reading.mark && reading.mark->seq == reading.end.seq &&
         reading.mark->end.segment == reading.end.end.segment &&
         reading.mark->end.offset == reading.end.end.offset;
}

}  // namespace

Result<std::unique_ptr<Log>> Log::recover(Directory& directory, const LedgerUuid& ledger, LogOptions options,
                                          Seq after, const EventSink& sink, LogReport& report) {
  auto begun = begin_reading(directory, ledger, options, false, after);
  if (!begun) return std::unexpected(begun.error());
  auto& reading = *begun;
  if (!reading.mark) {
    reached(Probe::mark_missing);
    report.notes.push_back(
        fmt::format("{}/{}: missing or damaged, made anew; what was durable is taken from "
                    "the segments",
                    directory.path(), kMarkName));
  }
  if (auto synced = sync_tail(directory, reading.segments); !synced) return std::unexpected(synced.error());

  auto catalog = std::make_unique<Catalog>(reading.segments, first_read(reading.segments, after));
  Event scratch;
  auto read = reading.read(after, Seq(~std::uint64_t{0}), catalog.get(), [&](const Step& step) {
    return deliver(step, segment_path(directory, step.place.segment), after, sink, scratch);
  });
  if (!read) return std::unexpected(read.error());
  note_torn(reading, report);
  if (auto removed = remove_unused(reading, report); !removed) return std::unexpected(removed.error());
  const bool certain = last_frame_is_certain(reading);
  if (certain && reading.last) reached(Probe::last_frame_certain);
  auto current = certain ? open_current(reading) : write_again(reading);
  if (!current) return std::unexpected(current.error());
  if (reading.last) catalog->add(reading.last->place, reading.last->header);

  auto mark = MarkWriter::open(directory, ledger);
  if (!mark) return std::unexpected(to_error(mark.error()));
  if (auto published = mark->publish(reading.end); !published) {
    return std::unexpected(to_error(published.error()));
  }
  if (auto synced = mark->sync(); !synced) return std::unexpected(to_error(synced.error()));

  std::unique_ptr<Log> log(new Log());
  log->impl_ = std::make_unique<Impl>(directory, options, std::move(catalog), reading.end);
  log->impl_->writing =
      std::make_unique<LogWriting>(directory, ledger, options, std::move(*current), std::move(*mark));
  log->impl_->writing->sealed = reading.last && reading.last->header.is_seal();
  return log;
}

Result<std::unique_ptr<Log>> Log::open_read_only(Directory& directory, const LedgerUuid& ledger, Seq after,
                                                 const EventSink& sink) {
  auto begun = begin_reading(directory, ledger, {}, true, after);
  if (!begun) return std::unexpected(begun.error());
  auto& reading = *begun;
  auto catalog = std::make_unique<Catalog>(reading.segments, first_read(reading.segments, after));
  Event scratch;
  const auto limit = reading.mark ? reading.mark->seq : Seq(~std::uint64_t{0});
  auto read = reading.read(after, limit, catalog.get(), [&](const Step& step) {
    return deliver(step, segment_path(directory, step.place.segment), after, sink, scratch);
  });
  if (!read) return std::unexpected(read.error());
  if (reading.last) catalog->add(reading.last->place, reading.last->header);
  std::unique_ptr<Log> log(new Log());
  log->impl_ = std::make_unique<Impl>(directory, LogOptions{}, std::move(catalog), reading.end);
  return log;
}

Result<LogVerification> verify_log(Directory& directory, const LedgerUuid& ledger,
                                   const std::function<void(std::uint64_t done, std::uint64_t of)>& progress,
                                   Seq* last_good) {
  if (last_good != nullptr) *last_good = Seq();
  auto begun = begin_reading(directory, ledger, {}, true, Seq());
  if (!begun) return std::unexpected(begun.error());
  auto& reading = *begun;
  std::uint64_t of = 0;
  for (const auto& segment : reading.segments) of += segment.size;
  LogVerification verified;
  Event scratch;
  const EventSink ignore = [](const Event&, std::span<const std::byte>, const Digest*) -> Result<void> {
    return {};
  };
  const auto limit = reading.mark ? reading.mark->seq : Seq(~std::uint64_t{0});
  auto read = reading.read(Seq(), limit, nullptr, [&](const Step& step) -> Result<void> {
    const auto path = segment_path(directory, step.place.segment);
    if (auto taken = deliver(step, path, Seq(), ignore, scratch); !taken) return taken;
    verified.bytes += step.bytes.size();
    if (last_good != nullptr) *last_good = step.header.last();
    if (progress) progress(std::min(verified.bytes, of), of);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  verified.seq = reading.end.seq;
  verified.head = reading.end.head;
  verified.frames = reading.frames;
  if (progress) progress(of, of);  // segments have bytes that are no frame's
  return verified;
}

}  // namespace holdfast::journal
