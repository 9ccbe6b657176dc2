// How large the groups are and how long they take, counted by the thread that syncs and read by any other
// without a lock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

#include "holdfast/queries.h"

namespace holdfast::journal {

class GroupCounts {
 public:
  /// \param took  for its writing and syncing
  void add(std::uint64_t events, std::chrono::nanoseconds took) {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
    more(groups_, 1);
    more(events_, events);
    more(sync_ns_, ns);
    more(place(sync_micros_, ns / 1'000), 1);
    more(place(sizes_, events), 1);
  }

  /// Groups that are counted meanwhile may be in one number and not yet in another.
  [[nodiscard]] GroupStatus status() const {
    GroupStatus status;
    status.groups = groups_.load(std::memory_order_relaxed);
    status.events = events_.load(std::memory_order_relaxed);
    status.sync_ns = sync_ns_.load(std::memory_order_relaxed);
    copy(sync_micros_, status.sync_micros);
    copy(sizes_, status.sizes);
    return status;
  }

 private:
  using Count = std::atomic<std::uint64_t>;

  /// One thread writes, so that no other can come between the two halves.
  static void more(Count& count, std::uint64_t by) {
    count.store(count.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  template <std::size_t N>
  static Count& place(std::array<Count, N>& counts, std::uint64_t value) {
    return counts[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(value)), N - 1)];
  }
  template <std::size_t N>
  static void copy(const std::array<Count, N>& from, std::array<std::uint64_t, N>& to) {
    for (std::size_t i = 0; i < N; ++i) to[i] = from[i].load(std::memory_order_relaxed);
  }

  Count groups_{0};
  Count events_{0};
  Count sync_ns_{0};
  std::array<Count, std::tuple_size_v<decltype(GroupStatus::sync_micros)>> sync_micros_{};
  std::array<Count, std::tuple_size_v<decltype(GroupStatus::sizes)>> sizes_{};
};

}  // namespace holdfast::journal
