// `/openapi.json`: what this server answers, as a document for programs (OpenAPI 3.1).
#pragma once

#include <string_view>
#include <vector>

#include "server/routes.h"

namespace holdfast::server {

/// The document, as it was written: src/server/openapi/openapi.json.
[[nodiscard]] std::string_view openapi_document();

/// GET /openapi.json, for everyone.
[[nodiscard]] std::vector<Route> openapi_routes();

}  // namespace holdfast::server
