// The seam to the file system. The journal store touches files only through these two classes: the platform
// implements them with POSIX calls (posix_file.h), the simulator with a disk that loses, tears and reorders
// (sim/).
//
// What the code above may rely on, and no more: `sync` makes the bytes of a file durable, `Directory::sync`
// its entries; a write may be short; what was not synced may be there after a crash in any part and any
// order; a failed sync may have dropped the pages and is never retried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/result.h"

namespace holdfast {

/// A failed call: `error_number` is an errno, `what` names the call and the file.
struct IoError {
  int error_number = 0;
  std::string what;
};

/// ENOSPC and EDQUOT are `storage_full`, all else `storage_failed`; the message has `what` and the system's
/// text.
[[nodiscard]] Error to_error(const IoError& error);

template <class T>
using IoResult = std::expected<T, IoError>;

class File {
 public:
  virtual ~File() = default;

  /// Reads up to `out.size()` bytes; fewer only at the end of the file.
  [[nodiscard]] virtual IoResult<std::size_t> read_at(std::uint64_t offset,
                                                      std::span<std::byte> out) const = 0;
  /// Bytes written: at least 1, perhaps fewer than asked. EINTR is the implementation's matter.
  [[nodiscard]] virtual IoResult<std::size_t> write_at(std::uint64_t offset,
                                                       std::span<const std::byte> bytes) = 0;
  /// Makes all bytes written so far, and the size, durable.
  [[nodiscard]] virtual IoResult<void> sync() = 0;
  [[nodiscard]] virtual IoResult<void> truncate(std::uint64_t size) = 0;
  /// Takes the space from 0 to `size` now, so that writes there cannot fail for lack of it; the file grows to
  /// it, reading zeros.
  [[nodiscard]] virtual IoResult<void> allocate(std::uint64_t size) = 0;
  [[nodiscard]] virtual IoResult<std::uint64_t> size() const = 0;
};

/// Repeats short writes until all is written.
[[nodiscard]] IoResult<void> write_all(File& file, std::uint64_t offset, std::span<const std::byte> bytes);
/// Repeats short reads until `out` is full or the file ends; bytes read.
[[nodiscard]] IoResult<std::size_t> read_all(const File& file, std::uint64_t offset,
                                             std::span<std::byte> out);

enum class OpenMode : std::uint8_t {
  read,
  read_write,
  create,         // to read and write; fails where it exists (EEXIST)
  create_private  // likewise, and nobody but its owner may read it: it holds a secret
};

/// One directory. Names are of a file or directory in it, without slashes.
class Directory {
 public:
  virtual ~Directory() = default;

  [[nodiscard]] virtual IoResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) = 0;
  /// `create` makes it where it is not there (durable once this directory is synced). Without it: ENOENT.
  [[nodiscard]] virtual IoResult<std::unique_ptr<Directory>> subdirectory(std::string_view name,
                                                                          bool create) = 0;
  /// Replaces `to` where it exists.
  [[nodiscard]] virtual IoResult<void> rename(std::string_view from, std::string_view to) = 0;
  [[nodiscard]] virtual IoResult<void> remove(std::string_view name) = 0;
  /// Names in ascending order, directories among them.
  [[nodiscard]] virtual IoResult<std::vector<std::string>> list() const = 0;
  [[nodiscard]] virtual IoResult<void> sync() = 0;
  /// For messages: the path as the user would write it.
  [[nodiscard]] virtual std::string path() const = 0;

  /// Takes the exclusive advisory lock on file `name` (created if needed, its text replaced by `holder`) for
  /// as long as the returned object lives. Held by another: EWOULDBLOCK, and `what` carries the other
  /// holder's text.
  [[nodiscard]] virtual IoResult<std::unique_ptr<File>> lock(std::string_view name,
                                                             std::string_view holder) = 0;
};

}  // namespace holdfast
