// A directory over another one, whose calls a test can look at, hold up or let fail. It keeps what it was
// given: what a power cut leaves behind is the simulator's matter.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/file.h"

namespace holdfast::journal::testing {

enum class FileCall : std::uint8_t {
  create,
  write,
  sync,
  truncate,
  allocate,
  rename,
  remove,
  directory_sync
};

/// Injected by a test. Outlives the directories that use it.
struct Faults {
  /// Called before each changing call, on the thread that makes it; the errno to fail with, or 0 to go on.
  std::function<int(FileCall call, const std::string& path, std::uint64_t bytes)> on_call;

  [[nodiscard]] IoResult<void> enter(FileCall call, const std::string& path, std::uint64_t bytes = 0) const {
    const int number = on_call ? on_call(call, path, bytes) : 0;
    if (number == 0) return {};
    return std::unexpected(IoError{number, "injected fault: " + path});
  }
};

class FaultyFile final : public File {
 public:
  FaultyFile(const Faults& faults, std::unique_ptr<File> file, std::string path)
      : faults_(faults), file_(std::move(file)), path_(std::move(path)) {}

  [[nodiscard]] IoResult<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return file_->read_at(offset, out);
  }
  [[nodiscard]] IoResult<std::size_t> write_at(std::uint64_t offset,
                                               std::span<const std::byte> bytes) override {
    if (auto entered = faults_.enter(FileCall::write, path_, bytes.size()); !entered)
      return std::unexpected(entered.error());
    return file_->write_at(offset, bytes);
  }
  [[nodiscard]] IoResult<void> sync() override {
    if (auto entered = faults_.enter(FileCall::sync, path_); !entered) return entered;
    return file_->sync();
  }
  [[nodiscard]] IoResult<void> truncate(std::uint64_t size) override {
    if (auto entered = faults_.enter(FileCall::truncate, path_, size); !entered) return entered;
    return file_->truncate(size);
  }
  [[nodiscard]] IoResult<void> allocate(std::uint64_t size) override {
    if (auto entered = faults_.enter(FileCall::allocate, path_, size); !entered) return entered;
    return file_->allocate(size);
  }
  [[nodiscard]] IoResult<std::uint64_t> size() const override { return file_->size(); }

 private:
  const Faults& faults_;
  std::unique_ptr<File> file_;
  std::string path_;
};

class FaultyDirectory final : public Directory {
 public:
  FaultyDirectory(const Faults& faults, std::unique_ptr<Directory> directory)
      : faults_(faults), directory_(std::move(directory)) {}

  [[nodiscard]] IoResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    if (mode == OpenMode::create || mode == OpenMode::create_private) {
      if (auto entered = faults_.enter(FileCall::create, path_of(name)); !entered)
        return std::unexpected(entered.error());
    }
    auto file = directory_->open(name, mode);
    if (!file) return std::unexpected(file.error());
    return std::make_unique<FaultyFile>(faults_, std::move(*file), path_of(name));
  }
  [[nodiscard]] IoResult<std::unique_ptr<Directory>> subdirectory(std::string_view name,
                                                                  bool create) override {
    auto directory = directory_->subdirectory(name, create);
    if (!directory) return std::unexpected(directory.error());
    return std::make_unique<FaultyDirectory>(faults_, std::move(*directory));
  }
  [[nodiscard]] IoResult<void> rename(std::string_view from, std::string_view to) override {
    if (auto entered = faults_.enter(FileCall::rename, path_of(to)); !entered) return entered;
    return directory_->rename(from, to);
  }
  [[nodiscard]] IoResult<void> remove(std::string_view name) override {
    if (auto entered = faults_.enter(FileCall::remove, path_of(name)); !entered) return entered;
    return directory_->remove(name);
  }
  [[nodiscard]] IoResult<std::vector<std::string>> list() const override { return directory_->list(); }
  [[nodiscard]] IoResult<void> sync() override {
    if (auto entered = faults_.enter(FileCall::directory_sync, path()); !entered) return entered;
    return directory_->sync();
  }
  [[nodiscard]] std::string path() const override { return directory_->path(); }
  [[nodiscard]] IoResult<std::unique_ptr<File>> lock(std::string_view name,
                                                     std::string_view holder) override {
    return directory_->lock(name, holder);
  }

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const {
    return directory_->path() + "/" + std::string(name);
  }

  const Faults& faults_;
  std::unique_ptr<Directory> directory_;
};

}  // namespace holdfast::journal::testing
