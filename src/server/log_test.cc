// What stands in the log, line by line as it is written.
#include "server/log.h"

#include <gtest/gtest.h>

#include "json/document.h"
#include "server/problem.h"
#include "server/seen.h"

namespace holdfast::server {
namespace {

class StandingClock final : public Clock {
 public:
  [[nodiscard]] Timestamp wall() const override { return {1'790'000'000'900'000}; }
  [[nodiscard]] std::chrono::nanoseconds monotonic() const override { return {}; }
};

/// What `use` has written to the log by the time the log has ended.
template <class Use>
std::string lines(Level least, Log::Form form, Use use) {
  ::testing::internal::CaptureStderr();
  {
    const StandingClock clock;
    Log log(least, form, clock);
    use(log);
  }
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, ALineForProgramsIsJson) {
  EXPECT_EQ(lines(Level::info, Log::Form::json,
                  [](Log& log) {
                    log.write(Level::error, "it failed",
                              {{"detail", "\"a\"\nb\x1b"}, {"code", ""}, {"bytes", std::int64_t{-7}}});
                    log.write(Level::debug, "not asked for");
                  }),
            "{\"at\":\"2026-09-21T14:13:20.900000Z\",\"level\":\"error\",\"message\":\"it failed\","
            "\"detail\":\"\\\"a\\\"\\nb\\u001b\",\"bytes\":-7}\n");
}

TEST(Log, ALineForPeopleCannotBeMadeByOthers) {
  EXPECT_EQ(lines(Level::debug, Log::Form::text,
                  [](Log& log) {
                    log.write(Level::warning, "it failed",
                              {{"detail", "a b\n\x1b[2Jerror"}, {"code", "busy"}, {"key", ""}});
                  }),
            "14:13:20 warning it failed detail=\"a b??[2Jerror\" code=busy\n");
}

http::Head head(std::string target) {
  http::Head head;
  head.method = "GET";
  head.target = std::move(target);
  head.id = "r1";
  head.remote = "127.0.0.1";
  return head;
}

/// What is logged of one request, or of one body.
template <class What>
std::string logged(Level least, const What& what) {
  return lines(least, Log::Form::text, [&](Log& log) {
    Metrics metrics;
    Seen seen(metrics, log, std::chrono::milliseconds(500));
    if constexpr (std::is_same_v<What, RequestSeen>) {
      seen.answered(what);
    } else {
      seen.sent(what);
    }
  });
}

TEST(SeenInTheLog, AProblemHasItsDetailAndNoQuery) {
  const auto asked = head("/v1/search?q=somebody");
  Error error;
  error.code = ErrorCode::storage_failed;
  error.message = "the journal cannot be read";
  const auto response = problem(error, "r1");
  EXPECT_EQ(logged(Level::warning, RequestSeen{.head = asked,
                                               .route = "/v1/search",
                                               .status = response.status,
                                               .key = "shop",
                                               .code = response.tag,
                                               .problem = response.body,
                                               .took = std::chrono::microseconds(12)}),
            "14:13:20 error   request id=r1 method=GET path=/v1/search status=503 code=storage_failed "
            "detail=\"the journal cannot be read\" key=shop remote=127.0.0.1 body_bytes=0 took_us=12\n");
}

TEST(SeenInTheLog, WhatIsNoProblemHasNoDetail) {
  const auto asked = head("/v1/status");
  EXPECT_EQ(
      logged(Level::debug, RequestSeen{.head = asked, .route = "/v1/status", .key = "", .code = ""}),
      "14:13:20 debug   request id=r1 method=GET path=/v1/status status=200 remote=127.0.0.1 body_bytes=0 "
      "took_us=0\n");
  const RequestSeen slow{
      .head = asked, .route = "/v1/status", .key = "", .code = "", .took = std::chrono::seconds(1)};
  EXPECT_NE(logged(Level::warning, slow).find("warning slow request id=r1"), std::string::npos);
}

TEST(SeenInTheLog, ABodyThatWasCutOffSaysWhy) {
  const auto asked = head("/v1/accounts/alice/statement?format=csv");
  BodySeen seen{.head = asked,
                .route = "/v1/accounts/{account}/statement",
                .key = "shop",
                .end = BodyEnd::cut_off,
                .bytes = 812,
                .why = "the segment is damaged",
                .took = std::chrono::milliseconds(3)};
  EXPECT_EQ(
      logged(Level::warning, seen),
      "14:13:20 error   the body of an answer was cut off id=r1 method=GET path=/v1/accounts/alice/statement "
      "end=cut_off detail=\"the segment is damaged\" key=shop remote=127.0.0.1 bytes=812 took_us=3000\n");
  seen.end = BodyEnd::left;
  EXPECT_EQ(logged(Level::info, seen), "") << "that clients go is nothing to report";
}

TEST(SeenInTheMetrics, BodiesAreCountedByHowTheyEnded) {
  const auto asked = head("/x");
  Metrics metrics;
  metrics.set_routes({"/x"});
  for (const auto end : {BodyEnd::whole, BodyEnd::cut_off, BodyEnd::cut_off}) {
    metrics.sent({.head = asked, .route = "/x", .key = "", .end = end, .why = ""});
  }
  const auto text = metrics.text();
  EXPECT_NE(text.find("\nholdfast_http_bodies_total{end=\"whole\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nholdfast_http_bodies_total{end=\"cut_off\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("\nholdfast_http_bodies_total{end=\"left\"} 0\n"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::server
