// `127.0.0.1:7420`, `[::1]:7420`, `localhost:7420`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/result.h"

namespace holdfast::server {

struct ListenAddress {
  std::string address;     // numeric
  std::uint16_t port = 0;  // 0: any that is free
  bool loopback = false;   // nobody outside this machine reaches it

  /// `http://[::1]:7420`
  [[nodiscard]] std::string url(bool tls, std::uint16_t port_in_use) const;
};

/// `invalid_command`: neither an IPv4 nor an IPv6 address with a port.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace holdfast::server
