// Segments: the files of the journal, their names and their headers. docs/journal_format.md, "Segments".
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "journal/frame.h"
#include "journal/uuid.h"

namespace holdfast::journal {

/// A segment's first frame begins here.
inline constexpr std::uint64_t kSegmentHeaderBytes = kFrameAlignment;

[[nodiscard]] std::string segment_name(std::uint32_t number);
/// None where the name is no segment's.
[[nodiscard]] std::optional<std::uint32_t> segment_number(std::string_view name);
/// For messages: the path of a segment.
[[nodiscard]] std::string segment_path(const Directory& directory, std::uint32_t number);

[[nodiscard]] Bytes encode_segment_header(const LedgerUuid& ledger, std::uint32_t number,
                                          std::uint32_t version = kFormatVersion);

/// Makes a segment with its space taken and its header durable, ready for frames. On an error it is removed
/// again as far as that goes: a file of this name without frames may be left, and is replaced by the next
/// try.
/// \param bytes  the whole file's
[[nodiscard]] IoResult<std::unique_ptr<File>> make_segment(Directory& directory, const LedgerUuid& ledger,
                                                           std::uint32_t number, std::uint64_t bytes);

/// Its header is good and ours: else `corrupt`, or `newer_format`.
[[nodiscard]] Result<void> check_segment_header(Directory& directory, const LedgerUuid& ledger,
                                                std::uint32_t number);

/// A segment as found, before its frames are read.
struct FoundSegment {
  std::uint32_t number = 0;
  std::uint64_t size = 0;
  bool header_good = false;
  std::optional<FrameHeader> first;  // of the first frame; none where there is no frame that counts
  EscrowId next_escrow;              // of the first frame with events
};

/// Looks at all segments up to `last`, in order. The first frame of the last one that has any is checked in
/// full: a torn one does not count. `corrupt` for a missing number, a foreign header, or a damaged one that
/// is not a half-made segment's.
[[nodiscard]] Result<std::vector<FoundSegment>> find_segments(Directory& directory, const LedgerUuid& ledger,
                                                              std::uint32_t last, FrameChecker& checker);

}  // namespace holdfast::journal
