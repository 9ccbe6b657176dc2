// Bugs on purpose, for builds that prove that the simulator, the power cuts under real processes, and the
// storm over PostgreSQL find them. Only `sim_run_planted`, `crash_worker_planted` and `storm_run_planted` are
// built with HOLDFAST_PLANTED_BUGS; in every other build `planted` is false where it stands and leaves no
// code behind.
//
// Each is a mistake that someone who writes a ledger might make, or has made. sim/planted.h,
// tests/crash/power_cut_test.cc and tests/storm/planted.h have the number of seeds or rounds within which
// each must be caught.
#pragma once

#include <cstdint>

namespace holdfast {

enum class PlantedBug : std::uint8_t {
  none,
  // What an answer rests on
  answer_before_sync,     // an answer is given before its group is durable
  reject_before_durable,  // a rejection is, which rests on a group before it
  read_before_durable,    // a query is
  clock_goes_back,        // an event takes the wall clock's time as it is
  decide_without_space,   // a full disk is noticed only once the event is decided
  // Writing
  ignore_short_write,     // what a short write left out is not written
  retry_sync,             // a failed sync is tried once more, and believed
  forget_directory_sync,  // a new segment's name is not made durable
  // Recovery
  skip_hash_check,    // a frame whose hash does not fit is taken
  trust_last_frame,   // a last frame that nobody can say is durable is left where it is
  cut_before_copy,    // the last frame is cut off before its copy is durable
  skip_mark_check,    // what the durable mark says was durable is not asked for
  scrub_frames_only,  // a scrub does not look at what only the next opening reads
  // Snapshots
  snapshot_before_durable,  // a snapshot gets its name before what it has seen is durable
  replay_twice,             // an event that a chunk has seen is replayed into it
  // Keys and taking back
  forget_key,            // a key that took effect is not recorded
  undo_forgets_account,  // a rollback leaves a beneficiary's balance as it was made
  undo_forgets_key,      // a rollback leaves keys taken
  // Money and states
  round_half_down,       // half a cent is rounded down
  fee_twice,             // the processor's fee is credited twice
  forget_fees_of_parts,  // a part pays fees as if nothing was released before it
  use_latest_plan,       // a release uses the latest version of the fee plan, not the one at hold
  skip_state_check,      // a frozen escrow is settled like any other
  skip_funds_check,      // more is taken than is available
  hold_in_closed_group,  // a closed group takes a hold
  due_while_frozen,      // a frozen escrow stays among those that are due
  // PostgreSQL
  commit_not_awaited,     // an answer is given before the server has written the commit down
  lost_commit_again,      // a commit that was not answered is done again without looking
  lost_commit_believed,   // one is taken for done
  escrow_without_lock,    // an escrow's state is read without keeping others away
  debit_beside_debits,    // a balance is
  close_beside_holds,     // a group's state is
  failure_beside_others,  // an event that says what was not there does not wait for those under way
  seal_past_under_way,    // a sealer does not come back for those under way
};

#ifdef HOLDFAST_PLANTED_BUGS
inline PlantedBug planted_bug = PlantedBug::none;
[[nodiscard]] inline bool planted(PlantedBug bug) {
  return planted_bug == bug;
}
#else
[[nodiscard]] constexpr bool planted(PlantedBug) {
  return false;
}
#endif

}  // namespace holdfast
