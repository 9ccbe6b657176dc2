#include "server/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "base/assert.h"

namespace holdfast::server {

namespace {

constexpr int kEnd = SIGUSR1;  // from the destructor, to its own thread

sigset_t ours() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kEnd}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  const auto set = ours();
  HOLDFAST_ASSERT(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "signals can be blocked");
}

Signals::~Signals() {
  if (!thread_.joinable()) return;
  pthread_kill(thread_.native_handle(), kEnd);
  thread_.join();
}

void Signals::listen(std::function<void(int)> stop, std::function<void()> reload) {
  thread_ = std::thread([this, stop = std::move(stop), reload = std::move(reload)] { run(stop, reload); });
}

void Signals::run(const std::function<void(int)>& stop, const std::function<void()>& reload) {
  const auto set = ours();
  bool stopping = false;
  while (true) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal == kEnd) return;
    if (signal == SIGHUP) {
      reload();
    } else if (stopping) {
      ::_exit(128 + signal);
    } else {
      stopping = true;
      stop(signal);
    }
  }
}

}  // namespace holdfast::server
