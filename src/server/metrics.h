// What a Prometheus server is told. What is counted here is counted without locks, in places that were found
// before; what others know is handed in when somebody asks.
#pragma once

#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "holdfast/commands.h"
#include "server/durations.h"
#include "server/observer.h"

namespace holdfast::server {

class Metrics final : public Observer {
 public:
  using Families = std::vector<prometheus::MetricFamily>;
  /// Adds families of a part of its own. Called when somebody asks; must not block.
  using Source = std::function<void(Families&)>;

  Metrics();
  /// The paths that requests are counted by. Before requests come.
  void set_routes(const std::vector<std::string>& paths);

  void answered(const RequestSeen& seen) noexcept override;
  void sent(const BodySeen& seen) noexcept override;
  void decided(const CommandSeen& seen) noexcept override;

  /// Before requests come.
  void add_source(Source source) { sources_.push_back(std::move(source)); }
  /// All of it in Prometheus' text form.
  [[nodiscard]] std::string text() const;

  /// Commands that were decided so far, accepted or not.
  [[nodiscard]] std::uint64_t commands() const { return commands_.load(std::memory_order_relaxed); }
  /// Escrows that were released so far.
  [[nodiscard]] std::uint64_t releases() const;
  /// How long commands took.
  [[nodiscard]] const Durations& command_durations() const { return all_durations_; }

 private:
  using Count = std::atomic<std::uint64_t>;

  static constexpr std::size_t kOps = std::variant_size_v<Operation>;
  static constexpr std::size_t kOutcomes = 2 + 128;  // accepted, replayed, and the codes
  static constexpr std::array kStatuses = {200, 201, 204, 206, 301, 304, 400, 401, 403,
                                           404, 405, 408, 409, 411, 412, 413, 415, 417,
                                           422, 429, 431, 500, 501, 503, 505, 507, 0};
  static constexpr std::size_t kBodyEnds = static_cast<std::size_t>(BodyEnd::left) + 1;
  static constexpr std::size_t kSizes = 22;  // of batches: less than 2^i escrows

  struct OfRoute {
    std::string path;
    std::array<Count, kStatuses.size()> by_status{};
    Durations durations;
  };
  struct OfOp {
    std::string_view op;
    std::array<Count, kOutcomes> by_outcome{};
    Count escrows{0};
    Durations durations;
  };

  [[nodiscard]] OfRoute& route_of(std::string_view path);
  void add_requests(Families& families) const;
  void add_commands(Families& families) const;

  std::array<Count, kBodyEnds> bodies_{};
  std::vector<OfRoute> routes_;  // the last one: of no route
  std::unordered_map<std::string_view, std::size_t> route_places_;
  std::array<OfOp, kOps + 1> ops_;  // the last one: of no op that is known
  std::unordered_map<std::string_view, std::size_t> op_places_;
  std::array<Count, kSizes> sizes_{};
  Count sizes_total_{0};
  Count commands_{0};
  Durations all_durations_;
  std::vector<Source> sources_;
};

}  // namespace holdfast::server
