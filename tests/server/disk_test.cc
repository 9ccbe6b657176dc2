// A disk that is full under the server: commands are refused as such, questions are answered, and when there
// is room again it goes on.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/server/served.h"
#include "tests/support/small_disk.h"

namespace holdfast::served {
namespace {

TEST(ServeDisk, AFullDiskRefusesCommandsAndLosesNothing) {
  const testing::SmallDisk disk(200);
  Served served(testing::SmallDisk::directory("shop") + "/ledger");
  testing::SmallDisk::fill();
  int accepted = 0;
  Reply refused;
  for (int i = 0; i < 2'000 && refused.status == 0;
       ++i) {  // the segment that is open has room that was taken before
    std::string commands;
    for (int n = 0; n < 1'000; ++n) {
      commands += std::string(n == 0 ? "" : ",") + R"({"op":"hold",)" +
                  hold_body("f:" + std::to_string(i) + ":" + std::to_string(n)).substr(1);
    }
    const auto reply = served.post(
        "/v1/atomics", R"({"key":"a:)" + std::to_string(i) + R"(","commands":[)" + commands + "]}");
    if (reply.status == 200) {
      ++accepted;
    } else {
      refused = reply;
    }
  }
  EXPECT_EQ(refused.status, 507) << refused.body;
  EXPECT_NE(refused.body.find("storage_full"), std::string::npos) << refused.body;
  EXPECT_EQ(served.get("/v1/accounts/payer").number("held"), accepted * 1'000 * kHeld);
  EXPECT_EQ(served.get("/readyz", "").status, 200) << "questions are answered";

  testing::SmallDisk::make_room();
  EXPECT_EQ(served.post("/v1/escrows", hold_body("again")).status, 200);
  EXPECT_EQ(served.end(SIGTERM), 0);
  EXPECT_EQ(served.run({"audit"}).code, 0);
}

}  // namespace
}  // namespace holdfast::served
