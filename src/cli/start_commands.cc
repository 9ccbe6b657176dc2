// The first commands: make a ledger, and say which version this is.
#include <fmt/format.h>

#include "cli/commands.h"
#include "json/render.h"
#include "json/writer.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

ExitCode init(Context& context) {
  const auto there = context.open_to_read();
  if (!there && there.error().code != ErrorCode::not_a_ledger) return context.failed(there.error());
  if (!there) {
    const auto made = context.open_to_write({.create = true});
    if (!made) return context.failed(made.error());
  }
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto status = ledger->status();
  if (!status) return context.failed(status.error());
  if (context.json) return context.out.line(json::to_json(*status)), ExitCode::done;
  context.out.line(there ? fmt::format("{} is a ledger already, at seq {}: nothing was changed.",
                                       context.shown_ledger(), grouped(status->seq.value()))
                         : fmt::format("made an empty ledger in {}", context.shown_ledger()));
  return ExitCode::done;
}

ExitCode version(Context& context) {
  if (!context.json) return context.out.line("holdfast " HOLDFAST_VERSION), ExitCode::done;
  json::Writer out;
  context.out.line(out.begin_object().name("version").text(HOLDFAST_VERSION).end_object().take());
  return ExitCode::done;
}

}  // namespace

void add_start_commands(CLI::App& app, Context& context) {
  auto* make =
      add_command(app, help_group::kStart, "init", "Make an empty ledger",
                  "  holdfast init\n"
                  "  holdfast init --ledger /var/lib/holdfast/main\n"
                  "  holdfast init --ledger 'postgresql://holdfast@db/shop?ledger=main'\n"
                  "In PostgreSQL it makes the schema `holdfast` too, where there is none. A ledger that "
                  "is there is left as it is.");
  make->callback([&context] { context.exit = init(context); });
  auto* show =
      add_command(app, help_group::kStart, "version", "Say which version this is", "  holdfast version");
  show->callback([&context] { context.exit = version(context); });
}

}  // namespace holdfast::cli
