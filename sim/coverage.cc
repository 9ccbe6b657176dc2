#include "sim/coverage.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "base/probe.h"

namespace holdfast::sim {
namespace {

/// Each must be reached by the default number of seeds; with every kind of command accepted, and every
/// rejection.
constexpr std::array kNeeded = {
    // What ran between what
    "decided meanwhile", "synced meanwhile", "maintained meanwhile", "looked from beside",
    "looked from beside, ahead of the answers", "scrubbed",
    // Crashes and openings
    "audit", "restarted", "reopened after a failure", "creation cut off", "creation found done",
    "opening failed with storage_failed", "opening failed with storage_full", "storage_full refused",
    "note: torn write", "note: unfinished segment", "note: missing or damaged", "note: snapshot passed over",
    // Retries
    "replayed", "in flight, recovered", "in flight, asked again", "asked again for an answer that was lost",
    "acknowledged, asked again after a restart",
    // Faults of class B
    "rot while open", "rot after a close", "rot after a crash", "rot after the process ended", "rot refused",
    "rot in dead bytes", "rot found when read", "a scrub finds rot", "a scrub finds nothing",
    "verify finds rot", "verify finds nothing", "a reader refused over rot", "a reader let in over rot",
    "a query refused over rot", "a command refused over rot",
    // Commands
    "read", "accepted block", "rejected block", "accepted due", "accepted open_account",
    "accepted close_account", "accepted define_fee_plan", "accepted deposit", "accepted withdraw",
    "accepted transfer", "accepted hold", "accepted reschedule", "accepted release", "accepted refund",
    "accepted freeze", "accepted resolve", "accepted close_group", "accepted reopen_group", "accepted atomic",
    // Rejections
    "rejected invalid_command", "rejected account_not_found", "rejected account_exists",
    "rejected account_closed", "rejected account_not_empty", "rejected account_in_use",
    "rejected escrow_not_found", "rejected escrow_not_locked", "rejected escrow_frozen",
    "rejected not_frozen", "rejected group_closed", "rejected insufficient_funds",
    "rejected currency_mismatch", "rejected amount_out_of_range", "rejected fees_exceed_amount",
    "rejected fee_plan_not_found", "rejected fee_plan_fixed", "rejected duplicate_item",
    "rejected idempotency_conflict", "rejected overflow", "rejected wrong_account_kind",
    "rejected not_as_expected", "accepted as expected"};

}  // namespace

void Coverage::add(const RunReport& report) {
  faults_.merge(report.faults);
  checks_.merge(report.checks);
  for (const auto& [branch, n] : report.branches) branches_[branch] += n;
  commands_ += report.commands;
  events_ += report.events;
  simulated_micros_ += report.simulated_micros;
}

std::uint64_t Coverage::of(const std::string& branch) const {
  const auto found = branches_.find(branch);
  return found == branches_.end() ? 0 : found->second;
}

void Coverage::print() const {
  fmt::print("{} commands, {} events, {} simulated hours\n", commands_, events_,
             simulated_micros_ / 3'600'000'000);
  for (std::size_t i = 1; i <= kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    if (check == Check::coverage) continue;  // this one
    fmt::print("  {:>9}  check {}, {}\n", checks_.of(check), i, to_string(check));
  }
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    fmt::print("  {:>9}  {}\n", faults_.of(fault), to_string(fault));
  }
#ifdef HOLDFAST_PLANTED_BUGS
  for (std::size_t i = 0; i < kProbes; ++i) {
    fmt::print("  {:>9}  probe: {}\n", probes[i], to_string(static_cast<Probe>(i)));
  }
#endif
  for (const auto& [branch, n] : branches_) fmt::print("  {:>9}  {}\n", n, branch);
}

std::vector<std::string> Coverage::missing(bool twice) const {
  std::vector<std::string> out;
  for (std::size_t i = 1; i <= kChecks; ++i) {
    const auto check = static_cast<Check>(i);
    if (check == Check::coverage || (check == Check::determinism && !twice)) continue;
    if (checks_.of(check) == 0) out.push_back(fmt::format("never checked: {}, {}", i, to_string(check)));
  }
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (faults_.of(fault) == 0) out.push_back(fmt::format("never injected: {}", to_string(fault)));
  }
#ifdef HOLDFAST_PLANTED_BUGS
  for (std::size_t i = 0; i < kProbes; ++i) {
    if (probes[i] == 0)
      out.push_back(fmt::format("never reached: probe: {}", to_string(static_cast<Probe>(i))));
  }
#endif
  for (const std::string branch : kNeeded) {
    if (of(branch) == 0) out.push_back(fmt::format("never reached: {}", branch));
  }
  return out;
}

}  // namespace holdfast::sim
