// Bugs on purpose, for a build of the library that proves that the simulator finds them. No other build has
// them: without HOLDFAST_PLANTED_BUGS there is no way to ask for one.
#pragma once

#include <cstdint>

namespace holdfast::journal {

enum class PlantedBug : std::uint8_t {
  none,
  answer_before_sync,  // the engine's
  skip_hash_check,     // a frame whose hash does not fit is taken
  ignore_short_write,  // what a short write left out is not written
  retry_sync,          // a failed sync is tried once more, and believed
};

}  // namespace holdfast::journal
