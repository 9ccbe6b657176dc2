#include "sim/disk.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "sim/disk_node.h"

namespace holdfast::sim {
namespace {

std::unexpected<IoError> io_error(int number, std::string what) {
  return std::unexpected(IoError{number, std::move(what)});
}

}  // namespace

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<SimDisk::Node> node, bool writable)
      : disk_(disk), process_(disk.process_), node_(std::move(node)), writable_(writable) {}

  [[nodiscard]] IoResult<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (auto entered = disk_.enter(process_, what("read")); !entered) return std::unexpected(entered.error());
    if (disk_.strikes(disk_.faults_.read_error, Fault::read_error))
      return io_error(disk_.draw_error(), what("read"));
    const auto& bytes = node_->visible;
    if (offset >= bytes.size()) return 0;
    const auto n = std::min(out.size(), bytes.size() - static_cast<std::size_t>(offset));
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
    return n;
  }

  [[nodiscard]] IoResult<std::size_t> write_at(std::uint64_t offset,
                                               std::span<const std::byte> bytes) override {
    if (auto entered = enter_write("write"); !entered) return std::unexpected(entered.error());
    if (disk_.strikes(disk_.faults_.write_error, Fault::write_error))
      return io_error(disk_.draw_error(), what("write"));
    if (bytes.empty()) return 0;
    if (bytes.size() > 1 && disk_.strikes(disk_.faults_.short_write, Fault::short_write)) {
      bytes = bytes.first(1 + static_cast<std::size_t>(disk_.prng_.below(bytes.size() - 1)));
    }
    const auto end = offset + bytes.size();
    if (end > std::max<std::uint64_t>(node_->allocated, node_->visible.size())) {
      if (auto space = take_space(end, "write"); !space) return std::unexpected(space.error());
    }
    overlay(node_->visible, offset, bytes);
    node_->changes.push_back({FileChange::Kind::write, offset, Bytes(bytes.begin(), bytes.end())});
    return bytes.size();
  }

  [[nodiscard]] IoResult<void> sync() override {
    if (auto entered = enter_write("fdatasync"); !entered) return entered;
    if (disk_.strikes(disk_.faults_.sync_error, Fault::sync_error)) {
      disk_.fail_sync(*node_);
      return io_error(disk_.draw_error(), what("fdatasync"));
    }
    disk_.sync_file(*node_);
    return {};
  }

  [[nodiscard]] IoResult<void> truncate(std::uint64_t size) override {
    if (auto entered = enter_write("ftruncate"); !entered) return entered;
    if (disk_.strikes(disk_.faults_.write_error, Fault::write_error))
      return io_error(disk_.draw_error(), what("ftruncate"));
    if (size > node_->visible.size()) {
      if (auto space = take_space(size, "ftruncate"); !space) return space;
    }
    resize(size);
    node_->allocated = std::min(node_->allocated, size);
    return {};
  }

  [[nodiscard]] IoResult<void> allocate(std::uint64_t size) override {
    if (auto entered = enter_write("fallocate"); !entered) return entered;
    if (disk_.strikes(disk_.faults_.write_error, Fault::write_error))
      return io_error(disk_.draw_error(), what("fallocate"));
    if (auto space = take_space(size, "fallocate"); !space) return space;
    if (size > node_->visible.size()) resize(size);
    node_->allocated = std::max(node_->allocated, size);
    return {};
  }

  [[nodiscard]] IoResult<std::uint64_t> size() const override {
    if (auto entered = disk_.enter(process_, what("fstat")); !entered)
      return std::unexpected(entered.error());
    if (disk_.strikes(disk_.faults_.call_error, Fault::call_error)) {
      return io_error(disk_.draw_error(), what("fstat"));
    }
    return node_->visible.size();
  }

 private:
  [[nodiscard]] std::string what(std::string_view call) const {
    return fmt::format("{} {}", call, node_->path);
  }

  [[nodiscard]] IoResult<void> enter_write(std::string_view call) {
    disk_.let_others_run();
    if (auto entered = disk_.enter(process_, what(call)); !entered) return entered;
    if (!writable_) return io_error(EBADF, what(call));
    return {};
  }

  /// Room for the file to have `size` bytes.
  [[nodiscard]] IoResult<void> take_space(std::uint64_t size, std::string_view call) {
    const auto has = std::max<std::uint64_t>(node_->allocated, node_->visible.size());
    if (size <= has) return {};
    if (disk_.strikes(disk_.faults_.no_space, Fault::no_space)) return io_error(ENOSPC, what(call));
    const auto capacity = disk_.faults_.capacity_bytes;
    if (capacity != 0 && disk_.used_bytes(*disk_.root_) + (size - has) > capacity) {
      disk_.counts_.add(Fault::disk_full);
      return io_error(ENOSPC, what(call));
    }
    return {};
  }

  void resize(std::uint64_t size) {
    node_->visible.resize(static_cast<std::size_t>(size));
    node_->changes.push_back({FileChange::Kind::resize, size, {}});
  }

  SimDisk& disk_;
  std::uint64_t process_;
  std::shared_ptr<SimDisk::Node> node_;
  bool writable_;
};

