// Fields of fixed width at fixed places, for headers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

#include "base/assert.h"

namespace holdfast::journal {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

template <class Value>
void put_field(std::span<std::byte> bytes, std::size_t at, const Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  HOLDFAST_ASSERT(at + sizeof value <= bytes.size(), "a field lies within its header");
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

template <class Value>
[[nodiscard]] Value get_field(std::span<const std::byte> bytes, std::size_t at) {
  static_assert(std::is_trivially_copyable_v<Value>);
  HOLDFAST_ASSERT(at + sizeof(Value) <= bytes.size(), "a field lies within its header");
  Value value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace holdfast::journal
