// Followers of a real server, on both stores: streams and long polls, from any event on, beside one that does
// not listen.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "tests/server/served.h"
#include "tests/support/postgres_server.h"

namespace holdfast::served {
namespace {

using namespace std::chrono_literals;

/// Reads until `last`; a message where an event is missing, comes twice or out of order.
std::string followed(Stream& stream, std::int64_t after, std::int64_t last) {
  for (auto wanted = after + 1; wanted <= last; ++wanted) {
    const auto seq = stream.next();
    if (!seq) return "the stream ends before " + std::to_string(wanted);
    if (*seq != wanted) return std::to_string(*seq) + " comes in place of " + std::to_string(wanted);
  }
  return {};
}

void everyone_sees_every_event_once(Served& served) {
  constexpr std::int64_t kLast = 4 + 400;  // what a new ledger has, and the load
  const std::int64_t begins[] = {0, 0, 2, 4, 100};
  std::vector<std::string> wrong(std::size(begins));
  std::vector<std::thread> followers;
  for (std::size_t i = 0; i < std::size(begins); ++i) {
    followers.emplace_back([&, i] {
      // The last one comes back after a cut, as a browser does: its field goes before `after`.
      const bool again = begins[i] == 100;
      Stream stream(served.port(), served.key("auditor"), again ? 0 : begins[i],
                    again ? "Last-Event-ID: 100\r\n" : "");
      wrong[i] = followed(stream, begins[i], kLast);
    });
  }
  Load load(served, 4, "seen");
  load.wait_for(400);
  load.stop();
  for (auto& follower : followers) follower.join();
  for (const auto& each : wrong) EXPECT_EQ(each, "");

  EXPECT_TRUE(within(10s, [&] { return served.get("/v1/overview").number("unsealed") <= 0; }));
  const auto last = served.get("/v1/overview").number("seq");
  std::string answer;
  std::thread polling(
      [&] { answer = served.get("/v1/events?after=" + std::to_string(last) + "&wait=60").body; });
  ASSERT_EQ(served.post("/v1/escrows", hold_body("polled")).status, 200);
  polling.join();
  EXPECT_NE(answer.find("\"seq\":" + std::to_string(last + 1)), std::string::npos) << answer;
}

TEST(ServeFollowing, EveryoneSeesEveryEventOnce) {
  Served served;
  everyone_sees_every_event_once(served);
  EXPECT_EQ(served.end(SIGTERM), 0);
}

TEST(ServePostgres, EveryFollowerSeesEveryEventOnce) {
  testing::PostgresServer postgres({.durable = false});
  Served served(postgres.new_database());
  everyone_sees_every_event_once(served);
  EXPECT_EQ(served.end(SIGTERM), 0);
}

TEST(ServeFollowing, WhoDoesNotReadHoldsUpNobodyAndCostsLittle) {
  Served served;
  const auto memory = [&] {
    const auto metrics = served.get("/metrics").body;
    return std::strtod(metrics.c_str() + metrics.find("\nholdfast_resident_bytes ") + 25, nullptr);
  };
  std::vector<std::unique_ptr<Connection>> deaf;
  for (int i = 0; i < 50; ++i) {
    deaf.push_back(std::make_unique<Connection>(served.port(), served.key("auditor")));
    ASSERT_TRUE(
        deaf.back()->send(deaf.back()->head("GET", "/v1/events?after=0", "Accept: text/event-stream\r\n")));
  }
  constexpr int kBlocks = 100;
  const auto write = [&](const std::string& name) {
    for (int block = 0; block < kBlocks; ++block) {
      const auto key = name + ":" + std::to_string(block);
      std::string commands;
      for (int n = 0; n < 500; ++n) {
        commands += std::string(n == 0 ? "" : ",") + R"({"op":"hold",)" +
                    hold_body(key + ":" + std::to_string(n)).substr(1);
      }
      const auto body = R"({"key":")" + key + R"(","commands":[)" + commands + "]}";
      ASSERT_EQ(served.post("/v1/atomics", body).status, 200);
    }
  };
  write("a");  // 20 MB of events, for each of fifty who do not read them
  const auto before = memory();
  write("b");
  EXPECT_LT(memory() - before, 200e6) << "what they do not read is not kept for them";
  Stream stream(served.port(), served.key("auditor"), 0);
  EXPECT_EQ(followed(stream, 0, 4 + 2 * kBlocks), "");
  EXPECT_EQ(served.end(SIGTERM), 0) << "nor do they hold up its end";
}

}  // namespace
}  // namespace holdfast::served
