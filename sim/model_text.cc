// Commands, outcomes and answers as text: for the model's memory of requests, and for failure reports.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/model.h"

namespace holdfast::sim {
namespace {

using Fields = std::map<std::string, std::string>;

std::string text(Amount amount) {
  return std::to_string(amount.minor());
}
std::string text(const EscrowRef& ref) {
  return ref.key.empty() ? std::to_string(ref.id.value()) : '"' + ref.key + '"';
}
std::string text(const FeeRule& rule) {
  return fmt::format("{{{} +{} min {} max {} to {}}}", rule.rate.billionths(), rule.fixed.minor(),
                     rule.min.minor(), rule.max ? text(*rule.max) : "-", rule.to);
}
std::string text(const EscrowList& list) {
  std::string out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i != 0) out += ' ';
    out += text(EscrowRef{list[i].id, std::string(list[i].key)});
  }
  return out;
}

std::string text(const std::vector<Total>& totals) {
  std::string out;
  for (const auto& total : totals) {
    out += fmt::format("[{} {} escrows {} commission {} fee {} net {}]", total.currency.code(), total.escrows,
                       total.amount.minor(), total.commission.minor(), total.processor_fee.minor(),
                       total.net.minor());
  }
  return out;
}

struct ToFields {
  Fields& out;

  void put(const char* field, std::string value) const {
    if (!value.empty()) out.emplace(field, std::move(value));
  }
  void dates(const std::optional<Timestamp>& release_at, const std::optional<Timestamp>& refund_at) const {
    if (release_at) put("release_at", std::to_string(release_at->micros));
    if (refund_at) put("refund_at", std::to_string(refund_at->micros));
  }
  template <class Batch>
  void batch(const Batch& op) const {
    put("escrows", text(op.escrows));
    put("group", op.group);
    if (op.mode == BatchMode::skip) put("mode", "skip");
    if (op.amount) put("amount", text(*op.amount));
    if (op.chunk) put("chunk", std::to_string(*op.chunk));
    if (op.close) put("close", "true");
    if (op.expect) put("expect", '[' + text(*op.expect) + ']');
  }

  void operator()(const OpenAccount& op) const {
    put("account", op.account), put("currency", std::string(op.currency.code()));
    put("kind", std::to_string(static_cast<int>(op.kind)));
  }
  void operator()(const CloseAccount& op) const { put("account", op.account); }
  void operator()(const DefineFeePlan& op) const {
    put("fee_plan", op.fee_plan), put("currency", std::string(op.currency.code()));
    put("commission", text(op.commission)), put("processor_fee", text(op.processor_fee));
    if (op.rounding != Rounding::half_up) put("rounding", std::to_string(static_cast<int>(op.rounding)));
  }
  void operator()(const Deposit& op) const {
    put("account", op.account), put("amount", text(op.amount)), put("external", op.external);
  }
  void operator()(const Withdraw& op) const {
    put("account", op.account), put("amount", text(op.amount)), put("external", op.external);
  }
  void operator()(const Transfer& op) const {
    put("from", op.from), put("to", op.to), put("amount", text(op.amount));
  }
  void operator()(const Hold& op) const {
    put("payer", op.payer), put("beneficiary", op.beneficiary), put("amount", text(op.amount));
    put("fee_plan", op.fee_plan), put("group", op.group), dates(op.release_at, op.refund_at);
  }
  void operator()(const Reschedule& op) const {
    put("escrow", text(op.escrow)), dates(op.release_at, op.refund_at);
  }
  void operator()(const Release& op) const { batch(op), put("fee_plan", op.fee_plan); }
  void operator()(const Refund& op) const { batch(op); }
  void operator()(const Freeze& op) const { put("escrow", text(op.escrow)); }
  void operator()(const Resolve& op) const {
    put("escrow", text(op.escrow)), put("to_payer", text(op.to_payer));
    put("to_beneficiary", text(op.to_beneficiary));
  }
  void operator()(const CloseGroup& op) const { put("group", op.group); }
  void operator()(const ReopenGroup& op) const { put("group", op.group); }
  void operator()(const Atomic& op) const {
    std::string commands;
    for (const auto& inner : op.commands) commands += describe(inner) + "; ";
    put("commands", commands);
    if (op.continue_on_error) put("on_error", "continue");
  }
};

