#include "journal/segment_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "journal/segment.h"

namespace holdfast::journal {
namespace {

std::unexpected<Error> newer_frame(const std::string& path, std::uint64_t offset) {
  return fail(ErrorCode::newer_format,
              fmt::format("{} at byte {}: the frame was written by a newer version: use that", path, offset));
}

}  // namespace

Result<SegmentReader> SegmentReader::open(Directory& directory, std::uint32_t number,
                                          std::size_t chunk_bytes) {
  auto file = directory.open(segment_name(number), OpenMode::read);
  if (!file) return std::unexpected(to_error(file.error()));
  auto size = (*file)->size();
  if (!size) return std::unexpected(to_error(size.error()));
  // A buffer no larger than the file; it grows where a frame needs more.
  const auto most = std::max<std::uint64_t>(*size, kFrameAlignment);
  const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, most));
  return SegmentReader(std::move(*file), segment_path(directory, number), *size, chunk);
}

Result<std::span<const std::byte>> SegmentReader::bytes(std::uint64_t offset, std::size_t n) {
  const auto have = [&] {
    const bool inside = offset >= buffer_offset_ && offset <= buffer_offset_ + buffered_;
    return inside ? static_cast<std::size_t>(buffer_offset_ + buffered_ - offset) : std::size_t{0};
  };
  if (have() < n) {
    // What the buffer has from `offset` on moves to its front, the rest is read behind it.
    const auto kept = have();
    const auto wanted = std::max(n, next_chunk_bytes_);
    next_chunk_bytes_ = std::min(2 * next_chunk_bytes_, chunk_bytes_);
    if (kept > 0) std::memmove(buffer_.data(), buffer_.data() + (offset - buffer_offset_), kept);
    if (buffer_.size() < wanted) buffer_.resize(wanted);
    buffer_offset_ = offset;
    buffered_ = kept;
    const auto room = std::span(buffer_).subspan(kept, wanted - kept);
    auto got = read_all(*file_, offset + kept, room);
    if (!got) return std::unexpected(to_error(got.error()));
    buffered_ += *got;
  }
  const auto from = static_cast<std::size_t>(offset - buffer_offset_);
  return std::span<const std::byte>(buffer_).subspan(from, std::min(n, have()));
}

Result<std::optional<FrameHeader>> SegmentReader::header(std::uint64_t offset) {
  auto front = bytes(offset, kFrameHeaderBytes);
  if (!front) return std::unexpected(front.error());
  FrameHeader header;
  switch (decode_frame_header(*front, header)) {
    case HeaderState::good:
      return header;
    case HeaderState::newer:
      return newer_frame(path_, offset);
    case HeaderState::bad:
      break;
  }
  return std::optional<FrameHeader>();
}

Result<FoundFrame> SegmentReader::frame(std::uint64_t offset, FrameChecker& checker) {
  FoundFrame found;
  auto page = bytes(offset, kFrameAlignment);
  if (!page) return std::unexpected(page.error());
  if (all_zero(*page)) return found;
  found.state = FrameState::bad;
  const auto state = decode_frame_header(*page, found.header);
  if (state == HeaderState::newer) return newer_frame(path_, offset);
  if (state == HeaderState::bad) {
    found.problem = "no frame begins here";
    return found;
  }
  found.header_good = true;
  const auto length = frame_bytes(found.header.payload_bytes);
  // The size keeps a length from taking memory that the file could never fill.
  if (offset + length > size_) {
    found.problem = "the frame is longer than the file";
    return found;
  }
  auto all = bytes(offset, static_cast<std::size_t>(length));
  if (!all) return std::unexpected(all.error());
  if (all->size() < length) {
    found.problem = "the frame is longer than the file";
    return found;
  }
  found.problem = checker.check(*all, found.header, found.head);
  if (found.problem == nullptr) {
    found.state = FrameState::good;
    found.bytes = *all;
    found.hashes = checker.hashes();
  }
  return found;
}

}  // namespace holdfast::journal
