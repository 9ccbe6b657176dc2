// The server as a process: what it refuses, how it ends, what a client that asks again under its keys finds
// after a kill.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <ctime>

#include "tests/server/served.h"
#include "tests/support/postgres_server.h"

namespace holdfast::served {
namespace {

TEST(ServeOptions, WhatCannotBeServedIsRefusedAndSaysWhatToDo) {
  const cli::Workplace place;
  const auto refused = [&](std::vector<std::string> options, int code, std::string_view says) {
    options.insert(options.begin(), "serve");
    const auto outcome = cli::holdfast(place, options);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
  };
  refused({}, 4, "Make a ledger with: holdfast");
  EXPECT_EQ(cli::holdfast(place, {"init"}).code, 0);
  refused({"--listen", "0.0.0.0:0"}, 2, "without TLS");
  refused({"--listen", "[::]:0"}, 2, "--insecure-public");
  refused({"--listen", "7420"}, 2, "there is no port");
  refused({"--listen", "example.org:7420"}, 2, "no address of this machine");
  refused({"--tls-cert", "cert.pem"}, 2, "belong together");
  refused({"--listen", "127.0.0.1:0", "--tls-cert", "no.pem", "--tls-key", "no.pem"}, 2, "no.pem");
  refused({"--audit-every", "daily"}, 2, "24h");
  refused({"--log-level", "loud"}, 2, "error, warning, info, debug");
  refused({"--on-broken-law", "pray"}, 2, "stop nor go-on");
  EXPECT_EQ(cli::holdfast(place, {"keys", "create", "a", "--role", "read"}).code, 0);
  std::filesystem::permissions(place.path() / "here/holdfast-data/server/keys.json",
                               std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  refused({"--listen", "127.0.0.1:0"}, 4, "mode 0604");
}

TEST(ServeLife, ASecondServerOfOneLedgerIsToldWhoHasIt) {
  const Served served;
  const auto second = served.run({"serve", "--listen", "127.0.0.1:0"});
  EXPECT_EQ(second.code, 4);
  EXPECT_NE(second.err.find("is in use by another writer"), std::string::npos) << second.err;
}

TEST(ServeLife, EndedUnderLoadItLosesNothingThatItAnswered) {
  Served served;
  Load load(served, 8, "term");
  load.wait_for(500);
  EXPECT_EQ(served.end(SIGTERM), 0);
  load.stop();
  const auto acknowledged = load.acknowledged();
  served.start();
  expect_all_there(served, acknowledged);
  EXPECT_EQ(served.end(SIGINT), 0);
  expect_sound(served);
}

void killed_under_load(Served& served) {
  Load load(served, 8, "kill");
  for (int round = 1; round <= 3; ++round) {
    load.wait_for(static_cast<std::size_t>(200 * round));
    EXPECT_EQ(served.end(SIGKILL), 128 + SIGKILL);
    served.start();
    load.move_to(served.port());
  }
  load.wait_for(800);
  load.stop();
  const auto acknowledged = load.acknowledged();
  EXPECT_TRUE(load.unanswered().empty()) << "a client that asks again gets its answer";
  expect_held(served, acknowledged.size());
  expect_all_there(served, acknowledged);
  expect_held(served, acknowledged.size());
  EXPECT_EQ(served.end(SIGTERM), 0);
  expect_sound(served);
}

TEST(ServeLife, KilledUnderLoadNothingIsLostAndNothingIsThereTwice) {
  Served served;
  killed_under_load(served);
}

TEST(ServePostgres, KilledUnderLoadNothingIsLostAndNothingIsThereTwice) {
  testing::PostgresServer postgres;
  Served served(postgres.new_database());
  killed_under_load(served);
}

TEST(ServePostgres, HowFarSealingIsIsShown) {
  testing::PostgresServer postgres;
  const Served served(postgres.new_database());
  EXPECT_TRUE(within(std::chrono::seconds(10), [&] {
    const auto overview = served.get("/v1/overview");
    return overview.number("unsealed") == 0 && overview.number("seq") == 4;
  }));
  EXPECT_NE(served.get("/v1/overview").body.find(R"("store":"postgresql")"), std::string::npos);
  EXPECT_EQ(served.get("/v1/overview").body.find(postgres.directory().string()), std::string::npos)
      << "options of the url may be secrets";
  EXPECT_NE(served.get("/metrics").body.find("holdfast_unsealed_events 0"), std::string::npos);
}

TEST(ServeKeys, AKeyThatIsRevokedIsRefusedWithinASecond) {
  Served served;
  const auto key = served.make_key("visitor", "read");
  Connection connection(served.port(), key);
  EXPECT_TRUE(within(std::chrono::seconds(2), [&] { return connection.get("/v1/whoami").status == 200; }));
  Stream stream(served.port(), key, 0);
  for (int seq = 1; seq <= 4; ++seq) EXPECT_EQ(stream.next(), seq);
  ASSERT_EQ(served.run({"keys", "revoke", "visitor", "--state", "../state"}).code, 0);
  EXPECT_TRUE(within(std::chrono::seconds(1), [&] { return connection.get("/v1/whoami").status == 401; }));
  EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return !stream.next(); })) << "what it had open ends too";
  EXPECT_TRUE(stream.ended_well());
  EXPECT_EQ(served.get("/v1/keys", "auditor").status, 403);
  EXPECT_EQ(served.get("/v1/keys", "root").status, 200);
  EXPECT_EQ(served.get("/v1/overview", "").status, 401);
  EXPECT_EQ(served.get("/healthz", "").status, 200);
}

