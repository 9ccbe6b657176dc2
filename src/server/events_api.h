// `/v1/events`: a page of events, at once or when there are some (long poll), or all of them as they come
// (server-sent events).
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "holdfast/result.h"
#include "server/event_pages.h"
#include "server/follower.h"
#include "server/routes.h"

namespace holdfast::server {

/// Runs `work`, which may block, on another thread. False: there is no room for it, and it will not run.
using Execute = std::function<bool(std::function<void()> work)>;
/// The answer that says what is wrong.
using MakeProblem = std::function<http::Response(const Error& error, const http::Head& head)>;

struct EventsOptions {
  std::chrono::milliseconds heartbeat{15'000};   // a comment in a stream that has nothing to say
  std::chrono::milliseconds no_room_delay{100};  // before a stream tries again to read
  std::chrono::milliseconds check{1'000};        // between two looks at the key of a stream that waits
};

struct EventsParts {
  EventPages& pages;  // it, the follower and the clock outlive every request and stream
  Follower& follower;
  const Clock& clock;
  Execute execute;
  MakeProblem problem;
  /// Whether a key that was good still is: who waits or is streamed to was let in long ago.
  std::function<bool(const Caller&)> may_still;
};

/// GET /v1/events?after&limit&wait. Without `Accept: text/event-stream` it answers {"rows":[…],"next":SEQ or
/// null}, within `wait` seconds (0 to 60) even if there is nothing. With it, it is a stream from `after`, or
/// after the event that `Last-Event-ID` names, until the client goes, its key is revoked, or the follower is
/// stopped. A client that is slow is read for as slowly.
[[nodiscard]] std::vector<Route> event_routes(EventsParts parts, EventsOptions options = {});

}  // namespace holdfast::server
