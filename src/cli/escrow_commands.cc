// What happens to escrows and groups: one command a call.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/direct.h"
#include "cli/expectation.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

struct Dates {
  std::string release_at;
  std::string refund_at;

  void add_to(CLI::App& command) {
    auto* release = command.add_option("--release-at", release_at, "Released by itself then, by run-due");
    auto* refund = command.add_option("--refund-at", refund_at, "Refunded by itself then, by run-due");
    release->type_name("TIME");
    refund->type_name("TIME")->excludes(release);
  }

  [[nodiscard]] static Result<std::optional<Timestamp>> parse(const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto time = parse_rfc3339(text);
    if (!time) return std::unexpected(time.error());
    return *time;
  }

  /// Puts the dates into a command that has both.
  template <class With>
  [[nodiscard]] Result<void> put(With& command) const {
    const auto release = parse(release_at);
    if (!release) return std::unexpected(release.error());
    const auto refund = parse(refund_at);
    if (!refund) return std::unexpected(refund.error());
    command.release_at = *release;
    command.refund_at = *refund;
    return {};
  }
};

struct HoldArguments {
  CommonOptions common;
  std::string payer;
  std::string beneficiary;
  std::string amount;
  std::string fee_plan;
  std::string group;
  Dates dates;
};

Result<Direct> hold(const Ledger& ledger, const HoldArguments& arguments) {
  const auto payer = ledger.account(arguments.payer);
  if (!payer) return std::unexpected(payer.error());
  const auto amount = parse_amount(arguments.amount, payer->currency);
  if (!amount) return std::unexpected(amount.error());
  Hold command;
  command.payer = arguments.payer;
  command.beneficiary = arguments.beneficiary;
  command.amount = *amount;
  command.fee_plan = arguments.fee_plan;
  command.group = arguments.group;
  if (auto put = arguments.dates.put(command); !put) return std::unexpected(put.error());
  return Direct{command, fmt::format("held {} of {} for {}", money(*amount, payer->currency), arguments.payer,
                                     arguments.beneficiary)};
}

void add_hold(CLI::App& app, Context& context) {
  auto* command = add_command(app, help_group::kOne, "hold", "Lock money of a payer for a beneficiary",
                              "  holdfast hold user:42 campaign:7 9.99 --fee-plan standard \\\n"
                              "      --group campaign:7 --key pledge:8812");
  const auto typed = std::make_shared<HoldArguments>();
  command->add_option("PAYER", typed->payer, "Whose money is locked")->required();
  command->add_option("BENEFICIARY", typed->beneficiary, "Who is paid at the release")->required();
  command->add_option("AMOUNT", typed->amount, "A decimal in their currency")->required();
  command->add_option("--fee-plan", typed->fee_plan, "How the release is split")
      ->type_name("NAME")
      ->required();
  command->add_option("--group", typed->group, "The campaign or order it belongs to")->type_name("NAME");
  typed->dates.add_to(*command);
  typed->common.add_to(*command, true);
  command->callback([&context, typed] {
    context.exit = run_direct(context, typed->common.options,
                              [&](const Ledger& ledger) { return hold(ledger, *typed); });
  });
}

struct OneArguments {
  CommonOptions common;
  std::string ref;
  Dates dates;
  bool no_date = false;
  std::string to_payer;
  std::string to_beneficiary;
};

void add_reschedule(CLI::App& app, Context& context) {
  auto* command = add_command(app, help_group::kOne, "reschedule", "Set or take away an escrow's date",
                              "  holdfast reschedule pledge:8812 --release-at 2026-12-01T00:00:00Z\n"
                              "  holdfast reschedule pledge:8812 --no-date");
  const auto typed = std::make_shared<OneArguments>();
  command->add_option("ESCROW", typed->ref, "Its id or key")->required();
  typed->dates.add_to(*command);
  command->add_flag("--no-date", typed->no_date, "It waits for a command");
  typed->common.add_to(*command, false);
  command->callback([&context, typed] {
    const auto& dates = typed->dates;
    if (typed->no_date != (dates.release_at.empty() && dates.refund_at.empty())) {
      context.exit = context.misused("reschedule needs one of --release-at, --refund-at and --no-date");
      return;
    }
    context.exit = run_direct(context, typed->common.options, [&](const Ledger&) -> Result<Direct> {
      Reschedule reschedule;
      reschedule.escrow = parse_escrow_ref(typed->ref);
      if (auto put = typed->dates.put(reschedule); !put) return std::unexpected(put.error());
      return Direct{reschedule, fmt::format("set the date of {}", typed->ref)};
    });
  });
}

