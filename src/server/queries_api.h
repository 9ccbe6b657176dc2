// Questions over HTTP: accounts and statements, escrows, groups, plans, dates, and the search for any of
// them.
#pragma once

#include <vector>

#include "holdfast/ledger.h"
#include "server/routes.h"
#include "server/workers.h"

namespace holdfast::server {

/// The ledger and the workers outlive the routes.
[[nodiscard]] std::vector<Route> query_routes(const Ledger& ledger, Workers& workers);

}  // namespace holdfast::server
