#include "sim/model_step.h"

#include <utility>

#include "base/assert.h"

namespace holdfast::sim {
namespace {

const std::string kCommissionAccount = "platform:commission";
const std::string kFeeAccount = "processor:fees";

std::string default_external(Currency currency) {
  return "external:" + std::string(currency.code());
}

}  // namespace

Outcome ModelStep::run(std::optional<ModelChunks> progress) {
  progress_ = std::move(progress);
  std::visit(*this, command_.operation);
  return std::move(outcome_);
}

ModelAccount* ModelStep::usable(const std::string& name, bool external_allowed) {
  const auto found = book_.accounts.find(name);
  if (found == book_.accounts.end()) return wrong(ErrorCode::account_not_found), nullptr;
  auto& account = found->second;
  if (!account.open) wrong(ErrorCode::account_closed);
  if (!external_allowed && account.kind == AccountKind::external) wrong(ErrorCode::wrong_account_kind);
  return &account;
}

void ModelStep::operator()(const OpenAccount& op) {
  const auto found = book_.accounts.find(op.account);
  if (found == book_.accounts.end()) {
    book_.accounts[op.account] = {op.currency, op.kind, true, 0, 0};
    changed_ = true;
    return;
  }
  if (!found->second.open) wrong(ErrorCode::account_closed);
  if (found->second.currency != op.currency || found->second.kind != op.kind)
    wrong(ErrorCode::account_exists);
}

void ModelStep::operator()(const CloseAccount& op) {
  auto* account = usable(op.account, true);
  if (account == nullptr) return;
  if (account->available != 0 || account->held != 0) wrong(ErrorCode::account_not_empty);
  std::set<std::pair<std::string, std::uint32_t>> in_force;
  for (const auto& [name, versions] : book_.plans) {
    in_force.emplace(name, static_cast<std::uint32_t>(versions.size()));
  }
  for (const auto& [id, escrow] : book_.escrows) {
    if (escrow.locked() == 0) continue;
    in_force.emplace(escrow.plan, escrow.plan_version);
    if (escrow.payer == op.account || escrow.beneficiary == op.account) wrong(ErrorCode::account_in_use);
  }
  for (const auto& [name, version] : in_force) {
    const auto& plan = book_.plans.at(name)[version - 1];
    if (plan.commission.to == op.account || plan.processor_fee.to == op.account)
      wrong(ErrorCode::account_in_use);
  }
  if (!ok()) return;
  account->open = false;
  changed_ = true;
}

void ModelStep::fee_account(const FeeRule& rule, const std::string& name, AccountKind kind,
                            Currency currency) {
  const auto& account = rule.to.empty() ? name : rule.to;
  const auto found = book_.accounts.find(account);
  if (found == book_.accounts.end()) {
    book_.accounts[account] = {currency, kind, true, 0, 0};
    return;
  }
  if (!found->second.open) wrong(ErrorCode::account_closed);
  if (found->second.currency != currency) wrong(ErrorCode::currency_mismatch);
  if (found->second.kind == AccountKind::external) wrong(ErrorCode::wrong_account_kind);
}

void ModelStep::operator()(const DefineFeePlan& op) {
  ModelPlan plan{op.currency, op.commission, op.processor_fee, op.rounding};
  if (plan.commission.to.empty()) plan.commission.to = kCommissionAccount;
  if (plan.processor_fee.to.empty()) plan.processor_fee.to = kFeeAccount;
  const auto known = book_.plans.find(op.fee_plan);
  if (known != book_.plans.end() && known->second.back() == plan) {
    outcome_.result = PlanResult{static_cast<std::uint32_t>(known->second.size())};
    return;
  }
  auto before = book_.accounts;
  fee_account(op.commission, kCommissionAccount, AccountKind::platform, op.currency);
  fee_account(op.processor_fee, kFeeAccount, AccountKind::fees, op.currency);
  if (!ok()) {
    book_.accounts = std::move(before);
    return;
  }
  auto& versions = book_.plans[op.fee_plan];
  versions.push_back(plan);
  outcome_.result = PlanResult{static_cast<std::uint32_t>(versions.size())};
  changed_ = true;
}

Wide ModelStep::currency_total(Currency currency) const {
  Wide total = 0;
  for (const auto& [name, account] : book_.accounts) {
    if (account.currency == currency && account.kind != AccountKind::external) {
      total += account.available + account.held;
    }
  }
  return total;
}

template <class Move>
void ModelStep::move_outside(const Move& op, bool deposit) {
  auto* account = usable(op.account);
  if (account == nullptr) return;
  const auto currency = account->currency;
  const auto external = op.external.empty() ? default_external(currency) : op.external;
  const bool opens = op.external.empty() && !book_.accounts.contains(external);
  if (!opens) {
    if (const auto* outside = usable(external, true)) {
      if (outside->kind != AccountKind::external) wrong(ErrorCode::wrong_account_kind);
      if (outside->currency != currency) wrong(ErrorCode::currency_mismatch);
    }
  }
  const Wide limit = static_cast<Wide>(1) << 62;
  if (deposit && currency_total(currency) > limit) wrong(ErrorCode::overflow);
  if (!deposit && account->available < op.amount.minor()) wrong(ErrorCode::insufficient_funds);
  if (!ok()) return;
  if (opens) book_.accounts[external] = {currency, AccountKind::external, true, 0, 0};
  move(deposit ? external : op.account, deposit ? op.account : external, op.amount);
}

void ModelStep::move(const std::string& from, const std::string& to, Amount amount) {
  book_.accounts.at(from).available -= amount.minor();
  book_.accounts.at(to).available += amount.minor();
  changed_ = true;
}

void ModelStep::operator()(const Deposit& op) {
  move_outside(op, true);
}
void ModelStep::operator()(const Withdraw& op) {
  move_outside(op, false);
}

void ModelStep::operator()(const Transfer& op) {
  const auto* from = usable(op.from);
  const auto* to = usable(op.to);
  if (from != nullptr && to != nullptr && from->currency != to->currency) wrong(ErrorCode::currency_mismatch);
  if (from != nullptr && from->available < op.amount.minor()) wrong(ErrorCode::insufficient_funds);
  if (ok()) move(op.from, op.to, op.amount);
}

void ModelStep::operator()(const Hold& op) {
  auto* payer = usable(op.payer);
  const auto* beneficiary = usable(op.beneficiary);
  const Wide amount = op.amount.minor();
  if (payer != nullptr && beneficiary != nullptr && payer->currency != beneficiary->currency) {
    wrong(ErrorCode::currency_mismatch);
  }
  if (payer != nullptr && payer->available < amount) wrong(ErrorCode::insufficient_funds);
  const auto plan = book_.plans.find(op.fee_plan);
  if (plan == book_.plans.end()) {
    wrong(ErrorCode::fee_plan_not_found);
  } else {
    if (payer != nullptr && plan->second.back().currency != payer->currency)
      wrong(ErrorCode::currency_mismatch);
    const auto fees = model_whole_fees(amount, plan->second.back());
    if (fees.commission + fees.processor_fee > amount) wrong(ErrorCode::fees_exceed_amount);
  }
  const auto group = book_.groups.find(op.group);
  if (group != book_.groups.end() && !group->second) wrong(ErrorCode::group_closed);
  if (!ok()) return;

  const auto given = ids_.find(path_);
  const auto id = given == ids_.end() ? next_unknown_id_++ : given->second;
  if (given != ids_.end()) {
    const bool fits = book_.order == IdOrder::growing ? id > book_.last_escrow : !book_.escrows.contains(id);
    if (!fits) return wrong(ErrorCode::corrupt);  // never answered: a difference
    book_.last_escrow = std::max(book_.last_escrow, id);
  }
  if (!op.group.empty()) book_.groups.try_emplace(op.group, true);
  ModelEscrow escrow;
  escrow.key = command_.options.key;
  escrow.payer = op.payer;
  escrow.beneficiary = op.beneficiary;
  escrow.group = op.group;
  escrow.plan = op.fee_plan;
  escrow.plan_version = static_cast<std::uint32_t>(plan->second.size());
  escrow.currency = payer->currency;
  escrow.amount = amount;
  escrow.release_at = op.release_at;
  escrow.refund_at = op.refund_at;
  payer->available -= amount;
  payer->held += amount;
  book_.escrow_of_key[escrow.key] = id;
  book_.escrows[id] = std::move(escrow);
  outcome_.result = HoldResult{given == ids_.end() ? std::nullopt : std::optional(EscrowId(id))};
  changed_ = true;
}

std::uint64_t ModelStep::find(EscrowId id, const std::string& key) const {
  if (id) return book_.escrows.contains(id.value()) ? id.value() : 0;
  const auto found = book_.escrow_of_key.find(key);
  return found == book_.escrow_of_key.end() ? 0 : found->second;
}

ModelEscrow* ModelStep::live(const EscrowRef& ref) {
  const auto id = find(ref.id, ref.key);
  if (id == 0) return wrong(ErrorCode::escrow_not_found), nullptr;
  auto& escrow = book_.escrows.at(id);
  if (escrow.locked() == 0) return wrong(ErrorCode::escrow_not_locked), nullptr;
  return &escrow;
}

void ModelStep::operator()(const Reschedule& op) {
  auto* escrow = live(op.escrow);
  if (escrow == nullptr) return;
  changed_ = escrow->release_at != op.release_at || escrow->refund_at != op.refund_at;
  escrow->release_at = op.release_at;
  escrow->refund_at = op.refund_at;
}

void ModelStep::operator()(const Freeze& op) {
  auto* escrow = live(op.escrow);
  if (escrow == nullptr) return;
  if (escrow->frozen) return wrong(ErrorCode::escrow_frozen);
  escrow->frozen = changed_ = true;
}

void ModelStep::operator()(const Resolve& op) {
  const auto id = find(op.escrow.id, op.escrow.key);
  if (id == 0) return wrong(ErrorCode::escrow_not_found);
  auto& escrow = book_.escrows.at(id);
  if (!escrow.frozen) return wrong(ErrorCode::not_frozen);
  const Wide to_payer = op.to_payer.minor();
  const Wide to_beneficiary = op.to_beneficiary.minor();
  if (to_payer + to_beneficiary > escrow.locked()) return wrong(ErrorCode::amount_out_of_range);
  Settlement settlement;
  settlement.kind = Settlement::Kind::resolve;
  settlement.to_payer = op.to_payer;
  Total total;
  total.currency = escrow.currency;
  total.escrows = 1;
  if (to_beneficiary > 0) pay_out(escrow, to_beneficiary, total);
  if (to_payer > 0) pay_back(escrow, to_payer);
  if (to_payer + to_beneficiary > 0) settlement.totals.push_back(total);
  escrow.frozen = false;
  outcome_.result = std::move(settlement);
  changed_ = true;
}

void ModelStep::operator()(const CloseGroup& op) {
  auto& open = book_.groups.try_emplace(op.group, true).first->second;
  changed_ = open;
  open = false;
}

void ModelStep::operator()(const ReopenGroup& op) {
  const auto found = book_.groups.find(op.group);
  if (found == book_.groups.end()) return;
  changed_ = !found->second;
  found->second = true;
}

}  // namespace holdfast::sim
