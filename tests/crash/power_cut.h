// A disk whose unsynced bytes and names a power cut takes: a directory that programs use under
// power_cut_layer.cc, and what becomes of it once they were killed.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/prng.h"

namespace holdfast::crash {

/// What happens to a program under the layer; 0: nothing.
struct Mishaps {
  std::uint64_t cut_at = 0;             // it is killed before its n-th changing call
  std::uint64_t cut_after_names = 0;    // or right after its n-th rename or removal
  std::uint64_t short_write_every = 0;  // one in so many writes is short
  std::uint64_t failed_sync = 0;        // its n-th fdatasync fails
};

/// What a cut leaves of what was not synced: of each file and directory a part most often, and now and then
/// all or nothing; or nothing of any.
enum class Survival : std::uint8_t { drawn, nothing };

/// What cuts did, counted.
struct Losses {
  std::uint64_t pages_kept = 0;  // that were not synced
  std::uint64_t pages_dropped = 0;
  std::uint64_t sectors_torn = 0;
  std::uint64_t sizes_undone = 0;
  std::uint64_t names_kept = 0;
  std::uint64_t creates_undone = 0;
  std::uint64_t renames_undone = 0;
  std::uint64_t removes_undone = 0;
};

class PowerCutDisk {
 public:
  /// \param place  a directory of the test's own. The disk is a directory in it.
  explicit PowerCutDisk(std::filesystem::path place);

  [[nodiscard]] std::filesystem::path root() const { return place_ / "disk"; }

  /// Takes all that is there for durable, which is right after a cut and where nobody would miss it; then
  /// gives the environment (NAME=VALUE) of a program that runs under the layer.
  [[nodiscard]] std::vector<std::string> begin(const Mishaps& mishaps = {}) const;
  /// The same for a program that comes after one that has ended without a cut: what that has not synced still
  /// waits in the system's memory.
  [[nodiscard]] std::vector<std::string> go_on(const Mishaps& mishaps = {}) const;

  /// The power is cut. \pre no program uses the disk
  void cut(sim::Prng& prng, Survival survival = Survival::drawn);

  /// Changing calls, and short writes among them, since `begin`.
  [[nodiscard]] std::uint64_t operations() const { return counts()[0]; }
  [[nodiscard]] std::uint64_t short_writes() const { return counts()[1]; }
  /// Of all cuts.
  [[nodiscard]] const Losses& losses() const { return losses_; }

 private:
  struct Names;

  [[nodiscard]] std::array<std::uint64_t, 2> counts() const;
  [[nodiscard]] Names names_of(std::uint64_t directory) const;
  void cut_directory(std::uint64_t directory, const std::filesystem::path& live,
                     const std::filesystem::path& target, sim::Prng& prng, Survival survival);
  void cut_file(std::uint64_t file, const std::filesystem::path& target, sim::Prng& prng, Survival survival);

  std::filesystem::path place_;
  Losses losses_;
};

/// A command line that sets this environment for the program. It keeps the process id.
[[nodiscard]] std::vector<std::string> with_environment(const std::vector<std::string>& environment,
                                                        const std::vector<std::string>& command);

}  // namespace holdfast::crash
