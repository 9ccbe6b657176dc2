#include "journal/walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "base/probe.h"
#include "ledger/event_codec.h"

namespace holdfast::journal {

std::vector<WalkSegment> walk_segments(const std::vector<FoundSegment>& found) {
  std::vector<WalkSegment> segments;
  segments.reserve(found.size());
  for (const auto& segment : found) {
    segments.push_back({segment.number, segment.first ? segment.first->first : Seq()});
  }
  return segments;
}

std::unexpected<Error> corrupt_at(const std::string& path, std::uint64_t offset, std::string_view problem,
                                  Seq good) {
  reached(Probe::corrupt_found);
  return fail(
      ErrorCode::corrupt,
      fmt::format("{} at byte {}: {}. Everything up to seq {} is good: restore from a backup, or what "
                  "is good with `holdfast restore`",
                  path, offset, problem, good.value()));
}

Walk::Walk(Directory& directory, std::vector<WalkSegment> segments, Options options)
    : directory_(directory), segments_(std::move(segments)), options_(options) {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].first && segments_[i].first <= options_.from) {
      index_ = i;
      expected_ = segments_[i].first;
    }
  }
  // The journal's very first frame has nothing before it to continue.
  if (expected_ == Seq(1)) head_ = Digest{};
}

void Walk::start_at(Position place, Seq first) {
  const auto found = std::ranges::find(segments_, place.segment, &WalkSegment::number);
  HOLDFAST_ASSERT(found != segments_.end(), "a walk starts in a segment that is there");
  index_ = static_cast<std::size_t>(found - segments_.begin());
  offset_ = place.offset;
  expected_ = first;
  head_.reset();
}

std::optional<std::size_t> Walk::next_used() const {
  for (auto i = index_ + 1; i < segments_.size(); ++i) {
    if (segments_[i].first) return i;
  }
  return {};
}

Result<void> Walk::open_segment() {
  auto opened = SegmentReader::open(directory_, segments_[index_].number);
  if (!opened) return std::unexpected(opened.error());
  reader_.emplace(std::move(*opened));
  return {};
}

Result<Step> Walk::next() {
  while (true) {
    if (expected_ > options_.limit) {
      Step step;
      step.kind = Step::Kind::done;
      step.place = place();
      return step;
    }
    // A segment ends where the next one with frames begins, whatever else is in it.
    if (const auto next = next_used(); next && expected_ == segments_[*next].first) {
      index_ = *next;
      offset_ = kSegmentHeaderBytes;
      reader_.reset();
      continue;
    }
    if (!reader_) {
      if (auto opened = open_segment(); !opened) return std::unexpected(opened.error());
    }
    if (skipping_) {
      Step step;
      auto skipped = skip(step);
      if (!skipped) return std::unexpected(skipped.error());
      if (*skipped) return step;
      skipping_ = false;
    }
    return read();
  }
}

Result<bool> Walk::skip(Step& step) {
  auto header = reader_->header(offset_);
  if (!header) return std::unexpected(header.error());
  if (!*header || (*header)->first != expected_ || (*header)->last() >= options_.from) return false;
  if ((*header)->is_seal() && expected_ == options_.from) return false;
  step.kind = Step::Kind::skipped;
  step.place = place();
  step.header = **header;
  head_.reset();
  offset_ += frame_bytes(step.header.payload_bytes);
  expected_ = step.header.last().next();
  return true;
}

Result<Step> Walk::read() {
  auto found = reader_->frame(offset_, checker_);
  if (!found) return std::unexpected(found.error());
  if (found->header_good) {
    // Bytes are never written over: what stands here was written here, right after what is before it.
    const auto& header = found->header;
    const char* wrong = header.first != expected_            ? "a frame of another place is here"
                        : head_ && header.previous != *head_ ? "the hash chain breaks before this frame"
                                                             : nullptr;
    if (wrong != nullptr) return corrupt_at(reader_->path(), offset_, wrong, Seq(expected_.value() - 1));
  }
  if (found->state != FrameState::good) return ended(*found);
  Step step;
  step.kind = Step::Kind::frame;
  step.place = place();
  step.header = found->header;
  step.bytes = found->bytes;
  step.head = found->head;
  step.hashes = found->hashes;
  head_ = found->head;
  offset_ += found->bytes.size();
  expected_ = step.header.last().next();
  return step;
}

