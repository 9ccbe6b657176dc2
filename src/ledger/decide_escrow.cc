// What is done to one escrow: its date, its freeze, and the end of a freeze.
#include <fmt/core.h>

#include "ledger/decide_parts.h"
#include "ledger/rejections.h"
#include "money/fees.h"

namespace holdfast {
namespace {

Result<FoundEscrow> find_live(const Rows& rows, const EscrowRef& ref, std::string_view what) {
  auto found = find_escrow(rows, ref);
  if (found && found->row->locked() == Amount()) {
    return fail(ErrorCode::escrow_not_locked,
                fmt::format("escrow {} is {}, with nothing locked; it cannot be {} any more", name_of(ref),
                            to_string(status_of(*found->row)), what));
  }
  return found;
}

}  // namespace

std::string name_of(const EscrowRef& ref) {
  return ref.id ? fmt::format("{}", ref.id.value()) : ref.key;
}

Result<FoundEscrow> find_escrow(const Rows& rows, const EscrowRef& ref) {
  const auto id = ref.id ? std::optional(ref.id) : rows.find_escrow(ref.key);
  const auto* row = id ? rows.escrow(*id) : nullptr;
  if (row == nullptr) {
    return fail(ErrorCode::escrow_not_found,
                fmt::format("there is no escrow {}; name it by its id, or by the key it was held under",
                            name_of(ref)));
  }
  return FoundEscrow{*id, row};
}

Result<void> decide_reschedule(const Reschedule& op, const Rows& rows, Body& into) {
  const auto found = find_live(rows, op.escrow, "rescheduled");
  if (!found) return std::unexpected(found.error());
  const auto dates = found->row->dated != 0 ? rows.dates(found->id) : Dates{};
  if (dates.release_at == op.release_at && dates.refund_at == op.refund_at) {
    into = Unchanged{op_index<Reschedule>(), 0};
    return {};
  }
  into = Rescheduled{found->id, found->row->payer, op.release_at, op.refund_at};
  return {};
}

Result<void> decide_freeze(const Freeze& op, const Rows& rows, Body& into) {
  const auto found = find_live(rows, op.escrow, "frozen");
  if (!found) return std::unexpected(found.error());
  if (found->row->frozen != 0) {
    return fail(ErrorCode::escrow_frozen,
                fmt::format("escrow {} is FROZEN already; end that with resolve", name_of(op.escrow)));
  }
  into = Frozen{found->id, found->row->payer};
  return {};
}

Result<void> decide_resolve(const Resolve& op, const Rows& rows, Body& into) {
  const auto found = find_escrow(rows, op.escrow);
  if (!found) return std::unexpected(found.error());
  const auto& row = *found->row;
  if (row.frozen == 0) {
    return fail(ErrorCode::not_frozen,
                fmt::format("escrow {} is {}, not FROZEN: there is nothing to resolve; use release or refund",
                            name_of(op.escrow), to_string(status_of(row))));
  }
  const auto& plan = *rows.plan(row.plan);
  if (op.to_payer + op.to_beneficiary > row.locked()) {
    return fail(
        ErrorCode::amount_out_of_range,
        fmt::format("escrow {} has {} locked, {} to the payer and {} to the beneficiary are more; lower one",
                    name_of(op.escrow), with_currency(row.locked(), plan.currency),
                    with_currency(op.to_payer, plan.currency),
                    with_currency(op.to_beneficiary, plan.currency)));
  }
  Fees fees;
  if (op.to_beneficiary > Amount()) {
    fees = part_fees(op.to_beneficiary, row.released, {row.commission, row.processor_fee}, plan.commission,
                     plan.processor_fee, plan.rounding);
  }
  into = Resolved{.escrow = found->id,
                  .payer = row.payer,
                  .beneficiary = row.beneficiary,
                  .plan = {row.plan, plan.currency, plan.commission_account, plan.fee_account},
                  .to_payer = op.to_payer,
                  .to_beneficiary = op.to_beneficiary,
                  .commission = fees.commission,
                  .processor_fee = fees.processor_fee};
  return {};
}

}  // namespace holdfast
