// The canonical bytes of events: held by golden bytes, round trips of any event, and the refusal of
// everything that no encoder writes.
#include "ledger/event_codec.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>

#include "ledger/event_wire.h"
#include "ledger/testing/arbitrary_event.h"
#include "ledger/testing/same.h"
#include "ledger/testing/sample_events.h"
#include "tests/support/property.h"

namespace holdfast {
namespace {

using testing::any_event;
using testing::holds;
using testing::same;
using testing::sample_events;

Bytes encoded(const Event& event) {
  Bytes bytes;
  encode_event(event.seq, event.at, event.entry, bytes);
  return bytes;
}

std::string hex(const Bytes& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

/// Either refused, or exactly the bytes of what it decodes to.
::testing::AssertionResult refused_or_canonical(const Bytes& bytes) {
  Event event;
  if (!decode_event(bytes, event)) return ::testing::AssertionSuccess();
  if (encoded(event) == bytes) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << hex(bytes) << " decodes to what encodes as " << hex(encoded(event));
}

Event of_body(Body body) {
  Event event;
  event.seq = Seq(1);
  event.entry.body = std::move(body);
  return event;
}

/// Where the body's kind stands in an event of `of_body`: version, seq, at, no flags.
constexpr std::size_t kKindAt = 4;

ErrorCode refusal(Bytes bytes) {
  Event event;
  const auto result = decode_event(bytes, event);
  EXPECT_FALSE(result) << hex(bytes);
  return result ? ErrorCode::invalid_command : result.error().code;
}

TEST(EventCodec, BytesAreThoseOfTheGoldenFile) {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/golden/events.txt");
  std::string comment;
  std::getline(file, comment);
  std::map<std::string, std::string> golden;
  for (std::string name, bytes; file >> name >> bytes;) golden[name] = bytes;
  const auto samples = sample_events();
  EXPECT_EQ(golden.size(), samples.size());
  for (const auto& [name, event] : samples) EXPECT_EQ(golden[name], hex(encoded(event))) << name;
}

Bytes encoded_alone(const Entry& entry) {
  Bytes bytes;
  encode_entry(entry, bytes);
  return bytes;
}

TEST(EventCodec, AHeadAndAnEntryAreTheEvent) {
  for (const auto& [name, event] : sample_events()) {
    Bytes bytes;
    encode_event_head(event.seq, event.at, bytes);
    encode_entry(event.entry, bytes);
    EXPECT_EQ(hex(bytes), hex(encoded(event))) << name;
  }
}

TEST(EventCodec, AnyEntryComesBackAsItWas) {
  EXPECT_TRUE(holds([] {
    const auto event = *any_event();
    const auto bytes = encoded_alone(event.entry);
    Event back = event;
    back.entry = Entry();
    RC_ASSERT(decode_entry(bytes, back.entry).has_value());
    RC_ASSERT(same(event, back));
    RC_ASSERT(encoded_alone(back.entry) == bytes);
  }));
}

TEST(EventCodec, EveryCutOfAnEntryIsRefused) {
  const auto refused = [](std::span<const std::byte> bytes) {
    Entry entry;
    const auto decoded = decode_entry(bytes, entry);
    return !decoded && decoded.error().code == ErrorCode::corrupt &&
           decoded.error().message.starts_with("an entry: ");
  };
  for (const auto& [name, event] : sample_events()) {
    auto bytes = encoded_alone(event.entry);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_TRUE(refused(std::span(bytes).first(n))) << name << " cut to " << n;
    }
    bytes.push_back(std::byte{0});
    EXPECT_TRUE(refused(bytes)) << name;
  }
}

TEST(EventCodec, SamplesHaveEveryKindOfBody) {
  std::map<std::size_t, int> kinds;
  for (const auto& [name, event] : sample_events()) {
    ++kinds[event.entry.body.index()];
    for_each_effect(event.entry, [&](const Entry& effect) { ++kinds[effect.body.index()]; });
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>);
}

TEST(EventCodec, AnyEventComesBackAsItWas) {
  EXPECT_TRUE(holds([] {
    const auto event = *any_event();
    const auto bytes = encoded(event);
    Event back;
    const auto decoded = decode_event(bytes, back);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(same(event, back));
    RC_ASSERT(encoded(back) == bytes);
    const auto head = decode_event_head(bytes);
    RC_ASSERT(head.has_value());
    RC_ASSERT(head->seq == event.seq && head->at == event.at);
  }));
}

TEST(EventCodec, ADecodedEventIsTheSameInUsedMemory) {
  EXPECT_TRUE(holds([] {
    Event used;
    for (int i = 0; i < 4; ++i) {
      const auto event = *any_event();
      RC_ASSERT(decode_event(encoded(event), used).has_value());
      RC_ASSERT(same(event, used));
    }
  }));
}

TEST(EventCodec, AppendsToWhatIsThere) {
  const auto event = sample_events().front().second;
  Bytes bytes(5, std::byte{7});
  encode_event(event.seq, event.at, event.entry, bytes);
  const auto alone = encoded(event);
  EXPECT_EQ(bytes.size(), alone.size() + 5);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), bytes.begin() + 5));
}

