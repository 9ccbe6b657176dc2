#include "sim/run_apart.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/assert.h"

namespace holdfast::sim {

std::optional<std::string> run_apart(const std::function<std::string()>& run) {
  int ends[2] = {};
  HOLDFAST_ASSERT(pipe(ends) == 0, "a pipe to the child can be had");
  std::fflush(nullptr);
  const auto child = fork();
  HOLDFAST_ASSERT(child >= 0, "a process for the run can be had");
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    const auto failure = run();
    fmt::print(stderr, "{}", failure);
    std::fflush(stderr);
    _exit(failure.empty() ? 0 : 1);
  }
  close(ends[1]);
  std::string said;
  for (char buffer[512];;) {
    const auto n = read(ends[0], buffer, sizeof buffer);
    if (n <= 0) break;
    said.append(buffer, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  HOLDFAST_ASSERT(waitpid(child, &status, 0) == child, "the child ends");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::nullopt;
  const bool asserted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  const bool failed = WIFEXITED(status) && WEXITSTATUS(status) == 1;
  HOLDFAST_ASSERT(asserted || failed, "a run ends by a check or an assertion");
  return asserted ? "an assertion: " + said : said;
}

}  // namespace holdfast::sim