namespace {

/// Gives the lock back when it goes, if its process still runs.
class SimLock final : public File {
 public:
  SimLock(std::unique_ptr<File> file, std::shared_ptr<SimDisk::Node> node, std::uint64_t process)
      : file_(std::move(file)), node_(std::move(node)), process_(process) {}
  ~SimLock() override {
    if (node_->locked_by == process_) node_->locked_by = 0;
  }
  SimLock(const SimLock&) = delete;
  SimLock& operator=(const SimLock&) = delete;

  [[nodiscard]] IoResult<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return file_->read_at(offset, out);
  }
  [[nodiscard]] IoResult<std::size_t> write_at(std::uint64_t offset,
                                               std::span<const std::byte> bytes) override {
    return file_->write_at(offset, bytes);
  }
  [[nodiscard]] IoResult<void> sync() override { return file_->sync(); }
  [[nodiscard]] IoResult<void> truncate(std::uint64_t size) override { return file_->truncate(size); }
  [[nodiscard]] IoResult<void> allocate(std::uint64_t size) override { return file_->allocate(size); }
  [[nodiscard]] IoResult<std::uint64_t> size() const override { return file_->size(); }

 private:
  std::unique_ptr<File> file_;
  std::shared_ptr<SimDisk::Node> node_;
  std::uint64_t process_;
};

}  // namespace

class SimDirectory final : public Directory {
 public:
  SimDirectory(SimDisk& disk, std::shared_ptr<SimDisk::Node> owned, SimDisk::Node& node)
      : disk_(disk), process_(disk.process_), owned_(std::move(owned)), node_(node) {}

  [[nodiscard]] IoResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    if (auto entered = enter_call("open", name); !entered) return std::unexpected(entered.error());
    const auto found = node_.entries.find(name);
    if (mode == OpenMode::read || mode == OpenMode::read_write) {
      if (found == node_.entries.end()) return io_error(ENOENT, what("open", name));
      if (found->second->is_directory) return io_error(EISDIR, what("open", name));
      return std::make_unique<SimFile>(disk_, found->second, mode != OpenMode::read);
    }
    if (found != node_.entries.end()) return io_error(EEXIST, what("open", name));
    auto made = make(name, false, "open");
    if (!made) return std::unexpected(made.error());
    return std::make_unique<SimFile>(disk_, *made, true);
  }

  [[nodiscard]] IoResult<std::unique_ptr<Directory>> subdirectory(std::string_view name,
                                                                  bool create) override {
    if (auto entered = enter_call("mkdir", name); !entered) return std::unexpected(entered.error());
    if (const auto found = node_.entries.find(name); found != node_.entries.end()) {
      if (!found->second->is_directory) return io_error(ENOTDIR, what("open", name));
      return std::make_unique<SimDirectory>(disk_, found->second, *found->second);
    }
    if (!create) return io_error(ENOENT, what("open", name));
    auto made = make(name, true, "mkdir");
    if (!made) return std::unexpected(made.error());
    return std::make_unique<SimDirectory>(disk_, *made, **made);
  }

  [[nodiscard]] IoResult<void> rename(std::string_view from, std::string_view to) override {
    if (auto entered = enter_change("rename", from); !entered) return entered;
    const auto found = node_.entries.find(from);
    if (found == node_.entries.end()) return io_error(ENOENT, what("rename", from));
    auto node = found->second;
    node_.entries.erase(found);
    node->path = join(to);
    node_.entries.insert_or_assign(std::string(to), node);
    node_.entry_changes.push_back({DirectoryChange::Kind::rename, std::string(from), std::string(to), node});
    return {};
  }

  [[nodiscard]] IoResult<void> remove(std::string_view name) override {
    if (auto entered = enter_change("unlink", name); !entered) return entered;
    const auto found = node_.entries.find(name);
    if (found == node_.entries.end()) return io_error(ENOENT, what("unlink", name));
    node_.entry_changes.push_back({DirectoryChange::Kind::remove, std::string(name), {}, found->second});
    node_.entries.erase(found);
    return {};
  }

  [[nodiscard]] IoResult<std::vector<std::string>> list() const override {
    if (auto entered = enter_call("list", ""); !entered) return std::unexpected(entered.error());
    std::vector<std::string> names;
    names.reserve(node_.entries.size());
    for (const auto& [name, node] : node_.entries) names.push_back(name);
    return names;
  }

  [[nodiscard]] IoResult<void> sync() override {
    if (auto entered = enter_change("fsync", ""); !entered) return entered;
    node_.durable_entries = node_.entries;
    node_.entry_changes.clear();
    return {};
  }

  [[nodiscard]] std::string path() const override { return node_.path; }

  [[nodiscard]] IoResult<std::unique_ptr<File>> lock(std::string_view name,
                                                     std::string_view holder) override {
    if (auto entered = enter_call("flock", name); !entered) return std::unexpected(entered.error());
    auto found = node_.entries.find(name);
    if (found == node_.entries.end()) {
      auto made = make(name, false, "open");
      if (!made) return std::unexpected(made.error());
      found = node_.entries.find(name);
    }
    auto node = found->second;
    if (node->locked_by == disk_.process_) {
      const auto* text = reinterpret_cast<const char*>(node->visible.data());
      return io_error(EWOULDBLOCK, std::string(text, node->visible.size()));
    }
    auto file = std::make_unique<SimFile>(disk_, node, true);
    if (auto cut = file->truncate(0); !cut) return std::unexpected(cut.error());
    if (auto written = write_all(*file, 0, std::as_bytes(std::span(holder))); !written) {
      return std::unexpected(written.error());
    }
    node->locked_by = disk_.process_;
    return std::make_unique<SimLock>(std::move(file), node, disk_.process_);
  }

 private:
  [[nodiscard]] std::string join(std::string_view name) const {
    return node_.path.empty() ? std::string(name) : fmt::format("{}/{}", node_.path, name);
  }
  [[nodiscard]] std::string what(std::string_view call, std::string_view name) const {
    return fmt::format("{} {}", call, join(name));
  }
  [[nodiscard]] IoResult<void> enter_call(std::string_view call, std::string_view name) const {
    if (auto entered = disk_.enter(process_, what(call, name)); !entered) return entered;
    if (disk_.strikes(disk_.faults_.call_error, Fault::call_error)) {
      return io_error(disk_.draw_error(), what(call, name));
    }
    return {};
  }
  [[nodiscard]] IoResult<void> enter_change(std::string_view call, std::string_view name) {
    disk_.let_others_run();
    if (auto entered = disk_.enter(process_, what(call, name)); !entered) return entered;
    if (disk_.strikes(disk_.faults_.directory_error, Fault::directory_error)) {
      return io_error(disk_.draw_error(), what(call, name));
    }
    return {};
  }
  [[nodiscard]] IoResult<std::shared_ptr<SimDisk::Node>> make(std::string_view name, bool directory,
                                                              std::string_view call) {
    if (disk_.strikes(disk_.faults_.no_space, Fault::no_space)) return io_error(ENOSPC, what(call, name));
    auto node = std::make_shared<SimDisk::Node>();
    node->is_directory = directory;
    node->path = join(name);
    node_.entries.emplace(std::string(name), node);
    node_.entry_changes.push_back({DirectoryChange::Kind::create, std::string(name), {}, node});
    return node;
  }

  SimDisk& disk_;
  std::uint64_t process_;
  std::shared_ptr<SimDisk::Node> owned_;
  SimDisk::Node& node_;
};

