// The list of escrows that a batch names: what goes in comes out, by id and by key.
#include <gtest/gtest.h>

#include "holdfast/commands.h"

namespace holdfast {
namespace {

TEST(EscrowList, KeepsIdsAndKeysInTheCallersOrder) {
  EscrowList list;
  list.add("order:7");
  list.add(EscrowId(12));
  list.add("order:8");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_FALSE(list.all_ids());
  EXPECT_EQ(list[0].key, "order:7");
  EXPECT_FALSE(list[0].id);
  EXPECT_EQ(list[1].id, EscrowId(12));
  EXPECT_TRUE(list[1].key.empty());
  EXPECT_EQ(list[2].key, "order:8");
}

// An id with the highest bit set was read back as the place of a key's text.
TEST(EscrowList, AnIdFromTwoTo63OnNamesNothing) {
  for (const auto id : {std::uint64_t{1} << 63, (std::uint64_t{1} << 63) | 5, ~std::uint64_t{0}}) {
    EscrowList list;
    list.add("order:7");
    list.add(EscrowId(id));
    EXPECT_FALSE(list[1].id) << id;
    EXPECT_TRUE(list[1].key.empty()) << id;
  }
  EscrowList only({EscrowId((std::uint64_t{1} << 63) - 1), EscrowId(~std::uint64_t{0})});
  ASSERT_TRUE(only.all_ids());
  EXPECT_EQ(only.id(0), EscrowId((std::uint64_t{1} << 63) - 1));
  EXPECT_EQ(only.id(1), EscrowId());
}

}  // namespace
}  // namespace holdfast