void add_freeze(CLI::App& app, Context& context) {
  auto* command = add_command(app, help_group::kOne, "freeze", "Stop every release and refund of an escrow",
                              "  holdfast freeze pledge:8812 --actor support --reason \"chargeback 91\"");
  const auto typed = std::make_shared<OneArguments>();
  command->add_option("ESCROW", typed->ref, "Its id or key")->required();
  typed->common.add_to(*command, false);
  command->callback([&context, typed] {
    context.exit = run_direct(context, typed->common.options, [&](const Ledger&) -> Result<Direct> {
      return Direct{Freeze{parse_escrow_ref(typed->ref)}, fmt::format("froze {}", typed->ref)};
    });
  });
}

Result<Direct> resolve(const Ledger& ledger, const OneArguments& arguments) {
  Resolve command;
  command.escrow = parse_escrow_ref(arguments.ref);
  const auto escrow = ledger.escrow(command.escrow);
  if (!escrow) return std::unexpected(escrow.error());
  const auto to_payer = parse_amount_or_zero(arguments.to_payer, escrow->currency);
  if (!to_payer) return std::unexpected(to_payer.error());
  const auto to_beneficiary = parse_amount_or_zero(arguments.to_beneficiary, escrow->currency);
  if (!to_beneficiary) return std::unexpected(to_beneficiary.error());
  command.to_payer = *to_payer;
  command.to_beneficiary = *to_beneficiary;
  return Direct{command, fmt::format("resolved {}: {} to {}, {} to {}", arguments.ref,
                                     money(*to_payer, escrow->currency), escrow->payer,
                                     money(*to_beneficiary, escrow->currency), escrow->beneficiary)};
}

void add_resolve(CLI::App& app, Context& context) {
  auto* command = add_command(app, help_group::kOne, "resolve",
                              "End a freeze and pay its two parts; 0 and 0 only "
                              "lifts it",
                              "  holdfast resolve pledge:8812 --to-payer 20.00 --to-beneficiary 30.00 \\\n"
                              "      --key dispute:91");
  const auto typed = std::make_shared<OneArguments>();
  command->add_option("ESCROW", typed->ref, "Its id or key")->required();
  command->add_option("--to-payer", typed->to_payer, "Back, without fees")->type_name("AMOUNT")->required();
  command->add_option("--to-beneficiary", typed->to_beneficiary, "Paid out, under the fee plan")
      ->type_name("AMOUNT")
      ->required();
  typed->common.add_to(*command, true);
  command->callback([&context, typed] {
    context.exit = run_direct(context, typed->common.options,
                              [&](const Ledger& ledger) { return resolve(ledger, *typed); });
  });
}

struct SettleArguments {
  CommonOptions common;
  std::vector<std::string> refs;
  std::string group;
  std::string mode = "atomic";
  std::string amount;
  std::string fee_plan;
  std::uint32_t chunk = 0;
  bool close = false;
  std::vector<std::string> expect;
};

template <class Settle>
Result<Direct> settle(const Ledger& ledger, const SettleArguments& arguments, std::string_view verb) {
  Settle command;
  for (const auto& ref : arguments.refs) {
    const auto [id, key] = parse_escrow_ref(ref);
    key.empty() ? command.escrows.add(id) : command.escrows.add(key);
  }
  command.group = arguments.group;
  command.mode = arguments.mode == "skip" ? BatchMode::skip : BatchMode::atomic;
  command.close = arguments.close;
  if (arguments.chunk != 0) command.chunk = arguments.chunk;
  if constexpr (std::is_same_v<Settle, Release>) command.fee_plan = arguments.fee_plan;
  if (!arguments.expect.empty()) {
    auto expectation = parse_expectation(arguments.expect, std::is_same_v<Settle, Release>);
    if (!expectation) return std::unexpected(expectation.error());
    command.expect = std::move(*expectation);
  }
  const auto what =
      arguments.group.empty()
          ? arguments.refs.size() == 1 ? arguments.refs.front() : counted(arguments.refs.size(), "escrow")
          : arguments.group;
  if (arguments.amount.empty()) {
    return Direct{command, fmt::format("{} {}", verb, what), fmt::format("{} nothing of {}", verb, what)};
  }

  if (arguments.refs.size() != 1) {
    return fail(ErrorCode::invalid_command, "--amount is a part of one escrow: name that one");
  }
  const auto escrow = ledger.escrow(parse_escrow_ref(arguments.refs.front()));
  if (!escrow) return std::unexpected(escrow.error());
  const auto amount = parse_amount(arguments.amount, escrow->currency);
  if (!amount) return std::unexpected(amount.error());
  command.amount = *amount;
  return Direct{command, fmt::format("{} {} of {}", verb, money(*amount, escrow->currency), what), {}};
}