TEST(EventCodec, EveryCutOfASampleIsRefused) {
  for (const auto& [name, event] : sample_events()) {
    const auto bytes = encoded(event);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_EQ(refusal(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n))),
                ErrorCode::corrupt)
          << name << " cut to " << n;
    }
    auto longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_EQ(refusal(longer), ErrorCode::corrupt) << name;
  }
}

TEST(EventCodec, EveryFlippedBitOfASampleIsRefusedOrAnotherEvent) {
  for (const auto& [name, event] : sample_events()) {
    const auto bytes = encoded(event);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      auto flipped = bytes;
      flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_TRUE(refused_or_canonical(flipped)) << name << " bit " << bit;
    }
  }
}

TEST(EventCodec, AnyBytesAreRefusedOrCanonical) {
  EXPECT_TRUE(holds([] {
    auto bytes = encoded(*any_event());
    for (int n = *rc::gen::inRange(1, 4); n > 0; --n) {
      const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
      bytes[at] = static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
    }
    RC_ASSERT(refused_or_canonical(bytes));
  }));
}

TEST(EventCodec, WhatANewerVersionAddsIsSaidToBeNewer) {
  const auto bytes =
      encoded(of_body(AccountOpened{AccountId(1), "a", *Currency::parse("EUR"), AccountKind::user}));
  const auto with = [&](std::size_t at, int value) {
    auto changed = bytes;
    changed[at] = static_cast<std::byte>(value);
    return changed;
  };
  EXPECT_EQ(refusal(with(0, 2)), ErrorCode::newer_format);
  EXPECT_EQ(refusal(with(0, 0)), ErrorCode::corrupt);
  EXPECT_EQ(refusal(with(kKindAt - 1, 32)), ErrorCode::newer_format);   // a field of the entry
  EXPECT_EQ(refusal(with(kKindAt, 16)), ErrorCode::newer_format);       // a kind of body
  EXPECT_EQ(refusal(with(kKindAt + 4, 'Q')), ErrorCode::newer_format);  // a currency: QUR
  EXPECT_EQ(refusal(with(kKindAt + 4, 'q')), ErrorCode::corrupt);

  Event event;
  const auto decoded = decode_event(with(kKindAt, 16), event);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(
      decoded.error().message,
      "event 1: the kind of its body at byte 5 of 12 is unknown to this version: use a newer one to read it");
}

TEST(EventCodec, AmountsOutOfRangeAreRefused) {
  const auto moved = [](std::vector<std::uint8_t> amount) {
    Bytes bytes = encoded(of_body(
        Moved{Moved::Kind::transfer, AccountId(1), AccountId(2), *Currency::parse("EUR"), Amount(1), {}}));
    bytes.erase(bytes.end() - 2, bytes.end());
    for (const auto byte : amount) bytes.push_back(static_cast<std::byte>(byte));
    bytes.push_back(std::byte{0});
    return bytes;
  };
  Event event;
  EXPECT_TRUE(decode_event(moved({1}), event));
  EXPECT_TRUE(decode_event(moved({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f}), event));  // 2^53 - 1
  EXPECT_EQ(refusal(moved({0})), ErrorCode::corrupt);
  EXPECT_EQ(refusal(moved({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10})), ErrorCode::corrupt);  // 2^53
  EXPECT_EQ(refusal(moved({0x81, 0x00})), ErrorCode::corrupt);  // an overlong 1
}

/// A release of `count` items, then the bytes of the item at `odd` replaced.
Bytes release_with(std::size_t count, std::size_t odd, const std::vector<std::uint8_t>& item) {
  Bytes bytes;
  ByteWriter out(bytes);
  const std::vector<std::uint8_t> front{1, 1, 0, 0, 7, 1, 1, 'E', 'U', 'R', 1, 2};
  for (const auto byte : front) out.u8(byte);
  out.varint(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t id = i == 0 ? 2 : 0;
    const std::vector<std::uint8_t> usual{2, id, id, 0, 100, 5, 3};
    for (const auto byte : i == odd ? item : usual) out.u8(byte);
  }
  for (int i = 0; i < 4; ++i) out.u8(0);
  return bytes;
}

