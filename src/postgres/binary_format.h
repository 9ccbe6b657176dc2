// The server's binary format: big-endian, times from 2000 on, arrays with a header. Parameters and results go
// in it, so that no value is ever written as text and read back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "postgres/session.h"

namespace holdfast::postgres {

/// The server's number for a type, fixed in its catalogue pg_type.
using TypeId = std::uint32_t;

namespace type_id {
inline constexpr TypeId kBool = 16;
inline constexpr TypeId kBytea = 17;
inline constexpr TypeId kChar = 18;  // "char", of one byte
inline constexpr TypeId kName = 19;
inline constexpr TypeId kInt8 = 20;
inline constexpr TypeId kInt2 = 21;
inline constexpr TypeId kInt4 = 23;
inline constexpr TypeId kText = 25;
inline constexpr TypeId kTid = 27;
inline constexpr TypeId kBoolArray = 1000;
inline constexpr TypeId kByteaArray = 1001;
inline constexpr TypeId kTextArray = 1009;
inline constexpr TypeId kTidArray = 1010;
inline constexpr TypeId kInt8Array = 1016;
inline constexpr TypeId kBpchar = 1042;  // char(n)
inline constexpr TypeId kVarchar = 1043;
inline constexpr TypeId kTimestamptz = 1184;
inline constexpr TypeId kTimestamptzArray = 1185;
inline constexpr TypeId kFirstUserDefined = 16384;  // enums among them, which go as their labels
}  // namespace type_id

struct Parameter {
  TypeId type = 0;  // 0: the server infers it
  bool null = true;
  Bytes bytes;
};

/// A time before the server's first (4713 BC) is sent as one that it refuses.
[[nodiscard]] Parameter to_parameter(const Value& value);

/// \pre `bytes` are an int2, int4 or int8
[[nodiscard]] std::int64_t read_integer(std::span<const std::byte> bytes);
/// \pre `bytes` are a timestamptz. Infinity is the last time that a Timestamp has, or the first.
[[nodiscard]] Timestamp read_time(std::span<const std::byte> bytes);
/// \pre `bytes` are a tid
[[nodiscard]] RowPlace read_place(std::span<const std::byte> bytes);

}  // namespace holdfast::postgres
