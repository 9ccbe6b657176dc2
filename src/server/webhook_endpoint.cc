#include "server/webhook_endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "http/retry_after.h"
#include "json/writer.h"
#include "server/webhook_signature.h"

namespace holdfast::server {

using std::chrono::nanoseconds;
using Next = WebhookEndpoint::Next;

namespace {

constexpr std::size_t kEventsAtOnce = 64;
constexpr nanoseconds kStorageDelay = std::chrono::seconds(1);

void time_or_null(json::Writer& out, const std::optional<Timestamp>& at) {
  at ? out.text(to_rfc3339(*at)) : out.null();
}

std::string refusal(const http::Reply& reply) {
  if (reply.status / 100 == 3) {
    return fmt::format("answered {} (to {}): redirects are not followed, give the URL itself", reply.status,
                       in_quotes(reply.location));
  }
  if (reply.body.empty()) return fmt::format("answered {}", reply.status);
  return fmt::format("answered {}: {}", reply.status, in_quotes(reply.body));
}

}  // namespace

std::string to_json(const WebhookState& state, std::optional<Seq> last) {
  const auto& progress = state.progress;
  json::Writer out;
  out.begin_object().name("webhook").text(state.webhook.name).name("url").text(state.webhook.url);
  out.name("ops").begin_list();
  for (const auto& op : state.webhook.ops) out.text(op);
  out.end_list().name("state").text(progress.failed          ? "failed"
                                    : progress.failing_since ? "retrying"
                                                             : "active");
  out.name("position").number(progress.position.value()).name("lag");
  last ? out.number(std::max(*last, progress.position).value() - progress.position.value()) : out.null();
  time_or_null(out.name("failing_since"), progress.failing_since);
  out.name("attempts").number(progress.attempts);
  out.name("last_error").text_or_null(progress.last_error);
  time_or_null(out.name("next_try"), state.next_try);
  time_or_null(out.name("last_delivery"), state.last_delivery);
  out.name("delivered").number(state.counts.taken);
  out.name("created").text(to_rfc3339(state.webhook.created));
  return out.end_object().take();
}

WebhookEndpoint::WebhookEndpoint(Webhook webhook, Parts parts, DeliveryOptions options, DeliveryCounts counts)
    : webhook_(std::move(webhook)), parts_(std::move(parts)), options_(std::move(options)) {
  state_.webhook = webhook_;
  state_.progress.start = webhook_.start;
  state_.progress.position = webhook_.after;
  state_.counts = counts;
}

Seq WebhookEndpoint::position() const {
  const std::lock_guard lock(mutex_);
  return state_.progress.position;
}

WebhookState WebhookEndpoint::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void WebhookEndpoint::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (client_) client_->cancel();
}

void WebhookEndpoint::tell(WebhookNotice::Kind kind, std::string message) const {
  if (parts_.told) parts_.told({kind, webhook_.name, std::move(message)});
}

Next WebhookEndpoint::storage_problem(std::string message) {
  if (!storage_told_) tell(WebhookNotice::Kind::storage, std::move(message));
  storage_told_ = true;
  return {Next::Kind::later, parts_.clock.monotonic() + kStorageDelay};
}

void WebhookEndpoint::save() {
  if (!unsaved_) return;
  const auto written = write_progress(parts_.progress, webhook_.name, state().progress);
  saved_at_ = parts_.clock.monotonic();
  if (!written) {
    // It goes on: what is not kept is sent again after a restart, and nothing is left out.
    (void)storage_problem(fmt::format("how far webhook {} has come cannot be kept: {}", webhook_.name,
                                      written.error().message));
    return;
  }
  unsaved_ = false;
  storage_told_ = false;
}

