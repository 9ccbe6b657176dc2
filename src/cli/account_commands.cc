// Accounts, fee plans and money that moves between accounts: one command a call.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/direct.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

template <class Arguments>
struct Typed {
  CommonOptions common;
  Arguments arguments;
};

/// The currency that an amount for this account is typed in.
Result<Currency> currency_of(const Ledger& ledger, const std::string& account) {
  auto view = ledger.account(account);
  if (!view) return std::unexpected(std::move(view.error()));
  return view->currency;
}

struct AccountArguments {
  std::string name;
  std::string currency;
  std::string kind;
};

void add_open_account(CLI::App& app, Context& context) {
  auto* command = add_command(app, help_group::kOne, "open-account", "Open an account in one currency",
                              "  holdfast open-account user:42 --currency EUR --kind user");
  const auto typed = std::make_shared<Typed<AccountArguments>>();
  auto& arguments = typed->arguments;
  command->add_option("NAME", arguments.name, "The new account's name")->required();
  command->add_option("--currency", arguments.currency, "ISO 4217")->type_name("CODE")->required();
  command->add_option("--kind", arguments.kind, "user, beneficiary, platform, fees or external")
      ->type_name("KIND")
      ->required();
  typed->common.add_to(*command, false);
  command->callback([&context, typed] {
    context.exit = run_direct(context, typed->common.options, [&](const Ledger&) -> Result<Direct> {
      const auto& [name, code, word] = typed->arguments;
      const auto currency = Currency::parse(code);
      if (!currency) return std::unexpected(currency.error());
      const auto kind = parse_account_kind(word);
      if (!kind) {
        return fail(ErrorCode::invalid_command,
                    fmt::format("--kind {}: use user, beneficiary, platform, fees or external", word));
      }
      return Direct{OpenAccount{name, *currency, *kind}, fmt::format("opened {} ({}, {})", name, word, code)};
    });
  });
}

void add_close_account(CLI::App& app, Context& context) {
  auto* command = add_command(app, help_group::kOne, "close-account", "Close an empty account for good",
                              "  holdfast close-account user:42 --reason \"left the site\"");
  const auto typed = std::make_shared<Typed<AccountArguments>>();
  command->add_option("NAME", typed->arguments.name, "The account's name")->required();
  typed->common.add_to(*command, false);
  command->callback([&context, typed] {
    context.exit = run_direct(context, typed->common.options, [&](const Ledger&) -> Result<Direct> {
      const auto& name = typed->arguments.name;
      return Direct{CloseAccount{name}, fmt::format("closed {}", name)};
    });
  });
}

struct RuleArguments {
  std::string rate;
  std::string fixed = "0";
  std::string min = "0";
  std::string max;
  std::string to;

  void add_to(CLI::App& command, const std::string& flag, const char* what) {
    const auto named = [&](const char* suffix) { return "--" + flag + suffix; };
    command.add_option(named(""), rate, fmt::format("Rate of the {}, such as 0.05", what))
        ->type_name("RATE")
        ->required();
    command.add_option(named("-fixed"), fixed, "Added to it")->type_name("AMOUNT");
    command.add_option(named("-min"), min, "At least this")->type_name("AMOUNT");
    command.add_option(named("-max"), max, "At most this")->type_name("AMOUNT");
    command.add_option(named("-to"), to, "The account that is paid")->type_name("NAME");
  }

  [[nodiscard]] Result<FeeRule> rule(Currency currency) const {
    FeeRule result;
    const auto parsed = Rate::parse(rate);
    if (!parsed) return std::unexpected(parsed.error());
    result.rate = *parsed;
    const std::pair<const std::string&, Amount&> amounts[] = {{fixed, result.fixed}, {min, result.min}};
    for (const auto& [text, amount] : amounts) {
      const auto value = parse_amount_or_zero(text, currency);
      if (!value) return std::unexpected(value.error());
      amount = *value;
    }
    if (!max.empty()) {
      const auto value = parse_amount_or_zero(max, currency);
      if (!value) return std::unexpected(value.error());
      result.max = *value;
    }
    result.to = to;
    return result;
  }
};

struct PlanArguments {
  std::string name;
  std::string currency;
  RuleArguments commission;
  RuleArguments processor_fee;
  std::string rounding = "half_up";
};

