// `/v1/webhooks`: how the webhooks stand, and having one send again. They are made and removed by the command
// line only: whoever may do so reads every event from then on.
#pragma once

#include <vector>

#include "server/events_api.h"
#include "server/routes.h"
#include "server/webhooks.h"

namespace holdfast::server {

/// GET /v1/webhooks; POST /v1/webhooks/{name}/replay {"after":SEQ}.
/// \param webhooks, ledger  outlive every request
[[nodiscard]] std::vector<Route> webhook_routes(Webhooks& webhooks, const Ledger& ledger, Execute execute,
                                                MakeProblem problem);

}  // namespace holdfast::server
