// SIGTERM, SIGINT and SIGHUP, taken by a thread of their own.
#pragma once

#include <functional>
#include <thread>

namespace holdfast::server {

/// Made before any other thread, so that none of them is interrupted. The first SIGTERM or SIGINT is told; at
/// the second the process ends at once, as the shell expects of a signal (128 + its number).
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Begins to tell, on a thread of its own: `stop` once, `reload` at each SIGHUP.
  void listen(std::function<void(int signal)> stop, std::function<void()> reload);

 private:
  void run(const std::function<void(int)>& stop, const std::function<void()>& reload);

  std::thread thread_;
};

}  // namespace holdfast::server
