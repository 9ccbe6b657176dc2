// How long a receiver asks to be left alone: the field Retry-After (RFC 9110, 10.2.3).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "holdfast/time.h"

namespace holdfast::http {

/// From `now` on; 0 where that time has come. A number of seconds or a date in any of HTTP's three forms;
/// what is neither, or nothing, says nothing. At most a year: who asks for more is not understood better.
/// \param now  by this machine's clock, which need not be the receiver's
[[nodiscard]] std::optional<std::chrono::seconds> wait_asked(std::string_view field, Timestamp now);

}  // namespace holdfast::http
