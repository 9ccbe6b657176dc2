// A store that fails under the server: a disk that does not sync, a database that is killed and comes back,
// and books that somebody has changed behind it.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "tests/server/served.h"
#include "tests/support/postgres_server.h"

namespace holdfast::served {
namespace {

using namespace std::chrono_literals;

TEST(ServeStorage, ASyncThatFailsEndsTheServerAndAStartFindsAllThatItAnswered) {
  Served served;
  EXPECT_EQ(served.end(SIGTERM), 0);
  const auto sign = served.directory() / "syncs fail";
  served.start({}, {"LD_PRELOAD=" HOLDFAST_FAILING_SYNC_LIBRARY, "HOLDFAST_FAILING_SYNC=" + sign.string(),
                    "ASAN_OPTIONS=verify_asan_link_order=0"});
  Load load(served, 8, "sync");
  load.wait_for(500);
  std::ofstream(sign) << "now";
  EXPECT_EQ(served.wait(), 4) << "storage";
  load.stop();
  EXPECT_NE(served.log().find("fdatasync"), std::string::npos) << "it says what failed";
  EXPECT_NE(served.log().find("storage_failed"), std::string::npos) << "and clients were told";
  const auto acknowledged = load.acknowledged();
  const auto unanswered = load.unanswered();
  EXPECT_EQ(unanswered.size(), 8U) << "no client was answered after that";

  served.start();
  expect_all_there(served, acknowledged);
  for (const auto& key : unanswered) EXPECT_EQ(served.post("/v1/escrows", hold_body(key)).status, 200);
  expect_held(served, acknowledged.size() + unanswered.size());
  EXPECT_EQ(served.end(SIGTERM), 0);
  expect_sound(served);
}

TEST(ServeStorage, ADatabaseThatIsKilledIsWaitedForAndNothingIsLost) {
  testing::PostgresServer postgres;
  Served served(postgres.new_database());
  Load load(served, 4, "gone");
  load.wait_for(200);
  postgres.kill();
  EXPECT_TRUE(within(20s, [&] { return served.get("/readyz", "").status == 503; }))
      << "requests go elsewhere";
  const auto refused = served.post("/v1/escrows", hold_body("meanwhile"));
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_NE(refused.body.find("storage_failed"), std::string::npos) << refused.body;
  EXPECT_EQ(served.get("/v1/accounts/payer").status, 503);
  EXPECT_EQ(served.get("/healthz", "").status, 200) << "the process is well";
  EXPECT_NE(served.get("/metrics").body.find("\nholdfast_ledger_ok 0"), std::string::npos);
  EXPECT_NE(served.log().find("the ledger does not answer"), std::string::npos);

  postgres.start();
  EXPECT_TRUE(within(20s, [&] { return served.get("/readyz", "").status == 200; }));
  load.wait_for(load.answers() + 200);
  load.stop();
  EXPECT_TRUE(load.unanswered().empty()) << "a client that asks again gets its answer";
  const auto acknowledged = load.acknowledged();
  expect_held(served, acknowledged.size());
  expect_all_there(served, acknowledged);
  EXPECT_TRUE(within(20s, [&] {
    return served.get("/metrics").body.find("\nholdfast_unsealed_events 0") != std::string::npos;
  })) << "sealing goes on too";
  EXPECT_EQ(served.end(SIGTERM), 0);
  expect_sound(served);
}

/// What the server does once its audit has seen what was done to its books.
void expect_alarm(const Served& served) {
  EXPECT_TRUE(within(30s, [&] {
    return served.get("/metrics").body.find("\nholdfast_commands_stopped 1") != std::string::npos;
  }));
  EXPECT_TRUE(within(5s, [&] { return served.log().find("A LAW IS BROKEN") != std::string::npos; }));
  EXPECT_NE(served.get("/v1/overview").body.find(R"("state":"broken")"), std::string::npos);
  const auto ready = served.get("/readyz", "");
  EXPECT_EQ(ready.status, 200) << "questions are answered";
  EXPECT_EQ(ready.body.find(R"("commands_stopped":null)"), std::string::npos) << ready.body;
  EXPECT_EQ(served.get("/v1/accounts/payer").status, 200);
  const auto refused = served.post("/v1/escrows", hold_body("after"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("no command is taken, since a law is broken"), std::string::npos)
      << refused.body;
}

/// A hold that is released, so that there is something to spoil.
void settle_one(const Served& served, const std::string& key) {
  ASSERT_EQ(served.post("/v1/escrows", hold_body(key)).status, 200);
  ASSERT_EQ(served.post("/v1/releases", R"({"escrows":[")" + key + "\"]}").status, 200);
}

TEST(ServeLaws, RowsThatWereChangedInTheDatabaseStopCommands) {
  testing::PostgresServer postgres;
  const auto url = postgres.new_database();
  Served served(url);
  settle_one(served, "one");
  EXPECT_EQ(served.end(SIGTERM), 0);
  served.start({"--audit-every", "1s"});
  EXPECT_TRUE(within(30s, [&] {
    return served.get("/v1/overview").body.find(R"("audit":{"state":"ok")") != std::string::npos;
  }));
  const cli::Workplace place;
  const auto spoiled = cli::shell(
      place, "psql -qv ON_ERROR_STOP=1 '" + url + "' -c 'update holdfast.escrows set amount = amount + 1'");
  ASSERT_EQ(spoiled.code, 0) << spoiled.out;
  expect_alarm(served);
  EXPECT_NE(served.get("/metrics").body.find("holdfast_law_ok{law=\"history\"} 0"), std::string::npos);
  EXPECT_EQ(served.end(SIGTERM), 0);

  served.start({"--audit-every", "1s", "--on-broken-law", "go-on"});
  EXPECT_TRUE(within(
      30s, [&] { return served.get("/v1/overview").body.find(R"("state":"broken")") != std::string::npos; }));
  EXPECT_EQ(served.post("/v1/escrows", hold_body("after")).status, 200) << "as it was told";
  EXPECT_EQ(served.end(SIGTERM), 0);
}

TEST(ServeLaws, BytesThatTurnedInTheJournalStopCommands) {
  Served served;
  for (int i = 0; i < 20; ++i) settle_one(served, "k" + std::to_string(i));
  EXPECT_EQ(served.end(SIGTERM), 0);
  served.start({"--audit-every", "1s"});
  EXPECT_TRUE(within(30s, [&] {
    return served.get("/v1/overview").body.find(R"("audit":{"state":"ok")") != std::string::npos;
  }));
  std::filesystem::path journal;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(served.url())) {
    if (entry.path().parent_path().filename() == "journal" && entry.is_regular_file()) journal = entry.path();
  }
  ASSERT_FALSE(journal.empty());
  constexpr int kPlace = 4'096 + 200;  // in the first frame, behind the segment's header
  std::fstream file(journal, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(kPlace);
  const auto byte = file.get();
  file.seekp(kPlace);
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  expect_alarm(served);

  // A download of what cannot be read breaks off. Its answer was 200 by then: the log and the metrics say how
  // it ended.
  Connection download(served.port(), served.key("auditor"));
  ASSERT_TRUE(download.send(download.head("GET", "/v1/accounts/payer/statement?format=csv")));
  std::string got;
  for (auto bytes = download.receive(); !bytes.empty(); bytes = download.receive()) got += bytes;
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 ")) << got;
  EXPECT_FALSE(got.ends_with("\r\n0\r\n\r\n")) << "it is no whole body";
  EXPECT_TRUE(within(
      5s, [&] { return served.log().find("the body of an answer was cut off") != std::string::npos; }));
  EXPECT_NE(served.get("/metrics").body.find(R"(holdfast_http_bodies_total{end="cut_off"} 1)"),
            std::string::npos);
  EXPECT_EQ(served.end(SIGTERM), 0);
  EXPECT_EQ(served.run({"verify"}).code, 1) << "and verify finds the place";
}

}  // namespace
}  // namespace holdfast::served
