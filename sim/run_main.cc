// Runs the simulator over many seeds.
//
//   sim_run --seeds N [--seed FIRST] [--verbose] [--coverage] [--twice] [--expect-failure]
//
// A failure prints the seed, its options and the command that replays it. `--coverage` also fails where a
// fault or a branch of recovery was never reached; `--twice` runs every seed again and compares;
// `--planted BUG` (only in the build that has the bugs) ends well as soon as a seed catches the bug.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>

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
  std::string planted;
};

void plant([[maybe_unused]] sim::RunOptions& options, const std::string& bug) {
  if (bug.empty()) return;
#ifdef HOLDFAST_PLANTED_BUGS
  using journal::PlantedBug;
  if (bug == "answer-before-sync") options.engine.planted_answer_before_sync = true;
  if (bug == "skip-hash-check") options.engine.log.planted = PlantedBug::skip_hash_check;
  if (bug == "ignore-short-write") options.engine.log.planted = PlantedBug::ignore_short_write;
  if (bug == "retry-sync") options.engine.log.planted = PlantedBug::retry_sync;
#endif
}

void print_failure(const sim::RunOptions& options, const sim::RunReport& report, const char* program) {
  fmt::print(stderr, "FAILED {}\n  options: {}\n  replay:  {} --seeds 1 --seed {} --verbose\n",
             report.failure, sim::describe(options), program, options.seed);
}

int run_all(const Arguments& arguments, const char* program) {
  sim::Coverage coverage;
  int failures = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (auto seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    auto options = sim::draw_options(seed);
    options.verbose = arguments.verbose;
    plant(options, arguments.planted);
    const auto report = sim::run(options);
    coverage.add(report);
    if (!report.failure.empty()) {
      if (!arguments.planted.empty()) {
        fmt::print("{} caught by seed {}: {}\n", arguments.planted, seed, report.failure);
        return 0;
      }
      print_failure(options, report, program);
      ++failures;
      continue;
    }
    if (!arguments.twice) continue;
    const auto again = sim::run(options);
    if (again.draw != report.draw || again.head != report.head) {
      fmt::print(stderr, "FAILED seed {}: two runs differ\n", seed);
      ++failures;
    }
  }
  if (!arguments.planted.empty()) {
    fmt::print(stderr, "FAILED {} seeds did not catch {}\n", arguments.seeds, arguments.planted);
    return 1;
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  coverage.print(arguments.coverage);
  fmt::print("{} seeds, {} failed, {:.1f} s\n", arguments.seeds, failures, took);
  if (arguments.coverage && !coverage.complete()) ++failures;
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs the simulator over many seeds");
  app.add_option("--seeds", arguments.seeds, "How many seeds");
  app.add_option("--seed", arguments.first, "The first seed");
  app.add_flag("--verbose", arguments.verbose, "Print every step");
  app.add_flag("--coverage", arguments.coverage, "Fail where a fault or branch was never reached");
  app.add_flag("--twice", arguments.twice, "Run each seed twice and compare");
#ifdef HOLDFAST_PLANTED_BUGS
  app.add_option("--planted", arguments.planted, "The bug that must be caught")
      ->check(CLI::IsMember({"answer-before-sync", "skip-hash-check", "ignore-short-write", "retry-sync"}));
#endif
  CLI11_PARSE(app, argc, argv);
  return run_all(arguments, argv[0]);
}
