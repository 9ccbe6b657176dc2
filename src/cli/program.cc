#include "cli/program.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "cli/commands.h"

namespace holdfast::cli {

namespace {

constexpr const char* kDescription =
    "Holdfast, an escrow ledger: holds other people's money until it is due, then pays it out or back, "
    "exactly.";

constexpr const char* kFooter =
    "First steps:\n"
    "  holdfast init\n"
    "  holdfast define-fee-plan standard --currency EUR --commission 0.05 --processor-fee 0.029\n"
    "  holdfast open-account user:42 --currency EUR --kind user\n"
    "  holdfast open-account campaign:7 --currency EUR --kind beneficiary\n"
    "  holdfast deposit user:42 50.00 --key payin:1\n"
    "  holdfast hold user:42 campaign:7 9.99 --fee-plan standard --key pledge:8812\n"
    "  holdfast release pledge:8812\n"
    "  holdfast explain pledge:8812\n"
    "\n"
    "Exit codes: 0 done, 1 a check failed, 2 usage, 3 a command was rejected, 4 storage.";

/// Known before the command line is read, since it decides how a mistake in it is answered.
bool wants_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--json") return true;
    if (argument == "--") return false;
  }
  return false;
}

void add_global_options(CLI::App& app, Context& context) {
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--ledger", context.ledger_url,
                 "Its directory, or postgresql://user@host/database?ledger=NAME, where HOLDFAST_LEDGER does "
                 "not say it")
      ->envname("HOLDFAST_LEDGER")
      ->type_name("URL")
      ->capture_default_str();
  app.add_flag("--json", context.json, "Answer in JSON, for programs");
  app.set_help_flag("-h,--help", "Explain this command and show an example");
  app.footer(kFooter);
}

/// CLI11 says what is wrong with an argument; of a command that is not there it would list all arguments.
std::string misuse(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) {
    return fmt::format("{}. See: holdfast {} --help", error.what(), chosen.front()->get_name());
  }
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first.empty()) return "which command? See: holdfast --help";
  if (!first.starts_with('-')) return fmt::format("there is no command \"{}\". See: holdfast --help", first);
  return fmt::format("{}. See: holdfast --help", error.what());
}

ExitCode parse_and_run(CLI::App& app, Context& context, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    context.out.write(app.help());  // of the sub-command, where one was named
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    return context.misused(misuse(app, error, argc, argv));
  }
  return context.exit;
}

}  // namespace

int run(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes is an error of write, handled there
  Context context;
  context.terminal = Terminal::detect();
  context.json = wants_json(argc, argv);
  CLI::App app{kDescription, "holdfast"};
  add_global_options(app, context);
  add_start_commands(app, context);
  add_apply_command(app, context);
  add_import_command(app, context);
  add_account_commands(app, context);
  add_escrow_commands(app, context);
  add_query_commands(app, context);
  add_list_commands(app, context);
  add_explain_command(app, context);
  add_maintenance_commands(app, context);
  add_copy_command(app, context);
  add_bench_command(app, context);
  add_serve_command(app, context);
  add_keys_command(app, context);
  add_webhooks_command(app, context);

  auto code = parse_and_run(app, context, argc, argv);
  context.out.flush();
  const int error = context.out.error_number();
  if (error != 0 && error != EPIPE) {
    fmt::print(stderr, "holdfast: standard output cannot be written: {}\n", std::strerror(error));
    if (code == ExitCode::done) code = ExitCode::storage;
  }
  return static_cast<int>(code);
}

}  // namespace holdfast::cli
