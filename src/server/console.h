// The console, a page for people: `/` and what it loads. All of it is inside the program; nothing else is
// asked of anyone, and the content security policy would refuse it.
#pragma once

#include <vector>

#include "server/routes.h"

namespace holdfast::server {

/// GET / and GET /assets/{file}, for everyone: what they hold is no secret, and the page asks for a key
/// itself. A browser keeps them and asks by ETag whether they have changed (304).
[[nodiscard]] std::vector<Route> console_routes();

}  // namespace holdfast::server
