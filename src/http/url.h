// Where a request goes: the parts of an http or https URL.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace holdfast::http {

struct Url {
  bool encrypted = true;
  std::string host;    // a name or an address; of IPv6 without its brackets
  std::string port;    // digits, given or the scheme's own
  std::string target;  // path and query, at least "/"

  /// The value of the Host field.
  [[nodiscard]] std::string authority() const;
  /// Whether the host is this machine by its own name: localhost, 127.0.0.0/8 or ::1.
  [[nodiscard]] bool is_loopback() const;
};

/// An absolute URL of printable ASCII without user, password or fragment. Otherwise a sentence that says what
/// is wrong with it.
[[nodiscard]] std::expected<Url, std::string> parse_url(std::string_view text);

}  // namespace holdfast::http
