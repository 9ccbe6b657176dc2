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
  void operator()(const CloseAccount& op) { out_.accounts.push_back(op.account); }
  void operator()(const DefineFeePlan& op) {
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
  void operator()(const Withdraw& op) { moved(op); }
  void operator()(const Transfer& op) {
    out_.accounts.push_back(op.from);
    out_.accounts.push_back(op.to);
  }
  void operator()(const Hold& op) {
    out_.accounts.push_back(op.payer);
    out_.accounts.push_back(op.beneficiary);
    out_.fee_plans.push_back(op.fee_plan);
    if (!op.group.empty()) out_.groups.push_back(op.group);
  }
  void operator()(const Reschedule& op) { escrow(op.escrow.id, op.escrow.key); }
  void operator()(const Release& op) {
    if (!op.fee_plan.empty()) out_.fee_plans.push_back(op.fee_plan);
    batch(op);
  }
  void operator()(const Refund& op) { batch(op); }
  void operator()(const Freeze& op) { escrow(op.escrow.id, op.escrow.key); }
  void operator()(const Resolve& op) { escrow(op.escrow.id, op.escrow.key); }
  void operator()(const CloseGroup& op) { out_.groups.push_back(op.group); }
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
    tidy(out_.accounts);
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
    }
  }
  void escrow(EscrowId id, std::string_view key) {
    if (id) {
      out_.escrows.push_back(id);
    } else {
      out_.escrow_keys.emplace_back(key);
    }
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
};

}  // namespace

Footprint footprint(const Command& command) {
  Walk walk;
  walk.command(command);
  return walk.finish();
}

std::string default_external(Currency currency) {
  return std::string("external:").append(currency.code());
}

}  // namespace holdfast
