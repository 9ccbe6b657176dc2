// What keeps a ledger well: checks, copies, due dates.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "holdfast/maintenance.h"
#include "json/render.h"
#include "json/writer.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

/// A law a line: whether it holds, and what was seen, broken between words where the terminal is narrow.
void print_checks(Context& context, const AuditReport& report) {
  constexpr std::string_view kHolds = "holds ";
  constexpr std::string_view kBroken = "BROKEN";
  constexpr std::size_t kGap = 2;
  constexpr std::size_t kLeastDetail = 20;
  std::size_t law = 0;
  for (const auto& check : report.checks) law = std::max(law, characters(check.law));
  const auto indent = law + kGap + kHolds.size() + kGap;
  const auto room = context.terminal.width ? std::max(*context.terminal.width, indent + kLeastDetail) - indent
                                           : std::string::npos;
  std::uint64_t held = 0;
  for (const auto& check : report.checks) {
    held += check.ok ? 1 : 0;
    const auto state = check.ok                  ? std::string(kHolds)
                       : context.terminal.colour ? fmt::format("\x1b[1;31m{}\x1b[0m", kBroken)
                                                 : std::string(kBroken);
    const auto lines = wrap(check.detail, room);
    context.out.line(fmt::format("{}  {}  {}", pad_right(check.law, law), state, lines.front()));
    for (std::size_t i = 1; i < lines.size(); ++i) context.out.line(pad_right("", indent) + lines[i]);
  }
  context.out.line(fmt::format("{} of {} laws hold.", held, report.checks.size()));
}

ExitCode audit(Context& context) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  Result<AuditReport> report;
  {
    ProgressBar bar(context.terminal, "audit", "events");
    report = ledger->audit([&](Seq done, Seq of) { bar.update(done.value(), of.value()); });
  }
  if (!report) {
    const bool broken = report.error().code == ErrorCode::corrupt;
    return context.failed(report.error(),
                          broken ? ExitCode::check_failed : exit_code_of(report.error().code));
  }
  if (context.json) {
    context.out.line(json::to_json(*report));
  } else {
    print_checks(context, *report);
  }
  return report->ok ? ExitCode::done : ExitCode::check_failed;
}

void print_report(Context& context, const std::string& what, const VerifyReport& report) {
  if (context.json) return context.out.line(json::to_json(report));
  const auto in =
      context.in_postgres() ? std::string() : fmt::format(", {}", counted(report.frames, "frame"));
  context.out.line(fmt::format("{}: {} up to seq {}{} in {}", what, counted(report.bytes, "byte"),
                               grouped(report.seq.value()), in, context.shown_ledger()));
  context.out.line(fmt::format("chain head {}", report.head));
}

/// \param corrupt_is  what a broken chain means: for `verify` a failed check, for a copy a storage error
ExitCode run_over_all(Context& context, const std::string& what, const char* label, ExitCode corrupt_is,
                      const std::function<Result<VerifyReport>(const Progress&)>& work) {
  Result<VerifyReport> report;
  {
    ProgressBar bar(context.terminal, label, context.in_postgres() ? "events" : "bytes");
    report = work([&](std::uint64_t done, std::uint64_t of) { bar.update(done, of); });
  }
  if (!report) {
    const auto code = report.error().code;
    if (code == ErrorCode::corrupt) return context.failed(report.error(), corrupt_is);
    return context.failed(report.error());
  }
  print_report(context, what, *report);
  return ExitCode::done;
}

ExitCode migrate(Context& context) {
  const auto report = holdfast::migrate(context.ledger_url);
  if (!report) return context.failed(report.error());
  if (context.json) {
    json::Writer out;
    out.begin_object()
        .name("ok")
        .boolean(true)
        .name("from")
        .number(report->from)
        .name("to")
        .number(report->to);
    out.name("applied").begin_list();
    for (const auto& file : report->applied) out.text(file);
    return context.out.line(out.end_list().end_object().take()), ExitCode::done;
  }
  const auto where = context.shown_ledger();
  const auto* what = context.in_postgres() ? "schema version" : "format";
  for (const auto& file : report->applied) context.out.line(fmt::format("ran {}", file));
  if (report->from == report->to) {
    context.out.line(
        fmt::format("{} has {} {}, that of this holdfast: nothing was changed.", where, what, report->to));
  } else if (report->from == 0) {
    context.out.line(
        fmt::format("{} has {} {} now. A ledger in it is made with: holdfast init", where, what, report->to));
  } else {
    context.out.line(fmt::format("{} had {} {} and has {} now.", where, what, report->from, report->to));
  }
  return ExitCode::done;
}

