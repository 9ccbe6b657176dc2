// What two targets do with a ledger's memory, however it came about: ask it everything, and save it.
#pragma once

#include <optional>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "journal/state.h"

namespace holdfast::fuzz {

inline std::vector<Bytes> chunks_of(const journal::State& state) {
  std::vector<Bytes> chunks(state.chunk_count());
  for (std::size_t i = 0; i < chunks.size(); ++i) state.save_chunk(i, chunks[i]);
  return chunks;
}

inline void ask(const journal::State& state) {
  (void)state.trial_balance();
  (void)state.accounts_by_name({}, 1'000);
  (void)state.groups_by_name({}, 1'000);
  (void)state.due(Timestamp{INT64_MAX}, 1'000);
  for (const auto id : state.list(journal::ListKind::all, 0, std::nullopt, EscrowId(0), 1'000, 1'000).ids) {
    HOLDFAST_ASSERT(state.escrow(id) != nullptr, "a listed escrow is there");
    (void)state.dates(id);
  }
}

}  // namespace holdfast::fuzz
