// Snapshots on a disk: what comes back, what is passed over, what is kept.
#include "journal/snapshot.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/posix_file.h"
#include "journal/snapshot_format.h"
#include "journal/testing/random_book.h"
#include "journal/testing/same_state.h"

namespace holdfast::journal {
namespace {

using testing::chunks_of;
using testing::expect_same;
using testing::kSecret;
using testing::RandomBook;

constexpr LedgerUuid kLedger = {1, 2, 3};
constexpr Seq kAllDurable{~std::uint64_t{0}};

class Snapshots : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() / ("holdfast_snapshot_test_" + std::string(info->name()));
    std::filesystem::remove_all(path_);
    directory_ = std::move(*open_posix_directory(path_, true));
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  /// Makes one, with random commands between the steps.
  void make(RandomBook& book, std::size_t between = 0) {
    auto writer = std::move(*SnapshotWriter::begin(*directory_, kLedger, book.state()));
    for (bool more = true; more;) {
      for (std::size_t i = 0; i < between; ++i) book.step();
      more = writer->collect(book.state());
      const auto complete = writer->write(book.state().applied());
      ASSERT_TRUE(complete.has_value()) << complete.error().message;
      EXPECT_EQ(*complete, !more);
    }
  }
  LoadedSnapshot load(std::unique_ptr<State>& state, Seq durable = kAllDurable) {
    auto loaded = load_newest_snapshot(
        *directory_, kLedger, durable, [] { return std::make_unique<State>(kSecret); }, state);
    EXPECT_TRUE(loaded.has_value());
    return loaded ? *loaded : LoadedSnapshot{};
  }
  void expect_comes_back(RandomBook& book) {
    std::unique_ptr<State> state;
    const auto loaded = load(state);
    ASSERT_FALSE(loaded.name.empty()) << (loaded.passed_over.empty() ? "" : loaded.passed_over[0]);
    for (const auto& event : book.events()) {
      if (event.seq <= loaded.from) continue;
      const auto done = state->replay(event);
      ASSERT_TRUE(done.has_value()) << done.error().message;
    }
    const auto done = state->finish_load(book.state().applied(), book.state().last_at());
    ASSERT_TRUE(done.has_value()) << done.error().message;
    expect_same(*state, book.model());
    EXPECT_TRUE(chunks_of(*state) == chunks_of(book.state()));
  }
  std::vector<std::string> names() { return *directory_->list(); }
  std::string bytes_of(const std::string& name) {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void replace(const std::string& name, const std::string& bytes) {
    std::ofstream out(path_ / name, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  std::filesystem::path path_;
  std::unique_ptr<Directory> directory_;
};

TEST_F(Snapshots, what_was_written_comes_back) {
  RandomBook book(1);
  for (int i = 0; i < 300; ++i) book.step();
  make(book);
  expect_comes_back(book);
  for (int i = 0; i < 100; ++i) book.step();
  expect_comes_back(book);  // with the journal's tail
}

TEST_F(Snapshots, the_ledger_goes_on_while_one_is_made) {
  for (std::uint64_t seed = 20; seed < 26; ++seed) {
    RandomBook book(seed);
    for (int i = 0; i < 100; ++i) book.step();
    make(book, 40);
    for (int i = 0; i < 20; ++i) book.step();
    expect_comes_back(book);
    std::filesystem::remove_all(path_);
    directory_ = std::move(*open_posix_directory(path_, true));
  }
}

TEST_F(Snapshots, it_has_no_name_before_all_it_saw_is_durable) {
  RandomBook book(3);
  const Seq begun = book.state().applied();
  auto writer = std::move(*SnapshotWriter::begin(*directory_, kLedger, book.state()));
  while (book.state().applied() == begun) book.step();
  while (writer->collect(book.state())) {
  }
  EXPECT_EQ(writer->write(begun), false);
  EXPECT_EQ(writer->write(Seq(book.state().applied().value() - 1)), false);
  EXPECT_EQ(names(), std::vector{snapshot_name(begun) + ".tmp"});
  EXPECT_EQ(writer->write(book.state().applied()), true);
  EXPECT_EQ(names(), std::vector{snapshot_name(begun)});
  EXPECT_GT(writer->bytes(), 100'000U);
}

TEST_F(Snapshots, the_newest_two_are_kept_and_leftovers_removed) {
  RandomBook book(4);
  replace("00000000000000000001.tmp", "left by a crash");
  replace("notes", "of somebody else");
  std::vector<std::string> made;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 30; ++i) book.step();
    made.push_back(snapshot_name(book.state().applied()));
    make(book);
  }
  EXPECT_EQ(names(), (std::vector<std::string>{made[2], made[3], "notes"}));
}

TEST_F(Snapshots, one_that_saw_what_is_not_durable_is_passed_over) {
  RandomBook book(5);
  for (int i = 0; i < 30; ++i) book.step();
  make(book);
  const Seq first = book.state().applied();
  for (int i = 0; i < 30; ++i) book.step();
  make(book);
  std::unique_ptr<State> state;
  const auto loaded = load(state, first);
  EXPECT_EQ(loaded.name, snapshot_name(first));
  EXPECT_EQ(loaded.through, first);
  ASSERT_EQ(loaded.passed_over.size(), 1U);
  EXPECT_NE(loaded.passed_over[0].find("which the journal does not have"), std::string::npos);
}

TEST_F(Snapshots, none_at_all_gives_a_fresh_state) {
  std::unique_ptr<State> state;
  const auto loaded = load(state);
  EXPECT_TRUE(loaded.name.empty());
  EXPECT_EQ(loaded.from, Seq());
  EXPECT_EQ(state->next_account_id(0), AccountId(1));
}

class BadSnapshots : public Snapshots {
 protected:
  void SetUp() override {
    Snapshots::SetUp();
    for (int i = 0; i < 60; ++i) book_.step();
    make(book_);
    good_ = snapshot_name(book_.state().applied());
    for (int i = 0; i < 30; ++i) book_.step();
    make(book_);
    newest_ = snapshot_name(book_.state().applied());
    bytes_ = bytes_of(newest_);
  }
  void expect_passed_over(const std::string& bytes, std::string_view says) {
    replace(newest_, bytes);
    std::unique_ptr<State> state;
    const auto loaded = load(state);
    EXPECT_EQ(loaded.name, good_);
    ASSERT_EQ(loaded.passed_over.size(), 1U);
    EXPECT_NE(loaded.passed_over[0].find(says), std::string::npos) << loaded.passed_over[0];
    EXPECT_NE(loaded.passed_over[0].find(newest_), std::string::npos);
  }

  RandomBook book_{6};
  std::string good_;
  std::string newest_;
  std::string bytes_;
};

TEST_F(BadSnapshots, any_flipped_bit) {
  std::mt19937_64 random(1);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < kSnapshotHeaderBytes + 20; ++i) places.push_back(i);
  for (std::size_t i = 1; i <= kSnapshotTrailerBytes + 40; ++i) places.push_back(bytes_.size() - i);
  for (int i = 0; i < 60; ++i) places.push_back(random() % bytes_.size());
  for (const auto place : places) {
    auto bytes = bytes_;
    bytes[place] = static_cast<char>(bytes[place] ^ (1 << (random() % 8)));
    SCOPED_TRACE(place);
    expect_passed_over(bytes, ": ");
    if (HasFailure()) return;
  }
}

TEST_F(BadSnapshots, any_truncation) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 90; ++i) {
    const std::size_t size =
        i < 65 ? bytes_.size() - 1 - static_cast<std::size_t>(i) : random() % bytes_.size();
    SCOPED_TRACE(size);
    expect_passed_over(bytes_.substr(0, size), ": ");
    if (HasFailure()) return;
  }
  expect_passed_over("", "too few");
  expect_passed_over(bytes_ + "x", "its end is missing");
}

