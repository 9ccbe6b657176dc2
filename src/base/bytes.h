// Writing and reading bytes that are kept: unsigned LEB128 integers, zigzag for signed ones, little-endian
// fixed widths, texts with their length in front. One encoding for each value: a reader refuses overlong
// integers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

using Bytes = std::vector<std::byte>;

class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }
  void u32_fixed(std::uint32_t value) { fixed(value); }
  void u64_fixed(std::uint64_t value) { fixed(value); }
  void varint(std::uint64_t value) {
    std::byte buffer[10];
    std::size_t n = 0;
    while (value >= 0x80) {
      buffer[n++] = static_cast<std::byte>(value | 0x80);
      value >>= 7;
    }
    buffer[n++] = static_cast<std::byte>(value);
    out_.insert(out_.end(), buffer, buffer + n);
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void raw(std::span<const std::byte> bytes) {
    const auto at = out_.size();
    out_.resize(at + bytes.size());
    if (!bytes.empty()) std::memcpy(out_.data() + at, bytes.data(), bytes.size());
  }
  void text(std::string_view value) {
    varint(value.size());
    raw(std::as_bytes(std::span(value.data(), value.size())));
  }
  [[nodiscard]] Bytes& out() { return out_; }

 private:
  template <class Int>
  void fixed(Int value) {
    static_assert(std::endian::native == std::endian::little);
    const auto at = out_.size();
    out_.resize(at + sizeof value);
    std::memcpy(out_.data() + at, &value, sizeof value);
  }
  Bytes& out_;
};

/// Reads what ByteWriter wrote. After the first thing that does not fit, `ok` is false for good and every
/// read gives 0 or an empty text, so that a decoder checks once at its end.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }
  void fail() { ok_ = false; }

  std::uint8_t u8() { return need(1) ? static_cast<std::uint8_t>(bytes_[position_++]) : 0; }
  std::uint32_t u32_fixed() { return fixed<std::uint32_t>(); }
  std::uint64_t u64_fixed() { return fixed<std::uint64_t>(); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!need(1)) return 0;
      const auto byte = static_cast<std::uint8_t>(bytes_[position_++]);
      if (shift == 63 && byte > 1) return fail(), 0;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift != 0) return fail(), 0;
        return value;
      }
    }
    return fail(), 0;
  }
  std::int64_t zigzag() {
    const auto raw = varint();
    return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
  }
  std::span<const std::byte> raw(std::size_t n) {
    if (!need(n)) return {};
    const auto part = bytes_.subspan(position_, n);
    position_ += n;
    return part;
  }
  /// A view into the bytes that are read.
  std::string_view text() {
    const auto part = raw(varint());
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

 private:
  bool need(std::size_t n) {
    if (!ok_ || n > left()) ok_ = false;
    return ok_;
  }
  template <class Int>
  Int fixed() {
    Int value = 0;
    if (need(sizeof value)) {
      std::memcpy(&value, bytes_.data() + position_, sizeof value);
      position_ += sizeof value;
    }
    return value;
  }
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace holdfast
