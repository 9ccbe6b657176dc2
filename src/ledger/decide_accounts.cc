// Opening and closing accounts, and defining the fee plans that pay into them.
#include <fmt/core.h>

#include "base/planted_bugs.h"
#include "ledger/decide_parts.h"
#include "ledger/footprint.h"
#include "ledger/rejections.h"

namespace holdfast {

Result<FoundAccount> find_open_account(const Rows& rows, std::string_view name) {
  const auto id = rows.find_account(name);
  if (!id) {
    return fail(ErrorCode::account_not_found,
                fmt::format("there is no account {}; open it with open_account first", name));
  }
  const auto* row = rows.account(*id);
  if (!row->open) {
    return fail(ErrorCode::account_closed,
                fmt::format("account {} is closed and takes nothing more; use another account", name));
  }
  return FoundAccount{*id, row};
}

Result<void> check_funds(std::string_view name, const AccountRow& row, Amount amount) {
  if (row.available >= amount || planted(PlantedBug::skip_funds_check)) return {};
  return fail(
      ErrorCode::insufficient_funds,
      fmt::format("account {} has {} available, {} needed; deposit the difference or ask for less", name,
                  with_currency(row.available, row.currency), with_currency(amount, row.currency)));
}

Result<void> decide_open_account(const OpenAccount& op, const Rows& rows, Body& into) {
  const auto id = rows.find_account(op.account);
  if (!id) {
    into = AccountOpened{rows.next_account_id(0), op.account, op.currency, op.kind};
    return {};
  }
  const auto* row = rows.account(*id);
  if (!row->open) {
    return fail(
        ErrorCode::account_closed,
        fmt::format("account {} was closed and is not opened again; choose another name", op.account));
  }
  if (row->currency != op.currency || row->kind != op.kind) {
    return fail(ErrorCode::account_exists,
                fmt::format("account {} exists already, in {} and of kind {}; choose another name",
                            op.account, row->currency.code(), to_string(row->kind)));
  }
  into = Unchanged{op_index<OpenAccount>(), 0};
  return {};
}

Result<void> decide_close_account(const CloseAccount& op, const Rows& rows, Body& into) {
  const auto found = find_open_account(rows, op.account);
  if (!found) return std::unexpected(found.error());
  const auto& row = *found->row;
  if (row.available != Amount() || row.held != Amount()) {
    return fail(
        ErrorCode::account_not_empty,
        fmt::format("account {} has {} available and {} held; bring both to 0 before closing it", op.account,
                    with_currency(row.available, row.currency), with_currency(row.held, row.currency)));
  }
  if (row.live_escrows > 0) {
    return fail(ErrorCode::account_in_use,
                fmt::format("account {} is the beneficiary of {} escrows with something locked; settle them "
                            "before closing it",
                            op.account, row.live_escrows));
  }
  if (rows.plan_pays_into(found->id)) {
    return fail(
        ErrorCode::account_in_use,
        fmt::format("a fee plan pays into account {}; define that plan with another account, and settle "
                    "the escrows under it, before closing it",
                    op.account));
  }
  into = AccountClosed{found->id};
  return {};
}

namespace {

// The accounts that a new fee plan pays into, opened where they are not there.
class FeeAccounts {
 public:
  FeeAccounts(const DefineFeePlan& op, const Rows& rows, FeePlanDefined& into)
      : op_(op), rows_(rows), into_(into) {}

  Result<AccountId> find(const std::string& name, AccountKind kind_if_missing, std::string_view field) {
    for (const auto& opened : into_.opens) {
      if (opened.name == name) return opened.account;
    }
    if (!rows_.find_account(name)) {
      const auto id = rows_.next_account_id(into_.opens.size());
      into_.opens.push_back({id, name, op_.currency, kind_if_missing});
      return into_.opens.back().account;
    }
    const auto found = find_open_account(rows_, name);
    if (!found) return std::unexpected(found.error());
    if (found->row->currency != op_.currency) {
      return fail(
          ErrorCode::currency_mismatch,
          fmt::format("fee plan {} is in {}, account {} in {}; name an account in {} as `to` of the {}",
                      op_.fee_plan, op_.currency.code(), name, found->row->currency.code(),
                      op_.currency.code(), field));
    }
    if (found->row->kind == AccountKind::external) {
      return fail(
          ErrorCode::wrong_account_kind,
          fmt::format("account {} is of kind external, where no fee can stay; name another account as "
                      "`to` of the {}",
                      name, field));
    }
    return found->id;
  }

 private:
  const DefineFeePlan& op_;
  const Rows& rows_;
  FeePlanDefined& into_;
};

bool same_content(const PlanRow& plan, const FeePlanDefined& defined) {
  return plan.currency == defined.currency && plan.commission == defined.commission &&
         plan.processor_fee == defined.processor_fee && plan.rounding == defined.rounding;
}

}  // namespace

Result<void> decide_fee_plan(const DefineFeePlan& op, const Rows& rows, Body& into) {
  FeePlanDefined defined;
  defined.name = op.fee_plan;
  defined.version = 1;
  defined.currency = op.currency;
  defined.commission = op.commission;
  defined.processor_fee = op.processor_fee;
  defined.rounding = op.rounding;
  if (defined.commission.to.empty()) defined.commission.to = kDefaultCommissionAccount;
  if (defined.processor_fee.to.empty()) defined.processor_fee.to = kDefaultFeeAccount;

  if (const auto latest = rows.find_latest_plan(op.fee_plan)) {
    const auto* plan = rows.plan(*latest);
    if (same_content(*plan, defined)) {
      into = Unchanged{op_index<DefineFeePlan>(), plan->version};
      return {};
    }
    defined.version = plan->version + 1;
  }
  defined.plan = rows.next_plan_id();

  FeeAccounts accounts(op, rows, defined);
  const auto commission = accounts.find(defined.commission.to, AccountKind::platform, "commission");
  if (!commission) return std::unexpected(commission.error());
  const auto fee = accounts.find(defined.processor_fee.to, AccountKind::fees, "processor_fee");
  if (!fee) return std::unexpected(fee.error());
  defined.commission_account = *commission;
  defined.fee_account = *fee;
  into = std::move(defined);
  return {};
}

}  // namespace holdfast
