// Errors as RFC 9457 problem details, with the codes of the ledger and a few of the server's own.
#pragma once

#include <string>
#include <string_view>

#include "holdfast/result.h"
#include "http/message.h"

namespace holdfast::server {

/// What is wrong with a request before it is a command: the codes that the server has beside the ledger's.
enum class Trouble : std::uint8_t {
  bad_request,
  unauthorized,
  forbidden,
  not_found,
  method_not_allowed,
  request_timeout,
  body_too_large,
  unsupported_media_type,
  head_too_large,
  overloaded,
  unsupported_version,
  draining,
  unanswered,
};

/// \param request_id  of the request that is answered: `instance` of the problem
[[nodiscard]] http::Response problem(const Error& error, std::string_view request_id);
[[nodiscard]] http::Response problem(Trouble trouble, std::string_view detail, std::string_view request_id);
/// The trouble that the transport's status stands for.
[[nodiscard]] Trouble trouble_of(int status);
/// The status that a code of the ledger is answered with.
[[nodiscard]] int status_of(ErrorCode code);

}  // namespace holdfast::server
