#include "journal/catalog.h"

#include <algorithm>
#include <mutex>

#include "journal/segment_reader.h"

namespace holdfast::journal {
namespace {

constexpr std::uint32_t kFirstSegment = 1;
constexpr std::uint64_t kMarkDistance = std::uint64_t{256} << 10;

}  // namespace

Catalog::Catalog(const std::vector<FoundSegment>& segments, std::uint32_t read_from) {
  for (const auto& found : segments) {
    if (!found.first || found.number >= read_from) continue;
    segments_.push_back({found.number, found.first->first, found.next_escrow, found.size, false, {}});
  }
}

void Catalog::note(std::vector<Mark>& table, std::uint64_t offset, const FrameHeader& header) {
  if (header.is_seal()) return;
  if (!table.empty() && offset - table.back().offset < kMarkDistance) return;
  table.push_back({header.first, header.next_escrow, offset});
}

void Catalog::add(Position place, const FrameHeader& header) {
  const std::unique_lock lock(mutex_);
  if (segments_.empty() || segments_.back().number != place.segment) {
    segments_.push_back({place.segment, header.first, {}, 0, true, {}});
  }
  auto& segment = segments_.back();
  if (!segment.next_escrow && !header.is_seal()) segment.next_escrow = header.next_escrow;
  segment.bytes = place.offset + frame_bytes(header.payload_bytes);
  note(segment.table, place.offset, header);
}

std::vector<WalkSegment> Catalog::walk_segments() const {
  const std::shared_lock lock(mutex_);
  std::vector<WalkSegment> result;
  result.reserve(segments_.size());
  for (const auto& segment : segments_) result.push_back({segment.number, segment.first});
  return result;
}

std::vector<Log::SegmentInfo> Catalog::sealed() const {
  const std::shared_lock lock(mutex_);
  std::vector<Log::SegmentInfo> result;
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
    const auto last = last_of(i, Seq());
    if (last < segments_[i].first) continue;
    result.push_back({segments_[i].number, segments_[i].first, last, segments_[i].bytes});
  }
  return result;
}

Seq Catalog::last_of(std::size_t index, Seq durable) const {
  if (index + 1 == segments_.size()) return durable;
  return Seq(segments_[index + 1].first.value() - 1);
}

Result<std::vector<Catalog::Mark>> Catalog::build(Directory& directory, std::uint32_t number, Seq first,
                                                  Seq last) const {
  auto reader = SegmentReader::open(directory, number, SegmentReader::kLookupBytes);
  if (!reader) return std::unexpected(reader.error());
  std::vector<Mark> table;
  auto expected = first;
  auto offset = kSegmentHeaderBytes;
  while (expected <= last) {
    auto header = reader->header(offset);
    if (!header) return std::unexpected(header.error());
    if (!*header || (*header)->first != expected) {
      return corrupt_at(reader->path(), offset, "no frame is here that continues the journal",
                        Seq(expected.value() - 1));
    }
    note(table, offset, **header);
    expected = (*header)->last().next();
    offset += frame_bytes((*header)->payload_bytes);
  }
  return table;
}

template <class Before>
Result<Catalog::Start> Catalog::find_in(Directory& directory, std::size_t index, Seq durable,
                                        Before before) const {
  std::shared_lock lock(mutex_);
  const auto number = segments_[index].number;
  const auto last = last_of(index, durable);
  if (!segments_[index].has_table) {
    const auto first = segments_[index].first;
    lock.unlock();
    auto table = build(directory, number, first, last);
    if (!table) return std::unexpected(table.error());
    {
      const std::unique_lock exclusive(mutex_);
      segments_[index].table = std::move(*table);
      segments_[index].has_table = true;
    }
    lock.lock();
  }
  const auto& table = segments_[index].table;
  const auto after = std::ranges::partition_point(table, before);
  // Of an older segment only the first frame was looked at when the journal was opened.
  if (after == table.begin()) {
    return corrupt_at(segment_path(directory, index == 0 ? kFirstSegment : number), kSegmentHeaderBytes,
                      "no frame is here that begins the journal", Seq());
  }
  const auto& mark = *std::prev(after);
  return Start{{number, mark.offset}, mark.first, last};
}

Result<Catalog::Start> Catalog::find(Directory& directory, Seq seq, Seq durable) const {
  std::size_t index = 0;
  {
    const std::shared_lock lock(mutex_);
    const auto after = std::ranges::upper_bound(segments_, seq, {}, &Segment::first);
    if (after == segments_.begin()) {
      return corrupt_at(segment_path(directory, kFirstSegment), kSegmentHeaderBytes,
                        "no frame is here that begins the journal", Seq());
    }
    index = static_cast<std::size_t>(after - segments_.begin()) - 1;
  }
  return find_in(directory, index, durable, [seq](const Mark& mark) { return mark.first <= seq; });
}

Result<Catalog::Start> Catalog::find_hold(Directory& directory, EscrowId escrow, Seq durable) const {
  std::size_t index = 0;
  {
    const std::shared_lock lock(mutex_);
    index = segments_.size();
    while (index > 0) {
      const auto& segment = segments_[--index];
      if (segment.next_escrow && segment.next_escrow <= escrow) break;
    }
  }
  return find_in(directory, index, durable,
                 [escrow](const Mark& mark) { return mark.next_escrow <= escrow; });
}

}  // namespace holdfast::journal
