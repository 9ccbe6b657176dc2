#include "journal/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/probe.h"
#include "journal/segment.h"

namespace holdfast::journal {

Result<void> Space::reserve(std::size_t group_bytes, std::size_t more_bytes) {
  if (more_bytes > kMaxFramePayload || group_bytes > kMaxFramePayload - more_bytes) {
    return fail(
        ErrorCode::batch_too_large,
        fmt::format("the event may need {} bytes, more than the {} of one group: ask for less at once, "
                    "or in chunks",
                    more_bytes, kMaxFramePayload));
  }
  const auto need = frame_bytes(group_bytes + more_bytes);
  std::unique_lock lock(mutex_);
  if (group_bytes == 0) {
    // A new group begins: the last one may wait to be placed. If it was placed already, or came to nothing,
    // this keeps more than is needed until the next is placed, never less.
    closed_need_ = std::max(closed_need_, std::exchange(open_need_, 0));
  }
  while (const auto bytes = lacking(need)) {
    const auto number = last_number_ + 1;
    reached(Probe::segment_taken_ahead);
    lock.unlock();
    auto file = make_segment(directory_, ledger_, number, *bytes);
    if (!file) return std::unexpected(to_error(file.error()));
    last_number_ = number;
    lock.lock();
    ahead_.push_back({number, std::move(*file), kSegmentHeaderBytes, *bytes});
  }
  open_need_ = need;
  return {};
}

std::optional<std::uint64_t> Space::lacking(std::uint64_t open_need) const {
  const auto* segment = &current_;
  auto end = segment->end;
  std::size_t next = 0;
  for (const auto need : {closed_need_, open_need}) {
    while (end + need > segment->capacity) {
      if (next == ahead_.size()) return std::max(segment_bytes_, kSegmentHeaderBytes + need);
      segment = &ahead_[next++];
      end = segment->end;
    }
    end += need;
  }
  return {};
}

Space::Placement Space::place(std::size_t payload_bytes) {
  const auto need = frame_bytes(payload_bytes);
  const std::lock_guard lock(mutex_);
  // The closed group is placed. Where it is larger than the closed one could be, it was still the open one.
  if (closed_need_ < need) open_need_ = 0;
  closed_need_ = 0;
  Placement placement;
  while (current_.end + need > current_.capacity) {
    HOLDFAST_ASSERT(!ahead_.empty(), "the space of a frame is reserved before it is appended");
    if (!placement.before) placement.before = std::move(current_);
    current_ = std::move(ahead_.front());
    ahead_.pop_front();
  }
  placement.place = {current_.number, current_.end};
  placement.file = current_.file.get();
  current_.end += need;
  return placement;
}

}  // namespace holdfast::journal
