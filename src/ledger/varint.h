// LEB128 integers without a branch a byte, for the items of batches: recovery and appends spend their time
// here. The same bytes as ByteWriter and ByteReader (base/bytes.h), which remain the judges of anything
// unusual.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace holdfast::wire {

static_assert(std::endian::native == std::endian::little);

[[nodiscard]] inline std::uint64_t zigzag_of(std::uint64_t difference) {
  return (difference << 1) ^ (0 - (difference >> 63));
}
[[nodiscard]] inline std::uint64_t unzigzag(std::uint64_t raw) {
  return (raw >> 1) ^ (0 - (raw & 1));
}

/// Values at and above this take more than 8 bytes.
inline constexpr std::uint64_t kShortVarintLimit = std::uint64_t{1} << 56;

/// Moves the 56 bits of `value` apart, 7 to a byte.
[[nodiscard]] inline std::uint64_t spread_7_bits(std::uint64_t value) {
  value = ((value & 0x00fffffff0000000) << 4) | (value & 0x000000000fffffff);
  value = ((value & 0x0fffc0000fffc000) << 2) | (value & 0x00003fff00003fff);
  return ((value & 0x3f803f803f803f80) << 1) | (value & 0x007f007f007f007f);
}

/// The opposite. \pre the top bit of each byte is clear
[[nodiscard]] inline std::uint64_t join_7_bits(std::uint64_t value) {
  value = ((value & 0x7f007f007f007f00) >> 1) | (value & 0x007f007f007f007f);
  value = ((value & 0x3fff00003fff0000) >> 2) | (value & 0x00003fff00003fff);
  return ((value & 0x0fffffff00000000) >> 4) | (value & 0x000000000fffffff);
}

/// Writes `value` and returns what is behind it. \pre ten bytes are free at `out`
[[nodiscard]] inline std::byte* put_varint(std::byte* out, std::uint64_t value) {
  if (value < 0x80) {
    *out = static_cast<std::byte>(value);
    return out + 1;
  }
  if (value < kShortVarintLimit) {
    const auto length = (static_cast<unsigned>(std::bit_width(value)) + 6) / 7;
    const auto more = (std::uint64_t{1} << (8 * (length - 1))) - 1;
    const std::uint64_t bytes = spread_7_bits(value) | (more & 0x8080808080808080);
    std::memcpy(out, &bytes, sizeof bytes);
    return out + length;
  }
  while (value >= 0x80) {
    *out++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *out = static_cast<std::byte>(value);
  return out + 1;
}

/// Reads an integer of at most 8 bytes at `at` and moves behind it. `bad` is set, and stays set, where it is
/// longer or not in its shortest form. \pre eight bytes can be read at `at`
[[nodiscard]] inline std::uint64_t get_varint(const std::byte*& at, bool& bad) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  if ((bytes & 0x80) == 0) {
    ++at;
    return bytes & 0x7f;
  }
  const std::uint64_t stops = ~bytes & 0x8080808080808080;
  if (stops == 0) {
    bad = true;
    return 0;
  }
  const auto last = static_cast<unsigned>(std::countr_zero(stops)) - 7;  // bit at which the last byte begins
  bad |= ((bytes >> last) & 0x7f) == 0;
  at += last / 8 + 1;
  return join_7_bits(bytes & (stops ^ (stops - 1)) & 0x7f7f7f7f7f7f7f7f);
}

}  // namespace holdfast::wire
