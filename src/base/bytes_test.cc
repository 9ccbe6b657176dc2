// Kept bytes have one encoding for each value, and a reader that was given anything else says so.
#include "base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "tests/support/property.h"

namespace holdfast {
namespace {

using testing::holds;

Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const auto value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

template <class Write>
Bytes written(Write write) {
  Bytes out;
  ByteWriter writer(out);
  write(writer);
  return out;
}

TEST(Varint, HasTheseBytes) {
  const struct {
    std::uint64_t value;
    Bytes encoded;
  } cases[] = {
      {0, bytes({0x00})},
      {1, bytes({0x01})},
      {127, bytes({0x7f})},
      {128, bytes({0x80, 0x01})},
      {300, bytes({0xac, 0x02})},
      {16'383, bytes({0xff, 0x7f})},
      {16'384, bytes({0x80, 0x80, 0x01})},
      {std::uint64_t{1} << 63, bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01})},
      {UINT64_MAX, bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(written([&](ByteWriter& w) { w.varint(c.value); }), c.encoded) << c.value;
    ByteReader reader(c.encoded);
    EXPECT_EQ(reader.varint(), c.value);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.left(), 0U);
  }
}

TEST(Varint, OverlongTooLargeAndCutOffIsRefused) {
  const Bytes cases[] = {
      bytes({}),
      bytes({0x80}),
      bytes({0xff, 0xff}),
      bytes({0x80, 0x00}),                                                        // 0 in two bytes
      bytes({0x81, 0x00}),                                                        // 1 in two bytes
      bytes({0xff, 0x80, 0x00}),                                                  // 127 in three
      bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00}),        // 2^63 - 1 in ten
      bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}),        // bit 64
      bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00}),  // eleven bytes
      bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}),
  };
  for (const auto& encoded : cases) {
    ByteReader reader(encoded);
    EXPECT_EQ(reader.varint(), 0U);
    EXPECT_FALSE(reader.ok()) << ::testing::PrintToString(encoded.size()) << " bytes";
  }
}

TEST(Zigzag, SmallNumbersOfBothSignsAreShort) {
  const struct {
    std::int64_t value;
    std::uint64_t as_varint;
  } cases[] = {
      {0, 0}, {-1, 1}, {1, 2}, {-2, 3}, {2, 4}, {INT64_MAX, UINT64_MAX - 1}, {INT64_MIN, UINT64_MAX}};
  for (const auto& c : cases) {
    const auto encoded = written([&](ByteWriter& w) { w.zigzag(c.value); });
    EXPECT_EQ(encoded, written([&](ByteWriter& w) { w.varint(c.as_varint); })) << c.value;
    EXPECT_EQ(ByteReader(encoded).zigzag(), c.value);
  }
}

TEST(Fixed, IsLittleEndian) {
  const auto encoded = written([](ByteWriter& w) {
    w.u8(0xab);
    w.u32_fixed(0x01020304);
    w.u64_fixed(0x1112131415161718);
  });
  EXPECT_EQ(encoded, bytes({0xab, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11}));
}

TEST(Text, LongerThanWhatIsLeftIsRefused) {
  for (const auto& encoded : {bytes({0x02, 'a'}), bytes({0x01}),
                              bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'})}) {
    ByteReader reader(encoded);
    EXPECT_EQ(reader.text(), "");
    EXPECT_FALSE(reader.ok());
  }
  const auto empty = bytes({0x00});
  ByteReader reader(empty);
  EXPECT_EQ(reader.text(), "");
  EXPECT_TRUE(reader.ok());
}

TEST(ByteReader, OneThatFailedGivesNothingMore) {
  const auto encoded = bytes({0x01, 0x80, 0x00, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d});
  ByteReader reader(encoded);
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_EQ(reader.varint(), 0U);  // overlong
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_EQ(reader.u32_fixed(), 0U);
  EXPECT_EQ(reader.u64_fixed(), 0U);
  EXPECT_EQ(reader.varint(), 0U);
  EXPECT_EQ(reader.zigzag(), 0);
  EXPECT_EQ(reader.text(), "");
  EXPECT_TRUE(reader.raw(1).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, FixedWidthsNeedAllTheirBytes) {
  const auto encoded = bytes({1, 2, 3});
  ByteReader four(encoded);
  EXPECT_EQ(four.u32_fixed(), 0U);
  EXPECT_FALSE(four.ok());
  ByteReader eight(encoded);
  EXPECT_EQ(eight.u64_fixed(), 0U);
  EXPECT_FALSE(eight.ok());
}

// Integers of every length, not only the ten-byte ones that a uniform choice gives.
std::uint64_t any_u64() {
  return *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64);
}

TEST(BytesProperty, WhatWasWrittenReadsBack) {
  EXPECT_TRUE(holds([](const std::string& text, const std::vector<std::uint8_t>& blob) {
    const auto small = static_cast<std::uint8_t>(any_u64());
    const auto u32 = static_cast<std::uint32_t>(any_u64());
    const auto u64 = any_u64();
    const auto number = any_u64();
    const auto offset = static_cast<std::int64_t>(any_u64());
    const auto encoded = written([&](ByteWriter& w) {
      w.u8(small);
      w.text(text);
      w.varint(number);
      w.u32_fixed(u32);
      w.zigzag(offset);
      w.u64_fixed(u64);
      w.raw(std::as_bytes(std::span(blob)));
    });
    ByteReader reader(encoded);
    RC_ASSERT(reader.u8() == small);
    RC_ASSERT(reader.text() == text);
    RC_ASSERT(reader.varint() == number);
    RC_ASSERT(reader.u32_fixed() == u32);
    RC_ASSERT(reader.zigzag() == offset);
    RC_ASSERT(reader.u64_fixed() == u64);
    RC_ASSERT(std::ranges::equal(reader.raw(blob.size()), std::as_bytes(std::span(blob))));
    RC_ASSERT(reader.ok());
    RC_ASSERT(reader.left() == 0U);
    RC_ASSERT(reader.position() == encoded.size());
  }));
}

TEST(BytesProperty, BytesThatReadAsAVarintAreTheOnesThatAreWritten) {
  EXPECT_TRUE(holds([](const std::vector<std::uint8_t>& noise) {
    const auto encoded = std::as_bytes(std::span(noise));
    ByteReader reader(encoded);
    const auto value = reader.varint();
    RC_PRE(reader.ok());
    const auto again = written([&](ByteWriter& w) { w.varint(value); });
    RC_ASSERT(std::ranges::equal(again, encoded.first(reader.position())));
  }));
}

TEST(BytesProperty, EveryCutIsNoticed) {
  EXPECT_TRUE(holds([](const std::string& text) {
    const auto number = any_u64();
    const auto encoded = written([&](ByteWriter& w) {
      w.varint(number);
      w.text(text);
      w.u32_fixed(7);
    });
    const auto cut = *rc::gen::inRange<std::size_t>(0, encoded.size());
    const auto part = std::span(encoded).first(cut);
    ByteReader reader(part);
    (void)reader.varint();
    (void)reader.text();
    (void)reader.u32_fixed();
    RC_ASSERT(!reader.ok());
  }));
}

}  // namespace
}  // namespace holdfast
