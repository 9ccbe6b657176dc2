// Plants the bugs of planted.h and demands that a storm finds each.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::storm {

/// Each bug by itself, over its number of seeds; a run that fails a check, or stops at an assertion, has
/// caught it. The same seed must pass without it. Prints a line a bug.
/// \param which  a name, or `all`
/// \return the program's exit code
[[nodiscard]] int catch_planted(std::string_view which, std::uint64_t first_seed);

}  // namespace holdfast::storm
