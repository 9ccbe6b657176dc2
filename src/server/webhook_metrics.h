// How the webhooks do, as Prometheus' families.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "server/metrics.h"
#include "server/webhook_endpoint.h"

namespace holdfast::server {

/// \param states  must not block
/// \param last    the ledger's last event; none where it is not known
void add_webhook_metrics(Metrics& metrics, const Clock& clock,
                         std::function<std::vector<WebhookState>()> states,
                         std::function<std::optional<Seq>()> last);

}  // namespace holdfast::server
