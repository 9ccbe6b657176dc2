#include "journal/key_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace holdfast::journal {
namespace {

struct Less {
  bool operator()(const Hash128& a, const Hash128& b) const {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
  }
};

TEST(KeyIndex, does_what_a_map_does_while_it_grows_and_shrinks) {
  std::mt19937_64 random(3);
  KeyIndex index(2);
  std::map<Hash128, std::uint64_t, Less> model;
  std::vector<Hash128> hashes;
  for (int i = 0; i < 60'000; ++i) {
    const auto what = random() % 10;
    if (what < 6 || hashes.empty()) {
      // Some share their upper half, and so their home.
      Hash128 hash{.low = random(), .high = random()};
      if (what == 0 && !hashes.empty()) hash.high = hashes[random() % hashes.size()].high;
      const std::uint64_t value = 1 + random() % KeyIndex::kMaxValue;
      EXPECT_EQ(index.put(hash, value), std::nullopt);
      model[hash] = value;
      hashes.push_back(hash);
    } else {
      const std::size_t at = random() % hashes.size();
      const Hash128 hash = hashes[at];
      EXPECT_EQ(index.find(hash), model.at(hash));
      if (what < 8) {
        EXPECT_EQ(index.put(hash, 5), model.at(hash));
        model[hash] = 5;
      } else {
        index.erase(hash);
        model.erase(hash);
        hashes[at] = hashes.back();
        hashes.pop_back();
        EXPECT_EQ(index.find(hash), std::nullopt);
      }
    }
    ASSERT_EQ(index.size(), model.size());
  }
  for (const auto& [hash, value] : model) ASSERT_EQ(index.find(hash), value);
  EXPECT_EQ(index.find({.low = 1, .high = 2}), std::nullopt);
}

TEST(KeyIndex, takes_less_than_31_bytes_a_key_at_any_size) {
  std::mt19937_64 random(4);
  KeyIndex index(4);
  for (std::uint64_t i = 1; i <= 200'000; ++i) {
    index.put({.low = random(), .high = random()}, i);
    if (i > 20'000 && i % 1'000 == 0) {
      ASSERT_LT(index.memory_bytes(), i * 31);
    }
  }
}

TEST(KeyIndex, hashes_that_crowd_at_the_end_of_a_shard_are_kept) {
  KeyIndex index(1);
  for (std::uint64_t i = 1; i <= 1'000; ++i) index.put({.low = i, .high = ~std::uint64_t{0}}, i);
  for (std::uint64_t i = 1; i <= 1'000; ++i) ASSERT_EQ(index.find({.low = i, .high = ~std::uint64_t{0}}), i);
}

TEST(KeyIndex, a_shard_comes_back_from_its_bytes_and_no_others) {
  std::mt19937_64 random(5);
  KeyIndex index(3);
  std::vector<Hash128> hashes;
  for (std::uint64_t i = 1; i <= 5'000; ++i) {
    hashes.push_back({.low = random(), .high = random()});
    index.put(hashes.back(), i);
  }
  KeyIndex copy(3);
  for (std::size_t shard = 0; shard < index.shard_count(); ++shard) {
    Bytes bytes;
    ByteWriter writer(bytes);
    index.save_shard(shard, writer);
    ByteReader wrong_shard(bytes);
    EXPECT_FALSE(KeyIndex(3).load_shard((shard + 1) % 8, wrong_shard));
    ByteReader cut({bytes.data(), bytes.size() - 1});
    EXPECT_FALSE(KeyIndex(3).load_shard(shard, cut));
    auto swapped = bytes;
    std::swap_ranges(swapped.begin() + 4, swapped.begin() + 25, swapped.begin() + 25);
    ByteReader out_of_order(swapped);
    EXPECT_FALSE(KeyIndex(3).load_shard(shard, out_of_order));
    ByteReader reader(bytes);
    ASSERT_TRUE(copy.load_shard(shard, reader));
  }
  EXPECT_EQ(copy.size(), index.size());
  for (std::uint64_t i = 1; i <= 5'000; ++i) ASSERT_EQ(copy.find(hashes[i - 1]), i);
}

}  // namespace
}  // namespace holdfast::journal
