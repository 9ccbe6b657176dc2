#include "sim/catch_planted.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "sim/planted.h"
#include "sim/run_apart.h"
#include "sim/simulator.h"

namespace holdfast::sim {
namespace {

/// What caught the bug; none: nothing did.
std::optional<std::string> run_with(PlantedBug bug, const RunOptions& options) {
  auto said = run_apart([&] {
    planted_bug = bug;
    return run(options).failure;
  });
  if (said) said->resize(std::min(said->find('\n'), said->size()));
  return said;
}

using OptionsOf = std::function<RunOptions(std::uint64_t seed)>;

bool caught(const Planted& planted, std::uint64_t first_seed, const OptionsOf& options_of) {
  for (unsigned i = 0; i < planted.seeds; ++i) {
    if (const auto by = run_with(planted.bug, options_of(first_seed + i))) {
      if (const auto without = run_with(PlantedBug::none, options_of(first_seed + i))) {
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
