#include "cli/direct.h"

#include <fmt/format.h>

#include "cli/expectation.h"
#include "cli/table.h"
#include "json/render.h"
#include "text/text.h"

namespace holdfast::cli {

using namespace text;

namespace {

void print_totals(Context& context, const Settlement& settlement) {
  if (settlement.totals.empty()) return;
  const bool fees = settlement.kind != Settlement::Kind::refund;
  std::vector<Column> columns = {{"currency"}, {"escrows", Align::right}, {"amount", Align::right}};
  if (fees) {
    columns.insert(columns.end(),
                   {{"commission", Align::right}, {"fees", Align::right}, {"net", Align::right}});
  }
  Table table(std::move(columns));
  for (const auto& total : settlement.totals) {
    const auto sum = [&](Amount amount) { return to_grouped(amount, total.currency); };
    std::vector<std::string> row = {std::string(total.currency.code()), grouped(total.escrows),
                                    sum(total.amount)};
    if (fees) row.insert(row.end(), {sum(total.commission), sum(total.processor_fee), sum(total.net)});
    table.add(std::move(row));
  }
  context.out.write(table.render(context.terminal));
}

void print_skipped(Context& context, const Settlement& settlement) {
  if (settlement.skipped.empty()) return;
  std::string counts;
  for (const auto& [code, count] : settlement.skipped_count) {
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", grouped(count), to_string(code));
  }
  context.out.line(fmt::format("Left out: {}", counts));
  Table table({{"escrow", Align::right}, {"key", Align::left, Fit::cut}, {"reason"}});
  for (const auto& item : settlement.skipped) {
    table.add({item.escrow ? std::to_string(item.escrow.value()) : "", item.key,
               std::string(to_string(item.reason))});
  }
  context.out.write(table.render(context.terminal));
}

std::string ids(const Answer& answer) {
  std::string text;
  if (const auto* hold = std::get_if<HoldResult>(&answer.result); hold != nullptr && hold->escrow) {
    text += fmt::format(", escrow {}", hold->escrow->value());
  }
  if (const auto* plan = std::get_if<PlanResult>(&answer.result))
    text += fmt::format(", version {}", plan->version);
  if (answer.seq) text += fmt::format(" (seq {})", grouped(answer.seq->value()));
  return text;
}

void print_answer(Context& context, const Direct& direct, const Options& options, const Answer& answer) {
  const auto* settlement = std::get_if<Settlement>(&answer.result);
  const bool nothing = settlement != nullptr && settlement->totals.empty() && !direct.none.empty();
  context.out.line(fmt::format("{}{}{}", options.dry_run ? "dry run, nothing was changed: " : "",
                               nothing ? direct.none : direct.done, ids(answer)));
  if (settlement != nullptr) {
    print_totals(context, *settlement);
    print_skipped(context, *settlement);
  }
  if (options.dry_run) {
    if (settlement != nullptr && settlement->kind != Settlement::Kind::resolve) {
      context.out.line(fmt::format("To do this and nothing else: {}", expect_options(*settlement)));
    }
    return;
  }
  if (answer.replayed) {
    context.out.line(
        fmt::format("The key \"{}\" had taken effect before: this is the first answer again, and "
                    "nothing was posted.",
                    options.key));
  } else if (!answer.seq && !answer.event_id && !nothing) {
    context.out.line("It was so already: nothing was changed.");
  }
}

}  // namespace

void CommonOptions::add_to(CLI::App& command, bool needs_key) {
  auto* key = command.add_option("--key", options.key, "Takes effect at most once under this key");
  key->type_name("KEY")->required(needs_key);
  command.add_option("--actor", options.actor, "Who asks")->type_name("NAME");
  command.add_option("--reason", options.reason, "Why, in words")->type_name("TEXT");
  command.add_option("--reference", options.reference, "Your own id for it, outside")->type_name("ID");
  command.add_flag("--dry-run", options.dry_run, "Answer as if, and change nothing");
}

ExitCode run_direct(Context& context, const Options& options,
                    const std::function<Result<Direct>(const Ledger&)>& build) {
  auto ledger = context.open_to_write();
  if (!ledger) return context.failed(ledger.error());
  auto direct = build(*ledger);
  if (!direct) return context.failed(direct.error());
  const auto answer = ledger->execute({direct->operation, options});
  if (!answer) return context.failed(answer.error());
  if (context.json) {
    context.out.line(json::to_json(answer));
  } else {
    print_answer(context, *direct, options, *answer);
  }
  return ExitCode::done;
}

Result<Amount> parse_amount_or_zero(std::string_view text, Currency currency) {
  auto amount = parse_amount(text, currency);
  // Zero in the right form is only out of range; anything in a wrong form stays an error.
  const bool zero = text.find_first_not_of("0.") == std::string_view::npos;
  if (!amount && zero && amount.error().code == ErrorCode::amount_out_of_range) return Amount();
  return amount;
}

}  // namespace holdfast::cli
