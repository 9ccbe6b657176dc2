#include "server/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <bit>

#include "server/metric_families.h"

namespace holdfast::server {

namespace {

constexpr std::size_t kAccepted = 0;
constexpr std::size_t kReplayed = 1;
constexpr std::size_t kFirstCode = 2;

template <std::size_t... Index>
std::vector<std::string_view> all_ops(std::index_sequence<Index...> /*all*/) {
  return {op_name(Operation(std::in_place_index<Index>))...};
}

std::string_view outcome_name(std::size_t outcome) {
  if (outcome == kAccepted) return "ok";
  if (outcome == kReplayed) return "replayed";
  return to_string(static_cast<ErrorCode>(outcome - kFirstCode));
}

void count(std::atomic<std::uint64_t>& place, std::uint64_t by = 1) {
  place.fetch_add(by, std::memory_order_relaxed);
}
std::uint64_t read(const std::atomic<std::uint64_t>& place) {
  return place.load(std::memory_order_relaxed);
}

}  // namespace

std::string_view to_string(BodyEnd end) {
  switch (end) {
    case BodyEnd::whole:
      return "whole";
    case BodyEnd::cut_off:
      return "cut_off";
    case BodyEnd::left:
      return "left";
  }
  return "";
}

Metrics::Metrics() {
  set_routes({});
  const auto ops = all_ops(std::make_index_sequence<kOps>());
  for (std::size_t i = 0; i < kOps; ++i) {
    ops_[i].op = ops[i];
    op_places_.emplace(ops[i], i);
  }
  ops_.back().op = "other";
}

void Metrics::set_routes(const std::vector<std::string>& paths) {
  route_places_.clear();
  routes_ = std::vector<OfRoute>(paths.size() + 1);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    routes_[i].path = paths[i];
    route_places_.emplace(routes_[i].path, i);
  }
  routes_.back().path = "other";
}

Metrics::OfRoute& Metrics::route_of(std::string_view path) {
  const auto found = route_places_.find(path);
  return found == route_places_.end() ? routes_.back() : routes_[found->second];
}

void Metrics::answered(const RequestSeen& seen) noexcept {
  auto& route = route_of(seen.route);
  const auto status = std::ranges::find(kStatuses, seen.status);
  const auto place =
      std::min<std::size_t>(static_cast<std::size_t>(status - kStatuses.begin()), kStatuses.size() - 1);
  count(route.by_status[place]);
  route.durations.add(seen.took);
}

void Metrics::sent(const BodySeen& seen) noexcept {
  count(bodies_[static_cast<std::size_t>(seen.end)]);
}

void Metrics::decided(const CommandSeen& seen) noexcept {
  const auto found = op_places_.find(seen.op);
  auto& op = ops_[found == op_places_.end() ? kOps : found->second];
  auto outcome = seen.replayed ? kReplayed : kAccepted;
  if (seen.refused) outcome = kFirstCode + static_cast<std::size_t>(*seen.refused);
  count(op.by_outcome[std::min(outcome, kOutcomes - 1)]);
  op.durations.add(seen.took);
  all_durations_.add(seen.took);
  count(commands_);
  if (outcome != kAccepted || seen.escrows == 0) return;
  count(op.escrows, seen.escrows);
  count(sizes_[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(seen.escrows)), kSizes - 1)]);
  count(sizes_total_, seen.escrows);
}

std::uint64_t Metrics::releases() const {
  return read(ops_[op_places_.at("release")].escrows);
}

void Metrics::add_requests(Families& families) const {
  auto requests = counter(families, "holdfast_http_requests_total", "Requests that were answered.");
  for (const auto& route : routes_) {
    for (std::size_t i = 0; i < kStatuses.size(); ++i) {
      const auto n = read(route.by_status[i]);
      if (n == 0) continue;
      const auto status = kStatuses[i] == 0 ? std::string("other") : std::to_string(kStatuses[i]);
      requests.add(n, {{"route", route.path}, {"status", status}});
    }
  }
  auto bodies =
      counter(families, "holdfast_http_bodies_total",
              "Bodies that were sent while they were made, by how they ended: whole, cut off by the "
              "server, or left with their connection.");
  // There from the start, at 0: an alert sees no increase in a series that begins with its first count.
  for (std::size_t i = 0; i < kBodyEnds; ++i)
    bodies.add(read(bodies_[i]), {{"end", to_string(static_cast<BodyEnd>(i))}});
  auto took = histogram(families, "holdfast_http_request_seconds", "From a request's head to its answer.");
  for (const auto& route : routes_) {
    const auto durations = route.durations.read();
    if (durations.count() > 0) took.add(durations, {{"route", route.path}});
  }
}

void Metrics::add_commands(Families& families) const {
  auto commands = counter(families, "holdfast_commands_total", "Commands that were decided, by outcome.");
  for (const auto& op : ops_) {
    for (std::size_t i = 0; i < kOutcomes; ++i) {
      const auto n = read(op.by_outcome[i]);
      if (n > 0 || (i == kAccepted && op.op != "other"))
        commands.add(n, {{"op", op.op}, {"outcome", outcome_name(i)}});
    }
  }
  auto escrows =
      counter(families, "holdfast_command_escrows_total", "Escrows that accepted commands held or settled.");
  for (const auto& op : ops_) {
    if (const auto n = read(op.escrows);
        n > 0 || op.op == "hold" || op.op == "release" || op.op == "refund") {
      escrows.add(n, {{"op", op.op}});
    }
  }
  std::array<std::uint64_t, kSizes> sizes{};
  for (std::size_t i = 0; i < kSizes; ++i) sizes[i] = read(sizes_[i]);
  histogram(families, "holdfast_command_size_escrows",
            "Escrows of an accepted command that held or settled any.")
      .add_octaves(sizes, read(sizes_total_), false);
  auto took = histogram(families, "holdfast_command_seconds", "From taking a command to its durable answer.");
  for (const auto& op : ops_) {
    const auto durations = op.durations.read();
    if (durations.count() > 0) took.add(durations, {{"op", op.op}});
  }
}

std::string Metrics::text() const {
  Families families;
  add_requests(families);
  add_commands(families);
  for (const auto& source : sources_) source(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace holdfast::server
