// `holdfast explain`: an escrow's history, each amount with how it came about.
#include <memory>

#include "cli/commands.h"
#include "json/render.h"
#include "json/writer.h"
#include "text/explain.h"

namespace holdfast::cli {

namespace {

ExitCode explain_escrow(Context& context, const std::string& text) {
  const auto ledger = context.open_to_read();
  if (!ledger) return context.failed(ledger.error());
  const auto escrow = ledger->escrow(parse_escrow_ref(text));
  if (!escrow) return context.failed(escrow.error());
  const auto history = ledger->history({escrow->escrow, {}});
  if (!history) return context.failed(history.error());
  if (!context.json) return context.out.write(explain(*escrow, *history)), ExitCode::done;
  json::Writer out;
  out.begin_object().name("escrow").raw(json::to_json(*escrow)).name("history").begin_list();
  for (const auto& line : *history) out.raw(json::to_json(line));
  context.out.line(out.end_list().end_object().take());
  return ExitCode::done;
}

}  // namespace

void add_explain_command(CLI::App& app, Context& context) {
  auto* command =
      add_command(app, help_group::kAsk, "explain",
                  "Tell an escrow's history: each amount with its rate, rounding, plan, actor and date",
                  "  holdfast explain pledge:8812");
  const auto ref = std::make_shared<std::string>();
  command->add_option("ESCROW", *ref, "Its id, or the key that it was held under")->required();
  command->callback([&context, ref] { context.exit = explain_escrow(context, *ref); });
}

}  // namespace holdfast::cli
