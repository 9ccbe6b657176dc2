// Proof that a branch which only faults lead to was reached: the simulator counts each, and a long run that
// leaves one at zero fails. Only `sim_run_planted` counts (HOLDFAST_PLANTED_BUGS); every other build has
// nothing here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast {

enum class Probe : std::uint8_t {
  creation_cleared,        // what a creation that was cut off had left is removed
  segment_given_up,        // a segment could not be made, and its space was given back
  segment_taken_ahead,     // an open group needs a next segment while the one before is still used
  torn_tail,               // a torn last frame is cut off
  last_frame_copied,       // a last frame that nobody can say is durable is copied
  last_frame_certain,      // the durable mark tells that the last frame is durable
  unused_segment_removed,  // a segment behind the end is removed
  mark_missing,            // the durable mark is missing or damaged
  mark_agrees,             // a frame that ends where the mark does is compared with it
  no_room_in_segment,      // a copy of the last frame gets a segment just large enough
  snapshot_loaded,
  snapshot_passed_over,
  no_snapshot,
  snapshot_waits,     // its end is written, what it has seen is not durable yet
  snapshot_given_up,  // a fault ended it
  snapshot_temporary_removed,
  replay_skips_chunk,    // an event is older than a chunk of the snapshot
  nothing_replayed,      // the snapshot had all events
  key_in_open_group,     // a replay is answered from the group that is being filled
  key_in_syncing_group,  // from the one on its way to the disk
  key_in_journal,        // from the journal
  index_built,
  index_read,
  index_bad,      // an index file is wrong, and is passed over
  corrupt_found,  // recovery or a read names bytes that are wrong
  count_          // the last: how many there are
};
inline constexpr std::size_t kProbes = static_cast<std::size_t>(Probe::count_);

[[nodiscard]] constexpr std::string_view to_string(Probe probe) {
  constexpr std::array<std::string_view, kProbes> kNames = {"creation cleared",
                                                            "segment given up",
                                                            "segment taken ahead",
                                                            "torn tail",
                                                            "last frame copied",
                                                            "last frame certain",
                                                            "unused segment removed",
                                                            "mark missing",
                                                            "mark agrees",
                                                            "no room in segment",
                                                            "snapshot loaded",
                                                            "snapshot passed over",
                                                            "no snapshot",
                                                            "snapshot waits",
                                                            "snapshot given up",
                                                            "snapshot temporary removed",
                                                            "replay skips chunk",
                                                            "nothing replayed",
                                                            "key in open group",
                                                            "key in syncing group",
                                                            "key in journal",
                                                            "index built",
                                                            "index read",
                                                            "index bad",
                                                            "corrupt found"};
  return kNames[static_cast<std::size_t>(probe)];
}

#ifdef HOLDFAST_PLANTED_BUGS
inline std::array<std::uint64_t, kProbes> probes{};  // the simulator has one thread
inline void reached(Probe probe) {
  ++probes[static_cast<std::size_t>(probe)];
}
#else
constexpr void reached(Probe) {}
#endif

}  // namespace holdfast
