#include "server/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <ranges>

#include "base/assert.h"
#include "server/target.h"
#include "server/watched_body.h"

namespace holdfast::server {

namespace {

constexpr std::string_view kTooMuch = "too many requests are under way: ask again in a moment";

bool is_variable(std::string_view segment) {
  return segment.starts_with('{');
}

/// HEAD is answered as GET; the transport leaves the body out.
std::string_view method_of(const http::Head& head) {
  return head.method == "HEAD" ? std::string_view("GET") : std::string_view(head.method);
}

bool takes_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

/// `application/json`, with any parameters.
bool is_json(std::string_view content_type) {
  auto type = std::string(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  std::ranges::transform(type, type.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type == "application/json";
}

}  // namespace

void App::add(std::vector<Route> routes) {
  for (auto& route : routes) {
    HOLDFAST_ASSERT(std::ranges::none_of(routes_,
                                         [&](const Route& other) {
                                           return other.method == route.method && other.path == route.path;
                                         }),
                    "each method of a path is a route once");
    const auto split = split_target(route.path);
    HOLDFAST_ASSERT(split, "a route's path begins with a slash");
    by_length_[split->segments.size()].push_back(routes_.size());
    templates_.emplace_back(split->segments.begin(), split->segments.end());
    routes_.push_back(std::move(route));
  }
}

std::expected<App::Match, http::Response> App::match(const http::Head& head) const {
  const auto refuse = [&](Trouble trouble, std::string_view detail) {
    return std::unexpected(problem(trouble, detail, head.id));
  };
  const auto target = split_target(head.target);
  if (!target) return refuse(Trouble::bad_request, "the target of the request does not begin with /");
  std::vector<const Route*> there;
  std::vector<std::string> values;
  const auto candidates = by_length_.find(target->segments.size());
  if (candidates != by_length_.end()) {
    std::size_t fewest = SIZE_MAX;  // a path that is written out goes before one with a variable
    for (const auto index : candidates->second) {
      const auto& wanted = templates_[index];
      std::size_t variables = 0;
      bool fits = true;
      for (std::size_t i = 0; fits && i < wanted.size(); ++i) {
        const bool variable = is_variable(wanted[i]);
        fits = variable ? !target->segments[i].empty() : wanted[i] == target->segments[i];
        variables += variable ? 1 : 0;
      }
      if (!fits || variables > fewest) continue;
      if (variables < fewest) there.clear();
      fewest = variables;
      there.push_back(&routes_[index]);
    }
  }
  if (there.empty()) {
    return refuse(Trouble::not_found,
                  fmt::format("there is no {}", head.target.substr(0, head.target.find('?'))));
  }
  const auto route =
      std::ranges::find_if(there, [&](const Route* each) { return each->method == method_of(head); });
  if (route == there.end()) return std::unexpected(wrong_method(head, there));

  Match match;
  match.route = *route;
  auto caller = caller_of(head, **route);
  if (!caller) return std::unexpected(std::move(caller.error()));
  match.caller = std::move(*caller);

  const auto& wanted = templates_[static_cast<std::size_t>(*route - routes_.data())];
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!is_variable(wanted[i])) continue;
    auto value = percent_decoded(target->segments[i]);
    if (!value) return refuse(Trouble::bad_request, "the path has a % without two hexadecimal digits");
    match.path.push_back(std::move(*value));
  }
  auto query = parse_query(target->query, (*route)->query);
  if (!query) return refuse(Trouble::bad_request, query.error());
  match.query = std::move(*query);
  if (takes_body((*route)->method) && !is_json(head.field("content-type"))) {
    return refuse(Trouble::unsupported_media_type,
                  "the body must be JSON: send Content-Type: application/json");
  }
  return match;
}

http::Response App::wrong_method(const http::Head& head, const std::vector<const Route*>& there) const {
  std::string allowed;
  for (const auto* route : there) {
    allowed += fmt::format("{}{}{}", allowed.empty() ? "" : ", ", route->method,
                           route->method == "GET" ? ", HEAD" : "");
  }
  auto response =
      problem(Trouble::method_not_allowed,
              fmt::format("{} is not known here; known: {}", head.method.substr(0, 20), allowed), head.id);
  response.fields.emplace_back("Allow", allowed);
  return response;
}

std::expected<Caller, http::Response> App::caller_of(const http::Head& head, const Route& route) const {
  if (!route.role) return Caller{};
  constexpr std::string_view kScheme = "bearer ";
  const auto authorization = head.field("authorization");
  const auto scheme = std::string_view(authorization).substr(0, kScheme.size());
  const bool bearer = std::ranges::equal(
      scheme, kScheme, [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
  if (!bearer) {
    return std::unexpected(problem(Trouble::unauthorized, "send a key: Authorization: Bearer hf_…", head.id));
  }
  auto caller = keys_.find(std::string_view(authorization).substr(kScheme.size()));
  if (!caller) {
    return std::unexpected(
        problem(Trouble::unauthorized, "the key is unknown or was revoked: ask for a new one", head.id));
  }
  if (caller->role < *route.role) {
    return std::unexpected(problem(Trouble::forbidden,
                                   fmt::format("the key \"{}\" has the role {}: this needs {}", caller->key,
                                               to_string(caller->role), to_string(*route.role)),
                                   head.id));
  }
  return std::move(*caller);
}

void App::refused(const http::Head& head, const http::Response& response) const {
  observer_.answered({.head = head,
                      .route = {},
                      .status = response.status,
                      .key = {},
                      .code = response.tag,
                      .problem = response.body,
                      .took = {}});
}

std::optional<http::Response> App::check_head(const http::Head& head) {
  auto matched = match(head);
  std::optional<http::Response> response;
  if (!matched) {
    response = std::move(matched.error());
  } else if (matched->route->role && draining_.load(std::memory_order_relaxed)) {
    response = problem(Trouble::draining, "the server is stopping: ask again in a moment", head.id);
    response->close = true;
  } else if (matched->route->role &&
             (requests_.load(std::memory_order_relaxed) >= options_.most_requests ||
              body_bytes_.load(std::memory_order_relaxed) >= options_.most_body_bytes)) {
    response = problem(Trouble::overloaded, kTooMuch, head.id);
  }
  if (response) refused(head, *response);
  return response;
}

/// A request that a route has. It is answered once: by its destructor, where the route let go of it.
class App::UnderWay {
 public:
  /// Only the line of the head is kept, for what is told of the request in the end.
  UnderWay(App& app, const http::Request& request, const Match& match, http::Respond respond)
      : app_(app),
        head_{request.head.method, request.head.target, {},
              request.head.remote, request.head.id,     request.head.encrypted},
        route_(*match.route),
        key_(match.caller.key),
        bytes_(request.body.size()),
        began_(app.clock_.monotonic()),
        respond_(std::move(respond)) {
    app_.requests_.fetch_add(1, std::memory_order_relaxed);
    too_much_ = app_.body_bytes_.fetch_add(bytes_, std::memory_order_relaxed) + bytes_ >
                app_.options_.most_body_bytes;
  }
  ~UnderWay() {
    if (!answered_) answer(problem(Trouble::unanswered, http::kUnanswered, head_.id));
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

  /// The bodies of all requests are more than there is room for.
  [[nodiscard]] bool too_much() const { return bytes_ > 0 && too_much_; }

  void answer(http::Response response) {
    if (answered_.exchange(true)) return;
    const auto status = response.status;
    app_.observer_.answered({.head = head_,
                             .route = route_.path,
                             .status = status,
                             .key = key_,
                             .code = response.tag,
                             .problem = status >= 400 ? std::string_view(response.body) : std::string_view(),
                             .body_bytes = bytes_,
                             .took = app_.clock_.monotonic() - began_});
    app_.body_bytes_.fetch_sub(bytes_, std::memory_order_relaxed);
    if (response.source) response.source = watch(std::move(response.source));
    respond_(std::move(response));
    if (app_.requests_.fetch_sub(1) == 1 && app_.draining_.load()) app_.requests_.notify_all();
  }

 private:
  /// The answer is told when its head goes out; this tells how its body ends.
  [[nodiscard]] std::shared_ptr<http::BodySource> watch(std::shared_ptr<http::BodySource> body) const {
    return watched(std::move(body),
                   [&observer = app_.observer_, &clock = app_.clock_, head = head_, route = route_.path,
                    key = key_, began = began_](BodyEnd end, std::uint64_t bytes, const std::string& why) {
                     observer.sent({.head = head,
                                    .route = route,
                                    .key = key,
                                    .end = end,
                                    .bytes = bytes,
                                    .why = why,
                                    .took = clock.monotonic() - began});
                   });
  }

  App& app_;
  const http::Head head_;
  const Route& route_;
  const std::string key_;
  const std::size_t bytes_;
  const std::chrono::nanoseconds began_;
  const http::Respond respond_;
  bool too_much_ = false;
  std::atomic<bool> answered_{false};
};

void App::handle(http::Request request, http::Respond respond) {
  auto matched = match(request.head);  // again: keys may have been revoked while the body came
  if (!matched) {
    refused(request.head, matched.error());
    return respond(std::move(matched.error()));
  }
  auto under_way = std::make_shared<UnderWay>(*this, request, *matched, std::move(respond));
  if (under_way->too_much()) {
    return under_way->answer(problem(Trouble::overloaded, kTooMuch, request.head.id));
  }
  Call call{std::move(request), std::move(matched->path), std::move(matched->query),
            std::move(matched->caller)};
  matched->route->run(std::move(call), [under_way = std::move(under_way)](http::Response response) {
    under_way->answer(std::move(response));
  });
}

void App::wait_until_idle() const {
  for (auto left = requests_.load(); left != 0; left = requests_.load()) requests_.wait(left);
}

http::Response App::broken(int status, std::string_view detail, const std::string& request_id) {
  auto response = problem(trouble_of(status), detail, request_id);
  http::Head head;
  head.id = request_id;
  refused(head, response);
  return response;
}

}  // namespace holdfast::server
