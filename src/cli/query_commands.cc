// Questions about one thing: account, escrow, group; and the trial balance.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <variant>

#include "cli/commands.h"
#include "cli/table.h"
#include "json/render.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

/// Labels and values below each other, the values aligned.
class Facts {
 public:
  void add(std::string label, std::string value) {
    if (!value.empty()) facts_.emplace_back(std::move(label), std::move(value));
  }
  /// Amounts are aligned at the right among themselves.
  void amount(std::string label, Amount amount, Currency currency) {
    amount_width_ = std::max(amount_width_, to_grouped(amount, currency).size());
    facts_.emplace_back(std::move(label), Sum{amount, currency});
  }
  void print(Output& out) const {
    std::size_t width = 0;
    for (const auto& [label, value] : facts_) width = std::max(width, label.size());
    for (const auto& [label, value] : facts_) {
      const auto* sum = std::get_if<Sum>(&value);
      const auto text = sum == nullptr ? std::get<std::string>(value)
                                       : pad_left(to_grouped(sum->amount, sum->currency), amount_width_);
      out.line(fmt::format("  {}  {}", pad_right(label, width), text));
    }
  }

 private:
  struct Sum {
    Amount amount;
    Currency currency;
  };
  std::vector<std::pair<std::string, std::variant<std::string, Sum>>> facts_;
  std::size_t amount_width_ = 0;
};

ExitCode show_account(Context& context, const std::string& name) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto account = ledger->account(name);
  if (!account) return context.failed(account.error());
  if (context.json) return context.out.line(json::to_json(*account)), ExitCode::done;
  context.out.line(fmt::format("{}   {}   {}   {}", account->account, account->currency.code(),
                               to_string(account->kind), account->open ? "open" : "closed"));
  Facts facts;
  facts.amount("available", account->available, account->currency);
  facts.amount("held", account->held, account->currency);
  facts.print(context.out);
  return ExitCode::done;
}

ExitCode show_escrow(Context& context, const std::string& ref) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto found = ledger->escrow(parse_escrow_ref(ref));
  if (!found) return context.failed(found.error());
  const auto& escrow = *found;
  if (context.json) return context.out.line(json::to_json(escrow)), ExitCode::done;
  context.out.line(fmt::format("{}   {}   {}   {} → {}   {}", escrow.escrow.value(), escrow.key,
                               money(escrow.amount, escrow.currency), escrow.payer, escrow.beneficiary,
                               to_string(escrow.status)));
  Facts facts;
  facts.add("group", escrow.group);
  facts.add("fee plan", fmt::format("{} v{}", escrow.fee_plan, escrow.fee_plan_version));
  facts.amount("locked", escrow.locked, escrow.currency);
  facts.amount("released", escrow.released, escrow.currency);
  facts.amount("refunded", escrow.refunded, escrow.currency);
  facts.amount("commission", escrow.commission, escrow.currency);
  facts.amount("processor fee", escrow.processor_fee, escrow.currency);
  facts.amount("net", escrow.net, escrow.currency);
  facts.add("held at", when(escrow.held_at));
  if (escrow.closed_at) facts.add("closed at", when(*escrow.closed_at));
  if (escrow.release_at) facts.add("release at", when(*escrow.release_at));
  if (escrow.refund_at) facts.add("refund at", when(*escrow.refund_at));
  facts.print(context.out);
  return ExitCode::done;
}

ExitCode show_group(Context& context, const std::string& name) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto summary = ledger->group_summary(name);
  if (!summary) return context.failed(summary.error());
  if (context.json) return context.out.line(json::to_json(*summary)), ExitCode::done;
  const auto& group = summary->group;
  context.out.line(fmt::format("{}   {}   {}, {} with something locked", group.group,
                               group.open ? "open" : "closed to new holds", counted(group.escrows, "escrow"),
                               grouped(group.live)));
  Table table({{"currency"},
               {"amount", Align::right},
               {"locked", Align::right},
               {"frozen", Align::right},
               {"released", Align::right},
               {"refunded", Align::right},
               {"commission", Align::right},
               {"fees", Align::right},
               {"net", Align::right}});
  for (const auto& total : summary->totals) {
    const auto sum = [&](Amount amount) { return to_grouped(amount, total.currency); };
    table.add({std::string(total.currency.code()), sum(total.amount), sum(total.locked), sum(total.frozen),
               sum(total.released), sum(total.refunded), sum(total.commission), sum(total.processor_fee),
               sum(total.net)});
  }
  if (!table.empty()) context.out.write(table.render(context.terminal));
  return ExitCode::done;
}

ExitCode show_trial_balance(Context& context) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto balances = ledger->trial_balance();
  if (!balances) return context.failed(balances.error());
  Table table({{"currency"},
               {"available", Align::right},
               {"held", Align::right},
               {"external", Align::right},
               {"commission", Align::right},
               {"fees", Align::right},
               {"sum", Align::right}});
  bool zero = true;
  for (const auto& balance : *balances) {
    zero = zero && balance.sum == Amount();
    if (context.json) {
      context.out.line(json::to_json(balance));
      continue;
    }
    const auto sum = [&](Amount amount) { return to_grouped(amount, balance.currency); };
    table.add({std::string(balance.currency.code()), sum(balance.available), sum(balance.held),
               sum(balance.external), sum(balance.commission), sum(balance.processor_fee), sum(balance.sum)});
  }
  if (!context.json && !table.empty()) context.out.write(table.render(context.terminal));
  if (!zero) {
    return context.failed(
        {ErrorCode::corrupt, "the buckets do not sum to zero: run holdfast audit", {}, {}, {}, {}},
        ExitCode::check_failed);
  }
  context.say(balances->empty() ? "No account yet." : "Every currency sums to zero.");
  return ExitCode::done;
}

void add_named(CLI::App& app, Context& context, const char* name, const char* argument,
               const char* description, const char* help, const std::string& example,
               ExitCode (*show)(Context&, const std::string&)) {
  auto* command = add_command(app, help_group::kAsk, name, description, example);
  const auto value = std::make_shared<std::string>();
  command->add_option(argument, *value, help)->required();
  command->callback([&context, value, show] { context.exit = show(context, *value); });
}

}  // namespace

void add_query_commands(CLI::App& app, Context& context) {
  add_named(app, context, "account", "NAME", "Show an account and its two buckets", "The account's name",
            "  holdfast account user:42", show_account);
  add_named(app, context, "escrow", "ESCROW", "Show an escrow", "Its id, or the key that it was held under",
            "  holdfast escrow pledge:8812\n  holdfast escrow 17", show_escrow);
  add_named(app, context, "group", "NAME", "Show a group", "The group's name", "  holdfast group campaign:7",
            show_group);
  auto* trial = add_command(app, help_group::kAsk, "trial-balance",
                            "Show that every cent is somewhere, by currency", "  holdfast trial-balance");
  trial->callback([&context] { context.exit = show_trial_balance(context); });
}

}  // namespace holdfast::cli
