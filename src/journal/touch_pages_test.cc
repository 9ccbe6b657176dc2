#include "journal/touch_pages.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "tests/support/property.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::journal {
namespace {

using Key = std::pair<AccountId, std::uint32_t>;
using Touches = std::map<Key, Change>;

MemoryPages pack(const Touches& touches) {
  MemoryPages pages;
  TouchPacker packer(7, [&](const IndexPage& page) -> Result<void> {
    pages.append(page);
    return {};
  });
  for (const auto& [key, change] : touches) EXPECT_TRUE(packer.add({key.first, key.second, change}));
  EXPECT_TRUE(packer.finish());
  EXPECT_EQ(packer.touches(), touches.size());
  EXPECT_EQ(packer.pages(), pages.pages());
  return pages;
}

TouchSlice naive(const Touches& touches, AccountId account, std::uint64_t from, std::size_t limit) {
  TouchSlice slice;
  for (const auto& [key, change] : touches) {
    if (key.first != account) continue;
    if (key.second < from) {
      slice.before += change;
    } else if (slice.touches.size() < limit) {
      slice.touches.push_back({key.first, key.second, change});
    }
  }
  return slice;
}

/// One hot account among many, enough for tens of pages.
Touches mixed() {
  Touches touches;
  for (std::uint32_t i = 0; i < 6'000; ++i) {
    touches[{AccountId(50), i}] = {Amount(i % 97), Amount()};
    touches[{AccountId(i * 7 % 1'000 + 1), i * 3}] = {Amount(-5'000'000'000 + i), Amount(i)};
  }
  return touches;
}

TEST(TouchPages, FindsWhatANaiveSearchFinds) {
  const auto touches = mixed();
  const auto pages = pack(touches);
  ASSERT_GT(pages.pages(), 10u);
  for (const std::uint32_t account : {0u, 1u, 2u, 49u, 50u, 51u, 999u, 1'000u, 1'001u, 4'000'000'000u}) {
    for (const std::uint64_t from : {0ul, 1ul, 17ul, 2'999ul, 5'999ul, 6'000ul, 17'997ul, 5'000'000'000ul}) {
      for (const std::size_t limit : {0ul, 1ul, 10ul, 100'000ul}) {
        const auto found = find_touches(pages, AccountId(account), from, limit);
        const auto expected = naive(touches, AccountId(account), from, limit);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->before, expected.before) << account << " from " << from;
        EXPECT_EQ(found->touches, expected.touches) << account << " from " << from << " limit " << limit;
      }
    }
  }
}

TEST(TouchPages, FindsAnyTouchesFromAnywhere) {
  EXPECT_TRUE(testing::holds([](const std::map<std::pair<std::uint8_t, std::uint16_t>, std::int32_t>& given) {
    Touches touches;
    for (const auto& [key, amount] : given) {
      touches[{AccountId(key.first), key.second}] = {Amount(amount), Amount(-std::int64_t{amount} * 3)};
    }
    const auto pages = pack(touches);
    const auto account = AccountId(*rc::gen::arbitrary<std::uint8_t>());
    const auto from = *rc::gen::arbitrary<std::uint16_t>();
    const auto limit = *rc::gen::inRange<std::size_t>(0, 5);
    const auto found = find_touches(pages, account, from, limit);
    const auto expected = naive(touches, account, from, limit);
    RC_ASSERT(found.has_value());
    RC_ASSERT(found->before == expected.before);
    RC_ASSERT(found->touches == expected.touches);
  }));
}

TEST(TouchPages, StreamGivesAllInOrder) {
  const auto touches = mixed();
  const auto pages = pack(touches);
  TouchStream stream(pages);
  for (const auto& [key, change] : touches) {
    Touch touch;
    const auto more = stream.next(touch);
    ASSERT_TRUE(more && *more);
    ASSERT_EQ(touch, (Touch{key.first, key.second, change}));
  }
  Touch touch;
  const auto more = stream.next(touch);
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
}

TEST(TouchPages, NothingIsFoundInNoPages) {
  const auto found = find_touches(MemoryPages(), AccountId(1), 0, 10);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->before, Change{});
  EXPECT_TRUE(found->touches.empty());
}

TEST(TouchPages, KeepTheSizePromised) {
  // A hot account's entries, and those of accounts that are touched once: what an index costs on disk.
  Touches hot;
  Touches cold;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    hot[{AccountId(3), i}] = {Amount(1'000 + i % 1'000), Amount()};
    cold[{AccountId(10 + i * 3), i}] = {Amount(), Amount(-20'000)};
  }
  EXPECT_LE(pack(hot).pages() * kIndexPageBytes, 100'000u * 4 + 4 * kIndexPageBytes);
  EXPECT_LE(pack(cold).pages() * kIndexPageBytes, 100'000u * 10);
}

TEST(TouchPages, TheBytesAreThoseOfTheDocument) {
  const auto pages = pack({{{AccountId(2), 5}, {Amount(-3), Amount(3)}},
                           {{AccountId(2), 305}, {Amount(), Amount(-3)}},
                           {{AccountId(9), 1}, {Amount(64), Amount()}}});
  IndexPage page{};
  ASSERT_TRUE(pages.read(1, page));
  const std::vector<std::uint8_t> head = {7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0,
                                          0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12};
  const std::vector<std::uint8_t> touches = {5, 6, 0xac, 2, 0, 5, 0, 7, 1, 0x80, 1, 0, 0};
  for (std::size_t i = 0; i < head.size(); ++i) EXPECT_EQ(std::byte{head[i]}, page[8 + i]) << i;
  for (std::size_t i = 0; i < touches.size(); ++i) EXPECT_EQ(std::byte{touches[i]}, page[44 + i]) << i;
}

class IndexFile : public ::testing::Test {
 protected:
  void write() {
    touches_ = mixed();
    const auto pages = pack(touches_);
    header_ = {7, Seq(100), Seq(90'000), pages.pages(), touches_.size()};
    auto file = directory_->open("000007", OpenMode::create);
    ASSERT_TRUE(file) << file.error().what;
    IndexPage page{};
    encode_index_header(header_, page);
    ASSERT_TRUE(write_all(**file, 0, page));
    for (std::uint32_t i = 1; i <= pages.pages(); ++i) {
      ASSERT_TRUE(pages.read(i, page));
      ASSERT_TRUE(write_all(**file, i * kIndexPageBytes, page));
    }
  }
  Result<std::unique_ptr<FilePages>> open() {
    auto file = directory_->open("000007", OpenMode::read);
    if (!file) return std::unexpected(to_error(file.error()));
    return FilePages::open(std::move(*file));
  }
  void flip(std::uint64_t offset) {
    auto file = directory_->open("000007", OpenMode::read_write);
    ASSERT_TRUE(file);
    std::byte byte{};
    ASSERT_TRUE(read_all(**file, offset, {&byte, 1}));
    byte ^= std::byte{0x10};
    ASSERT_TRUE(write_all(**file, offset, {&byte, 1}));
  }

  testing::TemporaryDirectory directory_;
  Touches touches_;
  IndexHeader header_;
};

TEST_F(IndexFile, ReadsBackWhatWasWritten) {
  write();
  const auto pages = open();
  ASSERT_TRUE(pages) << pages.error().message;
  EXPECT_EQ((*pages)->header(), header_);
  const auto found = find_touches(**pages, AccountId(50), 3'000, 1'000'000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->touches, naive(touches_, AccountId(50), 3'000, 1'000'000).touches);
}

TEST_F(IndexFile, EveryFlippedBitIsFound) {
  write();
  for (const std::uint64_t in_page : {0ul, 8ul, 13ul, 17ul, 25ul, 41ul, 44ul, 3'000ul, 4'095ul}) {
    flip(in_page);
    const auto header_damaged = open();
    ASSERT_FALSE(header_damaged) << in_page;
    EXPECT_EQ(header_damaged.error().code, ErrorCode::corrupt);
    flip(in_page);

    flip(3 * kIndexPageBytes + in_page);
    const auto pages = open();
    ASSERT_TRUE(pages);
    IndexPage page{};
    EXPECT_TRUE((*pages)->read(2, page));
    const auto damaged = (*pages)->read(3, page);
    ASSERT_FALSE(damaged) << in_page;
    EXPECT_EQ(damaged.error().code, ErrorCode::corrupt);
    flip(3 * kIndexPageBytes + in_page);
  }
  EXPECT_TRUE(open());
}

TEST_F(IndexFile, ACutFileIsFound) {
  write();
  auto file = directory_->open("000007", OpenMode::read_write);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->truncate(5 * kIndexPageBytes));
  const auto pages = open();
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().code, ErrorCode::corrupt);
}

TEST_F(IndexFile, PagesThatChangedPlacesAreFound) {
  write();
  auto file = directory_->open("000007", OpenMode::read_write);
  ASSERT_TRUE(file);
  IndexPage page{};
  ASSERT_TRUE(read_all(**file, 2 * kIndexPageBytes, page));
  ASSERT_TRUE(write_all(**file, 3 * kIndexPageBytes, page));
  const auto pages = open();
  ASSERT_TRUE(pages);
  EXPECT_FALSE((*pages)->read(3, page));
}

}  // namespace
}  // namespace holdfast::journal