std::optional<Next> WebhookEndpoint::begin() {
  const auto progress = read_progress(parts_.progress, webhook_);
  if (!progress) {
    return storage_problem(
        fmt::format("webhook {} cannot begin: {}", webhook_.name, progress.error().message));
  }
  const auto status = parts_.ledger.status();
  if (!status) {
    return storage_problem(fmt::format("webhook {} cannot begin: {}", webhook_.name, status.error().message));
  }
  {
    const std::lock_guard lock(mutex_);
    state_.progress = *progress;
  }
  begun_ = true;
  saved_at_ = parts_.clock.monotonic();
  if (progress->position > status->seq && !progress->failed) {
    give_up(
        fmt::format("it was sent event {} already, but the ledger ends at {}: is that an older backup? Say "
                    "where to go on: holdfast webhooks replay {} --after SEQ",
                    progress->position.value(), status->seq.value(), webhook_.name));
  }
  return std::nullopt;
}

std::optional<Next> WebhookEndpoint::fetch() {
  const auto page = parts_.pages.read(position(), kEventsAtOnce);
  if (!page) {
    return storage_problem(
        fmt::format("webhook {} cannot read events: {}", webhook_.name, page.error().message));
  }
  pending_.assign((*page)->rows.begin(), (*page)->rows.end());
  pass_over();
  if (!pending_.empty()) return std::nullopt;
  if (!(*page)->rows.empty()) return Next{};
  if (!unsaved_) return Next{Next::Kind::events, {}};
  const auto save_at = saved_at_ + options_.save_every;
  if (parts_.clock.monotonic() < save_at) return Next{Next::Kind::events, save_at};
  save();
  return Next{};
}

bool WebhookEndpoint::wants(const EventText& event) const {
  return webhook_.ops.empty() || std::ranges::find(webhook_.ops, event.op) != webhook_.ops.end();
}

void WebhookEndpoint::pass_over() {
  while (!pending_.empty() && !wants(pending_.front())) {
    const std::lock_guard lock(mutex_);
    state_.progress.position = pending_.front().seq;
    unsaved_ = true;
    pending_.pop_front();
  }
}

Next WebhookEndpoint::step() {
  if (!begun_) {
    if (const auto next = begin()) return *next;
  }
  if (state().progress.failed) return {Next::Kind::never, {}};
  const auto now = parts_.clock.monotonic();
  if (now < retry_at_) return {Next::Kind::later, retry_at_};
  if (unsaved_ && now >= saved_at_ + options_.save_every) save();
  if (pending_.empty()) {
    if (const auto next = fetch()) return *next;
  }
  return deliver(pending_.front());
}

std::expected<http::Reply, std::string> WebhookEndpoint::send(const EventText& event) {
  std::shared_ptr<http::Client> client;
  {
    const std::lock_guard lock(mutex_);
    if (!client_) {
      auto options = options_.client;
      options.ca_file = webhook_.ca_file;
      const auto url = http::parse_url(webhook_.url);
      if (!url) return std::unexpected(url.error());
      auto made = http::Client::make(*url, std::move(options));
      if (!made) return std::unexpected(std::move(made.error()));
      client_ = std::move(*made);
      if (cancelled_) client_->cancel();
    }
    client = client_;
  }
  const auto seconds = parts_.clock.wall().micros / 1'000'000;
  return client->post(
      {{"Content-Type", "application/json"},
       {"Holdfast-Webhook", webhook_.name},
       {"Holdfast-Event-Seq", std::to_string(event.seq.value())},
       {"Holdfast-Delivery", fmt::format("{}-{}-{}", webhook_.name, webhook_.start, event.seq.value())},
       {"Holdfast-Signature", sign_delivery(webhook_.secret, seconds, event.json)}},
      event.json);
}

Next WebhookEndpoint::deliver(const EventText& event) {
  {
    const std::lock_guard lock(mutex_);
    state_.sending = event.at;
  }
  auto reply = send(event);
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_ && !reply) return {Next::Kind::never, {}};
    ++(!reply                     ? state_.counts.unanswered
       : reply->status / 100 == 2 ? state_.counts.taken
                                  : state_.counts.refused);
  }
  if (!reply) return not_taken(std::move(reply.error()));
  if (reply->status / 100 != 2) {
    const auto asked = http::wait_asked(reply->retry_after, parts_.clock.wall());
    return not_taken(refusal(*reply), asked.value_or(std::chrono::seconds()));
  }
  return taken(event.seq);
}

