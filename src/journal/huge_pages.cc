#include "journal/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/assert.h"

namespace holdfast::journal {

void* map_chunk(std::size_t bytes) {
  const std::size_t slack = bytes >= kHugePage ? kHugePage : 0;
  void* raw = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HOLDFAST_ASSERT(raw != MAP_FAILED, "the system has memory for the rows of the ledger");
  if (slack == 0) return raw;
  auto* const begin = static_cast<std::byte*>(raw);
  const auto misaligned = reinterpret_cast<std::uintptr_t>(begin) % kHugePage;
  const std::size_t before = misaligned == 0 ? 0 : kHugePage - misaligned;
  if (before > 0) munmap(begin, before);
  if (slack > before) munmap(begin + before + bytes, slack - before);
  return begin + before;
}

void unmap_chunk(void* chunk, std::size_t bytes) {
  munmap(chunk, bytes);
}

void prefer_huge_pages(void* chunk, std::size_t bytes) {
  if (bytes >= kHugePage) madvise(chunk, bytes, MADV_HUGEPAGE);
}

}  // namespace holdfast::journal
