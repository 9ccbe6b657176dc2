// Lists: accounts, escrows, groups, fee plans, statement, events. With --json one object a line, written page
// by page; for people a table, and how to go on where there is more.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/table.h"
#include "json/render.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

/// Reads pages until `limit` rows were given out (0: all) or the list ends.
/// \param fetch  the cursor to start after, how many rows -> a Result<Page>
/// \param give   called for each row
/// Returns the cursor to go on after, none at the end.
template <class Cursor, class Fetch, class Give>
Result<std::optional<Cursor>> read_pages(Context& context, Cursor after, std::size_t limit, Fetch fetch,
                                         Give give) {
  constexpr std::size_t kPage = 1'000;
  std::size_t given = 0;
  while (!context.out.closed()) {
    const auto wanted = limit == 0 ? kPage : std::min(kPage, limit - given);
    auto page = fetch(after, wanted);
    if (!page) return std::unexpected(std::move(page.error()));
    for (const auto& row : page->rows) give(row);
    given += page->rows.size();
    if (!page->next) return std::nullopt;
    after = *page->next;
    if (limit != 0 && given >= limit) return after;
  }
  return std::nullopt;
}

struct ListOptions {
  std::string name;  // whose statement
  std::string after_name;
  std::uint64_t after = 0;
  std::size_t limit = 100;
  EscrowFilter filter;
  std::string status;
};

/// The end of a list for people.
template <class Cursor>
ExitCode finish(Context& context, const Table& table, const Result<std::optional<Cursor>>& rest,
                std::string_view nothing) {
  if (!rest) return context.failed(rest.error());
  if (context.json) return ExitCode::done;
  if (table.empty()) {
    context.out.line(nothing);
  } else {
    context.out.write(table.render(context.terminal));
  }
  if (*rest) {
    if constexpr (std::is_same_v<Cursor, std::string>) {
      context.out.line(fmt::format("There is more: --after {}", **rest));
    } else {
      context.out.line(fmt::format("There is more: --after {}", (*rest)->value()));
    }
  }
  return ExitCode::done;
}

ExitCode list_accounts(Context& context, const ListOptions& options) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  Table table({{"account", Align::left, Fit::cut},
               {"kind"},
               {"currency"},
               {"available", Align::right},
               {"held", Align::right},
               {"state", Align::left, Fit::drop}});
  const auto rest = read_pages(
      context, options.after_name, options.limit,
      [&](const std::string& after, std::size_t n) { return ledger->accounts(after, n); },
      [&](const AccountView& row) {
        if (context.json) return context.out.line(json::to_json(row));
        table.add({row.account, std::string(to_string(row.kind)), std::string(row.currency.code()),
                   to_grouped(row.available, row.currency), to_grouped(row.held, row.currency),
                   row.open ? "open" : "closed"});
      });
  return finish(context, table, rest, "No account.");
}

ExitCode list_escrows(Context& context, const ListOptions& options) {
  auto filter = options.filter;
  if (!options.status.empty()) {
    filter.status = parse_escrow_status(options.status);
    if (!filter.status) {
      return context.misused(
          fmt::format("--status {}: use LOCKED, FROZEN, RELEASED, REFUNDED or SPLIT", options.status));
    }
  }
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  Table table({{"escrow", Align::right},
               {"key", Align::left, Fit::cut},
               {"payer", Align::left, Fit::cut},
               {"beneficiary", Align::left, Fit::cut},
               {"amount", Align::right},
               {"currency"},
               {"status"},
               {"held at", Align::left, Fit::drop}});
  const auto rest = read_pages(
      context, EscrowId(options.after), options.limit,
      [&](EscrowId after, std::size_t n) {
        filter.after = after;
        filter.limit = n;
        return ledger->escrows(filter);
      },
      [&](const EscrowView& row) {
        if (context.json) return context.out.line(json::to_json(row));
        table.add({std::to_string(row.escrow.value()), row.key, row.payer, row.beneficiary,
                   to_grouped(row.amount, row.currency), std::string(row.currency.code()),
                   std::string(to_string(row.status)), when(row.held_at)});
      });
  return finish(context, table, rest, "No escrow.");
}

ExitCode list_groups(Context& context, const ListOptions& options) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  Table table(
      {{"group", Align::left, Fit::cut}, {"escrows", Align::right}, {"live", Align::right}, {"state"}});
  const auto rest = read_pages(
      context, options.after_name, options.limit,
      [&](const std::string& after, std::size_t n) { return ledger->groups(after, n); },
      [&](const GroupView& row) {
        if (context.json) return context.out.line(json::to_json(row));
        table.add({row.group, grouped(row.escrows), grouped(row.live), row.open ? "open" : "closed"});
      });
  return finish(context, table, rest, "No group.");
}

std::string rule_text(const FeeRule& rule, Currency currency) {
  auto text = rule.rate.to_percent();
  if (rule.fixed != Amount()) text += fmt::format(" + {}", to_grouped(rule.fixed, currency));
  if (rule.min != Amount()) text += fmt::format(", at least {}", to_grouped(rule.min, currency));
  if (rule.max) text += fmt::format(", at most {}", to_grouped(*rule.max, currency));
  return text;
}

