// Locking a payer's money for a beneficiary.
#include <fmt/core.h>

#include "base/planted_bugs.h"
#include "ledger/decide_parts.h"
#include "ledger/rejections.h"
#include "money/fees.h"

namespace holdfast {
namespace {

Result<FoundAccount> find_party(const Rows& rows, const std::string& name, std::string_view role) {
  auto found = find_open_account(rows, name);
  if (found && found->row->kind == AccountKind::external) {
    return fail(
        ErrorCode::wrong_account_kind,
        fmt::format("account {} is of kind external and cannot be the {} of a hold; deposit into another "
                    "account first",
                    name, role));
  }
  return found;
}

Result<PlanId> find_plan(const Rows& rows, const std::string& name, Currency currency) {
  const auto id = rows.find_latest_plan(name);
  if (!id) {
    return fail(ErrorCode::fee_plan_not_found,
                fmt::format("there is no fee plan {}; define it with define_fee_plan first", name));
  }
  const auto* plan = rows.plan(*id);
  if (plan->currency != currency) {
    return fail(ErrorCode::currency_mismatch,
                fmt::format("fee plan {} is in {}, the payer's account in {}; use a fee plan in {}", name,
                            plan->currency.code(), currency.code(), currency.code()));
  }
  return *id;
}

Result<GroupUse> find_open_group(const Rows& rows, const std::string& name) {
  if (name.empty()) return GroupUse{};
  const auto id = rows.find_group(name);
  if (!id) return GroupUse{rows.next_group_id(), name};
  if (!rows.group(*id)->open && !planted(PlantedBug::hold_in_closed_group)) {
    return fail(ErrorCode::group_closed,
                fmt::format("group {} is closed to new holds; reopen it with reopen_group first", name));
  }
  return GroupUse{*id, {}};
}

}  // namespace

Result<void> decide_hold(const Hold& op, const Rows& rows, Body& into) {
  const auto payer = find_party(rows, op.payer, "payer");
  if (!payer) return std::unexpected(payer.error());
  const auto beneficiary = find_party(rows, op.beneficiary, "beneficiary");
  if (!beneficiary) return std::unexpected(beneficiary.error());
  const auto currency = payer->row->currency;
  if (beneficiary->row->currency != currency) {
    return fail(ErrorCode::currency_mismatch,
                fmt::format("payer {} is in {}, beneficiary {} in {}; use accounts of one currency", op.payer,
                            currency.code(), op.beneficiary, beneficiary->row->currency.code()));
  }
  const auto plan_id = find_plan(rows, op.fee_plan, currency);
  if (!plan_id) return std::unexpected(plan_id.error());
  auto group = find_open_group(rows, op.group);
  if (!group) return std::unexpected(std::move(group.error()));
  if (auto funds = check_funds(op.payer, *payer->row, op.amount); !funds) return funds;

  const auto& plan = *rows.plan(*plan_id);
  const auto fees = whole_fees(op.amount, plan.commission, plan.processor_fee, plan.rounding);
  if (fees.commission + fees.processor_fee > op.amount) {
    return fail(
        ErrorCode::fees_exceed_amount,
        fmt::format("under fee plan {} the fees of {} would be {} and {}, more than the amount; hold more, "
                    "or use another fee plan",
                    op.fee_plan, with_currency(op.amount, currency), with_currency(fees.commission, currency),
                    with_currency(fees.processor_fee, currency)));
  }
  into = Held{.escrow = rows.next_escrow_id(),
              .payer = payer->id,
              .beneficiary = beneficiary->id,
              .group = std::move(*group),
              .plan = *plan_id,
              .currency = currency,
              .amount = op.amount,
              .release_at = op.release_at,
              .refund_at = op.refund_at};
  return {};
}

}  // namespace holdfast
