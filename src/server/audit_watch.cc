#include "server/audit_watch.h"

#include <unistd.h>

#include <algorithm>

namespace holdfast::server {

AuditWatch::AuditWatch(const Ledger& ledger, const Clock& clock, AuditOptions options, Done done)
    : ledger_(ledger), clock_(clock), options_(options), done_(std::move(done)) {
  if (options_.every.count() == 0) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

AuditWatch::~AuditWatch() = default;  // the thread is asked to stop, and waited for

AuditView AuditWatch::view() const {
  const std::scoped_lock hold(mutex_);
  return view_;
}

void AuditWatch::run(const std::stop_token& stop) {
  if (::nice(15) == -1) { /* only a courtesy to those who answer */
  }
  auto rest = options_.first;
  while (true) {
    {
      std::unique_lock hold(mutex_);
      changed_.wait_for(hold, stop, rest, [] { return false; });
    }
    if (stop.stop_requested()) return;
    audit(stop);
    if (stop.stop_requested()) return;
    const auto now = view();
    if (done_) done_(now);
    constexpr std::chrono::seconds kAfterFailure{300};
    rest = now.failure ? std::min(options_.every, kAfterFailure) : options_.every;
  }
}

void AuditWatch::audit(const std::stop_token& stop) {
  {
    const std::scoped_lock hold(mutex_);
    view_.running = true;
  }
  const auto begun = clock_.monotonic();
  Seq seen;
  auto report = ledger_.audit([&](Seq done, Seq) { seen = done; }, stop);
  // What cannot be read back is a broken history, not an audit that has to wait.
  if (!report && report.error().code == ErrorCode::corrupt) {
    report = AuditReport{false, {{"history", false, report.error().message}}};
  }
  const std::scoped_lock hold(mutex_);
  view_.running = false;
  if (!report) {
    view_.failure = report.error();
    return;
  }
  view_.failure.reset();
  view_.report = std::move(*report);
  view_.at = clock_.wall();
  view_.seq = seen;
  view_.took = clock_.monotonic() - begun;
}

}  // namespace holdfast::server
