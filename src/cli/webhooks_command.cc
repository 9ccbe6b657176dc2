// Webhooks of the server: add, list, remove, and have one send again. They are kept in the server's
// directory, and work with it running or not; one that runs sees a change within a second.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <memory>

#include "base/clock.h"
#include "base/random.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "json/writer.h"
#include "server/webhook_endpoint.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

struct WebhooksArguments {
  std::string state;
  server::Webhook webhook;
  std::uint64_t after = 0;
  bool from_now = false;
  CLI::Option* after_given = nullptr;
};

std::filesystem::path state_path(const Context& context, const WebhooksArguments& arguments) {
  return arguments.state.empty() ? server::default_state_path(context.ledger_url)
                                 : std::filesystem::path(arguments.state);
}

Result<Seq> last_seq(const Context& context) {
  const auto ledger = context.open_to_read();
  if (!ledger) return std::unexpected(ledger.error());
  const auto status = ledger->status();
  if (!status) return std::unexpected(status.error());
  return status->seq;
}

Result<Seq> start_of(const Context& context, const WebhooksArguments& arguments) {
  const auto last = last_seq(context);
  if (!last || arguments.after_given->count() == 0) return last;
  if (Seq(arguments.after) > *last) {
    return fail(ErrorCode::invalid_command,
                fmt::format("--after {}: the ledger ends at seq {}", arguments.after, last->value()));
  }
  return Seq(arguments.after);
}

/// The directory, which is there as soon as there ever was a webhook or key.
Result<std::unique_ptr<server::StateDirectory>> open_state(const Context& context,
                                                           const WebhooksArguments& arguments) {
  const auto path = state_path(context, arguments);
  auto state = server::StateDirectory::open_existing(path);
  if (state && !*state) {
    return fail(ErrorCode::invalid_command,
                fmt::format("there are no webhooks in {}. Say with --state where the server keeps its files",
                            path.string()));
  }
  return state;
}

ExitCode add(Context& context, WebhooksArguments& arguments) {
  if (!arguments.webhook.ca_file.empty()) {
    std::error_code error;
    const auto path = std::filesystem::canonical(arguments.webhook.ca_file, error);
    if (error) {
      return context.misused(fmt::format("--ca {}: {}", arguments.webhook.ca_file, error.message()));
    }
    arguments.webhook.ca_file = path.string();  // the server runs in a directory of its own
  }
  const auto after = start_of(context, arguments);
  if (!after) return context.failed(after.error());
  arguments.webhook.after = *after;
  auto state = server::StateDirectory::open(state_path(context, arguments));
  if (!state) return context.failed(state.error());
  const auto added = server::add_webhook(**state, arguments.webhook, system_clock(), system_random());
  if (!added) return context.failed(added.error());
  if (context.json) {
    json::Writer out;
    out.begin_object().name("webhook").text(added->name).name("url").text(added->url);
    out.name("after").number(added->after.value()).name("secret").text(added->secret);
    return context.out.line(out.end_object().take()), ExitCode::done;
  }
  context.out.line(added->secret);
  context.out.flush();
  fmt::print(
      stderr,
      "Webhook \"{}\" gets every event after {}. Above is the secret of its signatures, shown this once: "
      "the receiver needs it (docs/webhooks.md).\nA server that runs begins within a second.\n",
      added->name, added->after.value());
  return ExitCode::done;
}

Result<std::vector<server::WebhookState>> read_states(const server::StateDirectory& state) {
  const auto webhooks = server::read_webhooks(state);
  if (!webhooks) return std::unexpected(webhooks.error());
  std::vector<server::WebhookState> states;
  if (webhooks->empty()) return states;
  const auto progress = server::open_progress(state);
  if (!progress) return std::unexpected(progress.error());
  for (const auto& webhook : *webhooks) {
    auto stands = server::read_progress(**progress, webhook);
    if (!stands) return std::unexpected(std::move(stands.error()));
    states.push_back({webhook, std::move(*stands), {}, {}, {}, {}});
  }
  return states;
}

ExitCode list(Context& context, const WebhooksArguments& arguments) {
  auto state = server::StateDirectory::open_existing(state_path(context, arguments));
  if (!state) return context.failed(state.error());
  Result<std::vector<server::WebhookState>> states;
  if (*state) states = read_states(**state);
  if (!states) return context.failed(states.error());
  const auto last = last_seq(context);
  if (!last) return context.failed(last.error());
  if (context.json) {
    for (const auto& each : *states) context.out.line(server::to_json(each, *last));
    return ExitCode::done;
  }
  if (states->empty()) {
    context.out.line(fmt::format("No webhooks in {}. Make one with: holdfast webhooks add NAME URL",
                                 state_path(context, arguments).string()));
    return ExitCode::done;
  }
  Table table({{"webhook", Align::left, Fit::cut},
               {"url", Align::left, Fit::cut},
               {"state"},
               {"position", Align::right},
               {"lag", Align::right},
               {"last error", Align::left, Fit::cut}});
  for (const auto& [webhook, progress, next_try, last_delivery, counts, sending] : *states) {
    const auto lag = std::max(*last, progress.position).value() - progress.position.value();
    table.add({webhook.name, webhook.url,
               progress.failed          ? "failed"
               : progress.failing_since ? "retrying"
                                        : "active",
               grouped(progress.position.value()), grouped(lag), progress.last_error});
  }
  context.out.write(table.render(context.terminal));
  return ExitCode::done;
}

