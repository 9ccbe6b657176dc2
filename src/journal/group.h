// A group: the events that share one frame, and the answers that wait for it.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "journal/log.h"
#include "ledger/store.h"

namespace holdfast::journal {

/// What one request gets when its group is durable, or the error that ended the ledger.
struct Completion {
  std::function<void(Result<StoreAnswer>)> done;  // of a command
  Result<StoreAnswer> answer;
  std::function<void(Result<void>)> read_done;  // of a read

  void give(const std::optional<Error>& failed) {
    if (done) {
      if (failed) {
        done(std::unexpected(*failed));
      } else {
        done(std::move(answer));
      }
    }
    if (read_done) {
      if (failed) {
        read_done(std::unexpected(*failed));
      } else {
        read_done({});
      }
    }
  }
};

struct Group {
  FramePayload payload;
  std::vector<Completion> completions;

  [[nodiscard]] bool empty() const { return payload.count == 0 && completions.empty(); }
  void clear() {
    payload.clear();
    completions.clear();
  }
};

/// Finds an event that is still on its way to the disk. \param wanted  tells it by its decoded form
[[nodiscard]] std::optional<Event> find_in(const FramePayload& payload,
                                           const std::function<bool(const Event&)>& wanted);

}  // namespace holdfast::journal
