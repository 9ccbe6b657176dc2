// What a State holds: its tables, its undo log, and scratch space.
#pragma once

#include "journal/state.h"
#include "journal/state_tables.h"
#include "journal/undo_log.h"
#include "ledger/effects.h"

namespace holdfast::journal {

struct State::Impl {
  explicit Impl(const HashSecret& secret) : tables(secret) {}

  Tables tables;
  UndoLog undo;
  std::vector<FeeSums> sums;
  PastReader past_reader;
};

/// A key's place as one number of 40 bits: the lowest bit is 1 where it is an escrow, else a seq.
[[nodiscard]] constexpr std::uint64_t key_value(const KeyUse& use) {
  return use.escrow ? use.escrow.value() << 1 | 1 : use.seq.value() << 1;
}

}  // namespace holdfast::journal
