// Memory for the big arrays of the state: zeroed, straight from the operating system, aligned for huge pages,
// so that a random access costs one miss and not two.
#pragma once

#include <cstddef>

namespace holdfast::journal {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Zeroed memory of `bytes`, aligned to kHugePage where it is as large. Never fails: a ledger without memory
/// cannot go on, and stops.
[[nodiscard]] void* map_chunk(std::size_t bytes);
void unmap_chunk(void* chunk, std::size_t bytes);
/// Asks for huge pages behind a chunk; without them all works, slower.
void prefer_huge_pages(void* chunk, std::size_t bytes);

}  // namespace holdfast::journal