TEST(ServeLife, AThousandConnectionsAreAnsweredOverAndOver) {
  const Served served;
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 1'000; ++i) {
    connections.push_back(std::make_unique<Connection>(served.port(), ""));
    ASSERT_TRUE(connections.back()->open()) << i;
  }
  for (int round = 0; round < 3; ++round) {
    for (auto& connection : connections) ASSERT_EQ(connection->get("/healthz").status, 200);
  }
  const auto metrics = served.get("/metrics").body;
  const auto at = metrics.find("\nholdfast_http_connections ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_GE(std::atoi(metrics.c_str() + at + 27), 1'000);
}

/// `2026-11-24T09:00:00Z`, so many seconds from now.
std::string in_seconds(int seconds) {
  const auto at = std::time(nullptr) + seconds;
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

void settled_once_across_restarts(Served& served) {
  const auto released = [&] { return served.get("/v1/accounts/shop").number("available"); };
  constexpr int kNet = 92;
  for (int i = 0; i < 40; ++i) {
    const auto more = R"(,"release_at":")" + in_seconds(i < 20 ? -60 : 2) + "\"";
    ASSERT_EQ(served.post("/v1/escrows", hold_body("due:" + std::to_string(i), more)).status, 200);
  }
  EXPECT_TRUE(within(std::chrono::seconds(10), [&] { return released() >= 20 * kNet; })) << "those that came";
  EXPECT_EQ(served.end(SIGKILL), 128 + SIGKILL);
  const auto all_have_come = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  EXPECT_TRUE(
      within(std::chrono::seconds(5), [&] { return std::chrono::steady_clock::now() > all_have_come; }));
  served.start();
  EXPECT_TRUE(within(std::chrono::seconds(10), [&] { return released() == 40 * kNet; }))
      << "those that came while nobody served";
  EXPECT_EQ(served.end(SIGTERM), 0);
  served.start();
  EXPECT_TRUE(
      within(std::chrono::seconds(10), [&] { return served.get("/v1/overview").number("waiting") == 0; }));
  EXPECT_EQ(released(), 40 * kNet);
  EXPECT_EQ(served.end(SIGTERM), 0);
  expect_sound(served);
}

TEST(ServeDue, WhatIsDueIsSettledOnceAlsoAcrossRestarts) {
  Served served;
  settled_once_across_restarts(served);
}

TEST(ServePostgres, WhatIsDueIsSettledOnceAlsoAcrossRestarts) {
  testing::PostgresServer postgres;
  Served served(postgres.new_database());
  settled_once_across_restarts(served);
}

}  // namespace
}  // namespace holdfast::served
