// Serve a ledger to others.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "cli/commands.h"
#include "server/server.h"

namespace holdfast::cli {

namespace {

struct ServeArguments {
  server::ServeOptions options;
  std::string state;
  std::string audit_every = "24h";
  std::string log_level = "info";
  std::string on_broken_law = "stop";
  std::uint32_t slow_ms = 1'000;
  std::uint32_t drain_s = 30;
};

/// `24h`, `30m`, `90s`, `7d`, `0`; none for anything else.
std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMost = 1'000'000;
  if (text == "0") return std::chrono::seconds(0);
  if (text.size() < 2) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9' || number > kMost) return std::nullopt;
    number = 10 * number + static_cast<std::uint64_t>(c - '0');
  }
  const std::chrono::seconds one(number);
  switch (text.back()) {
    case 's':
      return one;
    case 'm':
      return 60 * one;
    case 'h':
      return 3'600 * one;
    case 'd':
      return 86'400 * one;
    default:
      return std::nullopt;
  }
}

void say_where(Context& context, const ServeArguments& arguments, const server::Listening& listening) {
  if (context.json) return;  // the log has it
  context.out.line(fmt::format("{} is served at {}", context.shown_ledger(), listening.url));
  if (listening.key) {
    context.out.line(fmt::format("Console: {}/#key={}", listening.url, *listening.key));
    context.out.line(
        "That key is for this run: anybody who has it may do everything. Make keys that stay with: "
        "holdfast keys create NAME --role operate");
  } else if (listening.no_keys) {
    context.out.line(
        fmt::format("There are no keys, so nobody may ask anything yet. Make one: holdfast keys create "
                    "NAME --role admin{}",
                    arguments.state.empty() ? "" : " --state " + arguments.state));
  } else {
    context.out.line(fmt::format("Console: {}", listening.url));
  }
  context.out.flush();
}

ExitCode serve(Context& context, const std::shared_ptr<ServeArguments>& arguments) {
  auto& options = arguments->options;
  options.ledger_url = context.ledger_url;
  options.shown_ledger = context.shown_ledger();
  options.state = arguments->state;
  options.version = HOLDFAST_VERSION;
  options.slow = std::chrono::milliseconds(arguments->slow_ms);
  options.drain = std::chrono::seconds(arguments->drain_s);
  options.log_form = ::isatty(STDERR_FILENO) == 1 ? server::Log::Form::text : server::Log::Form::json;
  const auto every = parse_duration(arguments->audit_every);
  if (!every) {
    return context.misused(fmt::format("--audit-every: \"{}\" is no time like 24h, 30m or 7d (0: never)",
                                       arguments->audit_every));
  }
  options.audit_every = *every;
  const auto level = server::parse_level(arguments->log_level);
  if (!level) {
    return context.misused(
        fmt::format("--log-level: \"{}\" is none of error, warning, info, debug", arguments->log_level));
  }
  options.log_level = *level;
  if (arguments->on_broken_law != "stop" && arguments->on_broken_law != "go-on") {
    return context.misused(
        fmt::format("--on-broken-law: \"{}\" is neither stop nor go-on", arguments->on_broken_law));
  }
  options.go_on_when_broken = arguments->on_broken_law == "go-on";
  if (const auto fits = server::check_options(options); !fits) return context.misused(fits.error().message);
  const auto served = server::serve(
      options, [&](const server::Listening& listening) { say_where(context, *arguments, listening); });
  if (served) return ExitCode::done;
  const bool misused = served.error().code == ErrorCode::invalid_command;
  return misused ? context.misused(served.error().message) : context.failed(served.error());
}

}  // namespace

void add_serve_command(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<ServeArguments>();
  auto& options = arguments->options;
  auto* command = add_command(app, help_group::kServe, "serve", "Answer over HTTP, with a console for people",
                              "  holdfast serve\n"
                              "  holdfast serve --listen 0.0.0.0:7420 --tls-cert cert.pem --tls-key key.pem\n"
                              "Where there are no keys yet it makes one for this run, and prints the "
                              "console's address with it. SIGTERM "
                              "finishes\n"
                              "what is under way and closes the ledger; SIGHUP reads the certificate again.");
  command
      ->add_option("--listen", options.listen, "The address and port to listen on; port 0: any that is free")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command->add_option("--tls-cert", options.tls_certificate, "The certificate, its chain after it, in PEM")
      ->type_name("FILE");
  command->add_option("--tls-key", options.tls_key, "Its private key, in PEM")->type_name("FILE");
  command->add_flag("--insecure-public", options.insecure_public,
                    "Listen on a public address without TLS: something in front of it encrypts");
  command
      ->add_option("--state", arguments->state,
                   "Where the server keeps its files; without it: server/ in the ledger's directory, or "
                   "./holdfast-server for PostgreSQL")
      ->type_name("DIR");
  command->add_flag("--metrics-open", options.metrics_open, "Answer /metrics without a key");
  command
      ->add_option("--audit-every", arguments->audit_every,
                   "How often the whole history is audited; 0: never")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--on-broken-law", arguments->on_broken_law,
                   "Where a law is found broken: stop taking commands, or go-on")
      ->type_name("stop|go-on")
      ->capture_default_str();
  command->add_option("--log-level", arguments->log_level, "error, warning, info, or debug: every request")
      ->type_name("LEVEL")
      ->capture_default_str();
  command->add_option("--slow-ms", arguments->slow_ms, "A request that takes longer is logged")
      ->type_name("MS")
      ->capture_default_str();
  command->add_option("--drain-s", arguments->drain_s, "How long what is under way has at the end")
      ->type_name("SECONDS")
      ->capture_default_str();
  command->add_option("--io-threads", options.io_threads, "Threads that read and write")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--workers", options.workers, "Threads for questions and long commands")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->callback([&context, arguments] { context.exit = serve(context, arguments); });
}

}  // namespace holdfast::cli