Next WebhookEndpoint::taken(Seq seq) {
  bool recovered = false;
  {
    const std::lock_guard lock(mutex_);
    auto& progress = state_.progress;
    recovered = progress.failing_since.has_value();
    progress = {progress.start, seq, {}, 0, false, {}};
    state_.next_try.reset();
    state_.last_delivery = parts_.clock.wall();
    state_.sending.reset();
  }
  unsaved_ = true;
  pending_.pop_front();
  pass_over();
  if (recovered) {
    save();
    tell(WebhookNotice::Kind::recovered,
         fmt::format("webhook {} takes events again, from {} on", webhook_.name, seq.value()));
  }
  return {};
}

Next WebhookEndpoint::not_taken(std::string why, std::chrono::seconds asked) {
  const auto now = parts_.clock.wall();
  bool first = false;
  std::uint32_t attempts = 0;
  Timestamp since = now;
  {
    const std::lock_guard lock(mutex_);
    auto& progress = state_.progress;
    first = !progress.failing_since;
    if (first) progress.failing_since = now;
    since = *progress.failing_since;
    if (progress.attempts < std::numeric_limits<std::uint32_t>::max()) ++progress.attempts;
    attempts = progress.attempts;
    progress.last_error = why;
  }
  const auto seq = pending_.front().seq.value();
  if (now.micros - since.micros >= std::chrono::microseconds(options_.give_up_after).count()) {
    give_up(fmt::format("event {} was not taken in {} attempts since {}, at last: {}", seq, attempts,
                        to_rfc3339(since), why));
    return {Next::Kind::never, {}};
  }
  // Never sooner than without its word, nor later than the longest wait: it cannot put off the end for ever.
  const auto wait = std::max(delay(attempts), std::min<nanoseconds>(asked, options_.max_delay));
  retry_at_ = parts_.clock.monotonic() + wait;
  {
    const std::lock_guard lock(mutex_);
    state_.next_try =
        Timestamp{now.micros + std::chrono::duration_cast<std::chrono::microseconds>(wait).count()};
  }
  unsaved_ = true;
  save();
  if (first) {
    tell(WebhookNotice::Kind::failing,
         fmt::format("webhook {} did not take event {}: {}. It is tried again", webhook_.name, seq, why));
  }
  return {Next::Kind::later, retry_at_};
}

void WebhookEndpoint::give_up(std::string why) {
  {
    const std::lock_guard lock(mutex_);
    state_.progress.failed = true;
    ++state_.counts.given_up;
    if (state_.progress.last_error.empty()) state_.progress.last_error = why;
    state_.next_try.reset();
  }
  unsaved_ = true;
  save();
  tell(WebhookNotice::Kind::failed,
       fmt::format("webhook {} is stopped, and its receiver misses events: {}. Once that is mended: holdfast "
                   "webhooks resume {}",
                   webhook_.name, why, webhook_.name));
}

nanoseconds WebhookEndpoint::delay(std::uint32_t attempts) {
  const nanoseconds first = options_.first_delay;
  const nanoseconds longest = options_.max_delay;
  auto full = first;
  for (std::uint32_t i = 1; i < attempts && full < longest; ++i) full *= 2;
  full = std::min(full, longest);
  // Half of it is drawn: receivers that failed together are not met together again.
  std::uint64_t drawn = 0;
  std::byte bytes[sizeof drawn];
  parts_.random.fill(bytes);
  std::memcpy(&drawn, bytes, sizeof drawn);
  const auto half = full.count() / 2;
  return nanoseconds(full.count() - static_cast<std::int64_t>(drawn % static_cast<std::uint64_t>(half + 1)));
}

}  // namespace holdfast::server
