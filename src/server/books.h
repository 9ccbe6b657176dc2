// What the events say, read one after the other in the background: how much was released and refunded in all,
// and whether each event is as it should be. The sums are kept in the state directory, so that a restart goes
// on where the server was.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "holdfast/ledger.h"
#include "server/state_directory.h"

namespace holdfast::server {

/// The sums of all events up to one.
struct BooksView {
  Seq seq;                      // the last event that is in them
  std::vector<EventSums> sums;  // in the order of currency codes
  std::uint64_t frozen = 0;     // escrows that are frozen
  /// What is wrong with an event, of the first few that were found; empty: nothing was.
  std::vector<std::string> wrong;
  std::optional<Error> failure;  // why events cannot be read at the moment
};

/// What is wrong with an event as such; none where nothing is. \param before  the seq of the one before
[[nodiscard]] std::optional<std::string> wrong_with(const EventView& event, Seq before);

class Books {
 public:
  /// Told of each event that is not as it should be, on the thread that reads.
  using Wrong = std::function<void(const std::string&)>;

  /// Goes on with what the state has, unless that is of another ledger; then, and where it is damaged, it
  /// begins anew. \param ledger, state  outlive this object
  Books(const Ledger& ledger, StateDirectory& state, Wrong wrong);
  /// Keeps how far it came.
  ~Books();
  Books(const Books&) = delete;
  Books& operator=(const Books&) = delete;

  /// Thread-safe.
  [[nodiscard]] BooksView view() const;

 private:
  void run();
  void load();
  /// Reads a page. True: there may be more at once.
  bool step();
  void take(const EventView& event);
  void save();
  [[nodiscard]] bool wait(std::chrono::milliseconds time);

  const Ledger& ledger_;
  StateDirectory& state_;
  const Wrong told_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  Seq seq_;
  Digest hash_{};
  std::map<std::string_view, EventSums> sums_;  // by currency code
  std::uint64_t frozen_ = 0;
  std::vector<std::string> wrong_;
  std::optional<Error> failure_;

  Seq saved_;  // the thread's own
  std::thread thread_;
};

}  // namespace holdfast::server
