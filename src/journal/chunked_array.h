// An array by number that grows by chunks: nothing is ever moved, so pointers into it stay good and no growth
// stops the ledger. Numbers may leave gaps; a chunk in which nothing lives takes no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "journal/huge_pages.h"

namespace holdfast::journal {

/// \tparam Shift  2^Shift elements a chunk. An element that was never made reads as zero bytes.
template <class T, unsigned Shift>
class ChunkedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  static constexpr std::size_t kPerChunk = std::size_t{1} << Shift;
  static constexpr std::size_t kChunkBytes = (kPerChunk * sizeof(T) + 4095) / 4096 * 4096;

  ChunkedArray() = default;
  ChunkedArray(const ChunkedArray&) = delete;
  ChunkedArray& operator=(const ChunkedArray&) = delete;
  ~ChunkedArray() {
    for (T* chunk : chunks_) {
      if (chunk != nullptr) unmap_chunk(chunk, kChunkBytes);
    }
  }

  /// nullptr where no chunk covers the number.
  [[nodiscard]] T* find(std::uint64_t number) const {
    const std::uint64_t chunk = number >> Shift;
    if (chunk >= chunks_.size() || chunks_[chunk] == nullptr) return nullptr;
    return chunks_[chunk] + (number & (kPerChunk - 1));
  }
  /// \pre a chunk covers the number
  [[nodiscard]] T& operator[](std::uint64_t number) const {
    return chunks_[number >> Shift][number & (kPerChunk - 1)];
  }
  /// The element, with its chunk made where it is not there.
  T& make(std::uint64_t number) {
    const std::uint64_t chunk = number >> Shift;
    if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
    if (chunks_[chunk] == nullptr) add_chunk(chunk);
    return (*this)[number];
  }
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return made_ * kChunkBytes + chunks_.capacity() * sizeof(T*);
  }

 private:
  void add_chunk(std::uint64_t chunk) {
    chunks_[chunk] = static_cast<T*>(map_chunk(kChunkBytes));
    ++made_;
    if (made_ > 1) prefer_huge_pages(chunks_[chunk], kChunkBytes);  // a small ledger stays small
  }

  std::vector<T*> chunks_;
  std::uint64_t made_ = 0;
};

}  // namespace holdfast::journal
