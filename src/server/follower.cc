#include "server/follower.h"

#include <algorithm>

namespace holdfast::server {

using std::chrono::nanoseconds;

Follower::Follower(const Ledger& ledger, const Clock& clock, FollowerOptions options)
    : ledger_(ledger), clock_(clock), options_(options), thread_([this] { run(); }) {}

Follower::~Follower() {
  stop();
  thread_.join();
}

void Follower::nudge() {
  if (idle_ || nudged_.exchange(true)) return;
  // Under the lock, so that it does not fall between the thread's look at `nudged_` and its wait.
  const std::lock_guard lock(mutex_);
  changed_.notify_one();
}

Follower::WaitId Follower::wait(Seq after, std::optional<nanoseconds> until, Done done) {
  std::unique_lock lock(mutex_);
  const auto id = ++last_id_;
  if (stopped_) {
    lock.unlock();
    done({Reason::stopped, Seq()});
    return id;
  }
  waiters_.emplace(id, Waiter{after, until, std::move(done)});
  by_after_.emplace(after, id);
  if (until) by_time_.emplace(*until, id);
  // What was written before somebody waited was not told of: look once for whoever comes. The thread is told
  // of the first who wants that, and of a time that is earlier than the one that it waits for.
  idle_ = false;
  const bool told = nudged_.exchange(true) && waiters_.size() > 1;
  if (!told || (until && by_time_.begin()->second == id)) changed_.notify_one();
  return id;
}

void Follower::cancel(WaitId id) {
  Woken ignored;
  const std::lock_guard lock(mutex_);
  take(id, Reason::stopped, ignored);
}

void Follower::stop() {
  Woken woken;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    while (!waiters_.empty()) take(waiters_.begin()->first, Reason::stopped, woken);
    changed_.notify_one();
  }
  for (auto& [done, wake] : woken) done(wake);
}

std::size_t Follower::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

void Follower::take(WaitId id, Reason reason, Woken& woken) {
  const auto found = waiters_.find(id);
  if (found == waiters_.end()) return;
  auto& waiter = found->second;
  by_after_.erase({waiter.after, id});
  if (waiter.until) by_time_.erase({*waiter.until, id});
  woken.emplace_back(std::move(waiter.done), Wake{reason, seen_.value_or(Seq())});
  waiters_.erase(found);
  idle_ = waiters_.empty();
}

void Follower::take_all_that_see_events(Woken& woken) {
  while (seen_ && !by_after_.empty() && by_after_.begin()->first < *seen_) {
    take(by_after_.begin()->second, Reason::events, woken);
  }
}

void Follower::take_all_at(nanoseconds now, Woken& woken) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    take(by_time_.begin()->second, Reason::time, woken);
  }
}

std::optional<Seq> Follower::look(std::optional<Seq> seen) const {
  // A question for one event is answered from an index; how far the ledger is costs more on PostgreSQL, and
  // is asked only where there are several new ones. Whoever reads the events is told of a store that fails.
  if (seen) {
    const auto page = ledger_.events(*seen, 1);
    if (!page || page->rows.empty()) return seen;
    seen = page->rows.back().seq;
    if (!page->next) return seen;
  }
  const auto status = ledger_.status();
  if (!status) return seen;
  return std::max(seen.value_or(Seq()), status->seq);
}

void Follower::run() {
  nanoseconds last_look{};
  bool looked = false;
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (waiters_.empty()) {
      changed_.wait(lock);
      continue;
    }
    Woken woken;
    auto now = clock_.monotonic();
    take_all_at(now, woken);
    const auto look_at = last_look + (nudged_ ? options_.spacing : options_.poll);
    if (!looked || now >= look_at) {
      nudged_ = false;
      const auto seen = seen_;
      lock.unlock();
      const auto found = look(seen);
      lock.lock();
      looked = true;
      last_look = clock_.monotonic();
      seen_ = found;
      take_all_that_see_events(woken);
    } else if (woken.empty()) {
      auto next = look_at;
      if (!by_time_.empty()) next = std::min(next, by_time_.begin()->first);
      changed_.wait_for(lock, next - now);
    }
    if (woken.empty()) continue;
    lock.unlock();
    for (auto& [done, wake] : woken) done(wake);
    woken.clear();
    lock.lock();
  }
}

}  // namespace holdfast::server
