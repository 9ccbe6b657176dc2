// Published vectors: what is hashed today must be found, and verified, for ever.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

const std::string kMillion(1'000'000, 'a');

// FIPS 180-2, appendix B.
const struct {
  std::string_view message, hex;
} kSha256Vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {kMillion, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

TEST(Sha256, GivesThePublishedDigests) {
  for (const auto& vector : kSha256Vectors) {
    EXPECT_EQ(to_hex(sha256(as_bytes(vector.message))), vector.hex);
  }
}

TEST(Sha256, IsReusableAndTakesPieces) {
  Sha256 hasher;
  for (const auto& vector : kSha256Vectors) {
    hasher.begin();
    for (std::size_t at = 0; at < vector.message.size(); at += 7'919) {
      hasher.update(as_bytes(vector.message.substr(at, 7'919)));
    }
    EXPECT_EQ(to_hex(hasher.finish()), vector.hex);
  }
}

TEST(Sha256, ANewHasherIsBegun) {
  Sha256 hasher;
  hasher.update(as_bytes("abc"));
  EXPECT_EQ(to_hex(hasher.finish()), kSha256Vectors[1].hex);
}

TEST(Sha256, BeginForgetsWhatWasNotFinished) {
  Sha256 hasher;
  hasher.update(as_bytes("left behind"));
  hasher.begin();
  hasher.update(as_bytes("abc"));
  EXPECT_EQ(to_hex(hasher.finish()), kSha256Vectors[1].hex);
}

TEST(Sha256, MovesWithItsState) {
  Sha256 first;
  first.update(as_bytes("a"));
  Sha256 second = std::move(first);
  second.update(as_bytes("bc"));
  EXPECT_EQ(to_hex(second.finish()), kSha256Vectors[1].hex);
}

TEST(Sha256, ThreadsDoNotShareAHasher) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&wrong, t] {
      for (int i = 0; i < 2'000; ++i) {
        const auto& vector = kSha256Vectors[static_cast<std::size_t>(i) % 3];
        wrong[t] += to_hex(sha256(as_bytes(vector.message))) != vector.hex;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(KeyedHash, IsSipHash24Of128Bits) {
  // The reference vectors of SipHash: key 00 01 … 0f, messages 00 01 … (n - 1).
  HashSecret secret;
  std::string message;
  for (std::uint8_t i = 0; i < secret.size(); ++i) secret[i] = i;
  EXPECT_EQ(keyed_hash("", secret), (Hash128{0xe6a825ba047f81a3, 0x930255c71472f66d}));
  for (char i = 0; i < 15; ++i) message += i;
  EXPECT_EQ(keyed_hash(message, secret), (Hash128{0x11a8b03399e99354, 0xd9c3cf970fec087e}));
  EXPECT_NE(keyed_hash("", HashSecret{}), keyed_hash("", secret)) << "the secret counts";
}

TEST(StableHash, IsSipHash24UnderAKeyOfZeros) {
  EXPECT_EQ(stable_hash(""), 0x1e924b9d737700d7U);
  EXPECT_EQ(stable_hash("hold"), stable_hash(std::string("hold")));
  EXPECT_NE(stable_hash("hold"), stable_hash("Hold"));
}

}  // namespace
}  // namespace holdfast
