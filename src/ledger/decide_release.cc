// Releasing escrows: each is split by its fee plan and paid out. The hot path: nothing is allocated an item
// once the workspace's memory has grown. Keeps laws 2 and 3.
#include <fmt/core.h>

#include "base/planted_bugs.h"
#include "ledger/batch.h"
#include "ledger/totals.h"
#include "money/fees.h"

namespace holdfast {
namespace {

class ReleaseBatch {
 public:
  ReleaseBatch(const BatchCommand& command, const Rows& rows, DecideMemory& memory, Released& into)
      : command_(command),
        rows_(rows),
        memory_(memory),
        into_(into),
        offenders_(command, rows, memory, into.batch.skips) {}

  Result<void> use_plan(const std::string& name) {
    const auto id = rows_.find_latest_plan(name);
    if (!id) {
      return fail(ErrorCode::fee_plan_not_found,
                  fmt::format("there is no fee plan {}; define it first, or release without fee_plan", name));
    }
    override_id_ = *id;
    override_ = rows_.plan(*id);
    return {};
  }

  Result<void> run() {
    const bool is_list = command_.group.empty();
    memory_.plan_ids.reset(16);
    memory_.plans.clear();
    into_.items.reserve(memory_.ids.size());
    for (std::size_t i = 0; i < memory_.ids.size(); ++i) {
      auto problem = standing_problem(i, is_list, memory_);
      if (!problem) problem = release(memory_.ids[i], *memory_.rows[i]);
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
  std::optional<ErrorCode> release(EscrowId id, const EscrowRow& row) {
    const Amount locked = row.locked();
    const Amount part = command_.amount.value_or(locked);
    PlanId plan_id = row.plan;
    if (planted(PlantedBug::use_latest_plan)) {
      plan_id = rows_.find_latest_plan(rows_.plan(plan_id)->name).value_or(plan_id);
    }
    if (override_ != nullptr && override_id_ != row.plan) {
      if (auto problem = check_override(row, part)) return problem;
      plan_id = override_id_;
    }
    if (part > locked) return ErrorCode::amount_out_of_range;
    if (offenders_.any_rejected()) return std::nullopt;  // only the other offenders are of interest now

    auto& plan = plan_of(plan_id);
    const auto& rules = *plan.row;
    const auto fees = part_fees(part, row.released, {row.commission, row.processor_fee}, rules.commission,
                                rules.processor_fee, rules.rounding);
    if (plan.plan_use == MetPlan::kUnused) {
      plan.plan_use = static_cast<std::uint32_t>(into_.plans.size());
      into_.plans.push_back({plan_id, rules.currency, rules.commission_account, rules.fee_account});
    }
    into_.items.push_back(
        {id, row.payer, row.beneficiary, plan.plan_use, part, fees.commission, fees.processor_fee});
    return std::nullopt;
  }

  std::optional<ErrorCode> check_override(const EscrowRow& row, Amount part) {
    if (row.released > Amount()) return ErrorCode::fee_plan_fixed;
    const auto& plan = *override_;
    if (plan.currency != plan_of(row.plan).row->currency) return ErrorCode::currency_mismatch;
    if (part == row.locked()) {
      const auto fees = whole_fees(part, plan.commission, plan.processor_fee, plan.rounding);
      if (fees.commission + fees.processor_fee > part) return ErrorCode::fees_exceed_amount;
    }
    return std::nullopt;
  }

  // Neighbours mostly share a plan, so the last one is asked first.
  MetPlan& plan_of(PlanId id) {
    if (id == last_id_) return memory_.plans[last_];
    const auto [index, is_new] = memory_.plan_ids.add(id.value());
    if (is_new) memory_.plans.push_back({rows_.plan(id), MetPlan::kUnused});
    last_id_ = id;
    last_ = index;
    return memory_.plans[index];
  }

  const BatchCommand& command_;
  const Rows& rows_;
  DecideMemory& memory_;
  Released& into_;
  Offenders offenders_;
  PlanId override_id_;
  const PlanRow* override_ = nullptr;  // the fee plan named by the command
  PlanId last_id_;
  std::uint32_t last_ = 0;
};

Result<void> decide_event(const Release& op, const Rows& rows, const ChunkProgress* resume,
                          DecideMemory& memory, Body& into) {
  const BatchCommand command{op.escrows, op.group, op.mode,     op.amount,
                             op.chunk,   op.close, op.fee_plan, "released"};
  auto& released = into.emplace<Released>(std::move(memory.released));
  released.plans.clear();
  released.items.clear();
  released.batch = {};
  if (auto selected = select_escrows(command, rows, resume, memory, released.batch); !selected)
    return selected;
  ReleaseBatch batch(command, rows, memory, released);
  if (!op.fee_plan.empty()) {
    if (auto used = batch.use_plan(op.fee_plan); !used) return used;
  }
  return batch.run();
}

}  // namespace

Result<void> decide_release(const Release& op, const Rows& rows, const ChunkProgress* resume,
                            DecideMemory& memory, Body& into) {
  if (!op.expect || resume != nullptr) return decide_event(op, rows, resume, memory, into);
  return decide_expected<Released>(*op.expect, "released", into, [&](const ChunkProgress* from) {
    return decide_event(op, rows, from, memory, into);
  });
}

}  // namespace holdfast
