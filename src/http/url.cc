#include "http/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "base/text.h"

namespace holdfast::http {

namespace {

constexpr std::size_t kMaxUrlBytes = 2'048;

std::unexpected<std::string> wrong(std::string_view text, std::string_view what) {
  return std::unexpected(fmt::format("{} {}", in_quotes(text), what));
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= 65'535;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

/// `HOST`, `HOST:PORT` or `[IPv6]:PORT`.
bool read_authority(std::string_view text, Url& url) {
  auto rest = text;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == rest.npos) return false;
    url.host = rest.substr(1, end - 1);
    boost::system::error_code error;
    (void)boost::asio::ip::make_address_v6(url.host, error);
    if (error) return false;
    rest.remove_prefix(end + 1);
  } else {
    const auto end = std::min(rest.find(':'), rest.size());
    url.host = rest.substr(0, end);
    if (!is_host_name(url.host)) return false;
    rest.remove_prefix(end);
  }
  if (rest.empty()) return true;
  url.port = rest.substr(1);
  return rest.front() == ':' && is_port(url.port);
}

}  // namespace

std::string Url::authority() const {
  const auto name = host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
  const bool usual = port == (encrypted ? "443" : "80");
  return usual ? name : fmt::format("{}:{}", name, port);
}

bool Url::is_loopback() const {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return error ? host == "localhost" : address.is_loopback();
}

std::expected<Url, std::string> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return std::unexpected(fmt::format("a URL of {} bytes is longer than {}", text.size(), kMaxUrlBytes));
  }
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; })) {
    return wrong(text, "has characters that no URL has: percent-encode them");
  }
  Url url;
  auto rest = text;
  if (rest.starts_with("https://")) {
    url.port = "443";
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    url.encrypted = false;
    url.port = "80";
    rest.remove_prefix(7);
  } else {
    return wrong(text, "does not begin with https:// or http://");
  }
  if (rest.find('#') != rest.npos)
    return wrong(text, "has a fragment (#…), which is never sent: leave it out");
  const auto authority = rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
  rest.remove_prefix(authority.size());
  if (authority.find('@') != authority.npos) {
    return std::unexpected(
        std::string("a URL with a user or password in it is not taken: put a token into "
                    "its path, or rely on the signature"));
  }
  if (!read_authority(authority, url)) return wrong(text, "has no valid host and port");
  url.target = rest.starts_with('/') ? std::string(rest) : fmt::format("/{}", rest);
  return url;
}

}  // namespace holdfast::http
