// What the server says of itself, over a real ledger.
#include "server/health_api.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "json/document.h"
#include "tests/support/watched_ledger.h"

namespace holdfast::server {
namespace {

using namespace holdfast::testing;

class HealthTest : public ::testing::Test, protected testing::WatchedLedger {
 protected:
  HealthTest() : WatchedLedger(std::chrono::seconds(0)) {
    stock(ledger);
    run(ledger, holdfast::testing::hold("h", "alice", "shop", 1'000));
    run(ledger, holdfast::testing::hold("frozen", "alice", "shop", 500));
    run(ledger, release({"h"}));
    run(ledger, freeze("frozen"));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const auto last = must(ledger.status()).seq;
    while (books.view().seq < last || !audit.view().report || pulse.view().status->seq < last) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("the watches did not come so far");
      std::this_thread::yield();
    }
    metrics.set_routes({"/v1/releases"});
    add_health_metrics(metrics, parts);
  }

  http::Response get(std::string_view path, Caller caller = {"auditor", Role::admin}) {
    for (const auto& route : health_routes(parts)) {
      if (route.path != path) continue;
      Call call;
      call.caller = std::move(caller);
      http::Response response;
      route.run(std::move(call), [&](http::Response given) { response = std::move(given); });
      return response;
    }
    throw std::runtime_error("there is no such route");
  }
  /// The body, which must be JSON.
  std::string body(std::string_view path) {
    auto response = get(path);
    EXPECT_TRUE(json::Document::parse(response.body).has_value()) << path << ": " << response.body;
    return std::move(response.body);
  }
};

TEST_F(HealthTest, TheOverviewTellsTheBooks) {
  const auto text = body("/v1/overview");
  for (const std::string_view part :
       {R"("store":"journal")",
        R"("currency":"EUR","available":199420,"held":500,"external":-200000,"commission":50)",
        R"("processor_fee":30,"released":1000,"refunded":0,"sum":0)", R"("state":"ok")",
        R"({"law":"conservation","ok":true)", R"("due":{"next_at":null,"waiting":0,"stuck":[])",
        R"("frozen":1)", R"("sealing":null)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST_F(HealthTest, HealthTellsTheSeries) {
  const auto text = body("/v1/health");
  for (const std::string_view part : {R"("now":{"commands_per_s":)", R"("series":{"step_s":5,"from":")",
                                      R"("retries":{"conflicts":0)", R"("version":"0.0.0")"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_GT(resident_bytes(), 1'000'000U);
}

TEST_F(HealthTest, ABrokenLawIsTold) {
  gate.law_broken("law conservation: 1 EUR too much");
  EXPECT_NE(body("/v1/overview").find(R"("state":"broken")"), std::string::npos);
  EXPECT_EQ(get("/readyz").status, 200) << "questions are answered";
  EXPECT_NE(body("/readyz").find("1 EUR too much"), std::string::npos);
  EXPECT_NE(get("/metrics").body.find("holdfast_commands_stopped 1"), std::string::npos);
}

TEST_F(HealthTest, ReadyUntilItSaysWhyNot) {
  EXPECT_EQ(get("/readyz").status, 200);
  not_ready = "it is ending";
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_NE(body("/readyz").find("it is ending"), std::string::npos);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(HealthTest, KeysWithoutTheirSecrets) {
  const auto made = must(create_key(*state, "shop", Role::operate, system_clock(), system_random()));
  const auto fresh = must(WatchedKeys::open(*state, [](const Error&) {}));
  HealthParts with{parts.clock, parts.metrics,
                   parts.pulse, parts.books,
                   parts.due,   parts.audit,
                   parts.gate,  *fresh,
                   {},          {},
                   {},          {},
                   {},          {},
                   false};
  for (const auto& route : health_routes(with)) {
    if (route.path != "/v1/keys") continue;
    EXPECT_EQ(route.role, Role::admin);
    route.run({}, [&](const http::Response& given) {
      EXPECT_NE(given.body.find(R"({"key":"shop","role":"operate")"), std::string::npos);
      EXPECT_EQ(given.body.find(made.key.substr(12)), std::string::npos);
      EXPECT_EQ(given.body.find(to_hex(made.record.secret_sha256)), std::string::npos);
    });
  }
  EXPECT_EQ(get("/v1/whoami", {"shop", Role::operate}).body, R"({"key":"shop","role":"operate"})");
}

TEST_F(HealthTest, CommandsAndRequestsAreCounted) {
  const http::Head head;
  metrics.answered({.head = head,
                    .route = "/v1/releases",
                    .status = 200,
                    .key = "shop",
                    .code = {},
                    .took = std::chrono::microseconds(700)});
  metrics.answered({.head = head, .route = "", .status = 404, .key = {}, .code = "not_found"});
  metrics.decided({.op = "release",
                   .refused = {},
                   .replayed = false,
                   .escrows = 2'499,
                   .took = std::chrono::milliseconds(3)});
  metrics.decided({.op = "release", .refused = {}, .replayed = true, .escrows = 2'499, .took = {}});
  metrics.decided(
      {.op = "hold", .refused = ErrorCode::insufficient_funds, .replayed = false, .escrows = 0, .took = {}});
  EXPECT_EQ(metrics.commands(), 3U);
  EXPECT_EQ(metrics.releases(), 2'499U);
  const auto text = get("/metrics").body;
  for (const std::string_view line :
       {"holdfast_http_requests_total{route=\"/v1/releases\",status=\"200\"} 1",
        "holdfast_http_requests_total{route=\"other\",status=\"404\"} 1",
        "holdfast_commands_total{op=\"release\",outcome=\"ok\"} 1",
        "holdfast_commands_total{op=\"release\",outcome=\"replayed\"} 1",
        "holdfast_commands_total{op=\"hold\",outcome=\"insufficient_funds\"} 1",
        "holdfast_command_escrows_total{op=\"release\"} 2499", "holdfast_command_size_escrows_sum 2499",
        "holdfast_amount_minor{currency=\"EUR\",place=\"held\"} 500",
        "holdfast_settled_minor_total{currency=\"EUR\",how=\"released\"} 1000",
        "holdfast_law_ok{law=\"conservation\"} 1", "holdfast_trial_balance_minor{currency=\"EUR\"} 0"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace holdfast::server
