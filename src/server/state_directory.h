// What the server keeps beside the ledger: a few small files (keys, webhooks, how far a follower has read),
// each replaced as a whole, and readable by nobody but their owner.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace holdfast::server {

/// Where the state of a ledger's server is, where the caller names no other place: `LEDGER/server` beside a
/// journal, `./holdfast-server` for a ledger in PostgreSQL.
[[nodiscard]] std::filesystem::path default_state_path(std::string_view ledger_url);

/// Thread-safe. Two processes may use one directory: a file is as one of them wrote it, never a mixture.
class StateDirectory {
 public:
  /// Makes it (0700) where it is not there, but not the directory above it.
  /// `not_a_ledger`: nor is that one there.
  [[nodiscard]] static Result<std::unique_ptr<StateDirectory>> open(const std::filesystem::path& path);
  /// The directory as it stands; none where it is not there.
  [[nodiscard]] static Result<std::unique_ptr<StateDirectory>> open_existing(
      const std::filesystem::path& path);

  /// The file's whole text; none where there is no such file. `storage_failed`: it cannot be read, or
  /// others than its owner may read or change it.
  [[nodiscard]] Result<std::optional<std::string>> read(std::string_view name) const;
  /// All of it or nothing, durable when it returns, mode 0600.
  [[nodiscard]] Result<void> replace(std::string_view name, std::string_view text);
  /// No other process gets the same lock while the returned object lives; `busy` where one has it.
  [[nodiscard]] Result<std::unique_ptr<File>> lock(std::string_view name);

  [[nodiscard]] std::filesystem::path path_of(std::string_view name) const { return path_ / name; }
  /// For files and directories of a part's own.
  [[nodiscard]] Directory& directory() const { return *directory_; }

 private:
  StateDirectory(std::filesystem::path path, std::unique_ptr<Directory> directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  std::filesystem::path path_;
  std::unique_ptr<Directory> directory_;
  std::mutex replacing_;
};

}  // namespace holdfast::server
