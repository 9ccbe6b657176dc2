// `holdfast copy`: a whole ledger from one store to another.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "holdfast/maintenance.h"
#include "json/writer.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

struct CopyOptions {
  std::string from;
  std::string to;
};

ExitCode copy(Context& context, const CopyOptions& options) {
  Result<CopyReport> report;
  {
    ProgressBar bar(context.terminal, "copy", "events");
    report = holdfast::copy(options.from, options.to,
                            [&](std::uint64_t done, std::uint64_t of) { bar.update(done, of); });
  }
  if (!report) {
    if (report.error().code == ErrorCode::invalid_command)
      return context.failed(report.error(), ExitCode::usage);
    return context.failed(report.error());
  }
  if (context.json) {
    json::Writer out;
    out.begin_object().name("ok").boolean(true).name("events").number(report->events);
    out.name("before").number(report->before).name("seq").number(report->seq.value());
    out.name("head").text(report->head).name("accounts").number(report->accounts);
    return context.out.line(out.end_object().take()), ExitCode::done;
  }
  const auto before =
      report->before == 0 ? std::string() : fmt::format("; {} were there", grouped(report->before));
  context.out.line(
      fmt::format("copied {} to {}{}", counted(report->events, "event"), Context::shown(options.to), before));
  context.out.line(fmt::format("verified: {} have the same balances in both; every sum is 0",
                               counted(report->accounts, "account")));
  context.out.line(fmt::format("chain head {} at seq {}", report->head, grouped(report->seq.value())));
  return ExitCode::done;
}

}  // namespace

void add_copy_command(CLI::App& app, Context& context) {
  auto* command =
      add_command(app, help_group::kCare, "copy", "Copy a whole ledger to another store, event by event",
                  "  holdfast copy --from ./holdfast-data --to 'postgresql://holdfast@db/shop?ledger=main'\n"
                  "  holdfast copy --from 'postgresql://holdfast@db/shop' --to ./copy\n"
                  "Events keep their numbers, times and hashes. The target must be new, or have a beginning "
                  "of the source:\n"
                  "a copy that was cut off goes on when it is run again, and a complete one takes what has "
                  "come since. It ends\n"
                  "where the source ended when it began, and compares both.");
  const auto options = std::make_shared<CopyOptions>();
  command->add_option("--from", options->from, "The ledger to read")->type_name("URL")->required();
  command->add_option("--to", options->to, "The ledger to write")->type_name("URL")->required();
  command->callback([&context, options] { context.exit = copy(context, *options); });
}

}  // namespace holdfast::cli
