#include "journal/segment_touches.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

#include "base/assert.h"
#include "journal/log_range.h"

namespace holdfast::journal {
namespace {

constexpr std::size_t kOpenTouches = 65'536;

}  // namespace

SegmentTouches::SegmentTouches(std::uint32_t number, Seq first)
    : number_(number), first_(first), through_(first.value() - 1) {}

Result<void> SegmentTouches::extend(const Log& log, Seq through) {
  const std::lock_guard lock(mutex_);
  return read_range(log, through_, through,
                    [&](const Event& event, std::span<const std::byte>, const Digest*) -> Result<Visit> {
                      add(event);
                      if (open_.size() < kOpenTouches) return Visit::more;
                      if (auto closed = close_open(); !closed) return std::unexpected(closed.error());
                      return Visit::more;
                    });
}

void SegmentTouches::add(const Event& event) {
  const auto offset = event.seq.value() - first_.value();
  HOLDFAST_ASSERT(event.seq == through_.next() && offset <= std::numeric_limits<std::uint32_t>::max(),
                  "a segment's events are read in order");
  changes_.clear();
  touches_of(event.entry, postings_, changes_);
  for (const auto& [account, change] : changes_) {
    open_.push_back({account, static_cast<std::uint32_t>(offset), change});
  }
  through_ = event.seq;
}

Result<void> SegmentTouches::close_open() {
  std::ranges::stable_sort(open_, {}, &Touch::account);
  MemoryPages pages;
  TouchPacker packer(number_, [&](const IndexPage& page) -> Result<void> {
    pages.append(page);
    return {};
  });
  for (const auto& touch : open_) {
    if (auto added = packer.add(touch); !added) return added;
  }
  if (auto finished = packer.finish(); !finished) return finished;
  if (pages.pages() != 0) closed_.push_back(std::move(pages));
  open_.clear();
  return {};
}

Result<TouchSlice> SegmentTouches::find(AccountId account, std::uint64_t from, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  TouchSlice found;
  for (const auto& pages : closed_) {
    auto part = find_touches(pages, account, from, limit - found.touches.size());
    if (!part) return part;
    if (found.touches.empty()) found.before += part->before;
    found.touches.insert(found.touches.end(), part->touches.begin(), part->touches.end());
    if (limit != 0 && found.touches.size() == limit) return found;
  }
  for (const auto& touch : open_) {
    if (touch.account != account) continue;
    if (touch.offset < from) {
      found.before += touch.change;
    } else if (found.touches.size() < limit) {
      found.touches.push_back(touch);
    }
  }
  return found;
}

Result<void> SegmentTouches::pack(TouchPacker& into) {
  const std::lock_guard lock(mutex_);
  if (auto closed = close_open(); !closed) return closed;

  // A merge of all runs. Earlier runs come first for an account, as their events do.
  struct Head {
    Touch touch;
    std::size_t run = 0;
    bool operator>(const Head& other) const {
      return std::tie(touch.account, run) > std::tie(other.touch.account, other.run);
    }
  };
  std::vector<TouchStream> runs(closed_.begin(), closed_.end());
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  const auto refill = [&](std::size_t run) -> Result<void> {
    Head head{{}, run};
    auto more = runs[run].next(head.touch);
    if (!more) return std::unexpected(more.error());
    if (*more) heads.push(head);
    return {};
  };
  for (std::size_t run = 0; run < runs.size(); ++run) {
    if (auto filled = refill(run); !filled) return filled;
  }
  while (!heads.empty()) {
    const auto head = heads.top();
    heads.pop();
    if (auto added = into.add(head.touch); !added) return added;
    if (auto filled = refill(head.run); !filled) return filled;
  }
  return into.finish();
}

}  // namespace holdfast::journal
