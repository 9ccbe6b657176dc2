// What a release and a refund of many escrows have in common: which escrows are meant, what stands in the way
// of some of them, and how far a chunked command has come.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/planted_bugs.h"
#include "ledger/decide_parts.h"
#include "ledger/totals.h"

namespace holdfast {

/// The fields that both share, and their words.
struct BatchCommand {
  const EscrowList& escrows;
  const std::string& group;
  BatchMode mode;
  std::optional<Amount> amount;
  std::optional<std::uint32_t> chunk;
  bool close;
  const std::string& fee_plan;  // empty: none given
  std::string_view verb;        // released, refunded
};

/// Finds the escrows: `memory.ids` and `memory.rows` are those of this event, in the batch's order, and
/// `batch` says of the group and the chunk what is known by that.
/// Errors: `batch_too_large`.
[[nodiscard]] Result<void> select_escrows(const BatchCommand& command, const Rows& rows,
                                          const ChunkProgress* resume, DecideMemory& memory,
                                          BatchInfo& batch);

/// Collects the escrows that cannot be settled: they are skipped, or they reject the whole batch.
class Offenders {
 public:
  Offenders(const BatchCommand& command, const Rows& rows, const DecideMemory& memory, Skips& skips)
      : command_(command), rows_(rows), memory_(memory), skips_(skips) {}

  void add(std::size_t index, ErrorCode reason);
  [[nodiscard]] bool any_rejected() const { return !rejected_.counts.empty(); }
  /// \pre any_rejected()
  [[nodiscard]] Error error() const;

 private:
  [[nodiscard]] std::string why(std::size_t index, ErrorCode reason) const;

  const BatchCommand& command_;
  const Rows& rows_;
  const DecideMemory& memory_;
  Skips& skips_;
  Skips rejected_;
  std::size_t first_ = 0;
};

/// What stands in the way of any settlement of the escrow: it is not there, listed before, not locked or
/// frozen. Asked once an item, in order.
[[nodiscard]] inline std::optional<ErrorCode> standing_problem(std::size_t index, bool is_list,
                                                               DecideMemory& memory) {
  const auto* row = memory.rows[index];
  if (row == nullptr) return ErrorCode::escrow_not_found;
  if (is_list && !memory.seen.add(memory.ids[index].value()).second) return ErrorCode::duplicate_item;
  if (row->locked() == Amount()) return ErrorCode::escrow_not_locked;
  if (row->frozen != 0 && !planted(PlantedBug::skip_state_check)) return ErrorCode::escrow_frozen;
  return std::nullopt;
}

/// `not_as_expected` unless the totals are those that the caller confirmed.
[[nodiscard]] Result<void> check_expected(const Expectation& expect, const std::vector<Total>& totals,
                                          std::string_view verb);

/// Decides the first event of a batch whose caller says what the whole comes to. A chunked one is decided to
/// its end before, with nothing applied: each chunk has escrows of its own, so that none changes what another
/// comes to.
/// \param decide_event  (const ChunkProgress* resume) -> Result<void>: decides one event into `into`
template <class Settled, class DecideEvent>
[[nodiscard]] Result<void> decide_expected(const Expectation& expect, std::string_view verb, Body& into,
                                           const DecideEvent& decide_event) {
  if (auto decided = decide_event(nullptr); !decided) return decided;
  const auto& chunk = std::get<Settled>(into).batch.chunk;
  if (!chunk) {
    std::vector<Total> totals;
    add_totals(std::get<Settled>(into), totals);
    return check_expected(expect, totals, verb);
  }
  auto progress = *chunk;
  const bool is_whole = progress.last;
  while (!progress.last) {
    if (auto decided = decide_event(&progress); !decided) return decided;
    progress = *std::get<Settled>(into).batch.chunk;
  }
  auto met = check_expected(expect, progress.totals, verb);
  return !met || is_whole ? met : decide_event(nullptr);
}

/// Brings a chunk's progress up to date with what its event did. Call when the event's items are complete.
void finish_chunk(const BatchInfo& batch, ChunkProgress& progress);

}  // namespace holdfast
