// The whole audit, by itself, from time to time: every law over the whole history and against the rows as
// they are. It shouts where a law is broken, and then stays that way until a later audit says otherwise.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "holdfast/ledger.h"

namespace holdfast::server {

struct AuditView {
  std::optional<AuditReport> report;  // of the last that came to its end
  Timestamp at;                       // when that ended
  Seq seq;                            // up to where it looked
  std::chrono::nanoseconds took{};
  bool running = false;
  std::optional<Error> failure;  // why the last try did not come to its end

  [[nodiscard]] bool broken() const { return report && !report->ok; }
};

struct AuditOptions {
  std::chrono::seconds first{60};      // after the start
  std::chrono::seconds every{86'400};  // 0: never
};

class AuditWatch {
 public:
  using Done = std::function<void(const AuditView&)>;

  /// \param ledger, clock  outlive this object
  /// \param done  called on the auditing thread after each audit, one that could not be finished too
  AuditWatch(const Ledger& ledger, const Clock& clock, AuditOptions options, Done done);
  /// Tells an audit that runs to stop.
  ~AuditWatch();
  AuditWatch(const AuditWatch&) = delete;
  AuditWatch& operator=(const AuditWatch&) = delete;

  /// Thread-safe.
  [[nodiscard]] AuditView view() const;

 private:
  void run(const std::stop_token& stop);
  void audit(const std::stop_token& stop);

  const Ledger& ledger_;
  const Clock& clock_;
  const AuditOptions options_;
  const Done done_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  AuditView view_;
  std::jthread thread_;
};

}  // namespace holdfast::server
