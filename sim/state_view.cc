#include "sim/state_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace holdfast::sim {
namespace {

using journal::ListKind;
using journal::State;

constexpr auto kAll = std::numeric_limits<std::size_t>::max() / 4;
constexpr Timestamp kForever{std::numeric_limits<std::int64_t>::max()};

std::string text(const ModelEscrow& e) {
  const auto number = [](Wide value) { return static_cast<std::int64_t>(value); };
  return fmt::format(
      "key {} {} -> {} group '{}' plan {} v{} amount {} released {} refunded {} commission {} fee {}{} dates "
      "{} {}",
      e.key, e.payer, e.beneficiary, e.group, e.plan, e.plan_version, number(e.amount), number(e.released),
      number(e.refunded), number(e.commission), number(e.processor_fee), e.frozen ? " FROZEN" : "",
      e.release_at ? e.release_at->micros : 0, e.refund_at ? e.refund_at->micros : 0);
}

std::string text(const ModelAccount& a) {
  return fmt::format("{} kind {} {} available {} held {}", a.currency.code(), static_cast<int>(a.kind),
                     a.open ? "open" : "closed", static_cast<std::int64_t>(a.available),
                     static_cast<std::int64_t>(a.held));
}

std::string text(bool open) {
  return open ? "open" : "closed";
}
std::string text(const std::vector<ModelPlan>& versions) {
  return fmt::format("{} versions", versions.size());
}

template <class Key, class Value>
std::string first_difference(std::string_view what, const std::map<Key, Value>& expected,
                             const std::map<Key, Value>& actual) {
  for (const auto& [key, value] : expected) {
    const auto found = actual.find(key);
    if (found == actual.end()) return fmt::format("{} {} is missing", what, key);
    if (found->second != value) {
      return fmt::format("{} {}: expected {}; got {}", what, key, text(value), text(found->second));
    }
  }
  for (const auto& [key, value] : actual) {
    if (!expected.contains(key)) return fmt::format("{} {} is there and should not be", what, key);
  }
  return {};
}

std::string check_list(const State& state, ListKind kind, std::uint32_t owner, std::string_view what,
                       const std::vector<std::uint64_t>& expected) {
  std::vector<std::uint64_t> got;
  EscrowId after;
  for (;;) {
    const auto page = state.list(kind, owner, std::nullopt, after, 3, 5);
    for (const auto id : page.ids) got.push_back(id.value());
    if (!page.next) break;
    after = *page.next;
  }
  if (got == expected) return {};
  return fmt::format("the list of {} has {} escrows, not {}", what, got.size(), expected.size());
}

std::string check_lists(const State& state, const ModelBook& view) {
  std::vector<std::uint64_t> all;
  std::map<std::string, std::vector<std::uint64_t>> of_payer;
  std::map<std::string, std::vector<std::uint64_t>> of_beneficiary;
  std::map<std::string, std::vector<std::uint64_t>> of_group;
  for (const auto& [id, escrow] : view.escrows) {
    all.push_back(id);
    of_payer[escrow.payer].push_back(id);
    of_beneficiary[escrow.beneficiary].push_back(id);
    if (!escrow.group.empty()) of_group[escrow.group].push_back(id);
  }
  if (auto wrong = check_list(state, ListKind::all, 0, "all", all); !wrong.empty()) return wrong;
  for (const auto& [name, account] : view.accounts) {
    const auto id = state.find_account(name)->value();
    if (auto wrong = check_list(state, ListKind::payer, id, name, of_payer[name]); !wrong.empty())
      return wrong;
    if (auto wrong = check_list(state, ListKind::beneficiary, id, name, of_beneficiary[name]);
        !wrong.empty()) {
      return wrong;
    }
  }
  for (const auto& [name, open] : view.groups) {
    const auto id = *state.find_group(name);
    if (auto wrong = check_list(state, ListKind::group, id.value(), name, of_group[name]); !wrong.empty()) {
      return wrong;
    }
    const auto* row = state.group(id);
    const auto live =
        std::ranges::count_if(of_group[name], [&](auto e) { return view.escrows.at(e).locked() > 0; });
    if (row->escrows != of_group[name].size() || row->live != static_cast<std::uint64_t>(live)) {
      return fmt::format("group {} counts {} escrows, {} live; it has {} and {}", name, row->escrows,
                         row->live, of_group[name].size(), live);
    }
  }
  return {};
}

std::string check_due(const State& state, const ModelBook& view) {
  std::map<std::uint64_t, bool> expected;
  for (const auto& [id, escrow] : view.escrows) {
    if (escrow.locked() == 0 || escrow.frozen) continue;
    if (escrow.release_at) expected[id] = true;
    if (escrow.refund_at) expected[id] = false;
  }
  std::map<std::uint64_t, bool> got;
  Timestamp last{};
  for (const auto& due : state.due(kForever, kAll)) {
    if (due.at < last) return "due escrows are not in the order of their dates";
    last = due.at;
    got[due.escrow.value()] = due.release;
  }
  if (got == expected) return {};
  return fmt::format("{} escrows are due, not {}", got.size(), expected.size());
}

std::string check_totals(const State& state, const ModelBook& view) {
  struct Sums {
    Wide held = 0;
    std::map<AccountKind, Wide> available;
  };
  std::map<std::string, Sums> expected;
  for (const auto& [name, account] : view.accounts) {
    auto& sums = expected[std::string(account.currency.code())];
    sums.held += account.held;
    sums.available[account.kind] += account.available;
  }
  const auto rows = state.trial_balance();
  if (rows.size() != expected.size()) return "the trial balance has other currencies than the accounts";
  for (const auto& row : rows) {
    const std::string code(row.currency.code());
    auto& [held, available] = expected[code];
    const Wide inside = available[AccountKind::user] + available[AccountKind::beneficiary];
    if (row.sum != Amount() || row.held.minor() != held || row.available.minor() != inside ||
        row.external.minor() != available[AccountKind::external] ||
        row.commission.minor() != available[AccountKind::platform] ||
        row.processor_fee.minor() != available[AccountKind::fees]) {
      return fmt::format("the trial balance of {} does not follow from the accounts", code);
    }
    if (state.currency_total(row.currency).minor() != -available[AccountKind::external]) {
      return fmt::format("the total of {} does not follow from the accounts", code);
    }
  }
  return {};
}

}  // namespace

