#include "server/all_routes.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "server/commands_api.h"
#include "server/console.h"
#include "server/openapi.h"
#include "server/problem.h"
#include "server/queries_api.h"
#include "server/webhooks_api.h"

namespace holdfast::server {

namespace {

/// Commands are refused while a law is broken; dry runs too, since they would promise what cannot be had.
std::vector<Route> gated(std::vector<Route> routes, Gate& gate) {
  for (auto& route : routes) {
    route.run = [&gate, run = std::move(route.run)](Call call, http::Respond respond) {
      const auto closed = gate.closed();
      if (!closed) return run(std::move(call), std::move(respond));
      Error error;
      error.code = ErrorCode::corrupt;
      error.message =
          fmt::format("no command is taken, since a law is broken: {}. Nothing was changed", *closed);
      respond(problem(error, call.request.head.id));
    };
  }
  return routes;
}

}  // namespace

std::vector<Route> all_routes(const RouteParts& parts) {
  std::vector<Route> routes = health_routes(parts.health);
  const auto add = [&](std::vector<Route> more) { std::ranges::move(more, std::back_inserter(routes)); };
  CommandsApiOptions commands;
  commands.decides_in_order = parts.decides_in_order;
  add(gated(command_routes(
                parts.ledger, parts.workers, parts.clock, parts.observer,
                [&follower = parts.follower] { follower.nudge(); }, commands),
            parts.gate));
  add(query_routes(parts.ledger, parts.workers));
  const Execute execute = [&workers = parts.workers](std::function<void()> work) {
    return workers.post(std::move(work));
  };
  const MakeProblem make_problem = [](const Error& error, const http::Head& head) {
    return problem(error, head.id);
  };
  add(event_routes({parts.pages, parts.follower, parts.clock, execute, make_problem,
                    [&keys = parts.health.keys](const Caller& caller) { return keys.may_still(caller); }}));
  add(webhook_routes(parts.webhooks, parts.ledger, execute, make_problem));
  add(openapi_routes());
  add(console_routes());
  return routes;
}

}  // namespace holdfast::server
