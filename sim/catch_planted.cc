#include "sim/catch_planted.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/assert.h"
#include "sim/planted.h"
#include "sim/simulator.h"

namespace holdfast::sim {
namespace {

/// Runs a seed with the bug in a process of its own, as an assertion ends it. What caught it; none: nothing
/// did.
std::optional<std::string> run_apart(PlantedBug bug, const RunOptions& options) {
  int ends[2] = {};
  HOLDFAST_ASSERT(pipe(ends) == 0, "a pipe to the child can be had");
  std::fflush(nullptr);
  const auto child = fork();
  HOLDFAST_ASSERT(child >= 0, "a process for the seed can be had");
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    planted_bug = bug;
    const auto report = run(options);
    fmt::print(stderr, "{}", report.failure);
    std::fflush(stderr);
    _exit(report.failure.empty() ? 0 : 1);
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
  if (const auto line = said.find('\n'); line != std::string::npos) said.resize(line);
  const bool asserted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  const bool failed = WIFEXITED(status) && WEXITSTATUS(status) == 1;
  HOLDFAST_ASSERT(asserted || failed, "a run ends by a check or an assertion");
  return asserted ? "an assertion: " + said : said;
}

using OptionsOf = std::function<RunOptions(std::uint64_t seed)>;

bool caught(const Planted& planted, std::uint64_t first_seed, const OptionsOf& options_of) {
  for (unsigned i = 0; i < planted.seeds; ++i) {
    if (const auto by = run_apart(planted.bug, options_of(first_seed + i))) {
      if (const auto without = run_apart(PlantedBug::none, options_of(first_seed + i))) {
        fmt::print(stderr, "FAILED {}: its seed fails without it too: {}\n", planted.name, *without);
        return false;
      }
      fmt::print("{:<24} {:>4} of {:>4} seeds: {}\n", planted.name, i + 1, planted.seeds, by->substr(0, 160));
      return true;
    }
  }
  fmt::print(stderr, "FAILED {} is not caught within {} seeds\n", planted.name, planted.seeds);
  return false;
}

}  // namespace

int catch_planted(std::string_view which, std::uint64_t first_seed, const OptionsOf& options_of) {
  unsigned tried = 0;
  unsigned missed = 0;
  for (const auto& planted : kPlanted) {
    if (which != "all" && which != planted.name) continue;
    ++tried;
    missed += caught(planted, first_seed, options_of) ? 0 : 1;
  }
  fmt::print("{} bugs planted, {} caught\n", tried, tried - missed);
  if (tried == 0) fmt::print(stderr, "FAILED there is no planted bug {}\n", which);
  return tried > 0 && missed == 0 ? 0 : 1;
}

}  // namespace holdfast::sim
