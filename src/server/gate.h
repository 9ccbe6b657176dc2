// Whether commands are taken. A broken law closes it: on books that are proven wrong every further payment
// could pay out what is not there, so that waiting costs less than going on. Questions are still answered. It
// opens again by a new start, when somebody has looked; `--on-broken-law go-on` never closes it.
#pragma once

#include <mutex>
#include <optional>
#include <string>

namespace holdfast::server {

/// Thread-safe.
class Gate {
 public:
  explicit Gate(bool closes) : closes_(closes) {}

  /// The first reason stays.
  void law_broken(const std::string& reason) {
    const std::scoped_lock hold(mutex_);
    if (closes_ && !closed_) closed_ = reason;
  }
  /// Why commands are not taken; none: they are.
  [[nodiscard]] std::optional<std::string> closed() const {
    const std::scoped_lock hold(mutex_);
    return closed_;
  }

 private:
  const bool closes_;
  mutable std::mutex mutex_;
  std::optional<std::string> closed_;
};

}  // namespace holdfast::server