SimDisk::SimDisk(Prng prng) : prng_(prng), root_(std::make_unique<Node>()) {
  root_->is_directory = true;
}
SimDisk::~SimDisk() = default;

std::unique_ptr<Directory> SimDisk::root() {
  return std::make_unique<SimDirectory>(*this, std::shared_ptr<Node>(), *root_);
}

void SimDisk::fail_after(std::uint64_t operations, int error_number) {
  fail_at_ = operations_ + operations;
  fail_with_ = error_number;
}

IoResult<void> SimDisk::enter(std::uint64_t process, std::string_view what) {
  if (!crashed_ && crash_at_ && operations_ >= *crash_at_) {
    crashed_ = true;
    crash_at_.reset();
    counts_.add(Fault::crash);
  }
  if (crashed_ || process != process_) return io_error(EIO, std::string(what) + " (the machine has stopped)");
  const auto operation = operations_++;
  if (fail_at_ && operation >= *fail_at_) {
    fail_at_.reset();
    return io_error(fail_with_, std::string(what));
  }
  return {};
}

void SimDisk::let_others_run() {
  if (!meanwhile_ || in_meanwhile_ || crashed_) return;
  in_meanwhile_ = true;
  meanwhile_();
  in_meanwhile_ = false;
}

bool SimDisk::strikes(std::uint64_t of_million, Fault fault) {
  if (of_million == 0 || !prng_.chance(of_million)) return false;
  counts_.add(fault);
  return true;
}

int SimDisk::draw_error() {
  return strikes(faults_.interrupted, Fault::interrupted) ? EINTR : EIO;
}

std::uint64_t SimDisk::used_bytes(const Node& node) const {
  auto used = std::max<std::uint64_t>(node.allocated, node.visible.size());
  for (const auto& [name, child] : node.entries) used += used_bytes(*child);
  return used;
}

void SimDisk::new_process() {
  ++process_;
  crash_at_.reset();
  fail_at_.reset();
}

Bytes SimDisk::contents(std::string_view path) const {
  const Node* node = root_.get();
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto found = node->entries.find(path.substr(0, slash));
    if (found == node->entries.end()) return {};
    node = found->second.get();
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return node->visible;
}

std::uint64_t SimDisk::fingerprint() const {
  return Prng(prng_).next();
}

}  // namespace holdfast::sim
