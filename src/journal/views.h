// Rows and events as callers see them.
#pragma once

#include <optional>

#include "holdfast/queries.h"
#include "journal/log.h"
#include "journal/state.h"
#include "ledger/event_codec.h"

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

/// Completes sketches from the journal. Remembers the events it read last, since escrows of a page share
/// them.
class EscrowCompleter {
 public:
  explicit EscrowCompleter(const Log& log) : log_(log) {}

  /// \pre the escrow's events are durable
  [[nodiscard]] Result<EscrowView> complete(EscrowSketch sketch);

 private:
  [[nodiscard]] Result<void> load_hold(EscrowId id);
  [[nodiscard]] Result<void> load_last(Seq seq);

  const Log& log_;
  std::optional<Event> hold_;
  std::optional<EventHead> last_;
};

}  // namespace holdfast::journal
