#include "postgres/binary_format.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/assert.h"

namespace holdfast::postgres {
namespace {

using Limits = std::numeric_limits<std::int64_t>;

/// 2000-01-01T00:00:00Z, where the server counts from, in ours.
constexpr std::int64_t kServerEpochMicros = 946'684'800'000'000;

template <class Int>
Int big_endian(Int value) {
  return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

template <class Int>
void put(Bytes& out, Int value) {
  value = big_endian(value);
  const auto at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

template <class Int>
Int get(std::span<const std::byte> bytes) {
  Int value = 0;
  HOLDFAST_ASSERT(bytes.size() == sizeof value, "the server sends a value in its type's width");
  std::memcpy(&value, bytes.data(), sizeof value);
  return big_endian(value);
}

std::int64_t to_server(Timestamp at) {
  // The server's smallest number means -infinity, and is no time.
  return std::max(at.micros, Limits::min() + kServerEpochMicros + 1) - kServerEpochMicros;
}

void put_value(Bytes& out, bool value) {
  out.push_back(std::byte{value});
}
void put_value(Bytes& out, std::int64_t value) {
  put(out, value);
}
void put_value(Bytes& out, Timestamp value) {
  put(out, to_server(value));
}
void put_value(Bytes& out, RowPlace value) {
  put(out, value.block);
  put(out, value.item);
}
void put_value(Bytes& out, const std::string& value) {
  const auto bytes = std::as_bytes(std::span(value));
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void put_value(Bytes& out, const Bytes& value) {
  out.insert(out.end(), value.begin(), value.end());
}

template <class T>
struct Types;
template <>
struct Types<bool> {
  static constexpr TypeId kOne = type_id::kBool;
  static constexpr TypeId kArray = type_id::kBoolArray;
};
template <>
struct Types<std::int64_t> {
  static constexpr TypeId kOne = type_id::kInt8;
  static constexpr TypeId kArray = type_id::kInt8Array;
};
template <>
struct Types<std::string> {
  static constexpr TypeId kOne = type_id::kText;
  static constexpr TypeId kArray = type_id::kTextArray;
};
template <>
struct Types<Bytes> {
  static constexpr TypeId kOne = type_id::kBytea;
  static constexpr TypeId kArray = type_id::kByteaArray;
};
template <>
struct Types<Timestamp> {
  static constexpr TypeId kOne = type_id::kTimestamptz;
  static constexpr TypeId kArray = type_id::kTimestamptzArray;
};
template <>
struct Types<RowPlace> {
  static constexpr TypeId kArray = type_id::kTidArray;
  static constexpr TypeId kOne = type_id::kTid;
};

template <class T>
void put_element(Bytes& out, const T& value) {
  const auto length_at = out.size();
  put(out, std::int32_t{0});
  put_value(out, value);
  const auto length = big_endian(static_cast<std::int32_t>(out.size() - length_at - sizeof(std::int32_t)));
  std::memcpy(out.data() + length_at, &length, sizeof length);
}

template <class T>
void put_element(Bytes& out, const std::optional<T>& value) {
  if (value) {
    put_element(out, *value);
  } else {
    put(out, std::int32_t{-1});
  }
}

/// Numbers, of which an escrow has many: written in one go.
void put_elements(Bytes& out, const std::vector<std::int64_t>& elements) {
  struct [[gnu::packed]] Element {
    std::int32_t length;
    std::int64_t value;
  };
  const auto at = out.size();
  out.resize(at + elements.size() * sizeof(Element));
  auto* to = out.data() + at;
  for (const auto value : elements) {
    const Element element{big_endian(static_cast<std::int32_t>(sizeof value)), big_endian(value)};
    std::memcpy(to, &element, sizeof element);
    to += sizeof element;
  }
}
template <class Elements>
void put_elements(Bytes& out, const Elements& elements) {
  for (const auto& element : elements) put_element(out, element);
}

/// One dimension that counts from 1; none where there is nothing in it. The server looks for nulls itself.
template <class T, class Elements>
Parameter array(const Elements& elements) {
  Parameter parameter{.type = Types<T>::kArray, .null = false, .bytes = {}};
  auto& out = parameter.bytes;
  out.reserve(20 + elements.size() * (sizeof(std::int32_t) + 8));
  put(out, std::int32_t{elements.empty() ? 0 : 1});
  put(out, std::int32_t{0});
  put(out, Types<T>::kOne);
  if (elements.empty()) return parameter;
  put(out, static_cast<std::int32_t>(elements.size()));
  put(out, std::int32_t{1});
  put_elements(out, elements);
  return parameter;
}

struct Encode {
  Parameter operator()(std::monostate) const { return {}; }
  template <class T>
  Parameter operator()(const T& value) const {
    Parameter parameter{.type = Types<T>::kOne, .null = false, .bytes = {}};
    put_value(parameter.bytes, value);
    return parameter;
  }
  Parameter operator()(const Bytes& value) const {
    return {.type = type_id::kBytea, .null = false, .bytes = value};
  }
  template <class T>
  Parameter operator()(const std::vector<T>& values) const {
    return array<T>(values);
  }
  template <class T>
  Parameter operator()(const std::vector<std::optional<T>>& values) const {
    return array<T>(values);
  }
};

}  // namespace

Parameter to_parameter(const Value& value) {
  return std::visit(Encode{}, value);
}

std::int64_t read_integer(std::span<const std::byte> bytes) {
  if (bytes.size() == sizeof(std::int16_t)) return get<std::int16_t>(bytes);
  if (bytes.size() == sizeof(std::int32_t)) return get<std::int32_t>(bytes);
  return get<std::int64_t>(bytes);
}

Timestamp read_time(std::span<const std::byte> bytes) {
  const auto micros = get<std::int64_t>(bytes);
  if (micros == Limits::min()) return Timestamp{Limits::min()};
  return Timestamp{std::min(micros, Limits::max() - kServerEpochMicros) + kServerEpochMicros};
}

RowPlace read_place(std::span<const std::byte> bytes) {
  HOLDFAST_ASSERT(bytes.size() == sizeof(std::uint32_t) + sizeof(std::uint16_t),
                  "the server sends a row's place as a block and an item");
  return {get<std::uint32_t>(bytes.first(sizeof(std::uint32_t))),
          get<std::uint16_t>(bytes.subspan(sizeof(std::uint32_t)))};
}

}  // namespace holdfast::postgres
