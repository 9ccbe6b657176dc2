// A frame: the events of one group, made durable by one write and one sync. docs/journal_format.md,
// "Frames".
//
// A frame is good or bad on its own: its header has the chain's hash before its first event and a check of
// its own fields, and the hash behind the events must be the one computed over them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "journal/log.h"

namespace holdfast::journal {

inline constexpr std::size_t kFrameHeaderBytes = 80;
inline constexpr std::size_t kHashBytes = 32;

struct FrameHeader {
  std::uint32_t payload_bytes = 0;
  Seq first;
  std::uint32_t count = 0;  // 0: a seal
  EscrowId next_escrow;
  Digest previous{};

  [[nodiscard]] bool is_seal() const { return count == 0; }
  /// The last event's seq; the one before `first` in a seal.
  [[nodiscard]] Seq last() const { return Seq(first.value() + count - 1); }
};

/// Bytes of a frame in the file: whole pages.
[[nodiscard]] constexpr std::uint64_t frame_bytes(std::size_t payload_bytes) {
  const auto used = std::uint64_t{kFrameHeaderBytes} + payload_bytes + kHashBytes;
  return (used + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

[[nodiscard]] std::array<std::byte, kFrameHeaderBytes> encode_frame_header(const FrameHeader& header);

enum class HeaderState : std::uint8_t {
  good,   // its check holds
  newer,  // its check holds, and it has a version or flag that we do not know
  bad,
};
/// \param bytes  at least what a header has, else `bad`
[[nodiscard]] HeaderState decode_frame_header(std::span<const std::byte> bytes, FrameHeader& header);

/// Checks frames; not thread-safe.
class FrameChecker {
 public:
  /// Checks all of a frame but its header's own fields. What is wrong, or nullptr and `head` is the hash
  /// behind the last event.
  /// \param bytes  the whole frame, `frame_bytes(header.payload_bytes)` of them
  [[nodiscard]] const char* check(std::span<const std::byte> bytes, const FrameHeader& header, Digest& head);
  /// The chain's hash at each event of the frame checked last, where it was good.
  [[nodiscard]] std::span<const Digest> hashes() const { return hashes_; }

 private:
  Sha256 hasher_;
  std::vector<Digest> hashes_;
};

[[nodiscard]] inline std::span<const std::byte> payload_of(std::span<const std::byte> frame,
                                                           const FrameHeader& header) {
  return frame.subspan(kFrameHeaderBytes, header.payload_bytes);
}

[[nodiscard]] bool all_zero(std::span<const std::byte> bytes);

/// Writes frames: gathers header, events, hash and padding, so that a frame of up to 1 MiB is one call.
class FrameWriter {
 public:
  FrameWriter();
  [[nodiscard]] IoResult<void> write(File& file, std::uint64_t offset, const FrameHeader& header,
                                     std::span<const std::byte> payload, const Digest& head);

 private:
  [[nodiscard]] IoResult<void> flush(File& file);

  Bytes buffer_;
  std::uint64_t offset_ = 0;
};

}  // namespace holdfast::journal
