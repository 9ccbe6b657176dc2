// Reads the frames of one segment through a buffer, and checks them. Not thread-safe; each reader has its own
// handle. Works beside a writer: a frame that was durable when the reader learnt of it does not change.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/file.h"
#include "journal/frame.h"

namespace holdfast::journal {

enum class FrameState : std::uint8_t {
  good,
  none,  // only zeros in the page, or the file ends
  bad,   // `problem` says why
};

/// What was found at an offset. The spans live until the reader's next call.
struct FoundFrame {
  FrameState state = FrameState::none;
  bool header_good = false;
  FrameHeader header;  // where header_good
  const char* problem = nullptr;
  std::span<const std::byte> bytes;  // good: the whole frame
  Digest head{};                     // good: the hash behind it
  std::span<const Digest> hashes;    // good: the hash at each event; lives until the checker's next check
};

class SegmentReader {
 public:
  static constexpr std::size_t kScanBytes = std::size_t{4} << 20;
  static constexpr std::size_t kLookupBytes = std::size_t{64} << 10;

  /// \param chunk_bytes  how much is read at a time once much was read; a larger frame is read whole
  [[nodiscard]] static Result<SegmentReader> open(Directory& directory, std::uint32_t number,
                                                  std::size_t chunk_bytes = kScanBytes);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// When it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// At least `n` bytes from `offset` on where the file has them, else as many as it has. Exactly `n` at
  /// most.
  [[nodiscard]] Result<std::span<const std::byte>> bytes(std::uint64_t offset, std::size_t n);
  /// Only the header of a frame; none where there is no good one. `newer_format` for a later version.
  [[nodiscard]] Result<std::optional<FrameHeader>> header(std::uint64_t offset);
  /// A frame, checked. `newer_format` for a later version.
  [[nodiscard]] Result<FoundFrame> frame(std::uint64_t offset, FrameChecker& checker);

 private:
  SegmentReader(std::unique_ptr<File> file, std::string path, std::uint64_t size, std::size_t chunk_bytes)
      : file_(std::move(file)),
        path_(std::move(path)),
        size_(size),
        chunk_bytes_(chunk_bytes),
        next_chunk_bytes_(std::min(chunk_bytes, kLookupBytes)) {}

  std::unique_ptr<File> file_;
  std::string path_;
  std::uint64_t size_;
  std::size_t chunk_bytes_;
  std::size_t next_chunk_bytes_;  // grows, so that a look at a few frames does not read megabytes
  Bytes buffer_;
  std::uint64_t buffer_offset_ = 0;
  std::size_t buffered_ = 0;
};

}  // namespace holdfast::journal