Result<Step> Walk::ended(const FoundFrame& found) {
  Step step;
  step.kind = Step::Kind::end;
  step.place = place();
  step.blame = step.place;
  step.problem = found.state == FrameState::none ? "no frame is here" : found.problem;
  const auto good = Seq(expected_.value() - 1);
  if (found.state == FrameState::none && index_ + 1 < segments_.size()) {
    // The segment ends here in good order; what is wrong is the first frame of the one after it, if it has
    // any.
    auto after = SegmentReader::open(directory_, segments_[index_ + 1].number, kFrameAlignment);
    if (!after) return std::unexpected(after.error());
    auto page = after->bytes(kSegmentHeaderBytes, kFrameAlignment);
    if (!page) return std::unexpected(page.error());
    if (!all_zero(*page)) {
      step.problem = "the segment's first frame is damaged";
      step.blame = {segments_[index_ + 1].number, kSegmentHeaderBytes};
    }
  }
  if (!next_used()) return step;
  return corrupt_at(segment_path(directory_, step.blame.segment), step.blame.offset, step.problem, good);
}

Result<void> deliver(const Step& step, const std::string& path, Seq after, const EventSink& sink,
                     Event& scratch) {
  ByteReader reader(payload_of(step.bytes, step.header));
  for (std::size_t i = 0; i < step.hashes.size(); ++i) {
    const Seq seq(step.header.first.value() + i);
    const auto bytes = reader.raw(reader.varint());
    if (seq <= after) continue;
    if (auto decoded = decode_event(bytes, scratch); !decoded) {
      return fail(decoded.error().code, fmt::format("{} at byte {}, event {}: {}", path, step.place.offset,
                                                    seq.value(), decoded.error().message));
    }
    if (scratch.seq != seq) {
      return corrupt_at(path, step.place.offset,
                        fmt::format("event {} says that it is event {}", seq.value(), scratch.seq.value()),
                        Seq(seq.value() - 1));
    }
    if (auto taken = sink(scratch, bytes, &step.hashes[i]); !taken) return taken;
  }
  return {};
}

namespace {

/// Looks for a frame that shows that more was durable than up to `expected`. True: only zeros were found.
Result<bool> search(SegmentReader& reader, std::uint64_t from, Seq expected, FrameChecker& checker,
                    std::optional<std::uint64_t>& proof) {
  bool zeros = true;
  for (auto offset = from; offset < reader.size(); offset += kFrameAlignment) {
    auto page = reader.bytes(offset, kFrameAlignment);
    if (!page) return std::unexpected(page.error());
    if (all_zero(*page)) continue;
    zeros = false;
    FrameHeader header;
    if (decode_frame_header(*page, header) != HeaderState::good || header.first < expected) continue;
    bool shows = header.first > expected;  // written only once all before it was durable
    if (!shows) {
      auto frame = reader.frame(offset, checker);
      if (!frame) return std::unexpected(frame.error());
      shows = frame->state == FrameState::good;
    }
    if (shows) {
      proof = offset;
      break;
    }
  }
  return zeros;
}

}  // namespace

Result<Ending> judge_end(Directory& directory, const std::vector<FoundSegment>& segments, const Step& step,
                         Seq expected, Seq bound) {
  const auto good = Seq(expected.value() - 1);
  const auto path = segment_path(directory, step.blame.segment);
  if (bound >= expected && !planted(PlantedBug::skip_mark_check)) {
    return corrupt_at(
        path, step.blame.offset,
        fmt::format("{}, though the journal was durable up to seq {}", step.problem, bound.value()), good);
  }
  Ending ending;
  FrameChecker checker;
  for (const auto& segment : segments) {
    if (segment.number < step.place.segment) continue;
    const bool own = segment.number == step.place.segment;
    auto reader = SegmentReader::open(directory, segment.number);
    if (!reader) return std::unexpected(reader.error());
    // A frame whose header is good but that is torn stands at the place itself; it proves nothing.
    auto from = own ? step.place.offset : kSegmentHeaderBytes;
    std::optional<std::uint64_t> proof;
    auto zeros = search(*reader, from, expected, checker, proof);
    if (!zeros) return std::unexpected(zeros.error());
    if (proof) {
      const auto problem = fmt::format("{}, though a later frame is at {} byte {}", step.problem,
                                       segment_name(segment.number), *proof);
      return corrupt_at(path, step.blame.offset, problem, good);
    }
    if (own) ending = {.clean = *zeros, .size = reader->size()};
  }
  return ending;
}

}  // namespace holdfast::journal
