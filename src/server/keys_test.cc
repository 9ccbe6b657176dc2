#include "server/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

class KeysTest : public ::testing::Test {
 protected:
  KeysTest() : path_(temporary_.path() / "server") {
    auto opened = StateDirectory::open(path_);
    EXPECT_TRUE(opened.has_value());
    state_ = std::move(*opened);
  }

  NewKey create(std::string_view name, Role role) {
    auto made = create_key(*state_, name, role, system_clock(), system_random());
    EXPECT_TRUE(made.has_value());
    return made.value();
  }
  std::unique_ptr<WatchedKeys> watch() {
    auto keys = WatchedKeys::open(*state_, [this](const Error&) { ++problems_; });
    EXPECT_TRUE(keys.has_value()) << keys.error().message;
    return std::move(*keys);
  }
  void write(std::string_view text) const {
    std::ofstream(path_ / "keys.json", std::ios::binary) << text;
    ::chmod((path_ / "keys.json").c_str(), 0600);
  }

  testing::TemporaryDirectory temporary_;
  std::filesystem::path path_;
  std::unique_ptr<StateDirectory> state_;
  std::atomic<int> problems_{0};
};

/// Asks until it is so, or a second is over.
template <class Condition>
::testing::AssertionResult within_a_second(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return ::testing::AssertionSuccess();
    std::this_thread::yield();
  }
  return ::testing::AssertionFailure() << "a second has passed";
}

TEST_F(KeysTest, AKeyIsFoundByItsTextAlone) {
  const auto shop = create("shop", Role::operate);
  const auto auditor = create("audit@books", Role::read);
  const auto keys = watch();
  ASSERT_TRUE(keys->find(shop.key).has_value());
  EXPECT_EQ(keys->find(shop.key)->key, "shop");
  EXPECT_EQ(keys->find(shop.key)->role, Role::operate);
  EXPECT_EQ(keys->find(auditor.key)->role, Role::read);

  auto other = shop.key;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(keys->find(other).has_value());
  const auto crossed = shop.key.substr(0, 12) + auditor.key.substr(12);
  for (const std::string& wrong : {std::string(), std::string("hf_"), shop.key + "x", shop.key.substr(1),
                                   crossed, std::string(55, 'h'), std::string(100'000, '_')}) {
    EXPECT_FALSE(keys->find(wrong).has_value()) << wrong.substr(0, 80);
  }
}

TEST_F(KeysTest, TheTextOfAKeyIsLongAndNeverKept) {
  const auto made = create("shop", Role::admin);
  EXPECT_EQ(made.key.size(), 55U);
  EXPECT_EQ(made.key.substr(0, 3), "hf_");
  EXPECT_EQ(made.key.substr(51), made.record.last4);
  const auto text = state_->read("keys.json");
  ASSERT_TRUE(text.has_value() && text->has_value());
  EXPECT_EQ((*text)->find(made.key.substr(12)), std::string::npos);
  EXPECT_NE((*text)->find(to_hex(made.record.secret_sha256)), std::string::npos);
}

TEST_F(KeysTest, ANameIsGivenOnce) {
  create("shop", Role::operate);
  ASSERT_TRUE(revoke_key(*state_, "shop", system_clock()).has_value());
  const auto again = create_key(*state_, "shop", Role::read, system_clock(), system_random());
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().message.find("there was a key \"shop\" already"), std::string::npos);
  const auto strange = create_key(*state_, "a shop", Role::read, system_clock(), system_random());
  ASSERT_FALSE(strange.has_value());
  EXPECT_NE(strange.error().message.find("is no name for a key"), std::string::npos);
}

TEST_F(KeysTest, RevokingTwiceKeepsTheFirstTime) {
  create("shop", Role::operate);
  const auto first = revoke_key(*state_, "shop", system_clock());
  const auto second = revoke_key(*state_, "shop", system_clock());
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->revoked_at, second->revoked_at);
  EXPECT_FALSE(revoke_key(*state_, "nobody", system_clock()).has_value());
}

TEST_F(KeysTest, ARunningServerSeesWhatChangesWithinASecond) {
  const auto keys = watch();
  EXPECT_FALSE(keys->any());
  const auto shop = create("shop", Role::operate);
  EXPECT_TRUE(within_a_second([&] { return keys->find(shop.key).has_value(); }));
  ASSERT_TRUE(revoke_key(*state_, "shop", system_clock()).has_value());
  EXPECT_TRUE(within_a_second([&] { return !keys->find(shop.key).has_value(); }));
  EXPECT_FALSE(keys->any());
  EXPECT_EQ(keys->all().size(), 1U);
}

TEST_F(KeysTest, AFileThatIsDamagedOrReadableIsRefused) {
  create("shop", Role::operate);
  const auto text = **state_->read("keys.json");
  ::chmod((path_ / "keys.json").c_str(), 0644);
  const auto readable = read_keys(*state_);
  ASSERT_FALSE(readable.has_value());
  EXPECT_NE(readable.error().message.find("mode 0644"), std::string::npos) << readable.error().message;

  for (const auto& damaged :
       {text.substr(0, text.size() / 2), std::string("[]"), std::string("{\"format\":1}"),
        std::string("{\"format\":1,\"keys\":[1]}"), std::string("{\"keys\":[]}"),
        std::string("{\"format\":1,\"keys\":[{\"id\":\"abcdefgh\"}]}"), std::string()}) {
    write(damaged);
    const auto read = read_keys(*state_);
    ASSERT_FALSE(read.has_value()) << damaged;
    EXPECT_NE(read.error().message.find("keys.json is damaged"), std::string::npos) << read.error().message;
    EXPECT_FALSE(create_key(*state_, "other", Role::read, system_clock(), system_random()).has_value());
  }
  write("{\"format\":2,\"keys\":[]}");
  EXPECT_EQ(read_keys(*state_).error().code, ErrorCode::newer_format);
}

TEST_F(KeysTest, WhatDamagesTheFileLaterIsToldOnceAndRevokesNobody) {
  const auto shop = create("shop", Role::operate);
  const auto keys = watch();
  write("{\"format\":1,\"keys\":[");
  EXPECT_TRUE(within_a_second([&] { return keys->problem().has_value(); }));
  EXPECT_TRUE(keys->find(shop.key).has_value());
  write("{\"format\":1,\"keys\":[]}");
  EXPECT_TRUE(within_a_second([&] { return !keys->problem().has_value(); }));
  EXPECT_FALSE(keys->find(shop.key).has_value());
  EXPECT_EQ(problems_.load(), 1);
}

TEST_F(KeysTest, AKeyOfThisRunIsInNoFile) {
  const auto keys = watch();
  const auto own = make_key("local", Role::admin, Timestamp{1}, system_random());
  keys->add(own.record);
  EXPECT_EQ(keys->find(own.key)->key, "local");
  EXPECT_FALSE(keys->any());
  create("shop", Role::read);
  EXPECT_TRUE(within_a_second([&] { return keys->any(); }));
  EXPECT_TRUE(keys->find(own.key).has_value());
  EXPECT_EQ(read_keys(*state_)->size(), 1U);
}

}  // namespace
}  // namespace holdfast::server
