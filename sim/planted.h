// The bugs of base/planted_bugs.h that the simulator must catch, by name, each with the number of seeds
// within which it must be caught.
#pragma once

#include <array>
#include <string_view>

#include "base/planted_bugs.h"

namespace holdfast::sim {

struct Planted {
  PlantedBug bug = PlantedBug::none;
  std::string_view name;
  unsigned seeds = 0;
};

inline constexpr std::array kPlanted = {
    Planted{PlantedBug::answer_before_sync, "answer-before-sync", 20},
    Planted{PlantedBug::reject_before_durable, "reject-before-durable", 20},
    Planted{PlantedBug::read_before_durable, "read-before-durable", 20},
    Planted{PlantedBug::clock_goes_back, "clock-goes-back", 20},
    Planted{PlantedBug::decide_without_space, "decide-without-space", 100},
    Planted{PlantedBug::ignore_short_write, "ignore-short-write", 20},
    Planted{PlantedBug::retry_sync, "retry-sync", 60},
    Planted{PlantedBug::forget_directory_sync, "forget-directory-sync", 60},
    Planted{PlantedBug::skip_hash_check, "skip-hash-check", 100},
    Planted{PlantedBug::trust_last_frame, "trust-last-frame", 100},
    Planted{PlantedBug::cut_before_copy, "cut-before-copy", 100},
    Planted{PlantedBug::skip_mark_check, "skip-mark-check", 200},
    Planted{PlantedBug::scrub_frames_only, "scrub-frames-only", 200},
    Planted{PlantedBug::snapshot_before_durable, "snapshot-before-durable", 100},
    Planted{PlantedBug::replay_twice, "replay-twice", 20},
    Planted{PlantedBug::forget_key, "forget-key", 20},
    Planted{PlantedBug::undo_forgets_account, "undo-forgets-account", 20},
    Planted{PlantedBug::undo_forgets_key, "undo-forgets-key", 20},
    Planted{PlantedBug::round_half_down, "round-half-down", 20},
    Planted{PlantedBug::fee_twice, "fee-twice", 20},
    Planted{PlantedBug::forget_fees_of_parts, "forget-fees-of-parts", 20},
    Planted{PlantedBug::use_latest_plan, "use-latest-plan", 20},
    Planted{PlantedBug::skip_state_check, "skip-state-check", 20},
    Planted{PlantedBug::skip_funds_check, "skip-funds-check", 20},
    Planted{PlantedBug::hold_in_closed_group, "hold-in-closed-group", 20},
    Planted{PlantedBug::due_while_frozen, "due-while-frozen", 20},
};
static_assert(kPlanted.size() == static_cast<std::size_t>(PlantedBug::due_while_frozen),
              "every planted bug up to those of PostgreSQL is here, so that none is left untried");

}  // namespace holdfast::sim
