#include "server/app.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::server {
namespace {

class NoKeys final : public KeyRing {
 public:
  [[nodiscard]] std::optional<Caller> find(std::string_view /*key*/) const override { return std::nullopt; }
};

class Seen final : public Observer {
 public:
  void answered(const RequestSeen& seen) noexcept override { statuses.push_back(seen.status); }
  void decided(const CommandSeen& /*seen*/) noexcept override {}
  std::vector<int> statuses;
};

class AppTest : public ::testing::Test {
 protected:
  void route(std::function<void(Call, http::Respond)> run) {
    app_.add({{.method = "POST", .path = "/x", .role = std::nullopt, .run = std::move(run)}});
  }
  void ask() {
    http::Request request;
    request.head.method = "POST";
    request.head.target = "/x";
    request.head.id = "r1";
    request.head.fields.emplace_back("content-type", "application/json");
    request.body = "{}";
    app_.handle(std::move(request), [this](http::Response response) { answers_.push_back(response); });
  }

  NoKeys keys_;
  Seen seen_;
  App app_{keys_, system_clock(), seen_};
  std::vector<http::Response> answers_;
};

TEST_F(AppTest, ARequestThatARouteLetsGoOfIsAnsweredAndOver) {
  http::Respond kept;
  route([&](Call /*call*/, http::Respond respond) { kept = std::move(respond); });
  ask();
  EXPECT_EQ(app_.under_way(), 1);
  kept = nullptr;
  EXPECT_EQ(app_.under_way(), 0);
  ASSERT_EQ(answers_.size(), 1);
  EXPECT_EQ(answers_[0].status, 500);
  EXPECT_EQ(answers_[0].tag, "unanswered");
  EXPECT_NE(answers_[0].body.find("urn:holdfast:request:r1"), std::string::npos) << answers_[0].body;
  EXPECT_EQ(seen_.statuses, std::vector{500});
  app_.drain();
  app_.wait_until_idle();
}

TEST_F(AppTest, OnlyTheFirstAnswerCounts) {
  route([](const Call& /*call*/, const http::Respond& respond) {
    respond({.status = 202});
    respond({.status = 200});
  });
  ask();
  ASSERT_EQ(answers_.size(), 1);
  EXPECT_EQ(answers_[0].status, 202);
  EXPECT_EQ(app_.under_way(), 0);
}

}  // namespace
}  // namespace holdfast::server
