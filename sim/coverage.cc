#include "sim/coverage.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

namespace holdfast::sim {
namespace {

/// Each must be reached by the default number of seeds.
constexpr std::array<std::string_view, 31> kNeeded = {
    "audit",
    "read",
    "replayed",
    "restarted",
    "reopened after a failure",
    "creation cut off",
    "creation found done",
    "in flight, recovered",
    "in flight, asked again",
    "storage_full refused",
    "opening failed with storage_failed",
    "note: torn write",
    "note: unfinished segment",
    "note: missing or damaged",
    "note: snapshot passed over",
    "rot refused",
    "rot in dead bytes",
    "rot found when read",
    "accepted block",
    "rejected block",
    "accepted atomic",
    "accepted release",
    "accepted refund",
    "accepted resolve",
    "accepted close_account",
    "rejected idempotency_conflict",
    "rejected insufficient_funds",
    "rejected escrow_frozen",
    "rejected fees_exceed_amount",
    "rejected overflow",
    "rejected group_closed",
};

}  // namespace

void Coverage::add(const RunReport& report) {
  faults_.merge(report.faults);
  for (const auto& [branch, n] : report.branches) branches_[branch] += n;
  commands_ += report.commands;
  events_ += report.events;
}

std::uint64_t Coverage::of(const std::string& branch) const {
  const auto found = branches_.find(branch);
  return found == branches_.end() ? 0 : found->second;
}

void Coverage::print(bool needed) const {
  fmt::print("{} commands, {} events\n", commands_, events_);
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    fmt::print("  {:>9}  {}\n", faults_.of(fault), to_string(fault));
    if (needed && faults_.of(fault) == 0) fmt::print(stderr, "never injected: {}\n", to_string(fault));
  }
  for (const auto& [branch, n] : branches_) fmt::print("  {:>9}  {}\n", n, branch);
  for (const auto branch : kNeeded) {
    if (needed && of(std::string(branch)) == 0) fmt::print(stderr, "never reached: {}\n", branch);
  }
}

bool Coverage::complete() const {
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (faults_.of(static_cast<Fault>(i)) == 0) return false;
  }
  for (const auto branch : kNeeded) {
    if (of(std::string(branch)) == 0) return false;
  }
  return true;
}

}  // namespace holdfast::sim
