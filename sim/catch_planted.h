// Plants the bugs of planted.h and demands that the simulator finds each.
#pragma once

#include <functional>
#include <string_view>

#include "sim/run_options.h"

namespace holdfast::sim {

/// Each bug by itself, over its number of seeds; a run that fails a check, or stops at an assertion, has
/// caught it. Prints a line a bug.
/// \param which  a name, or `all`
/// \param options_of  of a seed
/// \returns the program's exit code
[[nodiscard]] int catch_planted(std::string_view which, std::uint64_t first_seed,
                                const std::function<RunOptions(std::uint64_t seed)>& options_of);

}  // namespace holdfast::sim
