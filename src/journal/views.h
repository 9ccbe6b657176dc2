// Rows and events as callers see them.
#pragma once

#include <span>

#include "holdfast/queries.h"
#include "journal/log.h"
#include "journal/state.h"

namespace holdfast::journal {

[[nodiscard]] AccountView view_of(const State& state, AccountId id);
[[nodiscard]] GroupView view_of(const State& state, GroupId id);

/// What the state has of an escrow; `key`, `held_at` and `closed_at` are in the journal.
struct EscrowSketch {
  EscrowView view;
  Seq last_seq;
  AccountId payer;
};
[[nodiscard]] EscrowSketch sketch_of(const State& state, EscrowId id);

/// Completes the escrows of a page from the journal, in any order; each frame that they share is read once.
/// \pre their events are durable
[[nodiscard]] Result<void> complete(const Log& log, std::span<EscrowSketch> sketches);

}  // namespace holdfast::journal
