// Commands over HTTP: a path for each, and one for many at once.
#pragma once

#include <vector>

#include "base/clock.h"
#include "holdfast/ledger.h"
#include "server/observer.h"
#include "server/routes.h"
#include "server/workers.h"

namespace holdfast::server {

struct CommandsApiOptions {
  bool decides_in_order = true;         // the store decides what is submitted in the order of `submit`
  std::size_t most_commands = 100'000;  // under way; more are answered `overloaded`
};

/// \param decided  called after commands took effect, from any thread: there may be new events. Must not
/// block. All of them outlive the routes, and the ledger is destroyed before the others.
[[nodiscard]] std::vector<Route> command_routes(Ledger& ledger, Workers& workers, const Clock& clock,
                                                Observer& observer, std::function<void()> decided,
                                                CommandsApiOptions options = {});

}  // namespace holdfast::server