ExitCode list_fee_plans(Context& context) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto plans = ledger->fee_plans();
  if (!plans) return context.failed(plans.error());
  Table table({{"fee plan", Align::left, Fit::cut},
               {"version", Align::right},
               {"currency"},
               {"commission"},
               {"processor fee"},
               {"rounding"},
               {"paid to", Align::left, Fit::drop}});
  for (const auto& plan : *plans) {
    if (context.json) {
      context.out.line(json::to_json(plan));
      continue;
    }
    table.add({plan.fee_plan, std::to_string(plan.version), std::string(plan.currency.code()),
               rule_text(plan.commission, plan.currency), rule_text(plan.processor_fee, plan.currency),
               std::string(to_string(plan.rounding)),
               fmt::format("{}, {}", plan.commission.to, plan.processor_fee.to)});
  }
  if (context.json) return ExitCode::done;
  context.out.write(table.empty() ? "No fee plan.\n" : table.render(context.terminal));
  return ExitCode::done;
}

ExitCode list_statement(Context& context, const ListOptions& options) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto account = ledger->account(options.name);
  if (!account) return context.failed(account.error());
  Table table({{"seq", Align::right},
               {"time", Align::left, Fit::drop},
               {"op"},
               {"bucket"},
               {"amount", Align::right},
               {"balance", Align::right},
               {"escrows", Align::right},
               {"reference", Align::left, Fit::cut_or_drop}});
  const auto sum = [&](Amount amount) { return to_grouped(amount, account->currency); };
  const auto rest = read_pages(
      context, Seq(options.after), options.limit,
      [&](Seq after, std::size_t n) { return ledger->statement({options.name, after, n}); },
      [&](const StatementLine& row) {
        if (context.json) return context.out.line(json::to_json(row));
        table.add({grouped(row.seq.value()), when(row.at), row.op, std::string(to_string(row.bucket)),
                   sum(row.amount), sum(row.balance), grouped(row.escrows), row.reference});
      });
  context.say(fmt::format("{}   {}   available {}   held {}", account->account, account->currency.code(),
                          sum(account->available), sum(account->held)));
  return finish(context, table, rest, "Nothing was posted.");
}

ExitCode list_events(Context& context, const ListOptions& options) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  Table table({{"seq", Align::right},
               {"time"},
               {"op"},
               {"escrows", Align::right},
               {"postings", Align::right, Fit::drop},
               {"actor", Align::left, Fit::cut_or_drop},
               {"key", Align::left, Fit::cut_or_drop}});
  const auto rest = read_pages(
      context, Seq(options.after), options.limit,
      [&](Seq after, std::size_t n) { return ledger->events(after, n); },
      [&](const EventView& row) {
        if (context.json) return context.out.line(json::to_json(row));
        table.add({grouped(row.seq.value()), when(row.at), row.op, grouped(row.escrow_count),
                   grouped(row.postings.size()), row.actor, row.key});
      });
  return finish(context, table, rest, "No event.");
}

using Show = ExitCode (*)(Context&, const ListOptions&);

CLI::App* add_list(CLI::App& app, Context& context, const char* name, const char* description,
                   const std::string& example, bool by_name, Show show) {
  auto* command = add_command(app, help_group::kAsk, name, description, example);
  const auto options = std::make_shared<ListOptions>();
  if (by_name) {
    command->add_option("--after", options->after_name, "Go on after this name")->type_name("NAME");
  } else {
    command->add_option("--after", options->after, "Go on after this number")->type_name("N");
  }
  command->add_option("--limit", options->limit, "How many at most; 0: all")
      ->type_name("N")
      ->capture_default_str();
  if (show == list_escrows) {
    auto& filter = options->filter;
    auto* group = command->add_option("--group", filter.group, "Those of this group")->type_name("NAME");
    auto* payer = command->add_option("--payer", filter.payer, "Those of this payer")->type_name("NAME");
    auto* to = command->add_option("--beneficiary", filter.beneficiary, "Those for this beneficiary");
    to->type_name("NAME")->excludes(group)->excludes(payer);
    payer->excludes(group);
    command->add_option("--status", options->status, "LOCKED, FROZEN, RELEASED, REFUNDED or SPLIT")
        ->type_name("STATUS");
  }
  if (show == list_statement) command->add_option("NAME", options->name, "The account's name")->required();
  command->callback([&context, options, show] { context.exit = show(context, *options); });
  return command;
}

}  // namespace

void add_list_commands(CLI::App& app, Context& context) {
  add_list(app, context, "accounts", "List the accounts, by name", "  holdfast accounts --limit 20", true,
           list_accounts);
  add_list(app, context, "escrows", "List escrows, by id",
           "  holdfast escrows --group campaign:7 --status LOCKED --limit 50", false, list_escrows);
  add_list(app, context, "groups", "List the groups, by name", "  holdfast groups", true, list_groups);
  auto* plans = add_command(app, help_group::kAsk, "fee-plans", "List the fee plans in all their versions",
                            "  holdfast fee-plans");
  plans->callback([&context] { context.exit = list_fee_plans(context); });
  add_list(app, context, "statement", "List what was posted to an account, with the running balance",
           "  holdfast statement platform:commission --limit 0", false, list_statement);
  add_list(app, context, "events", "List the events, in the order of seq",
           "  holdfast events --after 41 --limit 10", false, list_events);
}

}  // namespace holdfast::cli
