// How the server ends while clients of every kind are at it.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/server/served.h"

namespace holdfast::served {
namespace {

using namespace std::chrono_literals;

/// A client that asks for so much that no buffer takes it, and reads nothing.
class Deaf {
 public:
  explicit Deaf(const Served& served) : connection_(served.port(), served.key("auditor")) {
    std::string requests;
    for (int i = 0; i < 200; ++i) requests += connection_.head("GET", "/v1/events?limit=10000");
    EXPECT_TRUE(connection_.send(requests));
  }

 private:
  Connection connection_;
};

/// A client that never sends the rest of its command.
class Halting {
 public:
  explicit Halting(const Served& served) : connection_(served.port(), served.key("shop")) {
    EXPECT_TRUE(connection_.send(
        connection_.head("POST", "/v1/escrows", "Content-Type: application/json\r\nContent-Length: 100\r\n") +
        "{\"payer\":"));
  }

 private:
  Connection connection_;
};

TEST(ServeEnd, WithStreamsAndSlowClientsItIsSoonOverAndNothingIsLost) {
  Served served;
  EXPECT_EQ(served.end(SIGTERM), 0);
  served.start({"--drain-s", "2"});
  Load load(served, 8, "end");
  load.wait_for(500);
  Stream stream(served.port(), served.key("auditor"), 0);
  EXPECT_EQ(stream.next(), 1);
  const Deaf deaf(served);
  const Halting halting(served);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(served.end(SIGTERM), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s)
      << "two seconds for clients, the rest for the disk";
  load.stop();
  while (stream.next()) continue;
  EXPECT_TRUE(stream.ended_well());
  const auto acknowledged = load.acknowledged();
  served.start();
  expect_all_there(served, acknowledged);
  EXPECT_EQ(served.end(SIGTERM), 0);
  expect_sound(served);
}

TEST(ServeEnd, ASecondSignalEndsItAtOnceAndNothingIsLostEither) {
  Served served;
  EXPECT_EQ(served.end(SIGTERM), 0);
  served.start({"--drain-s", "600"});
  Load load(served, 4, "twice");
  load.wait_for(500);
  const Deaf deaf(served);
  served.tell(SIGTERM);
  EXPECT_TRUE(within(10s, [&] { return served.get("/v1/whoami").status != 200; })) << "it takes nothing more";
  EXPECT_EQ(served.end(SIGTERM), 128 + SIGTERM) << "the deaf one has it wait, until it is told again";
  load.stop();
  const auto acknowledged = load.acknowledged();
  served.start();
  expect_all_there(served, acknowledged);
  EXPECT_EQ(served.end(SIGTERM), 0);
  expect_sound(served);
}

}  // namespace
}  // namespace holdfast::served
