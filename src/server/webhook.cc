#include "server/webhook.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/text.h"
#include "holdfast/commands.h"
#include "http/url.h"
#include "json/fields.h"
#include "json/writer.h"

namespace holdfast::server {

namespace {

constexpr std::string_view kLock = "webhooks.lock";
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::vector<std::string_view> event_ops() {
  std::vector<std::string_view> names;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (names.push_back(op_name(Operation(std::in_place_index<I>))), ...);
  }(std::make_index_sequence<std::variant_size_v<Operation>>());
  names.emplace_back("replay");
  return names;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::unexpected<Error> damaged(const std::string& path, std::string_view why) {
  return fail(
      ErrorCode::corrupt,
      fmt::format("{} is damaged: {}. Put back a copy of it, or remove it and begin again", path, why));
}

std::unexpected<Error> none_of_name(std::string_view name) {
  return fail(ErrorCode::invalid_command,
              fmt::format("there is no webhook {}. See: holdfast webhooks list", in_quotes(name)));
}

std::string make_secret(Random& random) {
  std::byte bytes[32];
  random.fill(bytes);
  std::string secret = "whsec_";
  for (const auto byte : bytes) secret += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return secret;
}

std::string render(const std::vector<Webhook>& webhooks) {
  json::Writer out;
  out.begin_object().name("webhooks").begin_list();
  for (const auto& webhook : webhooks) {
    out.begin_object().name("webhook").text(webhook.name).name("url").text(webhook.url);
    out.name("secret").text(webhook.secret).name("ops").begin_list();
    for (const auto& op : webhook.ops) out.text(op);
    out.end_list();
    if (!webhook.ca_file.empty()) out.name("ca").text(webhook.ca_file);
    out.name("insecure").boolean(webhook.insecure).name("created").text(to_rfc3339(webhook.created));
    out.name("start").number(webhook.start).name("after").number(webhook.after.value()).end_object();
  }
  return out.end_list().end_object().take() + "\n";
}

std::uint64_t read_number(json::Fields& fields, std::string_view name) {
  return static_cast<std::uint64_t>(fields.optional_integer(name, "a number", 0, kMax).value_or(0));
}

Result<Webhook> read_webhook(json::Value value) {
  if (value.kind() != json::Kind::object) return fail(ErrorCode::corrupt, "a webhook is no object");
  constexpr std::string_view kNames[] = {"webhook",  "url",     "secret", "ops",  "ca",
                                         "insecure", "created", "start",  "after"};
  json::Fields fields(value, "webhook");
  fields.allow(kNames);
  Webhook webhook;
  webhook.name = fields.required_text("webhook", "a name");
  webhook.url = fields.required_text("url", "a URL");
  webhook.secret = fields.required_text("secret", "a secret");
  if (const auto ops = fields.required_list("ops", "a list of ops")) {
    ops->each_item([&](json::Value op) {
      if (op.kind() != json::Kind::text) return fields.error(ErrorCode::corrupt, "ops", "an op is no text");
      webhook.ops.emplace_back(op.text());
    });
  }
  webhook.ca_file = fields.optional_text("ca", "a file");
  webhook.insecure = fields.flag("insecure");
  webhook.created = fields.optional_time("created").value_or(Timestamp());
  webhook.start = read_number(fields, "start");
  webhook.after = Seq(read_number(fields, "after"));
  if (fields.error()) return std::unexpected(*fields.error());
  if (auto checked = check_webhook(webhook); !checked) return std::unexpected(checked.error());
  return webhook;
}

/// Reads, has `change` change, and writes, while no other process does.
template <class Change>
Result<void> change_webhooks(StateDirectory& state, Change change) {
  auto lock = state.lock(kLock);
  if (!lock) return std::unexpected(std::move(lock.error()));
  auto webhooks = read_webhooks(state);
  if (!webhooks) return std::unexpected(std::move(webhooks.error()));
  if (Result<void> changed = change(*webhooks); !changed) return changed;
  return state.replace(kWebhooksFile, render(*webhooks));
}

std::vector<Webhook>::iterator find(std::vector<Webhook>& webhooks, std::string_view name) {
  return std::ranges::find(webhooks, name, &Webhook::name);
}

std::uint64_t next_start(const Clock& clock, std::uint64_t last) {
  return std::max(static_cast<std::uint64_t>(clock.wall().micros), last + 1);
}

}  // namespace

Result<void> check_webhook(const Webhook& webhook) {
  if (!is_name(webhook.name)) {
    return fail(
        ErrorCode::invalid_command,
        fmt::format("{} is no name for a webhook: use 1 to 64 of A-Z a-z 0-9 _ -", in_quotes(webhook.name)));
  }
  const auto url = http::parse_url(webhook.url);
  if (!url) {
    return fail(ErrorCode::invalid_command, fmt::format("webhook {}: {}", webhook.name, url.error()));
  }
  if (!url->encrypted && !url->is_loopback() && !webhook.insecure) {
    return fail(ErrorCode::invalid_command,
                fmt::format("webhook {}: {} would carry every event over the network for all to read. Use "
                            "https://, or say that this network is yours alone with --insecure",
                            webhook.name, webhook.url));
  }
  const auto known = event_ops();
  for (const auto& op : webhook.ops) {
    if (std::ranges::find(known, op) == known.end()) {
      return fail(ErrorCode::invalid_command,
                  fmt::format("webhook {}: no event has the op {}; there are: {}", webhook.name,
                              in_quotes(op), fmt::join(known, ", ")));
    }
  }
  return {};
}

Result<std::vector<Webhook>> parse_webhooks(std::string_view text, const std::string& path) {
  const auto document = json::Document::parse(text);
  if (!document) return damaged(path, document.error().message);
  if (document->root().kind() != json::Kind::object) return damaged(path, "it is no object");
  json::Fields fields(document->root(), "the file");
  constexpr std::string_view kNames[] = {"webhooks"};
  fields.allow(kNames);
  const auto list = fields.required_list("webhooks", "a list of webhooks");
  if (fields.error()) return damaged(path, fields.error()->message);
  std::vector<Webhook> webhooks;
  std::optional<Error> error;
  list->each_item([&](json::Value value) {
    auto webhook = read_webhook(value);
    if (!webhook && !error) error = webhook.error();
    if (webhook && find(webhooks, webhook->name) != webhooks.end() && !error) {
      error = Error{ErrorCode::corrupt, "webhook " + webhook->name + " is there twice", {}, {}, {}, {}};
    }
    if (webhook) webhooks.push_back(std::move(*webhook));
  });
  if (error) return damaged(path, error->message);
  if (webhooks.size() > kMaxWebhooks) return damaged(path, "it has too many webhooks");
  return webhooks;
}

Result<std::vector<Webhook>> read_webhooks(const StateDirectory& state) {
  auto text = state.read(kWebhooksFile);
  if (!text) return std::unexpected(std::move(text.error()));
  if (!*text) return {};
  return parse_webhooks(**text, state.path_of(kWebhooksFile).string());
}

Result<Webhook> add_webhook(StateDirectory& state, Webhook webhook, const Clock& clock, Random& random) {
  if (auto checked = check_webhook(webhook); !checked) return std::unexpected(std::move(checked.error()));
  webhook.secret = make_secret(random);
  webhook.created = clock.wall();
  webhook.start = next_start(clock, 0);
  auto added = change_webhooks(state, [&](std::vector<Webhook>& webhooks) -> Result<void> {
    if (find(webhooks, webhook.name) != webhooks.end()) {
      return fail(ErrorCode::invalid_command,
                  fmt::format("there is a webhook {} already. Remove it first: holdfast webhooks remove {}",
                              webhook.name, webhook.name));
    }
    if (webhooks.size() >= kMaxWebhooks) {
      return fail(ErrorCode::invalid_command,
                  fmt::format("there are {} webhooks, and no more may be: remove one, or have a program of "
                              "yours read /v1/events and pass them on",
                              kMaxWebhooks));
    }
    webhooks.push_back(webhook);
    return {};
  });
  if (!added) return std::unexpected(std::move(added.error()));
  return webhook;
}

Result<void> remove_webhook(StateDirectory& state, std::string_view name) {
  return change_webhooks(state, [&](std::vector<Webhook>& webhooks) -> Result<void> {
    const auto found = find(webhooks, name);
    if (found == webhooks.end()) return none_of_name(name);
    webhooks.erase(found);
    return {};
  });
}

Result<Webhook> restart_webhook(StateDirectory& state, std::string_view name, std::optional<Seq> after,
                                const Clock& clock) {
  Webhook restarted;
  auto changed = change_webhooks(state, [&](std::vector<Webhook>& webhooks) -> Result<void> {
    const auto found = find(webhooks, name);
    if (found == webhooks.end()) return none_of_name(name);
    if (!after) {
      const auto progress = open_progress(state);
      if (!progress) return std::unexpected(progress.error());
      const auto stands = read_progress(**progress, *found);
      if (!stands) return std::unexpected(stands.error());
      after = stands->position;
    }
    found->after = *after;
    found->start = next_start(clock, found->start);
    restarted = *found;
    return {};
  });
  if (!changed) return std::unexpected(std::move(changed.error()));
  return restarted;
}

Result<std::unique_ptr<StateDirectory>> open_progress(const StateDirectory& state) {
  return StateDirectory::open(state.path_of("webhooks"));
}

Result<WebhookProgress> read_progress(const StateDirectory& progress, const Webhook& webhook) {
  WebhookProgress value;
  value.start = webhook.start;
  value.position = webhook.after;
  const auto text = progress.read(webhook.name);
  if (!text) return std::unexpected(text.error());
  if (!*text) return value;

  const auto path = progress.path_of(webhook.name).string();
  const auto document = json::Document::parse(**text);
  if (!document) return damaged(path, document.error().message);
  if (document->root().kind() != json::Kind::object) return damaged(path, "it is no object");
  json::Fields fields(document->root(), "the file");
  constexpr std::string_view kNames[] = {"start",    "position", "failing_since",
                                         "attempts", "failed",   "last_error"};
  fields.allow(kNames);
  WebhookProgress noted;
  noted.start = read_number(fields, "start");
  noted.position = Seq(read_number(fields, "position"));
  noted.failing_since = fields.optional_time("failing_since");
  noted.attempts = static_cast<std::uint32_t>(
      fields.optional_integer("attempts", "a number", 0, std::numeric_limits<std::uint32_t>::max())
          .value_or(0));
  noted.failed = fields.flag("failed");
  noted.last_error = fields.optional_text("last_error", "a text");
  if (fields.error()) return damaged(path, fields.error()->message);
  return noted.start == webhook.start ? noted : value;
}

Result<void> write_progress(StateDirectory& progress, std::string_view name, const WebhookProgress& value) {
  json::Writer out;
  out.begin_object().name("start").number(value.start).name("position").number(value.position.value());
  if (value.failing_since) out.name("failing_since").text(to_rfc3339(*value.failing_since));
  out.name("attempts").number(value.attempts).name("failed").boolean(value.failed);
  if (!value.last_error.empty()) out.name("last_error").text(value.last_error);
  return progress.replace(name, out.end_object().take() + "\n");
}

}  // namespace holdfast::server
