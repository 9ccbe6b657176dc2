// Runs the simulator over many seeds.
//
//   sim_run --seeds N [--seed FIRST] [--verbose] [--coverage] [--twice]
//
// A failure prints the seed, its options and the command that replays it. `--coverage` also fails where a
// fault, a branch or a check was never met; `--twice` runs every seed again and compares. `--switch-off` is
// for the test that proves that a run without faults, or without its auditor, does not pass. `--planted`
// (only in the build that has the bugs) plants them one by one, and fails where one is not caught within its
// seeds (planted.h).
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>

#ifdef HOLDFAST_PLANTED_BUGS
#include "sim/catch_planted.h"
#endif
#include "sim/coverage.h"
#include "sim/simulator.h"

namespace {

using namespace holdfast;

struct Arguments {
  std::uint64_t seeds = 1;
  std::uint64_t first = 1;
  bool verbose = false;
  bool coverage = false;
  bool twice = false;
  std::string off;
  std::string planted;
};

/// The commit that the sources are at, as git tells; with `-dirty` where they were changed since.
std::string commit() {
  std::string out;
  auto* git = popen("git -C " HOLDFAST_SOURCE_DIR " describe --always --dirty 2>/dev/null", "r");
  if (git == nullptr) return "unknown";
  for (int c = std::fgetc(git); c != EOF && c != '\n'; c = std::fgetc(git))
    out.push_back(static_cast<char>(c));
  pclose(git);
  return out.empty() ? "unknown" : out;
}

void print_failure(const sim::RunOptions& options, const sim::RunReport& report) {
  fmt::print(stderr, "FAILED {}\n  commit:  {}\n  options: {}\n  replay:  sim/run --seed {} --verbose\n",
             report.failure, commit(), sim::describe(options), options.seed);
}

bool same(const sim::RunReport& a, const sim::RunReport& b) {
  return a.draw == b.draw && a.head == b.head && a.state == b.state && a.branches == b.branches;
}

sim::RunOptions options_of(const Arguments& arguments, std::uint64_t seed) {
  auto options = sim::draw_options(seed);
  options.verbose = arguments.verbose;
  if (arguments.off == "faults") sim::switch_off_faults(options);
  if (arguments.off == "auditor") options.audits = false;
  return options;
}

int run_all(const Arguments& arguments) {
  sim::Coverage coverage;
  int failures = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (auto seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    const auto options = options_of(arguments, seed);
    const auto report = sim::run(options);
    coverage.add(report);
    if (!report.failure.empty()) {
      print_failure(options, report);
      ++failures;
      continue;
    }
    if (!arguments.twice) continue;
    coverage.count_twice();
    if (same(sim::run(options), report)) continue;
    fmt::print(stderr, "FAILED seed {}: check 7, determinism: two runs differ\n", seed);
    ++failures;
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  coverage.print();
  fmt::print("{} seeds, {} failed, {:.1f} s\n", arguments.seeds, failures, took);
  if (arguments.coverage) {
    for (const auto& what : coverage.missing(arguments.twice)) {
      fmt::print(stderr, "FAILED check 8, coverage: {}\n", what);
      ++failures;
    }
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs the simulator over many seeds");
  app.add_option("--seeds", arguments.seeds, "How many seeds")->check(CLI::PositiveNumber);
  app.add_option("--seed", arguments.first, "The first seed");
  app.add_flag("--verbose", arguments.verbose, "Print every step");
  app.add_flag("--coverage", arguments.coverage, "Fail where a fault, branch or check was never met");
  app.add_flag("--twice", arguments.twice, "Run each seed twice and compare");
  app.add_option("--switch-off", arguments.off, "Run without these, to prove that it is noticed")
      ->check(CLI::IsMember({"faults", "auditor"}));
#ifdef HOLDFAST_PLANTED_BUGS
  app.add_option("--planted", arguments.planted, "The bug that must be caught, or `all`");
#endif
  CLI11_PARSE(app, argc, argv);
#ifdef HOLDFAST_PLANTED_BUGS
  if (!arguments.planted.empty()) {
    return sim::catch_planted(arguments.planted, arguments.first,
                              [&](std::uint64_t seed) { return options_of(arguments, seed); });
  }
#endif
  return run_all(arguments);
}