ExitCode seal(Context& context) {
  Result<SealReport> report;
  {
    ProgressBar bar(context.terminal, "seal", "events");
    report = holdfast::seal(context.ledger_url,
                            [&](std::uint64_t done, std::uint64_t of) { bar.update(done, of); });
  }
  if (!report) return context.failed(report.error());
  if (context.json) {
    json::Writer out;
    out.begin_object().name("ok").boolean(true).name("sealed").number(report->events);
    out.name("seq").number(report->seq.value()).name("head").text(report->head);
    return context.out.line(out.end_object().take()), ExitCode::done;
  }
  if (!context.in_postgres()) {
    context.out.line(
        "A journal store numbers and chains each event as it is written: there is nothing to seal.");
  } else {
    context.out.line(
        fmt::format("sealed {} in {}", counted(report->events, "event"), context.shown_ledger()));
  }
  context.out.line(fmt::format("chain head {} at seq {}", report->head, grouped(report->seq.value())));
  return ExitCode::done;
}

ExitCode status(Context& context) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto status = ledger->status();
  if (!status) return context.failed(status.error());
  if (context.json) return context.out.line(json::to_json(*status)), ExitCode::done;
  context.out.line(fmt::format("{}   seq {}", context.shown_ledger(), grouped(status->seq.value())));
  context.out.line(fmt::format("  chain head  {}", status->head));
  context.out.line(fmt::format("  accounts    {}", grouped(status->accounts)));
  context.out.line(fmt::format("  escrows     {}", grouped(status->escrows)));
  if (!context.in_postgres()) return ExitCode::done;
  if (status->unsealed_since) {
    context.out.line(fmt::format("  unsealed    {}, the oldest of {}. If that stays so: holdfast seal",
                                 counted(status->unsealed, "event"), when(*status->unsealed_since)));
  } else {
    context.out.line("  unsealed    0 events");
  }
  return ExitCode::done;
}

ExitCode run_due(Context& context, const std::string& now_text) {
  auto now = system_clock().wall();
  if (!now_text.empty()) {
    const auto parsed = parse_rfc3339(now_text);
    if (!parsed) return context.misused(fmt::format("--now: {}", parsed.error().message));
    now = *parsed;
  }
  auto ledger = context.open_to_write();
  if (!ledger) return context.failed(ledger.error());
  Result<DueReport> report;
  {
    ProgressBar bar(context.terminal, "run-due", "escrows");
    report = ledger->run_due(
        now, [&](const DueReport& so_far) { bar.update(so_far.released + so_far.refunded, 0); });
  }
  if (!report) return context.failed(report.error());
  const auto code = report->failed.empty() ? ExitCode::done : ExitCode::rejected;
  if (context.json) return context.out.line(json::to_json(*report)), code;
  context.out.line(fmt::format("released {}, refunded {}, due until {}", counted(report->released, "escrow"),
                               grouped(report->refunded), when(now)));
  if (report->failed.empty()) return code;
  context.out.line(fmt::format("{} could not be settled and were left as they are:",
                               counted(report->failed.size(), "escrow")));
  Table table({{"escrow", Align::right}, {"due"}, {"since"}, {"reason"}});
  for (const auto& [due, error] : report->failed) {
    table.add({std::to_string(due.escrow.value()), due.release ? "release" : "refund", when(due.at),
               std::string(to_string(error.code))});
  }
  context.out.write(table.render(context.terminal));
  return code;
}

