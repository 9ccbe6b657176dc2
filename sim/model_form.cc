// What is wrong with a command whatever the state is: every such thing, not only the first.
#include <algorithm>

#include "sim/model.h"

namespace holdfast::sim {
namespace {

constexpr std::string_view kNameExtras = "._:-/@";

bool name_ok(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kNameExtras.find(c) != std::string_view::npos;
  });
}

bool reference_ok(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::ranges::all_of(text, [](char c) { return c > 32 && c < 127; });
}

bool key_ok(std::string_view text) {
  return reference_ok(text) && !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

struct FormCheck {
  std::set<ErrorCode>& out;
  const Options& options;
  bool top;

  void require(bool good, ErrorCode code = ErrorCode::invalid_command) const {
    if (!good) out.insert(code);
  }
  void name(const std::string& text) const { require(name_ok(text)); }
  void amount(Amount amount, std::int64_t least = 1) const {
    const bool in_range = amount.minor() >= least && amount.minor() < (std::int64_t{1} << 53);
    require(in_range, ErrorCode::amount_out_of_range);
  }
  void keyed() const { require(!options.key.empty()); }
  void escrow(const EscrowRef& ref) const {
    require((ref.id.value() != 0) == ref.key.empty());
    require(ref.key.empty() || key_ok(ref.key));
  }
  void dates(const std::optional<Timestamp>& a, const std::optional<Timestamp>& b) const {
    require(!a || !b);
  }
  void rule(const FeeRule& rule) const {
    amount(rule.fixed, 0), amount(rule.min, 0);
    if (rule.max) amount(*rule.max, 0), require(*rule.max >= rule.min);
    require(rule.to.empty() || name_ok(rule.to));
  }
  template <class Move>
  void moved(const Move& op) const {
    keyed(), name(op.account), amount(op.amount);
    require(op.external.empty() || name_ok(op.external));
    require(op.external != op.account);
  }
  template <class Batch>
  void batch(const Batch& op) const {
    require(op.escrows.empty() != op.group.empty());
    require(op.group.empty() || name_ok(op.group));
    require(op.escrows.size() <= 8'192, ErrorCode::batch_too_large);
    for (std::size_t i = 0; i < op.escrows.size(); ++i) {
      escrow({op.escrows[i].id, std::string(op.escrows[i].key)});
    }
    if (op.amount) amount(*op.amount), require(op.escrows.size() == 1), keyed();
    if (op.chunk) {
      require(*op.chunk >= 1 && *op.chunk <= 1'000'000);
      require(!op.group.empty() && op.mode == BatchMode::skip && top), keyed();
    }
    require(!op.close || !op.group.empty());
    if (op.expect) expected<std::is_same_v<Batch, Release>>(*op.expect);
  }
  template <bool with_fees>
  void expected(const Expectation& expectation) const {
    std::set<std::string> codes;
    for (const auto& total : expectation) {
      require(codes.insert(std::string(total.currency.code())).second);
      require(total.currency && total.escrows > 0 && total.amount.minor() > 0);
      const Wide net = total.net.minor();
      const Wide parts = net + total.commission.minor() + total.processor_fee.minor();
      require(parts == (with_fees ? total.amount.minor() : 0));
      require(net >= 0 && total.commission.minor() >= 0 && total.processor_fee.minor() >= 0);
    }
  }

  void operator()(const OpenAccount& op) const { name(op.account), require(static_cast<bool>(op.currency)); }
  void operator()(const CloseAccount& op) const { name(op.account); }
  void operator()(const DefineFeePlan& op) const {
    name(op.fee_plan), require(static_cast<bool>(op.currency));
    rule(op.commission), rule(op.processor_fee);
  }
  void operator()(const Deposit& op) const { moved(op); }
  void operator()(const Withdraw& op) const { moved(op); }
  void operator()(const Transfer& op) const {
    keyed(), name(op.from), name(op.to), amount(op.amount), require(op.from != op.to);
  }
  void operator()(const Hold& op) const {
    keyed(), name(op.payer), name(op.beneficiary), amount(op.amount), name(op.fee_plan);
    require(op.group.empty() || name_ok(op.group)), require(op.payer != op.beneficiary);
    dates(op.release_at, op.refund_at);
  }
  void operator()(const Reschedule& op) const { escrow(op.escrow), dates(op.release_at, op.refund_at); }
  void operator()(const Release& op) const {
    batch(op), require(op.fee_plan.empty() || name_ok(op.fee_plan));
  }
  void operator()(const Refund& op) const { batch(op); }
  void operator()(const Freeze& op) const { escrow(op.escrow); }
  void operator()(const Resolve& op) const {
    keyed(), escrow(op.escrow), amount(op.to_payer, 0), amount(op.to_beneficiary, 0);
  }
  void operator()(const CloseGroup& op) const { name(op.group); }
  void operator()(const ReopenGroup& op) const { name(op.group); }
  void operator()(const Atomic& op) const {
    require(!op.continue_on_error || !top);
    for (const auto& inner : op.commands) out.merge(form_errors(inner, false));
  }
};

}  // namespace

std::set<ErrorCode> form_errors(const Command& command, bool top) {
  std::set<ErrorCode> out;
  const auto& options = command.options;
  const FormCheck check{out, options, top};
  check.require(options.key.empty() || key_ok(options.key));
  check.require(options.actor.empty() || name_ok(options.actor));
  check.require(options.reference.empty() || reference_ok(options.reference));
  check.require(options.reason.size() <= 255);
  check.require(top || !options.dry_run);
  std::visit(check, command.operation);
  return out;
}

}  // namespace holdfast::sim
