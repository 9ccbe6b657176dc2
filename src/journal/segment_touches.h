// The touches of one segment in memory: of the segment that is still growing, and of a sealed one until its
// index is on disk.
//
// Thread-safe. Memory: a few bytes a touch, and 24 for the last 65,536.
#pragma once

#include <deque>
#include <mutex>

#include "journal/log.h"
#include "journal/touches.h"

namespace holdfast::journal {

class SegmentTouches {
 public:
  /// \param first  the first seq of the segment
  SegmentTouches(std::uint32_t number, Seq first);

  /// Reads what is missing up to `through` from the journal. \pre `through` is durable and in this segment
  [[nodiscard]] Result<void> extend(const Log& log, Seq through);

  /// See find_touches.
  [[nodiscard]] Result<TouchSlice> find(AccountId account, std::uint64_t from, std::size_t limit) const;

  /// Packs all touches into one run of pages, in their order.
  [[nodiscard]] Result<void> pack(TouchPacker& into);

 private:
  void add(const Event& event);
  [[nodiscard]] Result<void> close_open();

  mutable std::mutex mutex_;
  std::uint32_t number_;
  Seq first_;
  Seq through_;
  std::deque<MemoryPages> closed_;  // each of consecutive events, in the order of the journal
  std::vector<Touch> open_;         // of the last events, in the order of the journal
  std::vector<Posting> postings_;
  std::vector<AccountChange> changes_;
};

}  // namespace holdfast::journal
