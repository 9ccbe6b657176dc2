#include "journal/log.h"

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "journal/log_impl.h"
#include "journal/walk.h"
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

Result<void> Log::check_headers(const LedgerUuid& ledger) const {
  for (const auto& segment : impl_->catalog->walk_segments()) {
    if (auto good = check_segment_header(impl_->directory, ledger, segment.number); !good) return good;
  }
  return {};
}

std::vector<Log::SegmentInfo> Log::sealed_segments() const {
  return impl_->catalog->sealed();
}

}  // namespace holdfast::journal
