// All that the server answers. What is not here is not routed; what is here stands in openapi/openapi.json.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/events_api.h"
#include "server/health_api.h"
#include "server/routes.h"
#include "server/webhooks.h"
#include "server/workers.h"

namespace holdfast::server {

struct RouteParts {
  // All outlive every request.
  Ledger& ledger;
  Workers& workers;
  const Clock& clock;
  Observer& observer;
  Gate& gate;
  Follower& follower;
  EventPages& pages;
  Webhooks& webhooks;
  HealthParts health;
  bool decides_in_order = true;  // see CommandsApiOptions
};

[[nodiscard]] std::vector<Route> all_routes(const RouteParts& parts);

}  // namespace holdfast::server
