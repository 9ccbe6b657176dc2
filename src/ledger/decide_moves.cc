// Money that comes from outside, goes outside, or moves between two accounts.
#include <fmt/core.h>

#include "ledger/decide_parts.h"
#include "ledger/footprint.h"
#include "ledger/rejections.h"

namespace holdfast {
namespace {

std::unexpected<Error> currencies_differ(std::string_view a, Currency a_currency, std::string_view b,
                                         Currency b_currency) {
  return fail(
      ErrorCode::currency_mismatch,
      fmt::format("account {} is in {}, account {} in {}; no currency is converted here: use accounts of "
                  "one currency",
                  a, a_currency.code(), b, b_currency.code()));
}

// The side of a deposit or withdrawal that is in the ledger.
Result<FoundAccount> find_inner(const Rows& rows, const std::string& name) {
  auto found = find_open_account(rows, name);
  if (found && found->row->kind == AccountKind::external) {
    return fail(
        ErrorCode::wrong_account_kind,
        fmt::format("account {} is of kind external; name it as `external`, and an account of another "
                    "kind as `account`",
                    name));
  }
  return found;
}

// The side outside; a default one that is not there yet is opened by the event.
Result<AccountId> find_external(const Rows& rows, const std::string& asked, const std::string& inner,
                                Currency currency, Moved& moved) {
  const auto name = asked.empty() ? default_external(currency) : asked;
  if (asked.empty() && !rows.find_account(name)) {
    moved.opens.push_back({rows.next_account_id(0), name, currency, AccountKind::external});
    return moved.opens.back().account;
  }
  const auto found = find_open_account(rows, name);
  if (!found) return std::unexpected(found.error());
  if (found->row->kind != AccountKind::external) {
    return fail(
        ErrorCode::wrong_account_kind,
        fmt::format("account {} is of kind {}, not external; name an external account, or use transfer", name,
                    to_string(found->row->kind)));
  }
  if (found->row->currency != currency) return currencies_differ(inner, currency, name, found->row->currency);
  return found->id;
}

}  // namespace

Result<void> decide_deposit(const Deposit& op, const Rows& rows, Body& into) {
  const auto account = find_inner(rows, op.account);
  if (!account) return std::unexpected(account.error());
  const auto currency = account->row->currency;
  Moved moved;
  const auto external = find_external(rows, op.external, op.account, currency, moved);
  if (!external) return std::unexpected(external.error());
  if (rows.currency_total(currency) > kMaxCurrencyTotal) {
    return fail(
        ErrorCode::overflow,
        fmt::format("the ledger holds more than {}, the most of one currency; withdraw before depositing "
                    "more, or use another ledger",
                    with_currency(kMaxCurrencyTotal, currency)));
  }
  moved.kind = Moved::Kind::deposit;
  moved.from = *external;
  moved.to = account->id;
  moved.currency = currency;
  moved.amount = op.amount;
  into = std::move(moved);
  return {};
}

Result<void> decide_withdraw(const Withdraw& op, const Rows& rows, Body& into) {
  const auto account = find_inner(rows, op.account);
  if (!account) return std::unexpected(account.error());
  const auto currency = account->row->currency;
  Moved moved;
  const auto external = find_external(rows, op.external, op.account, currency, moved);
  if (!external) return std::unexpected(external.error());
  if (auto funds = check_funds(op.account, *account->row, op.amount); !funds) return funds;
  moved.kind = Moved::Kind::withdraw;
  moved.from = account->id;
  moved.to = *external;
  moved.currency = currency;
  moved.amount = op.amount;
  into = std::move(moved);
  return {};
}

Result<void> decide_transfer(const Transfer& op, const Rows& rows, Body& into) {
  const auto from = find_open_account(rows, op.from);
  if (!from) return std::unexpected(from.error());
  const auto to = find_open_account(rows, op.to);
  if (!to) return std::unexpected(to.error());
  for (const auto& [name, row] : {std::pair(&op.from, from->row), std::pair(&op.to, to->row)}) {
    if (row->kind == AccountKind::external) {
      return fail(
          ErrorCode::wrong_account_kind,
          fmt::format("account {} is of kind external; use deposit or withdraw to cross the ledger's edge",
                      *name));
    }
  }
  if (from->row->currency != to->row->currency) {
    return currencies_differ(op.from, from->row->currency, op.to, to->row->currency);
  }
  if (auto funds = check_funds(op.from, *from->row, op.amount); !funds) return funds;
  into = Moved{Moved::Kind::transfer, from->id, to->id, from->row->currency, op.amount, {}};
  return {};
}

}  // namespace holdfast
