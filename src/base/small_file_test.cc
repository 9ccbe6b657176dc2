// Small files: whole or not at all, and for their owner's eyes only.
#include "base/small_file.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <cerrno>

#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

std::optional<std::string> text_of(testing::TemporaryDirectory& directory, std::string_view name) {
  auto text = read_small_file(*directory, name);
  EXPECT_TRUE(text) << text.error().what;
  return text ? *text : std::nullopt;
}

unsigned permissions_of(const std::filesystem::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777U;
}

TEST(SmallFile, AFileThatIsNotThereHasNoText) {
  testing::TemporaryDirectory directory;
  EXPECT_EQ(text_of(directory, "keys.json"), std::nullopt);
}

TEST(SmallFile, IsReplacedAsAWholeAndIsItsOwnersAlone) {
  testing::TemporaryDirectory directory;
  ASSERT_TRUE(replace_private_file(*directory, "keys.json", std::string(100'000, 'a')));
  EXPECT_EQ(text_of(directory, "keys.json"), std::string(100'000, 'a'));
  ASSERT_TRUE(replace_private_file(*directory, "keys.json", "b"));
  EXPECT_EQ(text_of(directory, "keys.json"), "b");
  EXPECT_EQ(permissions_of(directory.path() / "keys.json"), 0600U);
  EXPECT_EQ(directory->list().value(), std::vector<std::string>{"keys.json"}) << "no temporary file stays";
}

TEST(SmallFile, WhatACrashLeftOfAnEarlierWriteIsNoObstacle) {
  testing::TemporaryDirectory directory;
  ASSERT_TRUE(directory->open("keys.json.tmp", OpenMode::create));
  ASSERT_TRUE(replace_private_file(*directory, "keys.json", "new"));
  EXPECT_EQ(text_of(directory, "keys.json"), "new");
  EXPECT_EQ(permissions_of(directory.path() / "keys.json"), 0600U);
}

TEST(SmallFile, ADirectoryThatIsGoneIsAnError) {
  testing::TemporaryDirectory directory;
  std::filesystem::remove(directory.path());
  EXPECT_FALSE(replace_private_file(*directory, "keys.json", "new"));
}

TEST(SmallFile, OneThatIsThereButCannotBeOpenedIsAnErrorAndNotNone) {
  testing::TemporaryDirectory directory;
  EXPECT_EQ(read_small_file(*directory, "keys.json").value(), std::nullopt);
  const auto found = read_small_file(*directory, std::string(300, 'k'));
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().error_number, ENAMETOOLONG);
}

}  // namespace
}  // namespace holdfast