void add_checks(CLI::App& app, Context& context) {
  auto* laws = add_command(app, help_group::kCare, "audit", "Check every law over the whole history",
                           "  holdfast audit || echo 'call someone'\nExit code 1: a law is broken.");
  laws->callback([&context] { context.exit = audit(context); });
  auto* chain =
      add_command(app, help_group::kCare, "verify", "Read every event and check the chain",
                  "  holdfast verify\n"
                  "  holdfast verify --ledger 'postgresql://holdfast@db/shop'\n"
                  "Exit code 1: the chain breaks; the answer says where. In PostgreSQL it checks what is "
                  "sealed.");
  chain->callback([&context] {
    context.exit = run_over_all(context, "verified", "verify", ExitCode::check_failed,
                                [&](const auto& bar) { return verify(context.ledger_url, bar); });
  });
  auto* state = add_command(app, help_group::kCare, "status",
                            "Say where the ledger stands: its chain, and what is behind",
                            "  holdfast status\n  holdfast status --json");
  state->callback([&context] { context.exit = status(context); });
}

void add_copies(CLI::App& app, Context& context) {
  struct CopyArguments {
    std::string directory;
    std::uint64_t through = 0;
  };
  auto* save = add_command(app, help_group::kCare, "backup",
                           "Copy what is durable into a new directory, also while the ledger is written",
                           "  holdfast backup /backup/holdfast-2026-11-24\n"
                           "A ledger in PostgreSQL is backed up with its own tools: pg_dump, pg_basebackup.");
  const auto target = std::make_shared<CopyArguments>();
  save->add_option("DIR", target->directory, "The new directory: not there, or empty")->required();
  save->callback([&context, target] {
    context.exit =
        run_over_all(context, fmt::format("backed up to {}", target->directory), "backup", ExitCode::storage,
                     [&](const auto& bar) { return backup(context.ledger_url, target->directory, bar); });
  });
  auto* load = add_command(app, help_group::kCare, "restore",
                           "Make a new ledger from a backup, or from what verifies of a corrupt ledger",
                           "  holdfast restore /backup/holdfast-2026-11-24 --ledger ./holdfast-new\n"
                           "  holdfast restore ./holdfast-data --ledger ./rescued --through 91220");
  const auto source = std::make_shared<CopyArguments>();
  load->add_option("DIR", source->directory, "The directory to restore from")->required();
  load->add_option("--through", source->through, "Only up to this event")->type_name("SEQ");
  load->callback([&context, source] {
    context.exit =
        run_over_all(context, fmt::format("restored from {}", source->directory), "restore",
                     ExitCode::storage, [&](const auto& bar) {
                       return restore(source->directory, context.ledger_url, Seq(source->through), bar);
                     });
  });
}

}  // namespace

void add_maintenance_commands(CLI::App& app, Context& context) {
  add_checks(app, context);
  add_copies(app, context);
  auto* format = add_command(app, help_group::kCare, "migrate",
                             "Bring a ledger's files, or a database's schema, to this version's format",
                             "  holdfast backup /backup/before && holdfast migrate\n"
                             "  holdfast migrate --ledger 'postgresql://owner@db/shop'\n"
                             "In PostgreSQL it makes the schema `holdfast` where there is none, runs each "
                             "numbered SQL file that is missing\n"
                             "once, under a lock, and needs the role that owns the schema. A schema of a "
                             "newer holdfast is left alone.");
  format->callback([&context] { context.exit = migrate(context); });
  auto* numbers =
      add_command(app, help_group::kCare, "seal", "Number and chain what is not yet (PostgreSQL)",
                  "  holdfast seal --ledger 'postgresql://holdfast_app@db/shop'\n"
                  "Whoever has a ledger open for writing seals as it goes. This does it where nobody has: "
                  "after\n"
                  "transactions of an application's own, or by cron.");
  numbers->callback([&context] { context.exit = seal(context); });
  auto* due =
      add_command(app, help_group::kCare, "run-due", "Release and refund every escrow whose date has come",
                  "  holdfast run-due\n  holdfast run-due --now 2026-12-01T00:00:00Z");
  const auto now = std::make_shared<std::string>();
  due->add_option("--now", *now, "As if it were this time")->type_name("TIME");
  due->callback([&context, now] { context.exit = run_due(context, *now); });
}

}  // namespace holdfast::cli
