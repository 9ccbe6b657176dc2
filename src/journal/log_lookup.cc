// Reading single events of the journal: by their seq, and by an escrow that they held.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/assert.h"
#include "journal/frame_search.h"
#include "journal/log_impl.h"

namespace holdfast::journal {
namespace {

/// A sink's answer: the event is `scratch` of the delivery that it ends.
Result<void> stop_if(bool found) {
  return found ? fail(ErrorCode::aborted, {}) : Result<void>();
}

std::unexpected<Error> not_there(Seq seq) {
  return fail(ErrorCode::corrupt, fmt::format("event {} is not in the journal", seq.value()));
}

auto has_seq(Seq seq) {
  return [seq](const FrameHeader& header) { return header.first <= seq; };
}
auto has_hold(EscrowId escrow) {
  return [escrow](const FrameHeader& header) { return header.next_escrow <= escrow; };
}

}  // namespace

Result<void> FrameSearch::move_to(const Catalog::Start& start) {
  if (!reader_ || segment_ != start.place.segment) {
    auto reader = SegmentReader::open(directory_, start.place.segment, SegmentReader::kLookupBytes);
    if (!reader) return std::unexpected(std::move(reader.error()));
    reader_.emplace(std::move(*reader));
    segment_ = start.place.segment;
    expected_ = {};
  }
  if (expected_ >= start.first) return {};
  offset_ = start.place.offset;
  expected_ = start.first;
  return {};
}

Result<Step> FrameSearch::read(std::uint64_t offset, Seq first) {
  auto frame = reader_->frame(offset, checker_);
  if (!frame) return std::unexpected(std::move(frame.error()));
  if (frame->state != FrameState::good) {
    return corrupt_at(reader_->path(), offset,
                      frame->problem == nullptr ? "no frame is here" : frame->problem,
                      Seq(first.value() - 1));
  }
  Step step;
  step.kind = Step::Kind::frame;
  step.place = {segment_, offset};
  step.header = frame->header;
  step.bytes = frame->bytes;
  step.head = frame->head;
  step.hashes = frame->hashes;
  offset_ = offset + frame->bytes.size();
  expected_ = frame->header.last().next();
  return step;
}

Result<Event> Log::read(Seq seq) const {
  const auto limit = impl_->now().seq;
  HOLDFAST_ASSERT(seq && seq <= limit, "only durable events are read");
  auto start = impl_->catalog->find(impl_->directory, seq, limit);
  if (!start) return std::unexpected(std::move(start.error()));
  FrameSearch search(impl_->directory);
  auto step = search.find(*start, has_seq(seq));
  if (!step) return std::unexpected(std::move(step.error()));
  if (!*step) return not_there(seq);
  Event event;
  bool found = false;
  auto done = deliver(
      **step, search.path(), Seq(seq.value() - 1),
      [&](const Event& read, std::span<const std::byte>, const Digest*) {
        found = read.seq == seq;
        return stop_if(found);
      },
      event);
  if (found) return event;
  if (!done) return std::unexpected(std::move(done.error()));
  return not_there(seq);
}

Result<Event> Log::read_hold(EscrowId escrow) const {
  Event event;
  auto done = read_holds(std::span(&escrow, 1), [&](const Event& read) { event = read; });
  if (!done) return std::unexpected(std::move(done.error()));
  return event;
}

Result<void> Log::read_holds(std::span<const EscrowId> escrows,
                             const std::function<void(const Event&)>& visit) const {
  const auto limit = impl_->now().seq;
  HOLDFAST_ASSERT(escrows.empty() || (escrows.front() && limit), "only durable holds are read");
  HOLDFAST_ASSERT(std::ranges::adjacent_find(escrows, std::ranges::greater_equal()) == escrows.end(),
                  "holds are read in the order of their escrows");
  std::vector<bool> found(escrows.size());
  std::size_t at = 0;  // the first that was not found
  const auto take = [&](const Event& event) {
    bool wanted = false;  // has one that was not found before: else it was visited
    for_each_effect(event.entry, [&](const Entry& effect) {
      const auto* held = std::get_if<Held>(&effect.body);
      if (held == nullptr) return;
      const auto place = std::ranges::lower_bound(escrows, held->escrow);
      if (place == escrows.end() || *place != held->escrow) return;
      const auto index = static_cast<std::size_t>(place - escrows.begin());
      wanted = wanted || !found[index];
      found[index] = true;
    });
    if (wanted) visit(event);
    while (at < found.size() && found[at]) ++at;
  };

  FrameSearch search(impl_->directory);
  Event scratch;
  Seq looked_through;
  while (at < escrows.size()) {
    const auto wanted = at;
    auto start = impl_->catalog->find_hold(impl_->directory, escrows[wanted], limit);
    if (!start) return std::unexpected(std::move(start.error()));
    auto step = search.find(*start, has_hold(escrows[wanted]));
    if (!step) return std::unexpected(std::move(step.error()));
    if (*step) {
      looked_through = (*step)->header.last();
      auto done = deliver(
          **step, search.path(), Seq(),
          [&](const Event& event, std::span<const std::byte>, const Digest*) {
            take(event);
            return stop_if(at == escrows.size());
          },
          scratch);
      if (!done && at < escrows.size()) return done;
    }
    if (at != wanted) continue;
    // Ids of another store need not grow with seq: then the hold is somewhere behind, never before.
    auto done = scan(looked_through, [&](const Event& event, std::span<const std::byte>, const Digest*) {
      take(event);
      return stop_if(at != wanted);
    });
    if (at != wanted) continue;
    if (!done) return done;
    return fail(ErrorCode::corrupt,
                fmt::format("the hold of escrow {} is not in the journal", escrows[wanted].value()));
  }
  return {};
}

Result<void> Log::read_heads(std::span<const Seq> seqs,
                             const std::function<void(const EventHead&)>& visit) const {
  const auto limit = impl_->now().seq;
  HOLDFAST_ASSERT(seqs.empty() || (seqs.front() && seqs.back() <= limit), "only durable events are read");
  HOLDFAST_ASSERT(std::ranges::is_sorted(seqs), "events are read in their order");
  FrameSearch search(impl_->directory);
  for (std::size_t at = 0; at < seqs.size();) {
    auto start = impl_->catalog->find(impl_->directory, seqs[at], limit);
    if (!start) return std::unexpected(std::move(start.error()));
    auto step = search.find(*start, has_seq(seqs[at]));
    if (!step) return std::unexpected(std::move(step.error()));
    if (!*step || (*step)->header.last() < seqs[at]) return not_there(seqs[at]);
    ByteReader payload(payload_of((*step)->bytes, (*step)->header));
    for (Seq seq = (*step)->header.first; at < seqs.size() && seq <= (*step)->header.last();
         seq = seq.next()) {
      const auto bytes = payload.raw(payload.varint());
      if (seq != seqs[at]) continue;
      auto head = decode_event_head(bytes);
      if (!head) return std::unexpected(std::move(head.error()));
      if (head->seq != seq) {
        return corrupt_at(search.path(), (*step)->place.offset,
                          fmt::format("event {} says that it is event {}", seq.value(), head->seq.value()),
                          Seq(seq.value() - 1));
      }
      for (; at < seqs.size() && seqs[at] == seq; ++at) visit(*head);
    }
  }
  return {};
}

}  // namespace holdfast::journal
