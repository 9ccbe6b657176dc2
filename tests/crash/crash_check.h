// What must be true of a ledger whose writers were killed: nothing acknowledged is lost, nothing is half
// there, every law holds, and every command asked again under its key has taken effect once. All failures are
// GoogleTest's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "holdfast/holdfast.h"
#include "tests/crash/crash_commands.h"
#include "tests/crash/process.h"

namespace holdfast::crash {

using Counts = std::array<int, kWriters>;

/// A failure where it does not open.
[[nodiscard]] std::optional<Ledger> open(const std::string& path, bool create = false);
/// For writing, with segments and snapshots so small that their boundaries are met all the time.
inline constexpr std::uint64_t kSegmentBytes = 64 << 10;
inline constexpr std::uint64_t kSnapshotEveryBytes = 4 << 10;
[[nodiscard]] std::optional<Ledger> open_small(const std::string& path);
/// A ledger with what the writers need.
void make_ledger(const std::string& path);
void stock(Ledger& ledger);  // the same in an empty one

/// Counts acknowledged keys, each writer's in order.
class Acknowledged {
 public:
  void take(const std::string& line);
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  Counts counts_{};
};

/// Reads acknowledged keys until `wanted` were read, kills, and reads what was printed before.
[[nodiscard]] Counts run_and_kill(Process& process, std::uint64_t wanted);

/// Both escrows of the atomic that was in flight are there, or neither.
void expect_no_half(Ledger& ledger, int round, int writer, int n);
/// Asks all of the round again: what was acknowledged is a replay, what was in flight is done now at the
/// latest, and then a replay too.
void ask_again(Ledger& ledger, int round, const Counts& acknowledged);
void expect_sums(Ledger& ledger, const std::array<Sums, kWriters>& sums);
void expect_lawful(Ledger& ledger);

}  // namespace holdfast::crash
