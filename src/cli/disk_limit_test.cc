#include "cli/disk_limit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace holdfast {
namespace {

class DiskLimitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pattern = (std::filesystem::temp_directory_path() / "holdfast-disk-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

TEST_F(DiskLimitTest, MeasuresAndLeavesNothingBehind) {
  const auto limit = measure_disk(directory_, 5'000, 40'000);
  ASSERT_TRUE(limit) << limit.error().message;
  EXPECT_GT(limit->syncs_per_s, 0);
  EXPECT_DOUBLE_EQ(limit->bytes_per_s, limit->syncs_per_s * 8'192);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(DiskLimitTest, TakesTheFileOfAKilledRunAway) {
  std::ofstream(directory_ / "disk-limit.tmp") << "left over";
  ASSERT_TRUE(measure_disk(directory_, 4'096, 4'096));
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(DiskLimitTest, RefusesSizesOfZero) {
  const auto limit = measure_disk(directory_, 0, 4'096);
  ASSERT_FALSE(limit);
  EXPECT_EQ(limit.error().code, ErrorCode::invalid_command);
}

TEST_F(DiskLimitTest, NamesADirectoryThatIsNotThere) {
  const auto limit = measure_disk(directory_ / "missing", 4'096, 4'096);
  ASSERT_FALSE(limit);
  EXPECT_NE(limit.error().message.find("missing"), std::string::npos) << limit.error().message;
}

}  // namespace
}  // namespace holdfast