template <class Settle>
void add_settle(CLI::App& app, Context& context, const char* name, const char* description, const char* verb,
                const std::string& example) {
  auto* command = add_command(app, help_group::kOne, name, description, example);
  const auto typed = std::make_shared<SettleArguments>();
  auto* refs = command->add_option("ESCROW", typed->refs, "Ids and keys of escrows");
  command->add_option("--group", typed->group, "All of this group that have something locked")
      ->type_name("NAME")
      ->excludes(refs);
  command->add_option("--mode", typed->mode, "atomic: all or nothing; skip: leave out what cannot be")
      ->type_name("MODE")
      ->check(CLI::IsMember({"atomic", "skip"}))
      ->capture_default_str();
  command->add_option("--amount", typed->amount, "Only this part of the one escrow named")
      ->type_name("AMOUNT");
  if constexpr (std::is_same_v<Settle, Release>) {
    command->add_option("--fee-plan", typed->fee_plan, "Instead of the one at the hold")->type_name("NAME");
  }
  command->add_option("--chunk", typed->chunk, "So many an event; needs --group, --key and --mode skip")
      ->type_name("N")
      ->check(CLI::Range(1U, static_cast<std::uint32_t>(kMaxGroupItems)));
  command->add_flag("--close", typed->close, "Close the group too");
  command
      ->add_option("--expect", typed->expect,
                   "Only if it comes to this, one a currency: as a dry run shows it")
      ->type_name("TOTAL")
      ->allow_extra_args(false);
  typed->common.add_to(*command, false);
  command->callback([&context, typed, verb] {
    if (typed->refs.empty() && typed->group.empty()) {
      context.exit = context.misused(fmt::format("nothing to be {}: name escrows, or --group", verb));
      return;
    }
    context.exit = run_direct(context, typed->common.options,
                              [&](const Ledger& ledger) { return settle<Settle>(ledger, *typed, verb); });
  });
}

template <class Turn>
void add_group(CLI::App& app, Context& context, const char* name, const char* description, const char* verb,
               const std::string& example) {
  auto* command = add_command(app, help_group::kOne, name, description, example);
  const auto typed = std::make_shared<OneArguments>();
  command->add_option("GROUP", typed->ref, "The group's name")->required();
  typed->common.add_to(*command, false);
  command->callback([&context, typed, verb] {
    context.exit = run_direct(context, typed->common.options, [&](const Ledger&) -> Result<Direct> {
      return Direct{Turn{typed->ref}, fmt::format("{} {}", verb, typed->ref)};
    });
  });
}

}  // namespace

void add_escrow_commands(CLI::App& app, Context& context) {
  add_hold(app, context);
  add_reschedule(app, context);
  add_settle<Release>(app, context, "release", "Split escrows and pay them out", "released",
                      "  holdfast release pledge:8812 17 18\n"
                      "  holdfast release --group campaign:7 --mode skip --close --dry-run");
  add_settle<Refund>(app, context, "refund", "Pay escrows back, in full: no fee", "refunded",
                     "  holdfast refund pledge:8812\n  holdfast refund --group campaign:7 --close");
  add_freeze(app, context);
  add_resolve(app, context);
  add_group<CloseGroup>(app, context, "close-group", "Take no new hold in a group", "closed",
                        "  holdfast close-group campaign:7");
  add_group<ReopenGroup>(app, context, "reopen-group", "Take holds in a group again", "reopened",
                         "  holdfast reopen-group campaign:7");
}

}  // namespace holdfast::cli
