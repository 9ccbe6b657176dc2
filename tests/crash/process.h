// A child process with a pipe at each end, to be killed.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace holdfast::crash {

class Process {
 public:
  /// \param input  what it reads; written by a thread-free child of its own, so that it never blocks us
  explicit Process(const std::vector<std::string>& arguments, const std::string& input = {});
  /// Kills it where it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// The next line it prints; none at its end. A line that was cut off is none.
  [[nodiscard]] std::optional<std::string> read_line();
  /// kill -9, and waits for its end. True where it was still running.
  bool kill();
  /// Sends the signal and waits for its end: its exit code, or 128 and the number of the signal that ended
  /// it.
  int end(int signal);
  /// Sends the signal, and does not wait.
  void tell(int signal) const;
  /// Waits for its end, which comes by itself; as `end`.
  int wait();

 private:
  pid_t pid_ = -1;
  pid_t feeder_ = -1;
  int out_ = -1;
  std::string buffered_;
};

struct Outcome {
  int code = 0;     // as Process::end
  std::string out;  // and errors
};

/// Runs it to its end.
[[nodiscard]] Outcome run(const std::vector<std::string>& command, const std::string& input = {});

}  // namespace holdfast::crash
