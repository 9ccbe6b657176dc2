#include "cli/disk_limit.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

TEST(DiskLimit, MeasuresAndLeavesNothingBehind) {
  const testing::TemporaryDirectory directory;
  const auto limit = measure_disk(directory.path(), 5'000, 40'000);
  ASSERT_TRUE(limit) << limit.error().message;
  EXPECT_GT(limit->syncs_per_s, 0);
  EXPECT_DOUBLE_EQ(limit->bytes_per_s, limit->syncs_per_s * 8'192);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(DiskLimit, TakesTheFileOfAKilledRunAway) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory.path() / "disk-limit.tmp") << "left over";
  ASSERT_TRUE(measure_disk(directory.path(), 4'096, 4'096));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(DiskLimit, RefusesSizesOfZero) {
  const testing::TemporaryDirectory directory;
  const auto limit = measure_disk(directory.path(), 0, 4'096);
  ASSERT_FALSE(limit);
  EXPECT_EQ(limit.error().code, ErrorCode::invalid_command);
}

TEST(DiskLimit, NamesADirectoryThatIsNotThere) {
  const testing::TemporaryDirectory directory;
  const auto limit = measure_disk(directory.path() / "missing", 4'096, 4'096);
  ASSERT_FALSE(limit);
  EXPECT_NE(limit.error().message.find("missing"), std::string::npos) << limit.error().message;
}

}  // namespace
}  // namespace holdfast
