// Loaded before a program (LD_PRELOAD): a disk that forgets at a power cut what was not synced.
//
// Below POWER_CUT_ROOT every call that changes a file or a directory is made as asked, so that the program
// and all others see it at once; and beside that, in POWER_CUT_SHADOW, this keeps what a disk would have:
//
//   durable/INODE  a file's bytes as of its last sync. Bytes get there only by fsync and fdatasync of that
//   file. names/INODE    a directory's entries: a line for each change, and "=" for each fsync of the
//   directory. live/INODE     another name of the file, so that its bytes stay, and its number is not used
//   again, once the
//                  program has removed it.
//   operations     how many changing calls there were, and how many writes were cut short: two numbers
//
// After the program was killed, tests/crash/power_cut.h makes of these a state that a power cut could have
// left.
//
// What this layer does not see is not durable: a program that writes or syncs by a way that is not here
// (mmap, io_uring, a call of the C library that nobody thought of), and one that runs without the layer,
// loses at the cut whatever it did so, and its test fails. The usual such ways are refused by name, to say
// why.
//
// POWER_CUT_AT=N          the process ends (SIGKILL) before its N-th changing call, whichever thread makes it
// POWER_CUT_AFTER_NAMES=N  the same once its N-th rename or removal is made, before it can sync the directory
// POWER_CUT_SHORT_WRITES=N  every N-th write of more than a sector writes a part of its bytes, a half to a
// 32nd POWER_CUT_FAILED_SYNC=N   the N-th fdatasync fails (EIO), and its pages are taken for clean: the next
// sync of
//                         the file succeeds without them
// POWER_CUT_READ_ONLY=FILE  once FILE is there, every changing call fails with EROFS: a file system that its
// kernel
//                         has made read-only, which happens to open files after an error of the disk only
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSector = 512;

[[noreturn]] void give_up(const char* what, const char* why) {
  std::fprintf(stderr, "power_cut_layer: %s: %s\n", what, why);
  std::abort();
}

/// The call itself, by its number: as the C library makes it.
template <class... Arguments>
long system(long number, Arguments... arguments) {
  return ::syscall(number, arguments...);
}

void check(bool good, const char* what) {
  if (!good) give_up(what, "a file of the layer's own could not be written");
}

/// An inode of this run.
struct Inode {
  dev_t device = 0;
  ino_t number = 0;
  auto operator<=>(const Inode&) const = default;
};

