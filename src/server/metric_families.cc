#include <limits>

#include "server/metric_families.h"

namespace holdfast::server {

namespace {

constexpr double kMicros = 1e6;

double seconds(std::uint64_t micros) {
  return static_cast<double>(micros) / kMicros;
}

void end_with_infinity(prometheus::ClientMetric::Histogram& histogram) {
  histogram.bucket.push_back({histogram.sample_count, std::numeric_limits<double>::infinity()});
}

}  // namespace

MetricMaker::MetricMaker(std::vector<prometheus::MetricFamily>& families, prometheus::MetricType type,
                         std::string name, std::string help)
    : families_(families), place_(families.size()) {
  families_.push_back({std::move(name), std::move(help), type, {}});
}

prometheus::ClientMetric& MetricMaker::next(MetricLabels labels) {
  auto& metric = families_[place_].metric.emplace_back();
  for (const auto& [name, value] : labels) metric.label.push_back({std::string(name), std::string(value)});
  return metric;
}

MetricMaker& MetricMaker::add(std::int64_t value, MetricLabels labels) {
  auto& metric = next(labels);
  metric.counter.value = metric.gauge.value = static_cast<double>(value);
  return *this;
}

MetricMaker& MetricMaker::add(std::uint64_t value, MetricLabels labels) {
  auto& metric = next(labels);
  metric.counter.value = metric.gauge.value = static_cast<double>(value);
  return *this;
}

MetricMaker& MetricMaker::add_micros(std::int64_t micros, MetricLabels labels) {
  auto& metric = next(labels);
  metric.counter.value = metric.gauge.value = static_cast<double>(micros) / kMicros;
  return *this;
}

MetricMaker& MetricMaker::add(const DurationCounts& counts, MetricLabels labels) {
  constexpr std::size_t kFirst = 5;
  constexpr std::size_t kLast = 26;
  auto& histogram = next(labels).histogram;
  histogram.sample_count = counts.count();
  histogram.sample_sum = seconds(counts.total_micros);
  for (auto octave = kFirst; octave <= kLast; ++octave) {
    histogram.bucket.push_back({counts.up_to(octave), seconds(std::uint64_t{1} << octave)});
  }
  end_with_infinity(histogram);
  return *this;
}

MetricMaker& MetricMaker::add_octaves(std::span<const std::uint64_t> counts, std::uint64_t sum, bool micros,
                                      MetricLabels labels) {
  auto& histogram = next(labels).histogram;
  histogram.sample_sum = micros ? seconds(sum) : static_cast<double>(sum);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    histogram.sample_count += counts[i];
    if (i + 1 == counts.size()) break;
    // Whole values below 2^i are at most one less; of a time that makes no difference.
    const auto upper = std::uint64_t{1} << i;
    histogram.bucket.push_back(
        {histogram.sample_count, micros ? seconds(upper) : static_cast<double>(upper - 1)});
  }
  end_with_infinity(histogram);
  return *this;
}

MetricMaker gauge(std::vector<prometheus::MetricFamily>& families, std::string name, std::string help) {
  return {families, prometheus::MetricType::Gauge, std::move(name), std::move(help)};
}
MetricMaker counter(std::vector<prometheus::MetricFamily>& families, std::string name, std::string help) {
  return {families, prometheus::MetricType::Counter, std::move(name), std::move(help)};
}
MetricMaker histogram(std::vector<prometheus::MetricFamily>& families, std::string name, std::string help) {
  return {families, prometheus::MetricType::Histogram, std::move(name), std::move(help)};
}

}  // namespace holdfast::server
