#include "tests/storm/catch_planted.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "sim/run_apart.h"
#include "tests/storm/planted.h"
#include "tests/storm/storm.h"

namespace holdfast::storm {
namespace {

std::optional<std::string> run_apart(PlantedBug bug, const StormOptions& options) {
  return sim::run_apart([&] {
    planted_bug = bug;
    return run_storm(options).failure;
  });
}

bool caught(const Planted& planted, std::uint64_t first_seed) {
  StormOptions options;
  options.rounds = 6;
  options.commands = 20;
  options.falls = planted.falls;
  options.disk = false;
  const auto begin = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < planted.seeds; ++i) {
    options.seed = first_seed + i;
    auto by = run_apart(planted.bug, options);
    if (!by) continue;
    if (const auto without = run_apart(PlantedBug::none, options)) {
      fmt::print(stderr, "FAILED {}: its seed fails without it too: {}\n", planted.name, *without);
      return false;
    }
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::ranges::replace(*by, '\n', ' ');
    fmt::print("{:<24} {:>3} of {:>3} seeds, {:.0f} s: {}\n", planted.name, i + 1, planted.seeds, took,
               by->substr(0, 200));
    std::fflush(stdout);
    return true;
  }
  fmt::print(stderr, "FAILED {} is not caught within {} seeds\n", planted.name, planted.seeds);
  return false;
}

}  // namespace

int catch_planted(std::string_view which, std::uint64_t first_seed) {
  unsigned tried = 0;
  unsigned missed = 0;
  for (const auto& planted : kPlanted) {
    if (which != "all" && which != planted.name) continue;
    ++tried;
    missed += caught(planted, first_seed) ? 0 : 1;
  }
  fmt::print("{} bugs planted, {} caught\n", tried, tried - missed);
  if (tried == 0) fmt::print(stderr, "FAILED there is no planted bug {}\n", which);
  return tried > 0 && missed == 0 ? 0 : 1;
}

}  // namespace holdfast::storm
