// Storms over many seeds.
//
//   storm_run --seeds N [--seed FIRST] [--rounds N] [--commands N] [--no-falls] [--no-disk]
//
// A failure prints the seed and the command that runs it again (at other moments: storm.h). It also fails
// where a fault that the seeds have was never met. `--planted` (only in the build that has the bugs) plants
// them one by one, and fails where one is not caught within its seeds (planted.h).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <set>

#ifdef HOLDFAST_PLANTED_BUGS
#include "tests/storm/catch_planted.h"
#endif
#include "tests/storm/storm.h"

namespace {

using namespace holdfast;

struct Arguments {
  std::uint64_t seeds = 1;
  std::uint64_t first = 1;
  storm::StormOptions options;
  std::string planted;
};

storm::StormOptions options_of(const Arguments& arguments, std::uint64_t seed) {
  auto options = arguments.options;
  options.seed = seed;
  return options;
}

int run_all(const Arguments& arguments) {
  storm::FaultCounts faults;
  std::set<storm::Fault> due;
  int failures = 0;
  for (auto seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    const auto begin = std::chrono::steady_clock::now();
    const auto options = options_of(arguments, seed);
    const auto report = run_storm(options);
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    fmt::print("seed {}, {:.1f} s: {}\n", seed, took, describe(report));
    std::fflush(stdout);
    faults.merge(report.faults);
    for (const auto fault : faults_of(options)) due.insert(fault);
    if (report.failure.empty()) continue;
    fmt::print(stderr, "FAILED seed {}: {}\n  again:  tests/storm/run --seed {}\n", seed, report.failure,
               seed);
    ++failures;
  }
  for (const auto fault : due) {
    if (faults.of(fault) > 0) continue;
    fmt::print(stderr, "FAILED coverage: {} was never met\n", to_string(fault));
    ++failures;
  }
  fmt::print("{} seeds, {} failed\n", arguments.seeds, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("A ledger in PostgreSQL under faults, over many seeds");
  app.add_option("--seeds", arguments.seeds, "How many seeds")->check(CLI::PositiveNumber);
  app.add_option("--seed", arguments.first, "The first seed");
  app.add_option("--rounds", arguments.options.rounds, "Rounds of a seed")->check(CLI::PositiveNumber);
  app.add_option("--commands", arguments.options.commands, "Commands of a person in a round")
      ->check(CLI::PositiveNumber);
  app.add_flag("!--no-falls", arguments.options.falls, "The server is neither killed nor stopped");
  app.add_flag("!--no-disk", arguments.options.disk, "No disk is full");
#ifdef HOLDFAST_PLANTED_BUGS
  app.add_option("--planted", arguments.planted, "The bug that must be caught, or `all`");
#endif
  CLI11_PARSE(app, argc, argv);
#ifdef HOLDFAST_PLANTED_BUGS
  if (!arguments.planted.empty()) return storm::catch_planted(arguments.planted, arguments.first);
#endif
  return run_all(arguments);
}
