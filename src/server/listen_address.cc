#include "server/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace holdfast::server {

namespace {

std::unexpected<Error> no_address(std::string_view text, std::string_view why) {
  return fail(
      ErrorCode::invalid_command,
      fmt::format("--listen {}: {}. Write it like 127.0.0.1:7420 or [::1]:7420", in_quotes(text), why));
}

bool is_loopback(const in6_addr& address) {
  return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

}  // namespace

std::string ListenAddress::url(bool tls, std::uint16_t port_in_use) const {
  const bool v6 = address.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", tls ? "https" : "http", v6 ? "[" : "", address, v6 ? "]" : "",
                     port_in_use);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return no_address(text, "there is no port");
  const auto digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port > 65'535) {
    return no_address(text, fmt::format("{} is no port", in_quotes(digits)));
  }
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  ListenAddress parsed{host == "localhost" ? "127.0.0.1" : std::string(host),
                       static_cast<std::uint16_t>(port), false};
  in_addr v4{};
  in6_addr v6{};
  if (!bracketed && ::inet_pton(AF_INET, parsed.address.c_str(), &v4) == 1) {
    parsed.loopback = (ntohl(v4.s_addr) >> 24) == 127;
  } else if (bracketed && ::inet_pton(AF_INET6, parsed.address.c_str(), &v6) == 1) {
    parsed.loopback = is_loopback(v6);
  } else {
    return no_address(text, fmt::format("{} is no address of this machine in figures", in_quotes(host)));
  }
  return parsed;
}

}  // namespace holdfast::server
