// What lets a receiver know that a delivery is ours, and fresh.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::server {

/// `t=UNIX,v1=HEX`: HEX is the HMAC-SHA256 of `UNIX.BODY` under the secret's text.
[[nodiscard]] std::string sign_delivery(std::string_view secret, std::int64_t unix_seconds,
                                        std::string_view body);

}  // namespace holdfast::server
