#include "journal/log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "journal/log_impl.h"
#include "ledger/event_codec.h"

namespace holdfast::journal {
namespace {

std::unexpected<Error> refused_read_only() {
  return fail(ErrorCode::read_only, "the journal is open for reading only");
}

std::unexpected<Error> refused_dead() {
  return fail(ErrorCode::storage_failed,
              "a write or sync of the journal failed before: open the ledger again to find what is durable");
}

Digest chain_all(Sha256& hasher, Digest head, const FramePayload& payload) {
  ByteReader reader(payload.bytes);
  for (std::uint32_t i = 0; i < payload.count; ++i) {
    head = chain(hasher, head, reader.raw(reader.varint()));
  }
  HOLDFAST_ASSERT(reader.ok() && reader.left() == 0, "a payload is exactly its events");
  return head;
}

/// A sync is never retried: after a failure nobody knows which pages the system still holds.
IoResult<void> sync_once(File& file) {
  auto synced = file.sync();
  if (!synced && planted(PlantedBug::retry_sync)) synced = file.sync();
  return synced;
}

/// A sink's answer: the event is `scratch` of the delivery that it ends.
Result<void> stop_if(bool found) {
  return found ? fail(ErrorCode::aborted, {}) : Result<void>();
}

}  // namespace

Log::Log() = default;
Log::~Log() = default;

Result<void> Log::create(Directory& directory, const LedgerUuid& ledger) {
  auto segment = make_segment(directory, ledger, 1, kSegmentHeaderBytes);
  if (!segment) return std::unexpected(to_error(segment.error()));
  auto mark = MarkWriter::open(directory, ledger);
  if (!mark) return std::unexpected(to_error(mark.error()));
  const Durable empty{.seq = {}, .head = {}, .end = {1, kSegmentHeaderBytes}};
  if (auto published = mark->publish(empty); !published) return std::unexpected(to_error(published.error()));
  if (auto synced = mark->sync(); !synced) return std::unexpected(to_error(synced.error()));
  return {};
}

Result<void> Log::reserve(std::size_t group_bytes, std::size_t more_bytes) {
  if (!impl_->writing) return refused_read_only();
  auto& writing = *impl_->writing;
  if (writing.dead) return refused_dead();
  auto reserved = writing.space.reserve(group_bytes, more_bytes);
  if (!reserved && reserved.error().code == ErrorCode::storage_failed) writing.dead = true;
  return reserved;
}

Result<Durable> Log::append(const FramePayload& payload) {
  if (!impl_->writing) return refused_read_only();
  auto& writing = *impl_->writing;
  if (writing.dead) return refused_dead();
  const auto before = impl_->now();
  HOLDFAST_ASSERT(payload.count > 0 && payload.bytes.size() <= kMaxFramePayload,
                  "a frame has events, up to its limit");
  HOLDFAST_ASSERT(payload.first == before.seq.next(), "events are appended in order, without gaps");
  const auto head = chain_all(writing.hasher, before.head, payload);
  const FrameHeader header{.payload_bytes = static_cast<std::uint32_t>(payload.bytes.size()),
                           .first = payload.first,
                           .count = payload.count,
                           .next_escrow = payload.next_escrow,
                           .previous = before.head};
  auto written = impl_->write(header, payload.bytes, head);
  if (written) writing.sealed = false;
  return written;
}

Result<void> Log::seal() {
  if (!impl_->writing) return refused_read_only();
  auto& writing = *impl_->writing;
  if (writing.dead) return refused_dead();
  const auto before = impl_->now();
  if (writing.sealed || !before.seq) return {};
  if (auto reserved = reserve(0, 0); !reserved) return reserved;
  const FrameHeader header{
      .payload_bytes = 0, .first = before.seq.next(), .count = 0, .next_escrow = {}, .previous = before.head};
  auto written = impl_->write(header, {}, before.head);
  if (!written) return std::unexpected(written.error());
  writing.sealed = true;
  // The mark ends behind the seal: with both durable, the next opening has nothing to write again.
  if (auto synced = writing.mark.sync(); !synced) {
    writing.dead = true;
    return std::unexpected(to_error(synced.error()));
  }
  return {};
}

Result<Durable> Log::Impl::write(const FrameHeader& header, std::span<const std::byte> payload,
                                 const Digest& head) {
  auto placement = writing->space.place(payload.size());
  const auto end = Position{placement.place.segment, placement.place.offset + frame_bytes(payload.size())};
  const Durable next{.seq = header.last(), .head = head, .end = end};
  auto& file = *placement.file;
  auto done = writing->frames.write(file, placement.place.offset, header, payload, head);
  if (done) done = sync_once(file);
  if (done) done = writing->mark.publish(next);
  // The rest of the segment before is given back; nothing depends on it.
  if (done && placement.before) done = placement.before->file->truncate(placement.before->end);
  if (!done) {
    writing->dead = true;
    return fail(ErrorCode::storage_failed, to_error(done.error()).message);
  }
  catalog->add(placement.place, header);
  const std::lock_guard lock(durable_mutex);
  durable = next;
  return next;
}

Durable Log::durable() const {
  return impl_->now();
}

Result<void> Log::scan(Seq after, const EventSink& sink) const {
  const auto limit = impl_->now().seq;
  if (after >= limit) return {};
  auto start = impl_->catalog->find(impl_->directory, after.next(), limit);
  if (!start) return std::unexpected(start.error());
  Walk walk(impl_->directory, impl_->catalog->walk_segments(), {.from = after.next(), .limit = limit});
  walk.start_at(start->place, start->first);
  Event scratch;
  while (true) {
    auto step = walk.next();
    if (!step) return std::unexpected(step.error());
    const auto path = segment_path(impl_->directory, step->place.segment);
    switch (step->kind) {
      case Step::Kind::done:
        return {};
      case Step::Kind::end:
        return corrupt_at(path, step->place.offset, step->problem, Seq(walk.expected().value() - 1));
      case Step::Kind::skipped:
        break;
      case Step::Kind::frame:
        if (auto taken = deliver(*step, path, after, sink, scratch); !taken) return taken;
        break;
    }
  }
}

template <class Reaches, class Take>
Result<void> Log::Impl::look_up(const Catalog::Start& start, Reaches reaches, Take take) const {
  auto reader = SegmentReader::open(directory, start.place.segment, SegmentReader::kLookupBytes);
  if (!reader) return std::unexpected(reader.error());
  auto offset = start.place.offset;
  auto chosen = offset;
  for (auto expected = start.first; expected <= start.last;) {
    auto header = reader->header(offset);
    if (!header) return std::unexpected(header.error());
    if (!*header || (*header)->first != expected) {
      return corrupt_at(reader->path(), offset, "no frame is here that continues the journal",
                        Seq(expected.value() - 1));
    }
    if (!(*header)->is_seal()) {
      if (!reaches(**header)) break;
      chosen = offset;
    }
    expected = (*header)->last().next();
    offset += frame_bytes((*header)->payload_bytes);
  }
  FrameChecker checker;
  auto frame = reader->frame(chosen, checker);
  if (!frame) return std::unexpected(frame.error());
  if (frame->state != FrameState::good) {
    return corrupt_at(reader->path(), chosen, frame->problem == nullptr ? "no frame is here" : frame->problem,
                      Seq(start.first.value() - 1));
  }
  Step step;
  step.kind = Step::Kind::frame;
  step.place = {start.place.segment, chosen};
  step.header = frame->header;
  step.bytes = frame->bytes;
  step.head = frame->head;
  step.hashes = frame->hashes;
  return take(step, reader->path());
}

Result<Event> Log::read(Seq seq) const {
  const auto limit = impl_->now().seq;
  HOLDFAST_ASSERT(seq && seq <= limit, "only durable events are read");
  auto start = impl_->catalog->find(impl_->directory, seq, limit);
  if (!start) return std::unexpected(start.error());
  Event event;
  bool found = false;
  auto done = impl_->look_up(
      *start, [seq](const FrameHeader& header) { return header.first <= seq; },
      [&](const Step& step, const std::string& path) {
        return deliver(
            step, path, Seq(seq.value() - 1),
            [&](const Event& read, std::span<const std::byte>, const Digest*) {
              found = read.seq == seq;
              return stop_if(found);
            },
            event);
      });
  if (found) return event;
  if (!done) return std::unexpected(done.error());
  return fail(ErrorCode::corrupt, fmt::format("event {} is not in the journal", seq.value()));
}

Result<Event> Log::read_hold(EscrowId escrow) const {
  const auto limit = impl_->now().seq;
  HOLDFAST_ASSERT(escrow && limit, "only durable holds are read");
  auto start = impl_->catalog->find_hold(impl_->directory, escrow, limit);
  if (!start) return std::unexpected(start.error());
  Event event;
  bool found = false;
  Seq looked_through;
  auto done = impl_->look_up(
      *start, [escrow](const FrameHeader& header) { return header.next_escrow <= escrow; },
      [&](const Step& step, const std::string& path) {
        looked_through = step.header.last();
        return deliver(
            step, path, Seq(),
            [&](const Event& read, std::span<const std::byte>, const Digest*) {
              found = holds_escrow(read.entry, escrow);
              return stop_if(found);
            },
            event);
      });
  if (done && !found) {
    // Ids of another store need not grow with seq: then the hold is somewhere behind, never before.
    done = scan(looked_through, [&](const Event& read, std::span<const std::byte>, const Digest*) {
      found = holds_escrow(read.entry, escrow);
      if (found) event = read;
      return stop_if(found);
    });
  }
  if (found) return event;
  if (!done) return std::unexpected(done.error());
  return fail(ErrorCode::corrupt, fmt::format("the hold of escrow {} is not in the journal", escrow.value()));
}

std::vector<Log::SegmentInfo> Log::sealed_segments() const {
  return impl_->catalog->sealed();
}

}  // namespace holdfast::journal
