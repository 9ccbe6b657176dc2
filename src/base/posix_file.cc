// The file seam over POSIX calls (Linux). Calls that a signal interrupts are repeated, but never a sync:
// after one that came back with anything but success, nobody knows which pages the kernel still holds.
#include "base/posix_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace holdfast {
namespace {

constexpr mode_t kDirectoryMode = 0750;  // before the umask: a ledger is nobody else's to read
constexpr mode_t kFileMode = 0640;
constexpr mode_t kPrivateFileMode = 0600;

std::unexpected<IoError> io_error(int number, std::string_view call, const std::string& path) {
  return std::unexpected(IoError{number, fmt::format("{} {}", call, path)});
}

/// Repeats `call` while signals interrupt it.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] IoResult<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    std::size_t total = 0;
    while (total < out.size()) {
      const auto n = uninterrupted([&] {
        return ::pread(fd_.get(), out.data() + total, out.size() - total, static_cast<off_t>(offset + total));
      });
      if (n < 0) return io_error(errno, "pread", path_);
      if (n == 0) break;
      total += static_cast<std::size_t>(n);
    }
    return total;
  }

  [[nodiscard]] IoResult<std::size_t> write_at(std::uint64_t offset,
                                               std::span<const std::byte> bytes) override {
    if (bytes.empty()) return 0;
    const auto n = uninterrupted(
        [&] { return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) return io_error(errno, "pwrite", path_);
    if (n == 0) return io_error(EIO, "pwrite", path_);
    return static_cast<std::size_t>(n);
  }

  [[nodiscard]] IoResult<void> sync() override {
    // fdatasync leaves out times, not the size: that is needed to read the bytes back.
    if (::fdatasync(fd_.get()) != 0) return io_error(errno, "fdatasync", path_);
    return {};
  }

  [[nodiscard]] IoResult<void> truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
      return io_error(errno, "ftruncate", path_);
    }
    return {};
  }

  [[nodiscard]] IoResult<void> allocate(std::uint64_t size) override {
    if (size == 0) return {};
    // Where the file system has no such call, the C library writes a zero into every block that is a hole.
    int number = EINTR;
    while (number == EINTR) number = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size));
    if (number != 0) return io_error(number, "posix_fallocate", path_);
    return {};
  }

  [[nodiscard]] IoResult<std::uint64_t> size() const override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return io_error(errno, "fstat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  [[nodiscard]] IoResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    int flags = O_CLOEXEC;
    mode_t permissions = kFileMode;
    switch (mode) {
      case OpenMode::read:
        flags |= O_RDONLY;
        break;
      case OpenMode::read_write:
        flags |= O_RDWR;
        break;
      case OpenMode::create:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
      case OpenMode::create_private:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        permissions = kPrivateFileMode;
        break;
    }
    auto fd = open_entry(name, flags, permissions);
    if (!fd) return std::unexpected(fd.error());
    return std::make_unique<PosixFile>(std::move(*fd), path_of(name));
  }

  [[nodiscard]] IoResult<std::unique_ptr<Directory>> subdirectory(std::string_view name,
                                                                  bool create) override {
    if (create && ::mkdirat(fd_.get(), entry(name).c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return error("mkdirat", name);
    }
    auto fd = open_entry(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!fd) return std::unexpected(fd.error());
    return std::make_unique<PosixDirectory>(std::move(*fd), path_of(name));
  }

  [[nodiscard]] IoResult<void> rename(std::string_view from, std::string_view to) override {
    if (::renameat(fd_.get(), entry(from).c_str(), fd_.get(), entry(to).c_str()) != 0) {
      const int number = errno;
      return io_error(number, "renameat", fmt::format("{} to {}", path_of(from), to));
    }
    return {};
  }

  [[nodiscard]] IoResult<void> remove(std::string_view name) override {
    const auto text = entry(name);
    if (::unlinkat(fd_.get(), text.c_str(), 0) == 0) return {};
    if (errno == EISDIR && ::unlinkat(fd_.get(), text.c_str(), AT_REMOVEDIR) == 0) return {};
    return error("unlinkat", name);
  }

  [[nodiscard]] IoResult<std::vector<std::string>> list() const override {
    // A descriptor of its own: a stream moves the position, and closes what it was given.
    const int fd =
        uninterrupted([&] { return ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) return io_error(errno, "openat", path_);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), &::closedir);
    if (!stream) {
      const int number = errno;
      ::close(fd);
      return io_error(number, "fdopendir", path_);
    }
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* const found = ::readdir(stream.get());
      if (found == nullptr) break;
      const std::string_view name = found->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return io_error(errno, "readdir", path_);
    std::ranges::sort(names);
    return names;
  }

  [[nodiscard]] IoResult<void> sync() override {
    if (::fsync(fd_.get()) != 0) return io_error(errno, "fsync", path_);
    return {};
  }

  [[nodiscard]] std::string path() const override { return path_; }

  [[nodiscard]] IoResult<std::unique_ptr<File>> lock(std::string_view name,
                                                     std::string_view holder) override {
    auto fd = open_entry(name, O_RDWR | O_CREAT | O_CLOEXEC);
    if (!fd) return std::unexpected(fd.error());
    const int locked = uninterrupted([&] { return ::flock(fd->get(), LOCK_EX | LOCK_NB); });
    const int number = errno;
    auto file = std::make_unique<PosixFile>(std::move(*fd), path_of(name));
    if (locked != 0) {
      if (number != EWOULDBLOCK) return io_error(number, "flock", path_of(name));
      return std::unexpected(IoError{number, held_by(*file, path_of(name))});
    }
    if (auto done = file->truncate(0); !done) return std::unexpected(done.error());
    const auto text = std::as_bytes(std::span(holder.data(), holder.size()));
    if (auto done = write_all(*file, 0, text); !done) return std::unexpected(done.error());
    return file;
  }

 private:
  static std::string held_by(const File& file, const std::string& path) {
    std::byte text[256];
    const auto n = read_all(file, 0, text);
    if (!n || *n == 0) return fmt::format("flock {} (held by another process)", path);
    return fmt::format("flock {} (held by {})", path,
                       std::string_view(reinterpret_cast<const char*>(text), *n));
  }

  static std::string entry(std::string_view name) {
    HOLDFAST_ASSERT(!name.empty() && name.find('/') == name.npos && name.find('\0') == name.npos,
                    "a name in a directory is not empty and has no slash");
    return std::string(name);
  }

  [[nodiscard]] std::string path_of(std::string_view name) const {
    return fmt::format("{}{}{}", path_, path_.ends_with('/') ? "" : "/", name);
  }

  /// Of the call that failed last: reads errno before anything can change it.
  [[nodiscard]] std::unexpected<IoError> error(std::string_view call, std::string_view name) const {
    const int number = errno;
    return io_error(number, call, path_of(name));
  }

  IoResult<Descriptor> open_entry(std::string_view name, int flags, mode_t permissions = kFileMode) {
    const auto text = entry(name);
    const int fd = uninterrupted([&] { return ::openat(fd_.get(), text.c_str(), flags, permissions); });
    if (fd < 0) return error("openat", name);
    return Descriptor(fd);
  }

  Descriptor fd_;
  std::string path_;
};

