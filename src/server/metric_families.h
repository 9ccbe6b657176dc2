// Makes the families that a source of metrics adds.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/durations.h"

namespace holdfast::server {

using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// A family in the making; the numbers are whole, in the unit that the name ends in.
class MetricMaker {
 public:
  MetricMaker(std::vector<prometheus::MetricFamily>& families, prometheus::MetricType type, std::string name,
              std::string help);

  MetricMaker& add(std::int64_t value, MetricLabels labels = {});
  MetricMaker& add(std::uint64_t value, MetricLabels labels = {});
  /// Of microseconds, as seconds.
  MetricMaker& add_micros(std::int64_t micros, MetricLabels labels = {});
  /// A histogram of seconds, in octaves from 32 microseconds to a minute.
  MetricMaker& add(const DurationCounts& counts, MetricLabels labels = {});
  /// A histogram from counts of what was below 2^i, but not below half of that; `sum` of all values. The last
  /// count has all the others.
  /// \param micros  the values are microseconds: told as seconds
  MetricMaker& add_octaves(std::span<const std::uint64_t> counts, std::uint64_t sum, bool micros,
                           MetricLabels labels = {});

 private:
  prometheus::ClientMetric& next(MetricLabels labels);

  std::vector<prometheus::MetricFamily>& families_;
  std::size_t place_;
};

[[nodiscard]] MetricMaker gauge(std::vector<prometheus::MetricFamily>& families, std::string name,
                                std::string help);
[[nodiscard]] MetricMaker counter(std::vector<prometheus::MetricFamily>& families, std::string name,
                                  std::string help);
[[nodiscard]] MetricMaker histogram(std::vector<prometheus::MetricFamily>& families, std::string name,
                                    std::string help);

}  // namespace holdfast::server