TEST_F(BadSnapshots, chunks_that_changed_places) {
  // Two chunks of key shards are equally long where both are empty: the whole has a checksum of its own.
  const std::size_t first = bytes_.find(bytes_.substr(kSnapshotHeaderBytes, 8), kSnapshotHeaderBytes + 8);
  ASSERT_NE(first, std::string::npos);
  std::unique_ptr<State> state;
  auto bytes = bytes_;
  bytes.erase(first, 53);  // an empty shard: 12 of head, 9 of content, 32 of checksum
  expect_passed_over(bytes, ": ");
}

TEST_F(BadSnapshots, of_another_ledger_or_a_newer_format) {
  auto foreign = bytes_;
  foreign[20] = 'x';
  expect_passed_over(foreign, "another ledger");
  auto newer = bytes_;
  newer[8] = 2;
  expect_passed_over(newer, "newer than this program's");
  std::filesystem::rename(path_ / good_, path_ / snapshot_name(Seq(999'999)));
  replace(newest_, bytes_);
  std::unique_ptr<State> state;
  const auto loaded = load(state);
  EXPECT_EQ(loaded.name, newest_);
  EXPECT_NE(loaded.passed_over.at(0).find("name is of another seq"), std::string::npos);
}

TEST_F(BadSnapshots, when_all_are_bad_the_journal_alone_is_left) {
  replace(newest_, "nothing");
  replace(good_, "nothing");
  std::unique_ptr<State> state;
  const auto loaded = load(state);
  EXPECT_TRUE(loaded.name.empty());
  EXPECT_EQ(loaded.passed_over.size(), 2U);
  for (const auto& event : book_.events()) ASSERT_TRUE(state->replay(event).has_value());
  ASSERT_TRUE(state->finish_load(book_.state().applied(), book_.state().last_at()).has_value());
  expect_same(*state, book_.model());
}

}  // namespace
}  // namespace holdfast::journal