ModelBook view_of(const State& state) {
  ModelBook view;
  for (const auto id : state.accounts_by_name("", kAll)) {
    const auto& row = *state.account(id);
    view.accounts[std::string(state.account_name(id))] = {row.currency, row.kind, row.open,
                                                          row.available.minor(), row.held.minor()};
  }
  for (const auto id : state.groups_by_name("", kAll)) {
    view.groups[std::string(state.group_name(id))] = state.group(id)->open;
  }
  for (std::uint32_t id = 1; PlanId(id) < state.next_plan_id(); ++id) {
    const auto* plan = state.plan(PlanId(id));
    if (plan == nullptr) continue;
    view.plans[plan->name].push_back({plan->currency, plan->commission, plan->processor_fee, plan->rounding});
  }
  for (const auto id : state.list(ListKind::all, 0, std::nullopt, EscrowId(), kAll, kAll).ids) {
    const auto& row = *state.escrow(id);
    const auto& plan = *state.plan(row.plan);
    auto& escrow = view.escrows[id.value()];
    escrow.payer = state.account_name(row.payer);
    escrow.beneficiary = state.account_name(row.beneficiary);
    if (row.group) escrow.group = state.group_name(row.group);
    escrow.plan = plan.name;
    escrow.plan_version = plan.version;
    escrow.currency = plan.currency;
    escrow.amount = row.amount.minor();
    escrow.released = row.released.minor();
    escrow.refunded = row.refunded.minor();
    escrow.commission = row.commission.minor();
    escrow.processor_fee = row.processor_fee.minor();
    escrow.frozen = row.frozen != 0;
    const auto dates = row.dated != 0 ? state.dates(id) : Dates{};
    escrow.release_at = dates.release_at;
    escrow.refund_at = dates.refund_at;
  }
  return view;
}

std::string difference(const ModelBook& expected, const ModelBook& actual) {
  if (auto wrong = first_difference("account", expected.accounts, actual.accounts); !wrong.empty())
    return wrong;
  if (auto wrong = first_difference("group", expected.groups, actual.groups); !wrong.empty()) return wrong;
  if (auto wrong = first_difference("fee plan", expected.plans, actual.plans); !wrong.empty()) return wrong;
  auto escrows = expected.escrows;
  for (auto& [id, escrow] : escrows) escrow.key.clear();  // the state keeps a hash of it
  return first_difference("escrow", escrows, actual.escrows);
}

std::uint64_t fingerprint(const ModelBook& book) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](std::string_view part) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  for (const auto& [name, account] : book.accounts) add(name + " " + text(account));
  for (const auto& [id, escrow] : book.escrows) add(fmt::format("{} {}", id, text(escrow)));
  for (const auto& [name, open] : book.groups) add(name + " " + text(open));
  for (const auto& [name, versions] : book.plans) add(name + " " + text(versions));
  return hash;
}

std::string check_indexes(const State& state, const ModelBook& view) {
  if (auto wrong = check_lists(state, view); !wrong.empty()) return wrong;
  if (auto wrong = check_due(state, view); !wrong.empty()) return wrong;
  return check_totals(state, view);
}

}  // namespace holdfast::sim
