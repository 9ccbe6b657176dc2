// Refunding escrows: back to their payers, in full, without a fee. Keeps law 2.
#include <algorithm>

#include "ledger/batch.h"
#include "ledger/totals.h"

namespace holdfast {
namespace {

class RefundBatch {
 public:
  RefundBatch(const BatchCommand& command, const Rows& rows, DecideMemory& memory, Refunded& into)
      : command_(command),
        rows_(rows),
        memory_(memory),
        into_(into),
        offenders_(command, rows, memory, into.batch.skips) {}

  Result<void> run() {
    const bool is_list = command_.group.empty();
    into_.items.reserve(memory_.ids.size());
    for (std::size_t i = 0; i < memory_.ids.size(); ++i) {
      auto problem = standing_problem(i, is_list, memory_);
      if (!problem) problem = refund(memory_.ids[i], *memory_.rows[i]);
      if (problem) offenders_.add(i, *problem);
    }
    if (offenders_.any_rejected()) return std::unexpected(offenders_.error());
    if (into_.batch.chunk) {
      add_totals(into_, into_.batch.chunk->totals);
      finish_chunk(into_.batch, *into_.batch.chunk);
    }
    return {};
  }

 private:
  std::optional<ErrorCode> refund(EscrowId id, const EscrowRow& row) {
    const Amount part = command_.amount.value_or(row.locked());
    if (part > row.locked()) return ErrorCode::amount_out_of_range;
    if (row.plan != last_plan_) {
      last_plan_ = row.plan;
      last_use_ = use_of(rows_.plan(row.plan)->currency);
    }
    into_.items.push_back({id, row.payer, last_use_, part});
    return std::nullopt;
  }

  std::uint32_t use_of(Currency currency) {
    const auto at = std::ranges::find(into_.currencies, currency);
    const auto index = static_cast<std::uint32_t>(at - into_.currencies.begin());
    if (at == into_.currencies.end()) into_.currencies.push_back(currency);
    return index;
  }

  const BatchCommand& command_;
  const Rows& rows_;
  DecideMemory& memory_;
  Refunded& into_;
  Offenders offenders_;
  PlanId last_plan_;
  std::uint32_t last_use_ = 0;
};

Result<void> decide_event(const Refund& op, const Rows& rows, const ChunkProgress* resume,
                          DecideMemory& memory, Body& into) {
  static const std::string no_plan;
  const BatchCommand command{op.escrows, op.group, op.mode, op.amount,
                             op.chunk,   op.close, no_plan, "refunded"};
  auto& refunded = into.emplace<Refunded>(std::move(memory.refunded));
  refunded.currencies.clear();
  refunded.items.clear();
  refunded.batch = {};
  if (auto selected = select_escrows(command, rows, resume, memory, refunded.batch); !selected)
    return selected;
  return RefundBatch(command, rows, memory, refunded).run();
}

}  // namespace

Result<void> decide_refund(const Refund& op, const Rows& rows, const ChunkProgress* resume,
                           DecideMemory& memory, Body& into) {
  if (!op.expect || resume != nullptr) return decide_event(op, rows, resume, memory, into);
  return decide_expected<Refunded>(*op.expect, "refunded", into, [&](const ChunkProgress* from) {
    return decide_event(op, rows, from, memory, into);
  });
}

}  // namespace holdfast
