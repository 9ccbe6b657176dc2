// What the server says of itself and of the ledger as a whole: `/healthz`, `/readyz`, `/metrics`,
// `/v1/overview`, `/v1/health`, `/v1/keys`, `/v1/whoami`. All of it is at hand: no answer asks the ledger.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/audit_watch.h"
#include "server/books.h"
#include "server/due_watch.h"
#include "server/gate.h"
#include "server/keys.h"
#include "server/metrics.h"
#include "server/pulse.h"
#include "server/routes.h"

namespace holdfast::server {

struct HealthParts {
  // All outlive every request.
  const Clock& clock;
  const Metrics& metrics;
  const Pulse& pulse;
  const Books& books;
  const DueWatch& due;
  const AuditWatch& audit;
  const Gate& gate;
  const WatchedKeys& keys;
  std::function<Traffic()> traffic;  // at the moment; must not block
  /// Why requests should go elsewhere: it opens, or ends; none: it is ready.
  std::function<std::optional<std::string>()> not_ready;
  std::string ledger;  // its url, without a password
  std::string store;   // `journal` or `postgresql`
  std::string version;
  std::chrono::nanoseconds started{};  // of the clock's monotonic time
  bool metrics_open = false;           // no key is needed for /metrics
};

[[nodiscard]] std::vector<Route> health_routes(const HealthParts& parts);

/// What the process takes of the memory; 0 where the system does not tell.
[[nodiscard]] std::uint64_t resident_bytes();

/// What all of these know, for Prometheus.
void add_health_metrics(Metrics& metrics, const HealthParts& parts);

}  // namespace holdfast::server
