// What can be said of a command without any state. The first thing that is wrong is the answer.
#include "ledger/validate.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "ledger/validate_text.h"

namespace holdfast {
namespace {

constexpr Timestamp kLastTime{253'402'300'799'999'999};  // the end of the year 9999

// Collects the first thing that is wrong; what is checked after it changes nothing.
class Checker {
 public:
  [[nodiscard]] Result<void> outcome() {
    if (error_) return std::unexpected(std::move(*error_));
    return {};
  }

  void command(const Command& command, std::size_t depth) {
    options(command.options);
    if (depth > 0 && command.options.dry_run) {
      wrong("dry_run", "dry_run stands at the top level only; take it out of the commands of the atomic");
    }
    std::visit([&](const auto& operation) { this->operation(operation, command.options, depth); },
               command.operation);
  }

  void options(const Options& options) {
    if (!options.key.empty() && !is_key(options.key)) bad_key("key", options.key);
    if (!options.actor.empty()) name("actor", options.actor);
    if (!is_reason(options.reason)) {
      wrong("reason",
            "the reason must be at most 255 bytes of UTF-8 without control characters; shorten or clean it");
    }
    if (!options.reference.empty() && !is_reference(options.reference)) {
      wrong("reference",
            fmt::format("the reference {} must be 1 to 255 printable ASCII characters without space",
                        in_quotes(options.reference)));
    }
  }

 private:
  void operation(const OpenAccount& op, const Options&, std::size_t) {
    name("account", op.account);
    currency(op.currency);
    if (op.kind < AccountKind::user || op.kind > AccountKind::external) {
      wrong("kind", "the kind must be user, beneficiary, platform, fees or external");
    }
  }
  void operation(const CloseAccount& op, const Options&, std::size_t) { name("account", op.account); }
  void operation(const DefineFeePlan& op, const Options&, std::size_t) {
    name("fee_plan", op.fee_plan);
    currency(op.currency);
    rule("commission", op.commission);
    rule("processor_fee", op.processor_fee);
    if (op.rounding < Rounding::half_up || op.rounding > Rounding::up) {
      wrong("rounding", "the rounding must be half_up, half_even, down or up");
    }
  }
  void operation(const Deposit& op, const Options& options, std::size_t) { moved(op, options); }
  void operation(const Withdraw& op, const Options& options, std::size_t) { moved(op, options); }
  void operation(const Transfer& op, const Options& options, std::size_t) {
    need_key(options, "a transfer");
    name("from", op.from);
    name("to", op.to);
    amount("amount", op.amount);
    if (op.from == op.to) wrong("to", fmt::format("a transfer needs two accounts: {} is both", op.from));
  }
  void operation(const Hold& op, const Options& options, std::size_t) {
    need_key(options, "a hold");
    name("payer", op.payer);
    name("beneficiary", op.beneficiary);
    amount("amount", op.amount);
    name("fee_plan", op.fee_plan);
    if (!op.group.empty()) name("group", op.group);
    dates(op.release_at, op.refund_at);
    if (op.payer == op.beneficiary) {
      wrong("beneficiary", fmt::format("payer and beneficiary must be two accounts: {} is both", op.payer));
    }
  }
  void operation(const Reschedule& op, const Options&, std::size_t) {
    escrow(op.escrow);
    dates(op.release_at, op.refund_at);
  }
  void operation(const Release& op, const Options& options, std::size_t depth) {
    batch(op, options, depth);
    if (!op.fee_plan.empty()) name("fee_plan", op.fee_plan);
    if (op.expect) expect(*op.expect, "released", &Checker::is_split);
  }
  void operation(const Refund& op, const Options& options, std::size_t depth) {
    batch(op, options, depth);
    if (op.expect) expect(*op.expect, "refunded", &Checker::is_whole);
  }
  void operation(const Freeze& op, const Options&, std::size_t) { escrow(op.escrow); }
  void operation(const Resolve& op, const Options& options, std::size_t) {
    need_key(options, "a resolve");
    escrow(op.escrow);
    amount("to_payer", op.to_payer, Amount());
    amount("to_beneficiary", op.to_beneficiary, Amount());
  }
  void operation(const CloseGroup& op, const Options&, std::size_t) { name("group", op.group); }
  void operation(const ReopenGroup& op, const Options&, std::size_t) { name("group", op.group); }
  void operation(const Atomic& op, const Options&, std::size_t depth) {
    if (op.continue_on_error && depth == 0) {
      wrong("on_error", "on_error: continue makes a savepoint, which stands inside another atomic only");
    }
    if (depth >= kMaxAtomicDepth) {
      wrong("commands", fmt::format("atomics nest at most {} deep; split this one", kMaxAtomicDepth));
    }
    commands_ += op.commands.size();
    if (commands_ > kMaxAtomicCommands) {
      wrong("commands",
            fmt::format("an atomic takes at most {} commands through all its levels; split it in several",
                        kMaxAtomicCommands),
            ErrorCode::batch_too_large);
    }
    for (std::size_t i = 0; i < op.commands.size() && !error_; ++i) {
      command(op.commands[i], depth + 1);
      if (error_) error_->path.insert(error_->path.begin(), static_cast<std::uint32_t>(i));
    }
  }

  template <class Move>
  void moved(const Move& op, const Options& options) {
    need_key(options, "a deposit or withdraw");
    name("account", op.account);
    amount("amount", op.amount);
    if (!op.external.empty()) name("external", op.external);
    if (op.external == op.account) {
      wrong("external", fmt::format("account and external must be two accounts: {} is both", op.account));
    }
  }

  template <class Batch>
  void batch(const Batch& op, const Options& options, std::size_t depth) {
    if (op.escrows.empty() == op.group.empty()) {
      wrong("escrows", "name the escrows: give one of escrows (not an empty list) and group");
    }
    if (!op.group.empty()) name("group", op.group);
    list(op.escrows);
    if (op.mode != BatchMode::atomic && op.mode != BatchMode::skip) {
      wrong("mode", "the mode must be atomic or skip");
    }
    if (op.amount) {
      amount("amount", *op.amount);
      if (op.escrows.size() != 1) wrong("amount", "amount settles part of one escrow: list exactly that one");
      need_key(options, "a batch with amount");
    }
    if (op.chunk) chunk(op, options, depth);
    if (op.close && op.group.empty()) wrong("close", "close needs a group, not a list of escrows");
  }

  template <class Batch>
  void chunk(const Batch& op, const Options& options, std::size_t depth) {
    if (*op.chunk == 0 || *op.chunk > kMaxGroupItems) {
      wrong("chunk", fmt::format("chunk must be 1 to {} escrows an event", kMaxGroupItems));
    }
    if (op.group.empty()) wrong("chunk", "chunk needs a group, not a list of escrows");
    if (op.mode != BatchMode::skip)
      wrong("chunk", "chunk needs mode skip: each chunk is an event of its own");
    if (depth > 0) wrong("chunk", "chunk cannot stand inside an atomic: each chunk is an event of its own");
    need_key(options, "a batch with chunk");
  }

  // What no batch could come to would only ever be refused as not met.
  void expect(const Expectation& expectation, std::string_view verb, bool (*adds_up)(const Total&)) {
    std::vector<Currency> seen;
    for (const auto& total : expectation) {
      if (!total.currency) return wrong("expect", "a total of expect is without its currency");
      const auto code = total.currency.code();
      if (std::ranges::find(seen, total.currency) != seen.end()) {
        return wrong("expect", fmt::format("expect has {} twice: give one total a currency", code));
      }
      seen.push_back(total.currency);
      if (total.escrows == 0 || total.amount <= Amount()) {
        return wrong("expect", fmt::format("expect has nothing {} in {}: leave that total out", verb, code));
      }
      if (!adds_up(total)) {
        return wrong("expect",
                     fmt::format("the total in {} does not add up: give the totals of the dry run", code));
      }
    }
  }
  static bool is_split(const Total& total) {
    if (total.commission < Amount() || total.processor_fee < Amount() || total.net < Amount()) return false;
    if (total.commission > total.amount) return false;
    return total.processor_fee <= total.amount - total.commission &&
           total.net == total.amount - total.commission - total.processor_fee;
  }
  static bool is_whole(const Total& total) {
    return total.commission == Amount() && total.processor_fee == Amount() && total.net == Amount();
  }

  void list(const EscrowList& escrows) {
    if (escrows.size() > kMaxListItems) {
      wrong("escrows",
            fmt::format("a list has at most {} escrows, this one {}; split it, or put them in a group",
                        kMaxListItems, escrows.size()),
            ErrorCode::batch_too_large);
      return;
    }
    if (escrows.all_ids()) {
      for (std::size_t i = 0; i < escrows.size(); ++i) {
        if (!is_id(escrows.id(i))) return bad_item(i);
      }
      return;
    }
    for (std::size_t i = 0; i < escrows.size(); ++i) {
      const auto item = escrows[i];
      if (item.id ? !is_id(item.id) : !is_key(item.key)) return bad_item(i);
    }
  }
  static bool is_id(EscrowId id) { return id && id.value() >> 63 == 0; }
  void bad_item(std::size_t i) {
    wrong(
        "escrows",
        fmt::format("item {} of escrows (from 0) is neither an id nor a key an escrow can be held under", i));
  }

  void escrow(const EscrowRef& ref) {
    if (static_cast<bool>(ref.id) != ref.key.empty()) {
      wrong("escrow", "name the escrow by its id or by the key it was held under");
    } else if (ref.id ? !is_id(ref.id) : !is_key(ref.key)) {
      wrong("escrow", "the escrow is neither an id nor a key an escrow can be held under");
    }
  }

  void rule(std::string_view field, const FeeRule& rule) {
    amount(field, rule.fixed, Amount());
    amount(field, rule.min, Amount());
    if (rule.max) {
      amount(field, *rule.max, Amount());
      if (*rule.max < rule.min) wrong(field, fmt::format("the max of the {} is below its min", field));
    }
    if (!rule.to.empty()) name(field, rule.to);
  }

  void dates(const std::optional<Timestamp>& release_at, const std::optional<Timestamp>& refund_at) {
    if (release_at && refund_at) {
      wrong("refund_at", "an escrow has one date: give release_at or refund_at, not both");
    }
    for (const auto& [field, at] : {std::pair("release_at", release_at), std::pair("refund_at", refund_at)}) {
      if (at && (*at < Timestamp{} || *at > kLastTime)) {
        wrong(field, fmt::format("{} must be in the years 1970 to 9999", field));
      }
    }
  }

  void name(std::string_view field, std::string_view text) {
    if (is_name(text)) return;
    if (text.empty()) return wrong(field, fmt::format("{} is missing: give a name", field));
    wrong(field,
          fmt::format("{} {} is no name: 1 to 128 of A-Z a-z 0-9 . _ : - / @", field, in_quotes(text)));
  }
  void currency(Currency currency) {
    if (!currency) wrong("currency", "currency is missing: give an ISO 4217 code, such as EUR");
  }
  void amount(std::string_view field, Amount amount, Amount least = Amount(1)) {
    if (amount >= least && amount <= kMaxAmount) return;
    wrong(field,
          fmt::format("{} must be {} to {} minor units, not {}", field, least.minor(), kMaxAmount.minor(),
                      amount.minor()),
          ErrorCode::amount_out_of_range);
  }
  void need_key(const Options& options, std::string_view what) {
    if (options.key.empty()) {
      wrong("key", fmt::format("{} needs a key: without one a repeated request would count twice", what));
    }
  }
  void bad_key(std::string_view field, std::string_view text) {
    wrong(field,
          fmt::format("the {} {} must be 1 to 255 printable ASCII characters without space, not digits alone",
                      field, in_quotes(text)));
  }

  void wrong(std::string_view field, std::string message, ErrorCode code = ErrorCode::invalid_command) {
    if (error_) return;
    error_.emplace();
    error_->code = code;
    error_->message = std::move(message);
    error_->fields.emplace_back(field);
  }

  std::optional<Error> error_;
  std::size_t commands_ = 0;
};

}  // namespace

Result<void> validate(const Command& command) {
  Checker checker;
  checker.command(command, 0);
  return checker.outcome();
}

Result<void> validate_inside(const Command& command, std::size_t depth) {
  Checker checker;
  checker.command(command, depth);
  return checker.outcome();
}

Result<void> validate_block(const Options& options) {
  Checker checker;
  checker.options(options);
  if (options.dry_run) return fail(ErrorCode::invalid_command, "an atomic block cannot be a dry run");
  return checker.outcome();
}

}  // namespace holdfast