Result<Direct> define_fee_plan(const PlanArguments& arguments) {
  const auto currency = Currency::parse(arguments.currency);
  if (!currency) return std::unexpected(currency.error());
  const auto commission = arguments.commission.rule(*currency);
  if (!commission) return std::unexpected(commission.error());
  const auto processor_fee = arguments.processor_fee.rule(*currency);
  if (!processor_fee) return std::unexpected(processor_fee.error());
  const auto rounding = parse_rounding(arguments.rounding);
  if (!rounding) {
    return fail(ErrorCode::invalid_command,
                fmt::format("--rounding {}: use half_up, half_even, down or up", arguments.rounding));
  }
  return Direct{DefineFeePlan{arguments.name, *currency, *commission, *processor_fee, *rounding},
                fmt::format("defined fee plan {}", arguments.name)};
}

void add_define_fee_plan(CLI::App& app, Context& context) {
  auto* command = add_command(app, help_group::kOne, "define-fee-plan",
                              "Define how a release is split, as a new version of a fee plan",
                              "  holdfast define-fee-plan standard --currency EUR --commission 0.05 \\\n"
                              "      --processor-fee 0.029 --processor-fee-fixed 0.30");
  const auto typed = std::make_shared<Typed<PlanArguments>>();
  auto& arguments = typed->arguments;
  command->add_option("NAME", arguments.name, "The fee plan's name")->required();
  command->add_option("--currency", arguments.currency, "ISO 4217")->type_name("CODE")->required();
  arguments.commission.add_to(*command, "commission", "platform's commission");
  arguments.processor_fee.add_to(*command, "processor-fee", "processor's fee");
  command->add_option("--rounding", arguments.rounding, "half_up, half_even, down or up")
      ->type_name("HOW")
      ->capture_default_str();
  typed->common.add_to(*command, false);
  command->callback([&context, typed] {
    context.exit = run_direct(context, typed->common.options,
                              [&](const Ledger&) { return define_fee_plan(typed->arguments); });
  });
}

struct MoveArguments {
  std::string account;
  std::string amount;
  std::string other;
};

template <class Move>
void add_move(CLI::App& app, Context& context, const char* name, const char* description, const char* verb,
              const std::string& example) {
  auto* command = add_command(app, help_group::kOne, name, description, example);
  const auto typed = std::make_shared<Typed<MoveArguments>>();
  command->add_option("ACCOUNT", typed->arguments.account, "The account's name")->required();
  command->add_option("AMOUNT", typed->arguments.amount, "A decimal in the account's currency")->required();
  command
      ->add_option("--external", typed->arguments.other, "The external account, where not external:CURRENCY")
      ->type_name("NAME");
  typed->common.add_to(*command, true);
  command->callback([&context, typed, verb] {
    context.exit = run_direct(context, typed->common.options, [&](const Ledger& ledger) -> Result<Direct> {
      const auto& [account, text, external] = typed->arguments;
      const auto currency = currency_of(ledger, account);
      if (!currency) return std::unexpected(currency.error());
      const auto amount = parse_amount(text, *currency);
      if (!amount) return std::unexpected(amount.error());
      return Direct{Move{account, *amount, external},
                    fmt::format("{} {}: {}", verb, money(*amount, *currency), account)};
    });
  });
}

void add_transfer(CLI::App& app, Context& context) {
  auto* command =
      add_command(app, help_group::kOne, "transfer", "Move money between two accounts of one currency",
                  "  holdfast transfer user:42 user:43 12.50 --key gift:1");
  const auto typed = std::make_shared<Typed<MoveArguments>>();
  command->add_option("FROM", typed->arguments.account, "The account that pays")->required();
  command->add_option("TO", typed->arguments.other, "The account that is paid")->required();
  command->add_option("AMOUNT", typed->arguments.amount, "A decimal in their currency")->required();
  typed->common.add_to(*command, true);
  command->callback([&context, typed] {
    context.exit = run_direct(context, typed->common.options, [&](const Ledger& ledger) -> Result<Direct> {
      const auto& [from, text, to] = typed->arguments;
      const auto currency = currency_of(ledger, from);
      if (!currency) return std::unexpected(currency.error());
      const auto amount = parse_amount(text, *currency);
      if (!amount) return std::unexpected(amount.error());
      return Direct{Transfer{from, to, *amount},
                    fmt::format("moved {} from {} to {}", money(*amount, *currency), from, to)};
    });
  });
}

}  // namespace

void add_account_commands(CLI::App& app, Context& context) {
  add_open_account(app, context);
  add_close_account(app, context);
  add_define_fee_plan(app, context);
  add_move<Deposit>(app, context, "deposit", "Bring money in from an external account", "deposited",
                    "  holdfast deposit user:42 50.00 --key payin:1");
  add_move<Withdraw>(app, context, "withdraw", "Pay money out to an external account", "withdrew",
                     "  holdfast withdraw campaign:7 9.20 --key payout:1");
  add_transfer(app, context);
}

}  // namespace holdfast::cli
