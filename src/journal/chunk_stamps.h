// The parts that a snapshot of the state consists of, in the order in which they came to be, and how far each
// one that was loaded had got: replay changes only what is newer than that.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "holdfast/ids.h"

namespace holdfast::journal {

/// The numbers are written into snapshots.
enum class ChunkKind : std::uint8_t { about = 0, keys = 1, plans = 2, groups = 3, accounts = 4, escrows = 5 };
inline constexpr std::size_t kChunkKinds = 6;

struct ChunkRef {
  ChunkKind kind = ChunkKind::about;
  std::uint32_t index = 0;  // among those of its kind
};

/// Rows a chunk of a snapshot, so that none is much above 2 MiB.
inline constexpr unsigned kEscrowShift = 15;
inline constexpr unsigned kAccountShift = 12;
inline constexpr unsigned kGroupShift = 12;
inline constexpr unsigned kPlanShift = 8;

class ChunkStamps {
 public:
  /// Makes the chunk known; one that is known stays as it is.
  void ensure(ChunkKind kind, std::uint64_t index) {
    auto& stamps = stamps_[static_cast<std::size_t>(kind)];
    if (index < stamps.size() && stamps[index] != kUnknown) return;
    if (index >= stamps.size()) stamps.resize(index + 1, kUnknown);
    stamps[index] = 0;
    order_.push_back({kind, static_cast<std::uint32_t>(index)});
  }
  void set(ChunkKind kind, std::uint32_t index, Seq stamp) {
    ensure(kind, index);
    stamps_[static_cast<std::size_t>(kind)][index] = stamp.value();
    if (stamp.value() > largest_) largest_ = stamp.value();
  }
  /// True where the chunk was loaded with this event in it.
  [[nodiscard]] bool has(ChunkKind kind, std::uint64_t index, Seq seq) const {
    if (seq.value() > largest_) return false;
    const auto& stamps = stamps_[static_cast<std::size_t>(kind)];
    return index < stamps.size() && stamps[index] != kUnknown && stamps[index] >= seq.value();
  }
  /// All chunks count as made here, not loaded.
  void forget_stamps() { largest_ = 0; }
  [[nodiscard]] const std::vector<ChunkRef>& order() const { return order_; }
  [[nodiscard]] std::uint64_t memory_bytes() const {
    std::uint64_t bytes = order_.capacity() * sizeof(ChunkRef);
    for (const auto& stamps : stamps_) bytes += stamps.capacity() * sizeof(std::uint64_t);
    return bytes;
  }

 private:
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

  std::vector<ChunkRef> order_;
  std::array<std::vector<std::uint64_t>, kChunkKinds> stamps_;
  std::uint64_t largest_ = 0;
};

}  // namespace holdfast::journal
