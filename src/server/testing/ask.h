// Asks routes in process as the transport does, and waits for the answer.
#pragma once

#include <boost/json.hpp>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/routes.h"
#include "server/target.h"

namespace holdfast::server::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline const Route& route_of(const std::vector<Route>& routes, std::string_view method,
                             std::string_view path) {
  for (const auto& route : routes) {
    if (route.method == method && route.path == path) return route;
  }
  throw std::runtime_error("there is no such route: " + std::string(path));
}

/// What the route answers; waits for it.
inline http::Response ask(const Route& route, Call call) {
  const auto promise = std::make_shared<std::promise<http::Response>>();
  auto answer = promise->get_future();
  route.run(std::move(call), [promise](http::Response response) { promise->set_value(std::move(response)); });
  return answer.get();
}

/// A question to a route's path, whose variables are `path`.
inline http::Response get(const std::vector<Route>& routes, std::string_view route,
                          std::vector<std::string> path = {}, std::map<std::string, std::string> query = {},
                          Fields fields = {}) {
  Call call;
  call.request.head.method = "GET";
  call.request.head.id = "r1";
  call.request.head.fields = std::move(fields);
  call.path = std::move(path);
  call.query = std::move(query);
  return ask(route_of(routes, "GET", route), std::move(call));
}

/// A command by the key `shop`.
inline http::Response post(const std::vector<Route>& routes, std::string_view route, std::string body,
                           Fields fields = {}, Role role = Role::operate) {
  Call call;
  call.request.head.method = "POST";
  call.request.head.id = "r1";
  call.request.head.fields = std::move(fields);
  call.request.body = std::move(body);
  call.caller = {"shop", role};
  return ask(route_of(routes, "POST", route), std::move(call));
}

/// The body, which has to be JSON.
inline boost::json::value body_of(const http::Response& response) {
  return boost::json::parse(response.body);
}

/// A text of the body, by its JSON pointer: `/error/code`.
inline std::string text_at(const http::Response& response, std::string_view pointer) {
  return std::string(body_of(response).at_pointer(pointer).as_string());
}

inline std::string field_of(const http::Response& response, std::string_view name) {
  for (const auto& [each, value] : response.fields) {
    if (each == name) return value;
  }
  return {};
}

}  // namespace holdfast::server::testing