TEST(EventCodec, AWrongItemIsRefusedWhereverItStands) {
  const std::vector<std::vector<std::uint8_t>> wrong = {
      {0x81, 0x00, 0, 0, 0, 100, 5, 3},  // an overlong integer
      {1, 0, 0, 1, 100, 5, 3},           // an escrow id below 1, or an index without a plan
      {2, 0, 0, 1, 100, 5, 3},           // an index without a plan
      {2, 3, 0, 0, 100, 5, 3},           // an account id below 1
      {2, 0, 3, 0, 100, 5, 3},
      {2, 0, 0, 0, 0, 0, 0},                                               // no amount
      {2, 0, 0, 0, 100, 60, 41},                                           // fees above the amount
      {2, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 5, 3},  // 2^53
      {2, 0, 0, 0, 100, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
  };
  Event event;
  for (const std::size_t odd : {1, 5, 38, 39}) {
    ASSERT_TRUE(decode_event(release_with(40, odd, {2, 0, 0, 0, 100, 60, 40}), event));
    ASSERT_EQ(std::get<Released>(event.entry.body).items[odd].net(), Amount());
    for (const auto& item : wrong) {
      EXPECT_EQ(refusal(release_with(40, odd, item)), ErrorCode::corrupt) << "item " << odd;
    }
  }
}

TEST(EventCodec, ACountIsNotBelievedBeyondTheBytes) {
  for (const auto kind : {7, 8, 15}) {
    Bytes bytes;
    ByteWriter out(bytes);
    for (const int byte : {1, 1, 0, 0, kind}) out.u8(static_cast<std::uint8_t>(byte));
    out.varint(std::uint64_t{1} << 62);
    for (int i = 0; i < 30; ++i) out.u8(1);
    EXPECT_EQ(refusal(bytes), ErrorCode::corrupt);
  }
}

TEST(EventCodec, MoreThanAHundredFirstSkipsAreRefused) {
  Released released;
  released.batch.skips.first.assign(100, {EscrowId(1), "", ErrorCode::escrow_frozen});
  auto bytes = encoded(of_body(released));
  const std::size_t count_at = kKindAt + 4;
  ASSERT_EQ(bytes[count_at], std::byte{100});
  bytes[count_at] = std::byte{101};
  const std::byte one[] = {std::byte{1}, std::byte{0}, std::byte{9}};
  bytes.insert(bytes.begin() + count_at + 1, std::begin(one), std::end(one));
  EXPECT_EQ(refusal(bytes), ErrorCode::corrupt);
}

Event nested(std::size_t levels) {
  Entry entry;
  entry.body = AtomicDone{};
  for (std::size_t i = 1; i < levels; ++i) {
    AtomicDone outer;
    outer.entries.emplace_back(std::move(entry));
    entry = Entry();
    entry.body = std::move(outer);
  }
  return of_body(std::move(entry.body));
}

TEST(EventCodec, NestingStopsAtSixteen) {
  const auto bytes = encoded(nested(16));
  Event event;
  EXPECT_TRUE(decode_event(bytes, event));
  // One more level around it: kind, count, done, no flags.
  auto deeper = bytes;
  const std::byte level[] = {std::byte{15}, std::byte{1}, std::byte{1}, std::byte{0}};
  deeper.insert(deeper.begin() + kKindAt, std::begin(level), std::end(level));
  EXPECT_EQ(refusal(deeper), ErrorCode::corrupt);
}

TEST(EventCodecDeath, AnEventThatCouldNotBeReadIsNotWritten) {
  const auto eur = *Currency::parse("EUR");
  Bytes out;
  const auto write = [&](Body body) {
    const auto event = of_body(std::move(body));
    encode_event(event.seq, event.at, event.entry, out);
  };
  EXPECT_DEATH(write(Moved{Moved::Kind::deposit, AccountId(1), AccountId(2), eur, Amount(0), {}}),
               "something moves");
  EXPECT_DEATH(
      write(Released{{{PlanId(1), eur, AccountId(1), AccountId(2)}},
                     {{EscrowId(1), AccountId(3), AccountId(4), 0, Amount(10), Amount(6), Amount(5)}},
                     {}}),
      "without a rest below 0");
}

TEST(Chain, CoversThePreviousHashAndTheBytes) {
  Sha256 hasher;
  const auto bytes = encoded(sample_events().front().second);
  Bytes both(32, std::byte{0});
  both.insert(both.end(), bytes.begin(), bytes.end());
  const auto first = chain(hasher, Digest{}, bytes);
  EXPECT_EQ(to_hex(first), to_hex(sha256(both)));
  EXPECT_NE(chain(hasher, first, bytes), first);
}

TEST(EventCodec, ALargeBatchInRandomOrderTakesTwentyBytesAnItem) {
  std::mt19937_64 random(7);
  const auto eur = *Currency::parse("EUR");
  Released released{{{PlanId(1), eur, AccountId(1), AccountId(2)}}, {}, {}};
  for (int i = 0; i < 8'192; ++i) {
    const auto amount = static_cast<std::int64_t>(random() % 100'000 + 1);
    released.items.push_back({EscrowId(random() % 10'000'000 + 1),
                              AccountId(static_cast<std::uint32_t>(random() % 1'000'000 + 3)),
                              AccountId(static_cast<std::uint32_t>(random() % 10'000 + 3)), 0, Amount(amount),
                              Amount(amount / 20), Amount(amount * 3 / 100)});
  }
  const auto event = of_body(released);
  const auto bytes = encoded(event);
  EXPECT_LE(bytes.size(), 8'192 * 20U);
  Event back;
  ASSERT_TRUE(decode_event(bytes, back));
  EXPECT_TRUE(same(event, back));
  const auto* items = std::get<Released>(back.entry.body).items.data();
  ASSERT_TRUE(decode_event(bytes, back));
  EXPECT_EQ(std::get<Released>(back.entry.body).items.data(), items) << "memory is used again";
}

}  // namespace
}  // namespace holdfast
