#include "server/webhook_metrics.h"

#include <algorithm>

#include "server/metric_families.h"

namespace holdfast::server {

namespace {

void add(Metrics::Families& families, const std::vector<WebhookState>& states, std::optional<Seq> last,
         Timestamp now) {
  auto deliveries =
      counter(families, "holdfast_webhook_deliveries_total", "Attempts, by what became of them.");
  for (const auto& state : states) {
    const auto& name = state.webhook.name;
    deliveries.add(state.counts.taken, {{"webhook", name}, {"outcome", "taken"}})
        .add(state.counts.refused, {{"webhook", name}, {"outcome", "refused"}})
        .add(state.counts.unanswered, {{"webhook", name}, {"outcome", "unanswered"}});
  }
  auto given_up = counter(families, "holdfast_webhook_given_up_total",
                          "Times that it was stopped, since nothing was taken.");
  for (const auto& state : states) given_up.add(state.counts.given_up, {{"webhook", state.webhook.name}});
  auto failed = gauge(families, "holdfast_webhook_failed", "1: it is stopped until people resume it.");
  for (const auto& state : states) {
    failed.add(std::uint64_t{state.progress.failed ? 1U : 0U}, {{"webhook", state.webhook.name}});
  }
  auto behind = gauge(families, "holdfast_webhook_lag_events", "Events that it was not sent yet.");
  for (const auto& state : states) {
    if (!last) break;
    const auto position = state.progress.position;
    behind.add(std::max(*last, position).value() - position.value(), {{"webhook", state.webhook.name}});
  }
  auto late = gauge(families, "holdfast_webhook_lag_seconds",
                    "Since the event happened that is being sent; 0: all were taken.");
  for (const auto& state : states) {
    const auto micros = state.sending ? std::max<std::int64_t>(now.micros - state.sending->micros, 0) : 0;
    late.add_micros(micros, {{"webhook", state.webhook.name}});
  }
}

}  // namespace

void add_webhook_metrics(Metrics& metrics, const Clock& clock,
                         std::function<std::vector<WebhookState>()> states,
                         std::function<std::optional<Seq>()> last) {
  metrics.add_source([&clock, states = std::move(states), last = std::move(last)](
                         Metrics::Families& families) { add(families, states(), last(), clock.wall()); });
}

}  // namespace holdfast::server
