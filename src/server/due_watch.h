// Settles what is due when it is due: looks when the next date comes, and each second, since a nearer one may
// have been set meanwhile. Each date takes effect once (`Ledger::run_due`), also after a time in which no
// server ran. What cannot be settled is kept as stuck, with its reason, and tried again after a while that
// grows; another date of the same escrow is another matter and tried at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "holdfast/ledger.h"

namespace holdfast::server {

struct StuckEscrow {
  DueEscrow due;
  Timestamp at;  // when it was tried last
  Error error;
};

struct DueView {
  std::optional<Timestamp> next_at;  // of the earliest date that is not stuck
  std::uint64_t waiting = 0;  // whose date has come, and that are neither settled nor stuck; 10,000: or more
  std::vector<StuckEscrow> stuck;  // by escrow
  std::uint64_t released = 0;      // since the server started
  std::uint64_t refunded = 0;
  std::optional<Error> failure;  // why nothing can be settled at the moment
};

struct DueOptions {
  std::chrono::milliseconds poll{1'000};
  std::chrono::seconds first_retry{60};  // of what is stuck; doubled each time
  std::chrono::seconds last_retry{3'600};
};

class DueWatch {
 public:
  /// Told on the watching thread. `stuck`: one that could not be settled, once for each date. `failed`: the
  /// ledger gave an error, once until it works again.
  struct Told {
    std::function<void(const StuckEscrow&)> stuck;
    std::function<void(const Error&)> failed;
    std::function<void(const DueReport&)> settled;  // something was
  };

  /// Begins at once. \param ledger, clock  outlive this object
  /// \param may_settle  false: commands are not taken at the moment, dates wait too
  DueWatch(Ledger& ledger, const Clock& clock, std::function<bool()> may_settle, Told told,
           DueOptions options = {});
  ~DueWatch();
  DueWatch(const DueWatch&) = delete;
  DueWatch& operator=(const DueWatch&) = delete;

  /// Thread-safe.
  [[nodiscard]] DueView view() const;

 private:
  using Date = std::pair<EscrowId, Timestamp>;
  struct Stuck {
    StuckEscrow what;
    std::chrono::nanoseconds retry_at{};
    std::chrono::seconds wait{};
  };

  void run();
  /// How long to wait until the next look.
  std::chrono::milliseconds look();
  std::chrono::milliseconds failed(const Error& error);
  void settle(Timestamp now);
  void keep_stuck(const std::vector<std::pair<DueEscrow, Error>>& failures, Timestamp now);
  /// Those that are not due any more: frozen, settled or rescheduled by somebody.
  void forget_others(const std::vector<DueEscrow>& listed, bool complete);
  /// Stuck, and its time to be tried again has not come.
  [[nodiscard]] bool rests(const DueEscrow& due) const;

  Ledger& ledger_;
  const Clock& clock_;
  const std::function<bool()> may_settle_;
  const Told told_;
  const DueOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  DueView view_;  // all but `stuck`
  std::map<Date, Stuck> stuck_;
  std::thread thread_;
};

}  // namespace holdfast::server
