#include "tests/crash/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/assert.h"

namespace holdfast::crash {
namespace {

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  HOLDFAST_ASSERT(::pipe2(ends.data(), O_CLOEXEC) == 0, "a pipe can be made");
  return ends;
}

/// A child that only writes `input` into the pipe. Between fork and exit it makes system calls only.
pid_t feed(int to, const std::string& input) {
  const auto pid = ::fork();
  if (pid != 0) return pid;
  ::signal(SIGPIPE, SIG_DFL);
  std::size_t at = 0;
  while (at < input.size()) {
    const auto written = ::write(to, input.data() + at, input.size() - at);
    if (written <= 0) break;
    at += static_cast<std::size_t>(written);
  }
  ::_exit(0);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::string& input) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const auto in = make_pipe();
  const auto out = make_pipe();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  HOLDFAST_ASSERT(pid_ > 0, "a process can be started");
  ::close(in[0]);
  ::close(out[1]);
  out_ = out[0];
  feeder_ = feed(in[1], input);
  ::close(in[1]);
}

Process::~Process() {
  kill();
}

std::optional<std::string> Process::read_line() {
  while (true) {
    if (const auto end = buffered_.find('\n'); end != std::string::npos) {
      auto line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> chunk{};
    const auto n = ::read(out_, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    buffered_.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

bool Process::kill() {
  return pid_ >= 0 && end(SIGKILL) == 128 + SIGKILL;
}

int Process::end(int signal) {
  tell(signal);
  return wait();
}

void Process::tell(int signal) const {
  HOLDFAST_ASSERT(pid_ >= 0, "it was not ended before");
  ::kill(pid_, signal);
}

int Process::wait() {
  HOLDFAST_ASSERT(pid_ >= 0, "it was not ended before");
  int status = 0;
  HOLDFAST_ASSERT(::waitpid(pid_, &status, 0) == pid_, "a child can be waited for");
  pid_ = -1;
  if (feeder_ > 0) {
    ::kill(feeder_, SIGKILL);
    ::waitpid(feeder_, nullptr, 0);
    feeder_ = -1;
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Outcome run(const std::vector<std::string>& command, const std::string& input) {
  std::vector<std::string> line{"/bin/sh", "-c", R"(exec "$@" 2>&1)", "sh"};
  line.insert(line.end(), command.begin(), command.end());
  Process process(line, input);
  Outcome outcome;
  while (const auto text = process.read_line()) outcome.out += *text + "\n";
  outcome.code = process.wait();
  return outcome;
}

}  // namespace holdfast::crash
