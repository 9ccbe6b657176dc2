// What can happen to a PostgreSQL server and to the way to it while it is worked with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::storm {

enum class Fault : std::uint8_t {
  server_killed,      // SIGKILL to all its processes, then started again
  stopped_immediate,  // recovery at the next start
  stopped_fast,       // every session is told to end
  // Of connections of the stores
  cut_before_commit,  // a COMMIT does not reach the server
  cut_after_commit,   // it does, and its answer does not come back
  cut_between,        // between two messages of either side: in the middle of a pipeline of statements
  cut_inside,         // half of a message gets through
  // Of callers' connections
  caller_cut_before_commit,
  caller_cut_after_commit,
  caller_cut_between,
  caller_cut_inside,
  // Of both
  all_cut,          // every connection there is
  ended_by_server,  // an operator ends all sessions
  tables_full,      // the disk of the tables
  log_full,         // the disk of the write-ahead log: the server falls
  // What clients do
  answer_lost,      // a client does not get an answer, and asks again by another process
  answer_given_up,  // nor asks again
  block_done,       // no fault: a client's own code ran in a transaction of a store's
  // What callers do with transactions of their own
  rolled_back,       // he changes his mind
  commit_unknown,    // his COMMIT is not answered
  commit_forgotten,  // nor does he look what became of it
  count_             // the last: how many there are
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::count_);

[[nodiscard]] constexpr std::string_view to_string(Fault fault) {
  constexpr std::array<std::string_view, kFaults> kNames = {
      "server killed",           "stopped immediate",  "stopped fast",      "cut before COMMIT",
      "cut after COMMIT",        "cut between",        "cut inside",        "caller cut before COMMIT",
      "caller cut after COMMIT", "caller cut between", "caller cut inside", "all cut",
      "ended by server",         "tables full",        "log full",          "answer lost",
      "answer given up",         "block done",         "rolled back",       "COMMIT unknown",
      "COMMIT forgotten"};
  return kNames[static_cast<std::size_t>(fault)];
}

class FaultCounts {
 public:
  void add(Fault fault, std::uint64_t n = 1) { counts_[static_cast<std::size_t>(fault)] += n; }
  [[nodiscard]] std::uint64_t of(Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
  void merge(const FaultCounts& other) {
    for (std::size_t i = 0; i < kFaults; ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<std::uint64_t, kFaults> counts_{};
};

}  // namespace holdfast::storm
