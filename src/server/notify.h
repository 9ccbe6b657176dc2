// Tells systemd how the service is, where it asks (NOTIFY_SOCKET); sd_notify(3) without its library.
#pragma once

#include <string_view>

namespace holdfast::server {

/// \param state  `READY=1`, `STOPPING=1`
void notify_service_manager(std::string_view state);

}  // namespace holdfast::server
