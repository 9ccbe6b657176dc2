// A disk in memory that does what real ones do at their worst: it loses, tears and reorders what was not
// synced, fails any call, fills up, rots, and crashes before any operation.
//
// Each file has its durable bytes and an ordered list of changes that no sync has covered; reads see both.
// Directory entries are durable only once their directory was synced. A crash point stops the machine before
// a chosen operation: from then on every call fails and nothing reaches the disk, until `restart`, which
// draws what survived. Handles from before a restart stay dead.
//
// Single-threaded and deterministic: the same seed and calls give the same disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "sim/faults.h"
#include "sim/prng.h"

namespace holdfast::sim {

/// How often, in a million calls that it can hit, each fault does.
struct DiskFaults {
  std::uint64_t short_write = 0;
  std::uint64_t read_error = 0;
  std::uint64_t write_error = 0;
  std::uint64_t sync_error = 0;
  std::uint64_t directory_error = 0;  // rename, unlink, fsync of a directory
  std::uint64_t call_error = 0;       // open, create, mkdir, list, lock, fstat
  std::uint64_t interrupted = 0;      // of the errors above, those that are EINTR and not EIO
  std::uint64_t no_space = 0;
  std::uint64_t capacity_bytes = 0;  // 0: endless
};

class SimDisk {
 public:
  explicit SimDisk(Prng prng);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  /// The root directory, for a process that starts now. The disk outlives it.
  [[nodiscard]] std::unique_ptr<Directory> root();

  void set_faults(const DiskFaults& faults) { faults_ = faults; }
  [[nodiscard]] const DiskFaults& faults() const { return faults_; }
  /// File operations so far, in all.
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  /// The machine stops before the operation that comes after `operations` more.
  void crash_after(std::uint64_t operations) { crash_at_ = operations_ + operations; }
  void disarm_crash() { crash_at_.reset(); }
  /// Fails the operation that comes after `operations` more, once, with this errno.
  void fail_after(std::uint64_t operations, int error_number);
  [[nodiscard]] bool crashed() const { return crashed_; }
  /// Called before each write, sync and change of a directory: other parts of the process run meanwhile. Not
  /// called from within.
  void set_meanwhile(std::function<void()> meanwhile) { meanwhile_ = std::move(meanwhile); }

  /// The machine stops (if it has not) and starts again: draws what of the unsynced changes survived.
  void restart();
  /// A process ended and another starts on the same machine: locks are free, the page cache stays.
  void new_process();

  /// Flips a bit of a synced file; which one follows from what its page has, so that the same bytes always
  /// rot the same way. Names the file by its path; none where nothing is synced.
  /// \param choose  which files may be hit, by path
  struct Rot {
    std::string path;
    std::uint64_t offset = 0;
  };
  /// \param page  the page's offset; none: any of the file's
  std::optional<Rot> rot(const std::function<bool(std::string_view path)>& choose,
                         std::optional<std::uint64_t> page = {});
  /// The next synced write of at least a page lands on another page's place, of its file or of another; its
  /// own keeps what it had. Reads see it only after a restart, as the page cache hides it.
  void misdirect_next_write() { misdirect_next_ = true; }

  [[nodiscard]] const FaultCounts& counts() const { return counts_; }
  /// A path under the root, `journal/000001`: its bytes as reads see them now; empty where it is not there.
  [[nodiscard]] Bytes contents(std::string_view path) const;
  /// A draw from the disk's own generator, to compare two runs of one seed.
  [[nodiscard]] std::uint64_t fingerprint() const;

  struct Node;

 private:
  friend class SimFile;
  friend class SimDirectory;

  /// Counts the operation; an error where the machine has stopped, the handle is of another process, or the
  /// fault planned for this operation hits.
  [[nodiscard]] IoResult<void> enter(std::uint64_t process, std::string_view what);
  void let_others_run();
  [[nodiscard]] bool strikes(std::uint64_t of_million, Fault fault);
  /// EIO or EINTR, for a call that fails.
  [[nodiscard]] int draw_error();
  void misdirect(Node& own, const Bytes& bytes, std::uint64_t offset);
  [[nodiscard]] std::vector<Node*> synced_files(const std::function<bool(const Node&)>& choose) const;
  [[nodiscard]] std::uint64_t used_bytes(const Node& node) const;

  void crash_file(Node& file);
  void crash_directory(Node& directory);
  void apply_change_at_crash(Node& file, std::size_t index, bool& lost_before);
  void apply_sectors(Node& file, std::uint64_t offset, std::span<const std::byte> bytes);
  void sync_file(Node& file);
  void fail_sync(Node& file);

  Prng prng_;
  DiskFaults faults_;
  FaultCounts counts_;
  std::unique_ptr<Node> root_;
  std::uint64_t operations_ = 0;
  std::uint64_t process_ = 1;
  std::optional<std::uint64_t> crash_at_;
  std::optional<std::uint64_t> fail_at_;
  int fail_with_ = 0;
  std::function<void()> meanwhile_;
  bool crashed_ = false;
  bool in_meanwhile_ = false;
  bool misdirect_next_ = false;
};

}  // namespace holdfast::sim
