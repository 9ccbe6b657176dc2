// Pairs of commands that meet: what one brings, the other one misses, and goes on without it. The random
// commands of sim/ use few names, all of which are soon there.
#pragma once

#include <utility>

#include "holdfast/commands.h"
#include "sim/prng.h"

namespace holdfast::storm {

/// \param number  of the pair: it makes new names
/// \return the one that brings something, and the one whose event says that it was not there, where it was
/// not
[[nodiscard]] std::pair<Command, Command> draw_race(sim::Prng& prng, std::uint64_t number);

}  // namespace holdfast::storm
