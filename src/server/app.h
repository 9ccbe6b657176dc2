// All routes as one handler of requests: finds the route, asks who it is and what he may, and how much is
// under way.
#pragma once

#include <atomic>
#include <cstddef>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "http/message.h"
#include "server/observer.h"
#include "server/problem.h"
#include "server/routes.h"

namespace holdfast::server {

struct AppOptions {
  std::size_t most_requests = 16'384;                    // under way; one more is answered `overloaded`
  std::size_t most_body_bytes = std::size_t{512} << 20;  // of them together
};

class App final : public http::Handler {
 public:
  App(const KeyRing& keys, const Clock& clock, Observer& observer, AppOptions options = {})
      : keys_(keys), clock_(clock), observer_(observer), options_(options) {}

  /// \pre no request was answered yet, and no two routes are the same
  void add(std::vector<Route> routes);
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

  [[nodiscard]] std::optional<http::Response> check_head(const http::Head& head) override;
  void handle(http::Request request, http::Respond respond) override;
  [[nodiscard]] http::Response broken(int status, std::string_view detail,
                                      const std::string& request_id) override;

  /// Requests that were taken and not answered yet.
  [[nodiscard]] std::size_t under_way() const { return requests_.load(std::memory_order_relaxed); }
  /// From now on /readyz and every new request say that the server is stopping.
  void drain() { draining_.store(true); }
  /// Until every request that was taken is answered. \pre `drain`, and nobody hands over more
  void wait_until_idle() const;
  [[nodiscard]] bool draining() const { return draining_.load(); }

 private:
  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> path;
    std::map<std::string, std::string> query;
    Caller caller;
  };
  class UnderWay;
  /// The route and the caller, or the answer that says why not.
  [[nodiscard]] std::expected<Match, http::Response> match(const http::Head& head) const;
  [[nodiscard]] std::expected<Caller, http::Response> caller_of(const http::Head& head,
                                                                const Route& route) const;
  [[nodiscard]] http::Response wrong_method(const http::Head& head,
                                            const std::vector<const Route*>& there) const;
  void refused(const http::Head& head, const http::Response& response) const;

  const KeyRing& keys_;
  const Clock& clock_;
  Observer& observer_;
  AppOptions options_;
  std::vector<Route> routes_;
  std::unordered_map<std::size_t, std::vector<std::size_t>> by_length_;  // routes by their number of segments
  std::vector<std::vector<std::string>> templates_;                      // the segments of each route's path
  std::atomic<std::size_t> requests_{0};
  std::atomic<std::size_t> body_bytes_{0};
  std::atomic<bool> draining_{false};
};

}  // namespace holdfast::server
