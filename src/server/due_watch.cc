#include "server/due_watch.h"

#include <algorithm>
#include <limits>
#include <set>

namespace holdfast::server {

namespace {

constexpr std::size_t kListed = 10'000;
constexpr Timestamp kAnyTime{std::numeric_limits<std::int64_t>::max()};
constexpr std::chrono::milliseconds kWhenFailed{5'000};

}  // namespace

DueWatch::DueWatch(Ledger& ledger, const Clock& clock, std::function<bool()> may_settle, Told told,
                   DueOptions options)
    : ledger_(ledger),
      clock_(clock),
      may_settle_(std::move(may_settle)),
      told_(std::move(told)),
      options_(options),
      thread_([this] { run(); }) {}

DueWatch::~DueWatch() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

DueView DueWatch::view() const {
  const std::scoped_lock hold(mutex_);
  auto view = view_;
  for (const auto& [date, stuck] : stuck_) view.stuck.push_back(stuck.what);
  return view;
}

void DueWatch::run() {
  while (true) {
    const auto rest = look();
    std::unique_lock hold(mutex_);
    if (changed_.wait_for(hold, rest, [&] { return stopping_; })) return;
  }
}

bool DueWatch::rests(const DueEscrow& due) const {
  const std::scoped_lock hold(mutex_);
  const auto found = stuck_.find({due.escrow, due.at});
  return found != stuck_.end() && clock_.monotonic() < found->second.retry_at;
}

std::chrono::milliseconds DueWatch::failed(const Error& error) {
  bool fresh = false;
  {
    const std::scoped_lock hold(mutex_);
    fresh = !view_.failure || view_.failure->code != error.code;
    view_.failure = error;
  }
  if (fresh && told_.failed) told_.failed(error);
  return kWhenFailed;
}

std::chrono::milliseconds DueWatch::look() {
  std::size_t stuck = 0;
  {
    const std::scoped_lock hold(mutex_);
    stuck = stuck_.size();
  }
  // In the order of their dates: the first that is not stuck is the next.
  const auto listed = ledger_.due(kAnyTime, stuck + 1);
  if (!listed) return failed(listed.error());
  const auto now = clock_.wall();
  const auto next = std::ranges::find_if(*listed, [&](const DueEscrow& due) { return !rests(due); });
  const bool come = next != listed->end() && next->at <= now;
  {
    const std::scoped_lock hold(mutex_);
    view_.failure.reset();
    view_.next_at.reset();
    if (next != listed->end()) view_.next_at = next->at;
    if (!come) view_.waiting = 0;
  }
  forget_others(*listed, listed->size() <= stuck);
  if (!come) {
    if (next == listed->end()) return options_.poll;
    const std::chrono::microseconds until(next->at.micros - now.micros);
    return std::min(options_.poll, std::chrono::ceil<std::chrono::milliseconds>(until));
  }
  if (may_settle_ && !may_settle_()) return options_.poll;
  settle(now);
  const std::scoped_lock hold(mutex_);
  return view_.failure ? kWhenFailed : std::chrono::milliseconds(0);
}

void DueWatch::settle(Timestamp now) {
  if (const auto come = ledger_.due(now, kListed)) {
    const auto waiting = std::ranges::count_if(*come, [&](const DueEscrow& due) { return !rests(due); });
    const std::scoped_lock hold(mutex_);
    view_.waiting = static_cast<std::uint64_t>(waiting);
  }
  const auto report = ledger_.run_due(now, {}, [&](const DueEscrow& due) { return rests(due); });
  if (!report) return void(failed(report.error()));
  {
    const std::scoped_lock hold(mutex_);
    view_.released += report->released;
    view_.refunded += report->refunded;
    view_.waiting = 0;
  }
  keep_stuck(report->failed, now);
  if (told_.settled && report->released + report->refunded > 0) told_.settled(*report);
}

void DueWatch::keep_stuck(const std::vector<std::pair<DueEscrow, Error>>& failures, Timestamp now) {
  for (const auto& [due, error] : failures) {
    StuckEscrow what{due, now, error};
    bool fresh = false;
    {
      const std::scoped_lock hold(mutex_);
      auto& stuck = stuck_[{due.escrow, due.at}];
      fresh = stuck.wait.count() == 0;
      stuck.wait = fresh ? options_.first_retry : std::min(2 * stuck.wait, options_.last_retry);
      stuck.retry_at = clock_.monotonic() + stuck.wait;
      stuck.what = what;
    }
    if (fresh && told_.stuck) told_.stuck(what);
  }
}

void DueWatch::forget_others(const std::vector<DueEscrow>& listed, bool complete) {
  const std::scoped_lock hold(mutex_);
  if (stuck_.empty()) return;
  // Dates after the last one that was listed may be there and not have been listed.
  const auto last = complete || listed.empty() ? kAnyTime : listed.back().at;
  std::set<Date> there;
  for (const auto& due : listed) there.insert({due.escrow, due.at});
  std::erase_if(stuck_,
                [&](const auto& each) { return each.first.second < last && !there.contains(each.first); });
}

}  // namespace holdfast::server
