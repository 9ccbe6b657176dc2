// Walks a command, and all that stand inside it, and collects what each can touch.
#include "ledger/footprint.h"

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

class Walk {
 public:
  void command(const Command& command) {
    if (!command.options.key.empty()) out_.keys.push_back(command.options.key);
    std::visit(*this, command.operation);
  }

  void operator()(const OpenAccount& op) { may_open(op.account, op.currency); }
  void operator()(const CloseAccount& op) {
    out_.accounts.push_back(op.account);
    out_.closed.push_back(op.account);
  }
  void operator()(const DefineFeePlan& op) {
    ++out_.new_ids.fee_plans;
    out_.fee_plans.push_back(op.fee_plan);
    may_open(op.commission.to.empty() ? std::string(kDefaultCommissionAccount) : op.commission.to,
             op.currency);
    may_open(op.processor_fee.to.empty() ? std::string(kDefaultFeeAccount) : op.processor_fee.to,
             op.currency);
  }
  void operator()(const Deposit& op) {
    moved(op);
    out_.totals_of.push_back(op.account);
  }
  void operator()(const Withdraw& op) {
    moved(op);
    out_.debited.push_back(op.account);
  }
  void operator()(const Transfer& op) {
    debit(op.from);
    out_.accounts.push_back(op.to);
  }
  void operator()(const Hold& op) {
    ++out_.new_ids.escrows;
    debit(op.payer);
    out_.accounts.push_back(op.beneficiary);
    out_.fee_plans.push_back(op.fee_plan);
    if (!op.group.empty()) may_open_group(op.group);
  }
  void operator()(const Reschedule& op) { escrow(op.escrow.id, op.escrow.key); }
  void operator()(const Release& op) {
    if (!op.fee_plan.empty()) out_.fee_plans.push_back(op.fee_plan);
    batch(op);
  }
  void operator()(const Refund& op) { batch(op); }
  void operator()(const Freeze& op) { escrow(op.escrow.id, op.escrow.key); }
  void operator()(const Resolve& op) { escrow(op.escrow.id, op.escrow.key); }
  void operator()(const CloseGroup& op) { may_open_group(op.group); }
  void operator()(const ReopenGroup& op) { out_.groups.push_back(op.group); }
  void operator()(const Atomic& op) {
    for (const auto& inner : op.commands) command(inner);
  }

  Footprint finish() {
    tidy(out_.external_of);
    tidy(out_.totals_of);
    for (const auto& [account, currency] : opened_) {
      if (contains(out_.external_of, account)) out_.accounts.push_back(default_external(currency));
      if (contains(out_.totals_of, account)) out_.currency_totals.push_back(currency);
    }
    out_.new_ids.accounts = names_in(opened_) + out_.external_of.size();
    tidy(opened_groups_);
    out_.new_ids.groups = opened_groups_.size();
    tidy(out_.accounts);
    tidy(out_.debited);
    tidy(out_.closed);
    tidy(out_.escrows);
    tidy(out_.escrow_keys);
    tidy(out_.groups);
    tidy(out_.group_members);
    tidy(out_.fee_plans);
    tidy(out_.keys);
    tidy(out_.currency_totals);
    return std::move(out_);
  }

 private:
  void may_open(const std::string& account, Currency currency) {
    out_.accounts.push_back(account);
    opened_.emplace_back(account, currency);
  }
  void may_open_group(const std::string& group) {
    out_.groups.push_back(group);
    opened_groups_.push_back(group);
  }
  void debit(const std::string& account) {
    out_.accounts.push_back(account);
    out_.debited.push_back(account);
  }
  template <class Move>
  void moved(const Move& op) {
    out_.accounts.push_back(op.account);
    if (op.external.empty()) {
      out_.external_of.push_back(op.account);
    } else {
      out_.accounts.push_back(op.external);
    }
  }
  template <class Batch>
  void batch(const Batch& op) {
    for (std::size_t i = 0; i < op.escrows.size(); ++i) {
      const auto item = op.escrows[i];
      escrow(item.id, item.key);
    }
    if (!op.group.empty()) {
      out_.groups.push_back(op.group);
      out_.group_members.push_back(op.group);
      if (op.close) opened_groups_.push_back(op.group);
    }
  }
  void escrow(EscrowId id, std::string_view key) {
    if (id) {
      out_.escrows.push_back(id);
    } else {
      out_.escrow_keys.emplace_back(key);
    }
  }

  static std::size_t names_in(std::vector<std::pair<std::string, Currency>>& opened) {
    std::ranges::sort(opened, {}, &std::pair<std::string, Currency>::first);
    std::size_t names = 0;
    for (std::size_t i = 0; i < opened.size(); ++i) {
      if (i == 0 || opened[i].first != opened[i - 1].first) ++names;
    }
    return names;
  }
  static bool contains(const std::vector<std::string>& sorted, const std::string& name) {
    return std::ranges::binary_search(sorted, name);
  }
  template <class T>
  static void tidy(std::vector<T>& list) {
    std::ranges::sort(list);
    const auto rest = std::ranges::unique(list);
    list.erase(rest.begin(), rest.end());
  }

  Footprint out_;
  // Accounts that the command may open, with the currency they would have then.
  std::vector<std::pair<std::string, Currency>> opened_;
  std::vector<std::string> opened_groups_;
};

}  // namespace

Footprint footprint(const Command& command) {
  Walk walk;
  walk.command(command);
  return walk.finish();
}

Footprint footprint(std::span<const Command* const> commands) {
  Walk walk;
  for (const auto* command : commands) walk.command(*command);
  return walk.finish();
}

std::string default_external(Currency currency) {
  return std::string("external:").append(currency.code());
}

}  // namespace holdfast
