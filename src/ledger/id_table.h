// A set of numbers that remembers the order in which they came. Memory is kept from one use to the next, so
// that a batch finds its repeats at a few nanoseconds an item.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace holdfast {

class IdTable {
 public:
  /// Forgets everything; room for `expected` numbers.
  void reset(std::size_t expected) {
    const auto size = std::bit_ceil(expected * 2 < 16 ? std::size_t{16} : expected * 2);
    slots_.assign(size, Slot{});
    shift_ = 64 - std::countr_zero(size);
    count_ = 0;
  }

  /// The number's index in the order of first coming, and whether it is new. \pre id != 0, reset was called
  std::pair<std::uint32_t, bool> add(std::uint64_t id) {
    auto& slot = find(id);
    if (slot.id == id) return {slot.index, false};
    slot = {id, count_++};
    const auto index = slot.index;
    if (std::size_t{count_} * 2 > slots_.size()) grow();
    return {index, true};
  }

 private:
  struct Slot {
    std::uint64_t id = 0;  // 0: free
    std::uint32_t index = 0;
  };

  Slot& find(std::uint64_t id) {
    auto at = (id * 0x9E3779B97F4A7C15ull) >> shift_;  // Fibonacci hashing: neighbours are spread
    while (slots_[at].id != 0 && slots_[at].id != id) at = (at + 1) & (slots_.size() - 1);
    return slots_[at];
  }
  void grow() {
    auto old = std::move(slots_);
    slots_.assign(old.size() * 2, Slot{});
    --shift_;
    for (const auto& slot : old) {
      if (slot.id != 0) find(slot.id) = slot;
    }
  }

  std::vector<Slot> slots_;
  int shift_ = 64;
  std::uint32_t count_ = 0;
};

}  // namespace holdfast