IoResult<void> make_directory(const std::filesystem::path& path);

/// Opens the directory, making it where it is not there and may be.
IoResult<Descriptor> open_directory(const std::filesystem::path& path, bool create) {
  const auto open = [&] {
    return uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  };
  int fd = open();
  if (fd < 0 && errno == ENOENT && create) {
    if (auto made = make_directory(path); !made) return std::unexpected(made.error());
    fd = open();
  }
  if (fd < 0) return io_error(errno, "open", path.native());
  return Descriptor(fd);
}

/// Makes the directory, and its parents; each new entry is durable when this returns, or a power cut could
/// take the ledger below it.
IoResult<void> make_directory(const std::filesystem::path& path) {
  const auto parent_path = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  auto parent = open_directory(parent_path, path.has_parent_path());
  if (!parent) return std::unexpected(parent.error());
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return io_error(errno, "mkdir", path.native());
  }
  if (::fsync(parent->get()) != 0) return io_error(errno, "fsync", parent_path.native());
  return {};
}

}  // namespace

IoResult<std::unique_ptr<Directory>> open_posix_directory(const std::filesystem::path& path, bool create) {
  if (path.empty()) return io_error(ENOENT, "open", "a directory without a name");
  // "a/b/" and "a/b" are the same place, and the parent of the first must not be itself.
  const auto place = path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
  auto fd = open_directory(place, create);
  if (!fd) return std::unexpected(fd.error());
  return std::make_unique<PosixDirectory>(std::move(*fd), place.string());
}

}  // namespace holdfast
