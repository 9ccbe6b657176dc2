// The layer itself: a cut takes what was not synced and nothing else, and what it does not model is refused.
// Were it switched off, the programs of the other tests would seem safe.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>

#include "tests/crash/power_cut.h"
#include "tests/crash/process.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::crash {
namespace {

class PowerCutLayer : public ::testing::Test {
 protected:
  int run(const std::vector<std::string>& environment, const std::string& what) {
    Process process(with_environment(environment, {POWER_CUT_PROBE, disk_.root().string(), what}));
    return process.wait();
  }
  void cut(Survival survival = Survival::nothing) { disk_.cut(prng_, survival); }

  /// Name to bytes.
  [[nodiscard]] std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(disk_.root())) {
      std::ifstream in(entry.path(), std::ios::binary);
      found[entry.path().filename().string()] =
          entry.is_directory() ? "a directory" : std::string(std::istreambuf_iterator<char>(in), {});
    }
    return found;
  }

  testing::TemporaryDirectory directory_;
  PowerCutDisk disk_{directory_.path()};
  sim::Prng prng_{1};
};

std::string of(char what, std::size_t size) {
  return std::string(size, what);
}

TEST_F(PowerCutLayer, WhatWasNotSyncedIsGoneAndNothingElse) {
  EXPECT_EQ(run(disk_.begin(), "unsynced"), 0);
  cut();
  const std::map<std::string, std::string> left{{"overwritten", of('a', 8'192)},
                                                {"grown", of('a', 4'096)},
                                                {"shrunk", of('a', 8'192)},
                                                {"reserved", of('a', 4'096)},
                                                {"renamed", "a"},
                                                {"removed", "a"},
                                                {"replaced", "a"},
                                                {"replacing", "b"}};
  EXPECT_EQ(files(), left);
  EXPECT_EQ(disk_.losses().pages_dropped, 3U) << "that of `shrunk` is dropped as zeros";
  EXPECT_EQ(disk_.losses().sizes_undone, 3U);
  EXPECT_EQ(disk_.losses().creates_undone, 2U);
  EXPECT_EQ(disk_.losses().renames_undone, 2U);
  EXPECT_EQ(disk_.losses().removes_undone, 1U);
}

TEST_F(PowerCutLayer, WhatWasSyncedIsThere) {
  EXPECT_EQ(run(disk_.begin(), "synced"), 0);
  const auto before = files();
  cut();
  EXPECT_EQ(files(), before);
  EXPECT_EQ(before.at("created"), of('a', 4'096));
  EXPECT_EQ(before.at("overwritten"), of('a', 4'096) + of('b', 4'096));
  EXPECT_EQ(before.at("reserved"), of('a', 4'096) + of('\0', 61'440));
  EXPECT_EQ(before.at("replaced"), "b");
  EXPECT_EQ(before.at("directory"), "a directory");
}

TEST_F(PowerCutLayer, APartOfItMayBeLeft) {
  bool torn = false;
  std::map<std::string, int> kept;  // of so many cuts
  for (int i = 0; i < 60; ++i) {
    std::filesystem::remove_all(disk_.root());
    std::filesystem::create_directory(disk_.root());
    ASSERT_EQ(run(disk_.begin(), "unsynced"), 0);
    cut(Survival::drawn);
    const auto left = files();
    const auto& page = left.at("overwritten").substr(4'096);
    torn = torn || (page != of('a', 4'096) && page != of('b', 4'096));
    if (page == of('b', 4'096)) ++kept["page"];
    if (left.at("grown").size() == 8'192) ++kept["size"];
    if (left.at("grown") == of('a', 4'096) + of('\0', 4'096)) ++kept["size without its bytes"];
    for (const auto* name : {"created", "renamed.new"}) kept[name] += static_cast<int>(left.count(name));
    kept["removed"] += static_cast<int>(1 - left.count("removed"));
    EXPECT_EQ(left.at("overwritten").substr(0, 4'096), of('a', 4'096)) << "it was synced";
  }
  EXPECT_TRUE(torn);
  for (const auto* what : {"page", "size", "size without its bytes", "created", "renamed.new", "removed"}) {
    EXPECT_GT(kept[what], 0) << what;
    EXPECT_LT(kept[what], 60) << what;
  }
}

TEST_F(PowerCutLayer, AProgramThatRunsWithoutItLosesAll) {
  auto environment = disk_.begin();
  environment.front() = "LD_PRELOAD=";
  EXPECT_EQ(run(environment, "synced"), 0);
  EXPECT_EQ(disk_.operations(), 0U);
  cut();
  EXPECT_TRUE(files().empty());
}

TEST_F(PowerCutLayer, EndsTheProcessBeforeTheCallThatIsNamed) {
  EXPECT_EQ(run(disk_.begin({.cut_at = 2}), "synced"), 128 + SIGKILL);
  EXPECT_EQ(disk_.operations(), 2U);
  EXPECT_EQ(files(), (std::map<std::string, std::string>{{"overwritten", ""}}));
  cut();
  EXPECT_TRUE(files().empty());
}

TEST_F(PowerCutLayer, WhatOneProcessDidNotSyncTheNextOneMay) {
  ASSERT_EQ(run(disk_.begin(), "unsynced"), 0);
  Process next(with_environment(disk_.go_on(), {POWER_CUT_PROBE, disk_.root().string(), "sync_all"}));
  EXPECT_EQ(next.wait(), 0);
  const auto before = files();
  cut();
  EXPECT_EQ(files(), before);
}

TEST_F(PowerCutLayer, WhatIsNotModelledIsRefused) {
  for (const auto* call : {"write", "mmap", "O_TRUNC", "O_DSYNC", "rmdir"}) {
    std::filesystem::remove_all(disk_.root());
    std::filesystem::create_directory(disk_.root());
    EXPECT_EQ(run(disk_.begin(), call), 128 + SIGABRT) << call;
  }
}

}  // namespace
}  // namespace holdfast::crash