std::string names(const std::set<ErrorCode>& codes) {
  std::string out;
  for (auto code : codes) out += fmt::format("{}{}", out.empty() ? "" : " or ", to_string(code));
  return out;
}

std::string describe_settlement(const Settlement& settlement) {
  std::string out = "settled " + text(settlement.totals);
  for (const auto& count : settlement.skipped_count) {
    out += fmt::format(" skipped {} {}", count.count, to_string(count.code));
  }
  for (const auto& item : settlement.skipped) {
    out += fmt::format(" ({} '{}' {})", item.escrow.value(), item.key, to_string(item.reason));
  }
  if (settlement.to_payer != Amount()) out += fmt::format(" to_payer {}", settlement.to_payer.minor());
  return out;
}

std::string describe_result(const CommandResult& result) {
  if (const auto* hold = std::get_if<HoldResult>(&result)) {
    return fmt::format("escrow {}", hold->escrow ? std::to_string(hold->escrow->value()) : "null");
  }
  if (const auto* plan = std::get_if<PlanResult>(&result)) return fmt::format("version {}", plan->version);
  if (const auto* settlement = std::get_if<Settlement>(&result)) return describe_settlement(*settlement);
  if (const auto* atomic = std::get_if<AtomicResult>(&result)) {
    std::string out = "{";
    for (const auto& part : atomic->results) {
      out += part ? describe_result(*part) : std::string(to_string(part.error().code));
      out += "; ";
    }
    return out + "}";
  }
  return "done";
}

std::string describe_error(const Error& error) {
  std::string out =
      fmt::format("{} at [{}]: {}", to_string(error.code), fmt::join(error.path, " "), error.message);
  for (const auto& item : error.items) {
    out += fmt::format(" ({} '{}' {})", item.escrow.value(), item.key, to_string(item.reason));
  }
  for (const auto& count : error.counts) out += fmt::format(" {}x {}", count.count, to_string(count.code));
  if (!error.fields.empty()) out += fmt::format(" fields {}", fmt::join(error.fields, " "));
  return out;
}

}  // namespace

std::map<std::string, std::string> request_fields(const Command& command) {
  Fields fields;
  fields.emplace("op", std::string(op_name(command.operation)));
  std::visit(ToFields{fields}, command.operation);
  if (!command.options.reason.empty()) fields.emplace("reason", command.options.reason);
  if (!command.options.reference.empty()) fields.emplace("reference", command.options.reference);
  return fields;
}

std::string describe(const Command& command) {
  const auto fields = request_fields(command);
  std::string out = fields.at("op");
  for (const auto& [field, value] : fields) {
    if (field != "op") out += fmt::format(" {}={}", field, value);
  }
  if (!command.options.key.empty()) out += " key=" + command.options.key;
  if (command.options.dry_run) out += " dry_run";
  return out;
}

std::string describe(const Outcome& outcome) {
  if (!outcome.ok()) {
    auto out = fmt::format("{} at [{}]", names(outcome.codes), fmt::join(outcome.path, " "));
    for (const auto& item : outcome.items) {
      out += fmt::format(" ({} '{}' {})", item.escrow.value(), item.key, to_string(item.reason));
    }
    for (const auto& count : outcome.counts)
      out += fmt::format(" {}x {}", count.count, to_string(count.code));
    return out;
  }
  std::string out;
  if (outcome.is_atomic) {
    out = "{";
    for (const auto& part : outcome.parts) out += describe(part) + "; ";
    out += "}";
  } else {
    out = describe_result(outcome.result);
  }
  if (outcome.replayed) out += " replayed";
  if (outcome.recorded) out += " recorded";
  return out;
}

std::string describe(const Result<Answer>& answer) {
  if (!answer) return describe_error(answer.error());
  return fmt::format("{}{}{}", describe_result(answer->result), answer->replayed ? " replayed" : "",
                     answer->seq ? fmt::format(" seq {}", answer->seq->value()) : "");
}

}  // namespace holdfast::sim
