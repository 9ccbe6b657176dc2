// How a part of the server says what it answers: a path, who may ask, and what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "http/message.h"

namespace holdfast::server {

/// What a key may do; each may do what those before it may.
enum class Role : std::uint8_t { read = 1, operate = 2, admin = 3 };
[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);

/// Who asks: the name of the key, which becomes the actor of what it does.
struct Caller {
  std::string key;
  Role role = Role::read;
};

/// Whose key this is. Implemented over the file of keys; thread-safe.
class KeyRing {
 public:
  virtual ~KeyRing() = default;
  /// None for a key that is unknown or revoked. Takes the same time whichever it is.
  [[nodiscard]] virtual std::optional<Caller> find(std::string_view key) const = 0;
};

struct Call {
  http::Request request;
  std::vector<std::string> path;             // the values of the `{…}` in the route's path, decoded
  std::map<std::string, std::string> query;  // decoded; a name that is given twice was refused before
  Caller caller;                             // empty where the route is for everyone
};

struct Route {
  std::string method;                     // `GET`
  std::string path;                       // `/v1/accounts/{name}`
  std::optional<Role> role = Role::read;  // the least that may; none: everyone, without a key
  std::vector<std::string> query{};       // the names it knows: another is refused
  /// Called on an I/O thread; must not block. Answers once, from any thread.
  std::function<void(Call, http::Respond)> run;
};

}  // namespace holdfast::server
