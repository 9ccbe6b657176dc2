// A directory in memory for the journal's tests: counts file calls, stops or fails at the n-th, writes short,
// runs full, and drops what was not synced. The simulator has the disk with every fault; this one is kept
// small enough to reason about a single test.
//
// Single-threaded.
#pragma once

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"

namespace holdfast::journal::testing {

/// What a crash leaves of the bytes that were not synced, drawn for each sector or directory entry.
enum class Survives : std::uint8_t { nothing, everything, some };

class MemoryDisk {
 public:
  struct Node {
    Bytes durable;
    Bytes visible;
    std::set<std::uint64_t> dirty;  // sectors
    std::uint64_t allocated = 0;
  };
  using Entries = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

  static constexpr std::uint64_t kSector = 512;

  /// Changing calls so far (create, write, sync, truncate, allocate, remove, directory sync).
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  /// Bytes that were read so far.
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
  /// From the n-th more changing call on (0: the next), everything fails until `restart`.
  void stop_after(std::uint64_t calls) { stop_at_ = calls_ + calls; }
  /// The n-th more changing call fails once. A sync that fails leaves its pages marked clean.
  void fail_after(std::uint64_t calls, int number) { fail_at_ = calls_ + calls, fail_with_ = number; }
  void set_short_writes(bool on) { short_writes_ = on; }
  /// Bytes that files may have in all; what is there stays.
  void set_capacity(std::optional<std::uint64_t> bytes) { capacity_ = bytes; }

  /// The machine stops and starts again.
  void restart(Survives survives, std::uint64_t seed = 1) {
    random_ = seed * 2 + 1;
    Entries kept;
    for (const auto& name : all_names()) {
      const auto before = durable_entries_.find(name);
      const auto after = entries_.find(name);
      const bool was = before != durable_entries_.end();
      const bool is = after != entries_.end();
      const bool newer = (was && is && before->second == after->second) || survive(survives);
      if (newer && is) kept.emplace(name, after->second);
      if (!newer && was) kept.emplace(name, before->second);
    }
    for (auto& [name, node] : kept) crash(*node, survives);
    entries_ = durable_entries_ = std::move(kept);
    stop_at_.reset(), fail_at_.reset();
    stopped_ = false;
  }

  [[nodiscard]] bool stopped() const { return stopped_; }
  /// The bytes of a file, to look at or to damage (what is durable follows).
  [[nodiscard]] Bytes bytes(std::string_view name) const { return entries_.find(name)->second->visible; }
  [[nodiscard]] bool has(std::string_view name) const { return entries_.contains(name); }
  void put(std::string_view name, const Bytes& bytes) {
    auto node = std::make_shared<Node>();
    node->durable = node->visible = bytes;
    node->allocated = bytes.size();
    entries_.insert_or_assign(std::string(name), node);
    durable_entries_.insert_or_assign(std::string(name), node);
  }
  void erase(std::string_view name) {
    entries_.erase(std::string(name));
    durable_entries_.erase(std::string(name));
  }
  /// A copy, all of it durable as it can be read now.
  [[nodiscard]] MemoryDisk copy() const {
    MemoryDisk result;
    for (const auto& [name, node] : entries_) result.put(name, node->visible);
    return result;
  }

  [[nodiscard]] std::unique_ptr<Directory> root();

 private:
  friend class MemoryFile;
  friend class MemoryDirectory;

  [[nodiscard]] std::set<std::string> all_names() const {
    std::set<std::string> names;
    for (const auto& [name, node] : durable_entries_) names.insert(name);
    for (const auto& [name, node] : entries_) names.insert(name);
    return names;
  }
  [[nodiscard]] bool survive(Survives survives) {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return survives == Survives::everything || (survives == Survives::some && (random_ >> 40) % 2 == 0);
  }
  /// Each dirty sector reaches the disk or not; then reads see the disk.
  void settle(Node& node, Survives survives) {
    if (node.durable.size() != node.visible.size() && survive(survives)) {
      node.durable.resize(node.visible.size());
    }
    for (const auto sector : node.dirty) {
      const auto from = static_cast<std::size_t>(sector * kSector);
      const auto to = std::min(from + kSector, node.visible.size());
      if (from >= to || !survive(survives)) continue;
      if (node.durable.size() < to) node.durable.resize(to);
      std::copy(node.visible.begin() + static_cast<std::ptrdiff_t>(from),
                node.visible.begin() + static_cast<std::ptrdiff_t>(to),
                node.durable.begin() + static_cast<std::ptrdiff_t>(from));
    }
    node.dirty.clear();
  }
  void crash(Node& node, Survives survives) {
    settle(node, survives);
    node.visible = node.durable;
    node.allocated = node.durable.size();
  }
  [[nodiscard]] IoResult<void> enter(std::string_view call) {
    if (stop_at_ && calls_ >= *stop_at_) stopped_ = true;
    if (stopped_) return std::unexpected(IoError{EIO, std::string(call)});
    if (fail_at_ && calls_++ == *fail_at_) return std::unexpected(IoError{fail_with_, std::string(call)});
    if (!fail_at_) ++calls_;
    return {};
  }
  [[nodiscard]] bool has_room(const Node& node, std::uint64_t size) const {
    if (!capacity_ || size <= std::max<std::uint64_t>(node.allocated, node.visible.size())) return true;
    std::uint64_t used = 0;
    for (const auto& [name, other] : entries_) {
      if (other.get() != &node) used += std::max<std::uint64_t>(other->allocated, other->visible.size());
    }
    return used + size <= *capacity_;
  }