ExitCode remove(Context& context, const WebhooksArguments& arguments) {
  auto state = open_state(context, arguments);
  if (!state) return context.failed(state.error());
  if (auto removed = server::remove_webhook(**state, arguments.webhook.name); !removed) {
    return context.failed(removed.error());
  }
  if (context.json) {
    json::Writer out;
    out.begin_object().name("webhook").text(arguments.webhook.name).name("removed").boolean(true);
    return context.out.line(out.end_object().take()), ExitCode::done;
  }
  context.out.line(
      fmt::format("Webhook \"{}\" is removed, and its secret forgotten. A server that runs stops "
                  "sending within a second.",
                  arguments.webhook.name));
  return ExitCode::done;
}

/// Both `replay`, from an event on, and `resume`, from where it stands.
ExitCode restart(Context& context, const WebhooksArguments& arguments, bool from_event) {
  std::optional<Seq> after;
  if (from_event) {
    const auto start = start_of(context, arguments);
    if (!start) return context.failed(start.error());
    after = *start;
  }
  auto state = open_state(context, arguments);
  if (!state) return context.failed(state.error());
  const auto restarted = server::restart_webhook(**state, arguments.webhook.name, after, system_clock());
  if (!restarted) return context.failed(restarted.error());
  if (context.json) {
    json::Writer out;
    out.begin_object().name("webhook").text(restarted->name).name("after").number(restarted->after.value());
    return context.out.line(out.end_object().take()), ExitCode::done;
  }
  context.out.line(
      fmt::format("Webhook \"{}\" gets every event after {} from now on. A server that runs "
                  "begins within a second.",
                  restarted->name, restarted->after.value()));
  return ExitCode::done;
}

void add_adding(CLI::App& webhooks, Context& context, const std::shared_ptr<WebhooksArguments>& arguments) {
  auto* make = webhooks.add_subcommand("add", "Send events to a URL; shows the secret of its signatures");
  make->fallthrough()->footer(
      "Example:\n"
      "  holdfast webhooks add shop https://shop.example/holdfast\n"
      "  holdfast webhooks add books https://books.internal:8443/in --ops release,refund --ca "
      "/etc/ssl/ours.pem\n"
      "  holdfast webhooks add mirror http://localhost:9000/ --after 0");
  auto& webhook = arguments->webhook;
  make->add_option("NAME", webhook.name, "What you call it")->required();
  make->add_option("URL", webhook.url, "Where each event is posted to")->required();
  auto* after = make->add_option("--after", arguments->after, "Begin after this event; 0: with the first")
                    ->type_name("SEQ");
  make->add_flag("--from-now", arguments->from_now, "Begin with the next event (as without --after)")
      ->excludes(after);
  make->add_option("--ops", webhook.ops, "Only these events, such as release,refund; else all")
      ->type_name("OP,…")
      ->delimiter(',');
  make->add_option("--ca", webhook.ca_file,
                   "A PEM file of the authorities for its certificate, in place of the system's")
      ->type_name("FILE");
  make->add_flag("--insecure", webhook.insecure, "Let http:// go to another machine, unencrypted");
  make->callback([&context, arguments, after] {
    arguments->after_given = after;
    context.exit = add(context, *arguments);
  });
}

CLI::App* add_named(CLI::App& webhooks, const std::shared_ptr<WebhooksArguments>& arguments, const char* name,
                    const char* description, const char* example) {
  auto* command = webhooks.add_subcommand(name, description);
  command->fallthrough()->footer(std::string("Example:\n") + example);
  command->add_option("NAME", arguments->webhook.name, "The webhook's name")->required();
  return command;
}

}  // namespace

void add_webhooks_command(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<WebhooksArguments>();
  auto* webhooks = add_command(
      app, help_group::kServe, "webhooks", "Have the server send each event to a URL",
      "  holdfast webhooks add shop https://shop.example/holdfast\n"
      "  holdfast webhooks list\n"
      "  holdfast webhooks replay shop --after 91220\n"
      "Each event is posted once it is durable, signed, in order, and again until it is taken (2xx): for "
      "three days,\n"
      "then the webhook is stopped until you say resume or replay. docs/webhooks.md says what a receiver "
      "does.");
  webhooks->require_subcommand(1);
  webhooks
      ->add_option("--state", arguments->state,
                   "Where the server keeps its files; without it: server/ in the ledger's directory, or "
                   "./holdfast-server for PostgreSQL")
      ->type_name("DIR");
  add_adding(*webhooks, context, arguments);
  auto* show = webhooks->add_subcommand("list", "List them, and how far each has come");
  show->fallthrough()->footer("Example:\n  holdfast webhooks list");
  show->callback([&context, arguments] { context.exit = list(context, *arguments); });
  auto* end = add_named(*webhooks, arguments, "remove", "Send it nothing more, and forget its secret",
                        "  holdfast webhooks remove shop");
  end->callback([&context, arguments] { context.exit = remove(context, *arguments); });
  auto* again = add_named(*webhooks, arguments, "replay", "Send every event after one again, or at last",
                          "  holdfast webhooks replay shop --after 91220");
  auto* after = again->add_option("--after", arguments->after, "Begin after this event; 0: with the first")
                    ->type_name("SEQ")
                    ->required();
  again->callback([&context, arguments, after] {
    arguments->after_given = after;
    context.exit = restart(context, *arguments, true);
  });
  auto* go_on = add_named(*webhooks, arguments, "resume", "Go on where it was stopped, at once",
                          "  holdfast webhooks resume shop");
  go_on->callback([&context, arguments] { context.exit = restart(context, *arguments, false); });
}

}  // namespace holdfast::cli
