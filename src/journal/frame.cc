#include "journal/frame.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "journal/fixed_fields.h"
#include "ledger/event_codec.h"

namespace holdfast::journal {
namespace {

using Magic = std::array<std::uint8_t, 8>;
constexpr Magic kMagic = {0xFF, 'h', 'f', 'f', 'r', 0x00, 0x1A, 0xFE};
constexpr std::uint16_t kFrameVersion = 1;
constexpr std::size_t kCheckedBytes = 72;  // of the header, by the check behind them
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;

constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kFlagsAt = 10;
constexpr std::size_t kPayloadBytesAt = 12;
constexpr std::size_t kFirstAt = 16;
constexpr std::size_t kCountAt = 24;
constexpr std::size_t kUnusedAt = 28;
constexpr std::size_t kNextEscrowAt = 32;
constexpr std::size_t kPreviousAt = 40;

std::uint64_t check_of(std::span<const std::byte> header) {
  return stable_hash({reinterpret_cast<const char*>(header.data()), kCheckedBytes});
}

}  // namespace

std::array<std::byte, kFrameHeaderBytes> encode_frame_header(const FrameHeader& header) {
  std::array<std::byte, kFrameHeaderBytes> bytes{};
  put_field(bytes, 0, kMagic);
  put_field(bytes, kVersionAt, kFrameVersion);
  put_field(bytes, kPayloadBytesAt, header.payload_bytes);
  put_field(bytes, kFirstAt, header.first.value());
  put_field(bytes, kCountAt, header.count);
  put_field(bytes, kNextEscrowAt, header.next_escrow.value());
  put_field(bytes, kPreviousAt, header.previous);
  put_field(bytes, kCheckedBytes, check_of(bytes));
  return bytes;
}

HeaderState decode_frame_header(std::span<const std::byte> bytes, FrameHeader& header) {
  if (bytes.size() < kFrameHeaderBytes) return HeaderState::bad;
  if (get_field<Magic>(bytes, 0) != kMagic) return HeaderState::bad;
  if (get_field<std::uint64_t>(bytes, kCheckedBytes) != check_of(bytes)) return HeaderState::bad;
  if (get_field<std::uint16_t>(bytes, kVersionAt) > kFrameVersion) return HeaderState::newer;
  if (get_field<std::uint16_t>(bytes, kFlagsAt) != 0) return HeaderState::newer;
  header.payload_bytes = get_field<std::uint32_t>(bytes, kPayloadBytesAt);
  header.first = Seq(get_field<std::uint64_t>(bytes, kFirstAt));
  header.count = get_field<std::uint32_t>(bytes, kCountAt);
  header.next_escrow = EscrowId(get_field<std::uint64_t>(bytes, kNextEscrowAt));
  header.previous = get_field<Digest>(bytes, kPreviousAt);
  const bool fits = get_field<std::uint16_t>(bytes, kVersionAt) == kFrameVersion &&
                    get_field<std::uint32_t>(bytes, kUnusedAt) == 0 && header.first &&
                    header.payload_bytes <= kMaxFramePayload && header.count <= header.payload_bytes;
  return fits ? HeaderState::good : HeaderState::bad;
}

const char* FrameChecker::check(std::span<const std::byte> bytes, const FrameHeader& header, Digest& head) {
  HOLDFAST_ASSERT(bytes.size() == frame_bytes(header.payload_bytes), "a frame is checked as a whole");
  head = header.previous;
  hashes_.clear();
  ByteReader reader(payload_of(bytes, header));
  for (std::uint32_t i = 0; i < header.count; ++i) {
    const auto event = reader.raw(reader.varint());
    if (!reader.ok()) return "an event's length does not fit the frame";
    head = chain(hasher_, head, event);
    hashes_.push_back(head);
  }
  if (reader.left() != 0) return "the frame has bytes after its last event";
  const auto rest = bytes.subspan(kFrameHeaderBytes + header.payload_bytes);
  const auto written = get_field<Digest>(rest, 0);
  if (planted(PlantedBug::skip_hash_check)) head = written;
  if (written != head) return "the hash chain breaks";
  if (!all_zero(rest.subspan(kHashBytes))) return "the frame's padding is not zero";
  return nullptr;
}

bool all_zero(std::span<const std::byte> bytes) {
  if (bytes.empty()) return true;
  return bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

FrameWriter::FrameWriter() {
  buffer_.reserve(kWriteBytes);
}

IoResult<void> FrameWriter::write(File& file, std::uint64_t offset, const FrameHeader& header,
                                  std::span<const std::byte> payload, const Digest& head) {
  static_assert(kWriteBytes % kFrameAlignment == 0);
  buffer_.clear();
  offset_ = offset;
  const auto encoded = encode_frame_header(header);
  const std::span<const std::byte> parts[] = {encoded, payload, std::as_bytes(std::span(head))};
  for (auto part : parts) {
    while (!part.empty()) {
      const auto n = std::min(part.size(), kWriteBytes - buffer_.size());
      buffer_.insert(buffer_.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
      part = part.subspan(n);
      if (buffer_.size() < kWriteBytes) continue;
      if (auto flushed = flush(file); !flushed) return flushed;
    }
  }
  buffer_.resize((buffer_.size() + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment);
  return flush(file);
}

IoResult<void> FrameWriter::flush(File& file) {
  const auto at = offset_;
  offset_ += buffer_.size();
  if (planted(PlantedBug::ignore_short_write)) {
    auto written = file.write_at(at, buffer_);
    buffer_.clear();
    if (!written) return std::unexpected(written.error());
    return {};
  }
  auto written = buffer_.empty() ? IoResult<void>() : write_all(file, at, buffer_);
  buffer_.clear();
  return written;
}

}  // namespace holdfast::journal