Inode inode_of(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

struct Range {
  off_t from = 0;
  off_t to = 0;
};

struct TrackedFile {
  int live = -1;
  int durable = -1;
  bool all_dirty = false;  // it was there before this process: another may have left what it did not sync
  std::vector<Range> dirty;
  off_t shrunk_to = -1;  // the smallest size since the last sync
};

struct Layer {
  std::mutex mutex;
  fs::path root;
  fs::path shadow;
  std::map<Inode, TrackedFile> files;
  std::map<Inode, int> directories;  // descriptor of the names
  std::atomic<std::uint64_t>* operations = nullptr;
  std::atomic<std::uint64_t>* short_writes = nullptr;
  fs::path read_only;
  std::uint64_t cut_at = 0;
  std::uint64_t cut_after_names = 0;
  std::uint64_t short_every = 0;
  std::uint64_t failed_sync = 0;
  std::atomic<std::uint64_t> operations_here{0};
  std::uint64_t names = 0;
  std::uint64_t long_writes = 0;
  std::uint64_t syncs = 0;
};

Layer* layer = nullptr;  // none: the environment names no root, or it is not made yet

[[noreturn]] void end_here() {
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

/// Before each changing call. False, with errno: it fails.
bool step() {
  layer->operations->fetch_add(1);
  if (layer->operations_here.fetch_add(1) + 1 == layer->cut_at) end_here();
  if (layer->read_only.empty() || ::access(layer->read_only.c_str(), F_OK) != 0) return true;
  errno = EROFS;
  return false;
}

int open_own(const fs::path& path, int flags) {
  const auto fd = static_cast<int>(system(SYS_openat, AT_FDCWD, path.c_str(), flags | O_CLOEXEC, 0600));
  check(fd >= 0, path.c_str());
  return fd;
}

void append_line(int fd, const std::string& line) {
  check(system(SYS_write, fd, line.data(), line.size()) == static_cast<long>(line.size()), "names");
}

fs::path own(const char* folder, const Inode& inode) {
  return layer->shadow / folder / std::to_string(inode.number);
}

TrackedFile& track_file(const Inode& inode, bool all_dirty) {
  auto [at, is_new] = layer->files.try_emplace(inode);
  if (!is_new) return at->second;
  at->second.live = open_own(own("live", inode), O_RDONLY);
  at->second.durable = open_own(own("durable", inode), O_RDWR | O_CREAT);
  at->second.all_dirty = all_dirty;
  return at->second;
}

void track_directory(const Inode& inode) {
  if (layer->directories.contains(inode)) return;
  layer->directories[inode] = open_own(own("names", inode), O_WRONLY | O_CREAT | O_APPEND);
}

TrackedFile* file_of(int fd) {
  struct stat status{};
  if (layer == nullptr || ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  const std::scoped_lock hold(layer->mutex);
  const auto at = layer->files.find(inode_of(status));
  return at == layer->files.end() ? nullptr : &at->second;
}

std::optional<Inode> directory_at(int directory, const char* path) {
  struct stat status{};
  const auto flags = *path == '\0' ? AT_EMPTY_PATH : 0;
  if (::fstatat(directory, path, &status, flags) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
  const auto inode = inode_of(status);
  return layer->directories.contains(inode) ? std::optional(inode) : std::nullopt;
}

/// An entry of a directory below the root.
struct Entry {
  Inode directory;
  std::string name;
};

std::optional<Entry> entry_at(int directory, const char* path) {
  std::string text(path);
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  const auto slash = text.rfind('/');
  const auto parent = slash == std::string::npos ? std::string() : text.substr(0, slash + 1);
  const auto found = parent.empty() && directory == AT_FDCWD ? directory_at(directory, ".")
                                                             : directory_at(directory, parent.c_str());
  if (!found) return std::nullopt;
  return Entry{*found, slash == std::string::npos ? text : text.substr(slash + 1)};
}

std::optional<struct stat> status_at(int directory, const char* path) {
  struct stat status{};
  if (::fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return status;
}

void name_change(const Entry& entry, const std::string& line) {
  append_line(layer->directories.at(entry.directory), line + "\n");
}

/// Copies what differs, in whole pages.
void copy_range(const TrackedFile& file, Range range) {
  static std::array<char, 64 * kPage> now;
  static std::array<char, 64 * kPage> before;
  range.from -= range.from % static_cast<off_t>(kPage);
  for (auto at = range.from; at < range.to; at += static_cast<off_t>(now.size())) {
    const auto length = std::min<std::size_t>(now.size(), static_cast<std::size_t>(range.to - at));
    const auto got = system(SYS_pread64, file.live, now.data(), length, at);
    check(got >= 0, "a live file");
    const auto size = static_cast<std::size_t>(got);
    const auto old = system(SYS_pread64, file.durable, before.data(), size, at);
    check(old >= 0, "a durable file");
    std::fill(before.begin() + old, before.begin() + got, '\0');
    for (std::size_t page = 0; page < size; page += kPage) {
      const auto bytes = std::min(kPage, size - page);
      if (std::equal(now.begin() + static_cast<long>(page), now.begin() + static_cast<long>(page + bytes),
                     before.begin() + static_cast<long>(page))) {
        continue;
      }
      const auto place = at + static_cast<off_t>(page);
      check(system(SYS_pwrite64, file.durable, now.data() + page, bytes, place) == static_cast<long>(bytes),
            "a durable file");
    }
    if (size < length) break;
  }
}

void make_durable(TrackedFile& file) {
  struct stat status{};
  check(::fstat(file.live, &status) == 0, "a live file");
  if (file.shrunk_to >= 0) check(system(SYS_ftruncate, file.durable, file.shrunk_to) == 0, "a durable file");
  check(system(SYS_ftruncate, file.durable, status.st_size) == 0, "a durable file");
  if (file.all_dirty) file.dirty = {{0, status.st_size}};
  for (const auto& range : file.dirty) copy_range(file, range);
}

void mark_clean(TrackedFile& file) {
  file.all_dirty = false;
  file.dirty.clear();
  file.shrunk_to = -1;
}

int sync_file(TrackedFile& file, bool may_fail) {
  if (!step()) return -1;
  const std::scoped_lock hold(layer->mutex);
  if (may_fail && ++layer->syncs == layer->failed_sync) {
    mark_clean(file);
    errno = EIO;
    return -1;
  }
  make_durable(file);
  mark_clean(file);
  return 0;
}

int open_with(int directory, const char* path, int flags, mode_t mode) {
  const auto call = [&] {
    return static_cast<int>(system(SYS_openat, directory, path, flags | O_LARGEFILE, mode));
  };
  const bool makes = (flags & O_CREAT) != 0;
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (layer == nullptr || !(makes || writes)) return call();
  const std::scoped_lock hold(layer->mutex);
  const auto entry = entry_at(directory, path);
  if (!entry) return call();
  if ((flags & (O_SYNC | O_DSYNC | O_TRUNC | O_APPEND | O_DIRECT)) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
    give_up(path,
            "opened with O_SYNC, O_DSYNC, O_TRUNC, O_APPEND, O_DIRECT or O_TMPFILE, which is not modelled");
  }
  const bool was_there = status_at(directory, path).has_value();
  if (makes && !was_there && !step()) return -1;
  const int fd = call();
  if (fd < 0 || was_there) return fd;
  struct stat status{};
  check(::fstat(fd, &status) == 0, path);
  const auto inode = inode_of(status);
  const auto from = "/proc/self/fd/" + std::to_string(fd);
  check(system(SYS_linkat, AT_FDCWD, from.c_str(), AT_FDCWD, own("live", inode).c_str(), AT_SYMLINK_FOLLOW) ==
            0,
        "live");
  track_file(inode, false);
  name_change(*entry, "+ " + std::to_string(inode.number) + " f " + entry->name);
  return fd;
}

int make_directory(int parent, const char* path, mode_t mode) {
  if (layer == nullptr) return static_cast<int>(system(SYS_mkdirat, parent, path, mode));
  const std::scoped_lock hold(layer->mutex);
  const auto entry = entry_at(parent, path);
  if (entry && !status_at(parent, path) && !step()) return -1;
  const auto done = static_cast<int>(system(SYS_mkdirat, parent, path, mode));
  if (done != 0 || !entry) return done;
  const auto status = status_at(parent, path);
  check(status.has_value(), path);
  const auto inode = inode_of(*status);
  track_directory(inode);
  name_change(*entry, "+ " + std::to_string(inode.number) + " d " + entry->name);
  return 0;
}

int rename_entry(int from_directory, const char* from, int to_directory, const char* to) {
  const auto call = [&] {
    return static_cast<int>(system(SYS_renameat2, from_directory, from, to_directory, to, 0));
  };
  if (layer == nullptr) return call();
  const std::scoped_lock hold(layer->mutex);
  const auto before = entry_at(from_directory, from);
  const auto after = entry_at(to_directory, to);
  if (!before && !after) return call();
  if (!before || !after || before->directory != after->directory) {
    give_up(from, "renamed into another directory, which is not modelled");
  }
  const auto status = status_at(from_directory, from);
  if (!step()) return -1;
  const int done = call();
  if (done != 0 || !status) return done;
  if (!S_ISREG(status->st_mode)) give_up(from, "a directory was renamed, which is not modelled");
  name_change(*before, "> " + std::to_string(status->st_ino) + " " + before->name + " " + after->name);
  if (++layer->names == layer->cut_after_names) end_here();
  return 0;
}

int remove_entry(int directory, const char* path, int flags) {
  const auto call = [&] { return static_cast<int>(system(SYS_unlinkat, directory, path, flags)); };
  if (layer == nullptr) return call();
  const std::scoped_lock hold(layer->mutex);
  const auto entry = entry_at(directory, path);
  if (!entry) return call();
  if ((flags & AT_REMOVEDIR) != 0) give_up(path, "a directory was removed, which is not modelled");
  if (!step()) return -1;
  const int done = call();
  if (done != 0) return done;
  name_change(*entry, "- " + entry->name);
  if (++layer->names == layer->cut_after_names) end_here();
  return 0;
}

ssize_t write_at(int fd, const void* bytes, std::size_t size, off_t offset) {
  auto* file = file_of(fd);
  if (file == nullptr) return system(SYS_pwrite64, fd, bytes, size, offset);
  if (!step()) return -1;
  if (layer->short_every != 0 && size > kSector) {
    const std::scoped_lock hold(layer->mutex);
    if (++layer->long_writes % layer->short_every == 0) {
      size = size >> (1 + layer->long_writes % 5);
      layer->short_writes->fetch_add(1);
    }
  }
  const auto written = system(SYS_pwrite64, fd, bytes, size, offset);
  if (written <= 0) return written;
  // Marked after it was written: a sync that has begun before this returns need not have it.
  const std::scoped_lock hold(layer->mutex);
  file->dirty.push_back({offset, offset + written});
  return written;
}

int truncate_to(int fd, off_t size) {
  auto* file = file_of(fd);
  if (file == nullptr) return static_cast<int>(system(SYS_ftruncate, fd, size));
  if (!step()) return -1;
  const auto done = static_cast<int>(system(SYS_ftruncate, fd, size));
  if (done != 0) return done;
  const std::scoped_lock hold(layer->mutex);
  if (file->shrunk_to < 0 || size < file->shrunk_to) file->shrunk_to = size;
  return 0;
}

int allocate(int fd, off_t offset, off_t size) {
  if (file_of(fd) != nullptr && !step()) return errno;
  return system(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}

/// Directory or file.
int sync_any(int fd, long call, bool may_fail) {
  if (layer == nullptr) return static_cast<int>(system(call, fd));
  if (auto* file = file_of(fd)) return sync_file(*file, may_fail);
  const std::scoped_lock hold(layer->mutex);
  const auto directory = directory_at(fd, "");
  if (!directory) return static_cast<int>(system(call, fd));
  if (!step()) return -1;
  append_line(layer->directories.at(*directory), "=\n");
  return 0;
}

void refuse_file(int fd, const char* call) {
  if (file_of(fd) != nullptr) give_up(call, "is not modelled for a file below POWER_CUT_ROOT");
}

std::uint64_t number_from(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

/// Before main.
__attribute__((constructor)) void begin() {
  const char* root = std::getenv("POWER_CUT_ROOT");      // NOLINT(concurrency-mt-unsafe)
  const char* shadow = std::getenv("POWER_CUT_SHADOW");  // NOLINT(concurrency-mt-unsafe)
  if (root == nullptr || shadow == nullptr) give_up("POWER_CUT_ROOT, POWER_CUT_SHADOW", "not set");
  static Layer made;
  made.root = root;
  made.shadow = shadow;
  const char* read_only = std::getenv("POWER_CUT_READ_ONLY");  // NOLINT(concurrency-mt-unsafe)
  if (read_only != nullptr) made.read_only = read_only;
  made.cut_at = number_from("POWER_CUT_AT");
  made.cut_after_names = number_from("POWER_CUT_AFTER_NAMES");
  made.short_every = number_from("POWER_CUT_SHORT_WRITES");
  made.failed_sync = number_from("POWER_CUT_FAILED_SYNC");
  std::vector<std::pair<Inode, bool>> found;
  const auto look = [&](const fs::path& path) {
    const auto status = status_at(AT_FDCWD, path.c_str());
    check(status.has_value(), path.c_str());
    found.emplace_back(inode_of(*status), S_ISDIR(status->st_mode));
  };
  look(made.root);
  for (const auto& entry : fs::recursive_directory_iterator(made.root)) look(entry.path());
  const int counts = open_own(made.shadow / "operations", O_RDWR);
  auto* mapped = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, counts, 0);
  check(mapped != MAP_FAILED, "operations");
  made.operations = static_cast<std::atomic<std::uint64_t>*>(mapped);
  made.short_writes = made.operations + 1;
  layer = &made;
  for (const auto& [inode, is_directory] : found) {
    if (is_directory) {
      track_directory(inode);
    } else {
      track_file(inode, true);
    }
  }
}

mode_t mode_from(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

// NOLINTBEGIN: the names of the C library, and its ways
#define HOLDFAST_OPEN(name)                        \
  int name(const char* path, int flags, ...) {     \
    va_list arguments;                             \
    va_start(arguments, flags);                    \
    const auto mode = mode_from(flags, arguments); \
    va_end(arguments);                             \
    return open_with(AT_FDCWD, path, flags, mode); \
  }
HOLDFAST_OPEN(open)
HOLDFAST_OPEN(open64)
#define HOLDFAST_OPENAT(name)                                 \
  int name(int directory, const char* path, int flags, ...) { \
    va_list arguments;                                        \
    va_start(arguments, flags);                               \
    const auto mode = mode_from(flags, arguments);            \
    va_end(arguments);                                        \
    return open_with(directory, path, flags, mode);           \
  }
HOLDFAST_OPENAT(openat)
HOLDFAST_OPENAT(openat64)

ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t offset) {
  return write_at(fd, bytes, size, offset);
}
ssize_t pwrite64(int fd, const void* bytes, std::size_t size, off_t offset) {
  return write_at(fd, bytes, size, offset);
}
int ftruncate(int fd, off_t size) noexcept {
  return truncate_to(fd, size);
}
int ftruncate64(int fd, off_t size) noexcept {
  return truncate_to(fd, size);
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  return allocate(fd, offset, size);
}
int posix_fallocate64(int fd, off_t offset, off_t size) {
  return allocate(fd, offset, size);
}
int fdatasync(int fd) {
  return sync_any(fd, SYS_fdatasync, true);
}
int fsync(int fd) {
  return sync_any(fd, SYS_fsync, false);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return make_directory(AT_FDCWD, path, mode);
}
int mkdirat(int parent, const char* path, mode_t mode) noexcept {
  return make_directory(parent, path, mode);
}
int rename(const char* from, const char* to) noexcept {
  return rename_entry(AT_FDCWD, from, AT_FDCWD, to);
}
int renameat(int a, const char* from, int b, const char* to) noexcept {
  return rename_entry(a, from, b, to);
}
int unlink(const char* path) noexcept {
  return remove_entry(AT_FDCWD, path, 0);
}
int unlinkat(int directory, const char* path, int flags) noexcept {
  return remove_entry(directory, path, flags);
}
int rmdir(const char* path) noexcept {
  return remove_entry(AT_FDCWD, path, AT_REMOVEDIR);
}

ssize_t write(int fd, const void* bytes, std::size_t size) {
  refuse_file(fd, "write");
  return system(SYS_write, fd, bytes, size);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  refuse_file(fd, "writev");
  return system(SYS_writev, fd, parts, count);
}
void* mmap(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  if (fd >= 0 && (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0) refuse_file(fd, "mmap");
  return reinterpret_cast<void*>(system(SYS_mmap, address, size, protection, flags, fd, offset));
}
// NOLINTEND
}
