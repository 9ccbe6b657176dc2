// Wakes whoever waits for events that are not there yet: long polls, event streams, webhooks. One thread for
// all of them. Commands of this process nudge it; on PostgreSQL other programs write too, and what they wrote
// is numbered later, so that it also looks by itself, while somebody waits.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "holdfast/ledger.h"

namespace holdfast::server {

struct FollowerOptions {
  std::chrono::milliseconds poll{150};   // between two looks of its own
  std::chrono::milliseconds spacing{2};  // the least between any two: a flood of nudges costs no more
};

class Follower {
 public:
  enum class Reason : std::uint8_t { events, time, stopped };
  struct Wake {
    Reason reason = Reason::events;
    Seq seen;  // events: there are some up to this one at least
  };
  /// Called once, on the follower's thread (or the caller's, after `stop`): must not block or throw, and
  /// reads no events itself.
  using Done = std::function<void(Wake)>;
  using WaitId = std::uint64_t;

  /// \param ledger, clock  must outlive it
  Follower(const Ledger& ledger, const Clock& clock, FollowerOptions options = {});
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  /// There may be new durable events. From any thread; costs a load where nobody waits, else an exchange.
  void nudge();

  /// Calls `done` when there is an event with seq > after, at `until` (of the clock's monotonic time; none:
  /// never), or when it is stopped, whichever comes first.
  WaitId wait(Seq after, std::optional<std::chrono::nanoseconds> until, Done done);
  /// `done` is not called any more, but may be running now. An id that was woken is nothing to cancel.
  void cancel(WaitId id);

  /// Wakes all who wait, and all who come later at once.
  void stop();

  /// How many wait, for metrics.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiter {
    Seq after;
    std::optional<std::chrono::nanoseconds> until;
    Done done;
  };
  using Woken = std::vector<std::pair<Done, Wake>>;

  void run();
  /// Looks for events after `seen`; `seen`, or a later one.
  [[nodiscard]] std::optional<Seq> look(std::optional<Seq> seen) const;
  void take(WaitId id, Reason reason, Woken& woken);
  void take_all_that_see_events(Woken& woken);
  void take_all_at(std::chrono::nanoseconds now, Woken& woken);

  const Ledger& ledger_;
  const Clock& clock_;
  const FollowerOptions options_;

  std::atomic<bool> idle_ = true;     // nobody waits
  std::atomic<bool> nudged_ = false;  // since the last look began

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::optional<Seq> seen_;  // the last event known of; none before the first look
  WaitId last_id_ = 0;
  std::map<WaitId, Waiter> waiters_;
  std::set<std::pair<Seq, WaitId>> by_after_;
  std::set<std::pair<std::chrono::nanoseconds, WaitId>> by_time_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace holdfast::server
