// Feels the ledger's pulse: each second how it stands, each five how fast it goes. Whoever shows it, a page
// or Prometheus, reads what was felt last, so that looking costs the ledger nothing.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "holdfast/ledger.h"
#include "server/metrics.h"

namespace holdfast::server {

inline constexpr std::chrono::seconds kSampleStep{5};

/// What five seconds were like.
struct Sample {
  std::uint64_t commands_per_s = 0;
  std::uint64_t releases_per_s = 0;
  std::uint64_t p50_us = 0;  // of commands; 0: there were none
  std::uint64_t p99_us = 0;
  std::uint64_t group_events = 0;  // on average
  std::uint64_t sync_p50_us = 0;   // journal store
  std::uint64_t sync_p99_us = 0;
  std::uint64_t queue = 0;      // commands that nobody had decided yet, at the end
  std::uint64_t in_flight = 0;  // requests that were being answered, at the end
  std::uint64_t connections = 0;
};

struct PulseView {
  std::optional<LedgerStatus> status;  // none: it was never told yet
  std::vector<TrialBalance> balances;
  std::optional<Error> failure;  // why the ledger does not tell how it stands
  Timestamp at;                  // of what is told here
};

/// What the transport has at the moment.
struct Traffic {
  std::uint64_t queue = 0;  // requests that wait for a thread
  std::uint64_t in_flight = 0;
  std::uint64_t connections = 0;
};

class Pulse {
 public:
  struct Parts {
    const Ledger& ledger;  // it, the clock and the metrics outlive the pulse
    const Clock& clock;
    const Metrics& metrics;
    std::function<Traffic()> traffic;
    /// A currency whose buckets do not sum to 0; once for each that is seen so.
    std::function<void(const TrialBalance&)> unbalanced{};
    /// The ledger does not tell how it stands; once until it does again.
    std::function<void(const Error&)> failed{};
  };

  /// Feels it once before it returns.
  explicit Pulse(Parts parts);
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  // Thread-safe.
  [[nodiscard]] PulseView view() const;
  /// The last quarter of an hour, oldest first.
  [[nodiscard]] std::vector<Sample> samples() const;
  /// When the first of those began.
  [[nodiscard]] Timestamp samples_from() const;

 private:
  void run();
  void feel();
  void sample();
  [[nodiscard]] bool balances_are_old(const LedgerStatus& status) const;

  const Parts parts_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  PulseView view_;
  std::deque<Sample> samples_;
  Timestamp sampled_at_;

  // The thread's own.
  std::optional<Seq> balances_seq_;
  std::chrono::nanoseconds balances_at_{};
  std::chrono::nanoseconds balances_took_{};
  std::vector<Currency> told_;
  bool failing_ = false;
  std::chrono::nanoseconds last_sample_{};
  std::uint64_t last_commands_ = 0;
  std::uint64_t last_releases_ = 0;
  DurationCounts last_durations_;
  GroupStatus last_groups_;
  std::thread thread_;
};

}  // namespace holdfast::server
