// The bugs of base/planted_bugs.h that a storm must catch, by name, each with the number of seeds within
// which.
#pragma once

#include <array>
#include <string_view>

#include "base/planted_bugs.h"

namespace holdfast::storm {

struct Planted {
  PlantedBug bug = PlantedBug::none;
  std::string_view name;
  unsigned seeds = 0;
  bool falls = false;  // only a server that falls can show it
};

inline constexpr std::array kPlanted = {
    Planted{PlantedBug::commit_not_awaited, "commit-not-awaited", 10, true},
    Planted{PlantedBug::lost_commit_again, "lost-commit-again", 5},
    Planted{PlantedBug::lost_commit_believed, "lost-commit-believed", 5},
    Planted{PlantedBug::escrow_without_lock, "escrow-without-lock", 20},
    Planted{PlantedBug::debit_beside_debits, "debit-beside-debits", 20},
    Planted{PlantedBug::close_beside_holds, "close-beside-holds", 20},
    Planted{PlantedBug::failure_beside_others, "failure-beside-others", 20},
    Planted{PlantedBug::seal_past_under_way, "seal-past-under-way", 20},
};
static_assert(kPlanted.size() == static_cast<std::size_t>(PlantedBug::seal_past_under_way) -
                                     static_cast<std::size_t>(PlantedBug::due_while_frozen),
              "every planted bug of PostgreSQL is here, so that none is left untried");

}  // namespace holdfast::storm