  Entries entries_;
  Entries durable_entries_;
  std::uint64_t calls_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::optional<std::uint64_t> stop_at_;
  std::optional<std::uint64_t> fail_at_;
  int fail_with_ = EIO;
  bool stopped_ = false;
  bool short_writes_ = false;
  std::optional<std::uint64_t> capacity_;
  std::uint64_t random_ = 1;
};

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryDisk& disk, std::shared_ptr<MemoryDisk::Node> node, bool writable)
      : disk_(disk), node_(std::move(node)), writable_(writable) {}

  IoResult<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (disk_.stopped_) return std::unexpected(IoError{EIO, "read"});
    const auto& bytes = node_->visible;
    if (offset >= bytes.size()) return 0;
    const auto n = std::min<std::size_t>(out.size(), bytes.size() - static_cast<std::size_t>(offset));
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
    disk_.bytes_read_ += n;
    return n;
  }
  IoResult<std::size_t> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (auto entered = enter("write"); !entered) return std::unexpected(entered.error());
    if (disk_.short_writes_ && bytes.size() > 1) bytes = bytes.first((bytes.size() + 1) / 2);
    const auto end = static_cast<std::size_t>(offset) + bytes.size();
    if (!disk_.has_room(*node_, end)) return std::unexpected(IoError{ENOSPC, "write"});
    if (node_->visible.size() < end) node_->visible.resize(end);
    std::copy(bytes.begin(), bytes.end(), node_->visible.begin() + static_cast<std::ptrdiff_t>(offset));
    for (auto s = offset / MemoryDisk::kSector; s * MemoryDisk::kSector < end; ++s) node_->dirty.insert(s);
    return bytes.size();
  }
  IoResult<void> sync() override {
    if (auto entered = enter("sync"); !entered) {
      // The worst of a failed sync: some pages are on the disk, none is dirty any more, reads still see all.
      if (!disk_.stopped_) disk_.settle(*node_, Survives::some);
      return entered;
    }
    // Pages that a failed sync marked clean are not written by this one.
    disk_.settle(*node_, Survives::everything);
    return {};
  }
  IoResult<void> truncate(std::uint64_t size) override {
    if (auto entered = enter("truncate"); !entered) return entered;
    node_->visible.resize(static_cast<std::size_t>(size));
    node_->allocated = std::min(node_->allocated, size);
    return {};
  }
  IoResult<void> allocate(std::uint64_t size) override {
    if (auto entered = enter("allocate"); !entered) return entered;
    if (!disk_.has_room(*node_, size)) return std::unexpected(IoError{ENOSPC, "allocate"});
    if (node_->visible.size() < size) node_->visible.resize(static_cast<std::size_t>(size));
    node_->allocated = std::max(node_->allocated, size);
    return {};
  }
  IoResult<std::uint64_t> size() const override {
    if (disk_.stopped_) return std::unexpected(IoError{EIO, "size"});
    return node_->visible.size();
  }

 private:
  IoResult<void> enter(std::string_view call) {
    if (!writable_) return std::unexpected(IoError{EBADF, std::string(call)});
    return disk_.enter(call);
  }

  MemoryDisk& disk_;
  std::shared_ptr<MemoryDisk::Node> node_;
  bool writable_;
};

class MemoryDirectory final : public Directory {
 public:
  explicit MemoryDirectory(MemoryDisk& disk) : disk_(disk) {}

  IoResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    if (disk_.stopped_) return std::unexpected(IoError{EIO, "open"});
    const auto found = disk_.entries_.find(name);
    const bool there = found != disk_.entries_.end();
    if (mode == OpenMode::read || mode == OpenMode::read_write) {
      if (!there) return std::unexpected(IoError{ENOENT, "open " + std::string(name)});
      return std::make_unique<MemoryFile>(disk_, found->second, mode == OpenMode::read_write);
    }
    if (auto entered = disk_.enter("create"); !entered) return std::unexpected(entered.error());
    if (there) return std::unexpected(IoError{EEXIST, "open " + std::string(name)});
    auto node = std::make_shared<MemoryDisk::Node>();
    disk_.entries_.emplace(std::string(name), node);
    return std::make_unique<MemoryFile>(disk_, node, true);
  }
  IoResult<std::unique_ptr<Directory>> subdirectory(std::string_view, bool) override {
    return std::unexpected(IoError{ENOTSUP, "mkdir"});
  }
  IoResult<void> rename(std::string_view, std::string_view) override {
    return std::unexpected(IoError{ENOTSUP, "rename"});
  }
  IoResult<void> remove(std::string_view name) override {
    if (auto entered = disk_.enter("remove"); !entered) return entered;
    const auto found = disk_.entries_.find(name);
    if (found == disk_.entries_.end()) return std::unexpected(IoError{ENOENT, "remove"});
    disk_.entries_.erase(found);
    return {};
  }
  IoResult<std::vector<std::string>> list() const override {
    if (disk_.stopped_) return std::unexpected(IoError{EIO, "list"});
    std::vector<std::string> names;
    for (const auto& [name, node] : disk_.entries_) names.push_back(name);
    return names;
  }
  IoResult<void> sync() override {
    if (auto entered = disk_.enter("directory sync"); !entered) return entered;
    disk_.durable_entries_ = disk_.entries_;
    return {};
  }
  std::string path() const override { return "journal"; }
  IoResult<std::unique_ptr<File>> lock(std::string_view, std::string_view) override {
    return std::unexpected(IoError{ENOTSUP, "lock"});
  }

 private:
  MemoryDisk& disk_;
};

inline std::unique_ptr<Directory> MemoryDisk::root() {
  return std::make_unique<MemoryDirectory>(*this);
}

}  // namespace holdfast::journal::testing
