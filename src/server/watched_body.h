// A body that is sent while it is made, and what became of it: its answer was told as 200 long before.
#pragma once

#include <functional>
#include <memory>

#include "http/message.h"
#include "server/observer.h"

namespace holdfast::server {

/// The same body. Once it was begun, `ended` is called once, from any thread: when it has given its end, when
/// it let go of a piece that it owed, or when the connection drops it before either.
[[nodiscard]] std::shared_ptr<http::BodySource> watched(
    std::shared_ptr<http::BodySource> body,
    std::function<void(BodyEnd end, std::uint64_t bytes, const std::string& why)> ended);

}  // namespace holdfast::server
