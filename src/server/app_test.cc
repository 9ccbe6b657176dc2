#include "server/app.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/testing/ask.h"

namespace holdfast::server {
namespace {

class NoKeys final : public KeyRing {
 public:
  [[nodiscard]] std::optional<Caller> find(std::string_view /*key*/) const override { return std::nullopt; }
};

class Seen final : public Observer {
 public:
  void answered(const RequestSeen& seen) noexcept override { statuses.push_back(seen.status); }
  void sent(const BodySeen& seen) noexcept override {
    bodies.push_back(std::string(to_string(seen.end)) + " " + std::to_string(seen.bytes) + " of " +
                     std::string(seen.route) + " for " + seen.head.id + ": " + std::string(seen.why));
  }
  void decided(const CommandSeen& /*seen*/) noexcept override {}
  std::vector<std::string> bodies;
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

// ---- bodies that are sent while they are made ---------------------------------------------------

using Piece = std::optional<std::string>;

/// Owes its pieces to the test.
class OwingBody final : public http::BodySource {
 public:
  void next(std::function<void(Piece)> give) override { owed = std::move(give); }
  [[nodiscard]] std::string why() const override { return "the disk is gone"; }
  std::function<void(Piece)> owed;
};

class BodyTest : public AppTest {
 protected:
  BodyTest() {
    route([this](const Call& /*call*/, const http::Respond& respond) {
      http::Response response;
      response.source = body_;
      respond(std::move(response));
    });
    ask();
    source_ = std::move(answers_.at(0).source);
  }
  void ask_for_a_piece() {
    source_->next([this](Piece piece) { pieces_.push_back(std::move(piece)); });
  }

  const std::shared_ptr<OwingBody> body_ = std::make_shared<OwingBody>();
  std::shared_ptr<http::BodySource> source_;
  std::vector<Piece> pieces_;
};

TEST_F(BodyTest, AtItsEndItIsToldAsWhole) {
  EXPECT_EQ(seen_.statuses, std::vector{200}) << "with its head";
  ask_for_a_piece();
  body_->owed("seven b");
  ask_for_a_piece();
  EXPECT_TRUE(seen_.bodies.empty());
  body_->owed(std::nullopt);
  body_->owed = nullptr;
  source_.reset();
  EXPECT_EQ(pieces_, (std::vector<Piece>{"seven b", std::nullopt}));
  EXPECT_EQ(seen_.bodies, std::vector<std::string>{"whole 7 of /x for r1: "});
}

TEST_F(BodyTest, WhatLetsGoOfAPieceIsToldAsCutOffAndWhy) {
  ask_for_a_piece();
  body_->owed("abc");
  ask_for_a_piece();
  body_->owed = nullptr;
  EXPECT_EQ(seen_.bodies, std::vector<std::string>{"cut_off 3 of /x for r1: the disk is gone"});
  source_.reset();
  EXPECT_EQ(seen_.bodies.size(), 1U);
}

TEST_F(BodyTest, WhatTheConnectionDropsIsToldAsLeft) {
  ask_for_a_piece();
  body_->owed("abc");
  ask_for_a_piece();
  source_.reset();
  EXPECT_EQ(seen_.bodies, std::vector<std::string>{"left 3 of /x for r1: "});
  body_->owed("too late");
  body_->owed = nullptr;
  EXPECT_EQ(seen_.bodies.size(), 1U);
}

TEST_F(BodyTest, WhatIsNotBegunHasNoEnd) {
  source_.reset();  // as for HEAD
  EXPECT_TRUE(seen_.bodies.empty());
}

// ---- which route, and who asks ------------------------------------------------------------------

/// Three keys, each of the name of its role.
class ThreeKeys final : public KeyRing {
 public:
  [[nodiscard]] std::optional<Caller> find(std::string_view key) const override {
    const auto role = parse_role(key);
    return role ? std::optional(Caller{std::string(key), *role}) : std::nullopt;
  }
};

/// Keeps what it is told.
class Told final : public Observer {
 public:
  struct One {
    std::string route, key, code, problem;
    int status = 0;
    std::size_t body_bytes = 0;
  };
  void answered(const RequestSeen& seen) noexcept override {
    all.push_back({std::string(seen.route), std::string(seen.key), std::string(seen.code),
                   std::string(seen.problem), seen.status, seen.body_bytes});
  }
  void sent(const BodySeen& /*seen*/) noexcept override {}
  void decided(const CommandSeen& /*seen*/) noexcept override {}
  std::vector<One> all;
};

/// Some routes that answer with what they were asked: `PATH NAMES… QUERY…`.
class RoutingTest : public ::testing::Test {
 protected:
  RoutingTest() {
    add("GET", "/v1/things", Role::read, {"q", "after"});
    add("POST", "/v1/things", Role::operate);
    add("GET", "/v1/things/{thing}", Role::read);
    add("GET", "/v1/things/known", Role::admin);
    add("DELETE", "/v1/things/{thing}", Role::admin);
    add("GET", "/v1/things/{thing}/parts/{part}", Role::read);
    add("GET", "/open", std::nullopt);
  }
  void add(std::string method, std::string path, std::optional<Role> role,
           std::vector<std::string> query = {}) {
    app_.add({{.method = std::move(method),
               .path = path,
               .role = role,
               .query = std::move(query),
               .run = [path](const Call& call, const http::Respond& respond) {
                 http::Response response;
                 response.body = path;
                 for (const auto& name : call.path) response.body += " " + name;
                 for (const auto& [name, value] : call.query) response.body += " " + name + "=" + value;
                 response.body += call.caller.key.empty() ? "" : " by " + call.caller.key;
                 respond(std::move(response));
               }}});
  }
  static http::Head head(std::string method, std::string target, std::string authorization = "Bearer admin") {
    http::Head head;
    head.method = std::move(method);
    head.target = std::move(target);
    head.id = "r1";
    if (!authorization.empty()) head.fields.emplace_back("authorization", std::move(authorization));
    return head;
  }
  /// As a connection does: the head first, and the body only where that is not answered.
  http::Response ask(http::Head head, std::string body = {}) {
    if (!body.empty()) head.fields.emplace_back("content-type", "application/json");
    if (auto early = app_.check_head(head)) return *early;
    std::optional<http::Response> answer;
    app_.handle({std::move(head), std::move(body)}, [&](http::Response given) { answer = std::move(given); });
    return *answer;
  }
  std::string code(const http::Head& head) { return std::string(ask(head).tag); }

  ThreeKeys keys_;
  Told told_;
  App app_{keys_, system_clock(), told_, {.most_requests = 2, .most_body_bytes = 10}};
};

TEST_F(RoutingTest, APathThatIsWrittenOutGoesBeforeAVariable) {
  EXPECT_EQ(ask(head("GET", "/v1/things/other")).body, "/v1/things/{thing} other by admin");
  EXPECT_EQ(ask(head("GET", "/v1/things/known")).body, "/v1/things/known by admin");
  EXPECT_EQ(ask(head("GET", "/v1/things/a/parts/b")).body, "/v1/things/{thing}/parts/{part} a b by admin");
}

TEST_F(RoutingTest, NamesAreDecodedAfterThePathIsSplit) {
  EXPECT_EQ(ask(head("GET", "/v1/things/a%2Fb%20c")).body, "/v1/things/{thing} a/b c by admin");
  EXPECT_EQ(ask(head("GET", "/v1/things?q=a+b%26&after=")).body, "/v1/things after= q=a b& by admin");
}

TEST_F(RoutingTest, WhatIsNotThereIsNotFound) {
  for (const auto* const target : {"/", "/v1", "/v1/things/", "/v1/things/a/parts", "/v1/Things",
                                   "/v2/things", "/v1//things", "/v1/things/a/parts/b/c", "/open/"}) {
    const auto response = ask(head("GET", target));
    EXPECT_EQ(response.status, 404) << target;
    EXPECT_EQ(response.tag, "not_found");
  }
  EXPECT_NE(ask(head("GET", "/v2/things?q=secret")).body.find("there is no /v2/things\""), std::string::npos);
}

TEST_F(RoutingTest, AnotherMethodIsToldThoseThatThereAre) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"PUT", "/v1/things", "GET, HEAD, POST"},      {"DELETE", "/v1/things", "GET, HEAD, POST"},
      {"POST", "/v1/things/a", "GET, HEAD, DELETE"}, {"OPTIONS", "/open", "GET, HEAD"},
      {"DELETE", "/v1/things/known", "GET, HEAD"},   {"get", "/open", "GET, HEAD"},
      {"POST", "/v1/things/a/parts/b", "GET, HEAD"},
  };
  for (const auto& [method, target, allowed] : cases) {
    const auto response = ask(head(method, target, ""));
    EXPECT_EQ(response.status, 405) << method << " " << target;
    EXPECT_EQ(testing::field_of(response, "Allow"), allowed) << method << " " << target;
  }
}

TEST_F(RoutingTest, HeadIsAnsweredAsGetIs) {
  EXPECT_EQ(ask(head("HEAD", "/v1/things/a")).body, "/v1/things/{thing} a by admin");
  EXPECT_EQ(ask(head("HEAD", "/v1/things/a", "")).status, 401);
}

TEST_F(RoutingTest, EachRoleMayWhatThoseBeforeItMay) {
  const auto may = [&](std::string_view role, const char* method, const char* target) {
    const auto status = ask(head(method, target, "Bearer " + std::string(role)),
                            std::string_view(method) == "POST" ? "{}" : "")
                            .status;
    EXPECT_TRUE(status == 200 || status == 403) << status;
    return status == 200;
  };
  for (const auto* const role : {"read", "operate", "admin"}) {
    EXPECT_TRUE(may(role, "GET", "/v1/things"));
    EXPECT_TRUE(may(role, "GET", "/open"));
    EXPECT_EQ(may(role, "POST", "/v1/things"), role != std::string_view("read"));
    EXPECT_EQ(may(role, "GET", "/v1/things/known"), role == std::string_view("admin"));
    EXPECT_EQ(may(role, "DELETE", "/v1/things/a"), role == std::string_view("admin"));
  }
  const auto refused = ask(head("GET", "/v1/things/known", "Bearer read"));
  EXPECT_NE(refused.body.find("has the role read: this needs admin"), std::string::npos) << refused.body;
}

TEST_F(RoutingTest, WhoAsksIsWhoseKeyItIs) {
  for (const auto* const none : {"", "admin", "Basic admin", "Bearer", "Bearer ", "Bearer stranger",
                                 "Bearer  admin", "Bearer admin, Bearer admin"}) {
    const auto response = ask(head("GET", "/v1/things", none));
    EXPECT_EQ(response.status, 401) << none;
    EXPECT_EQ(testing::field_of(response, "WWW-Authenticate"), "Bearer realm=\"holdfast\"");
  }
  EXPECT_EQ(ask(head("GET", "/v1/things", "bEARER read")).body, "/v1/things by read");
  EXPECT_EQ(ask(head("GET", "/open", "Bearer stranger")).body, "/open") << "it is for everyone";
}

TEST_F(RoutingTest, ARequestThatCannotBeReadIsRefusedBeforeItsBody) {
  EXPECT_EQ(code(head("GET", "*")), "bad_request");
  EXPECT_EQ(code(head("GET", "/v1/things/%zz")), "bad_request");
  EXPECT_EQ(code(head("GET", "/v1/things?q=%")), "bad_request");
  EXPECT_EQ(code(head("GET", "/v1/things?Q=1")), "bad_request");
  EXPECT_EQ(code(head("GET", "/v1/things?q=1&q=2")), "bad_request");
  EXPECT_EQ(code(head("GET", "/open?q=1")), "bad_request");
  // Who may not ask is not told what is wrong.
  EXPECT_EQ(code(head("GET", "/v1/things?Q=1", "")), "unauthorized");
}

TEST_F(RoutingTest, ABodyIsJson) {
  const auto status = [&](std::string type) {
    auto with = head("POST", "/v1/things");
    if (!type.empty()) with.fields.emplace_back("content-type", std::move(type));
    const auto early = app_.check_head(with);
    return early ? early->status : 200;
  };
  EXPECT_EQ(status("application/json"), 200);
  EXPECT_EQ(status("Application/JSON; charset=utf-8"), 200);
  EXPECT_EQ(status("application/json ;x"), 200);
  EXPECT_EQ(status(""), 415);
  EXPECT_EQ(status("text/json"), 415);
  EXPECT_EQ(status("application/jsonx"), 415);
  EXPECT_EQ(status("application/x-www-form-urlencoded"), 415);
}

TEST_F(RoutingTest, MoreThanItTakesIsRefused) {
  std::vector<http::Respond> waiting;
  app_.add({{.method = "POST", .path = "/slow", .run = [&](Call /*call*/, http::Respond respond) {
               waiting.push_back(std::move(respond));
             }}});
  const auto begin = [&](std::string body) {
    std::optional<http::Response> answer;
    auto with = head("POST", "/slow");
    with.fields.emplace_back("content-type", "application/json");
    app_.handle({with, std::move(body)}, [&, kept = std::make_shared<int>()](http::Response given) {
      if (given.status != 200) answer = std::move(given);
    });
    return answer;
  };
  EXPECT_FALSE(begin("12345"));
  EXPECT_FALSE(begin("12345"));
  EXPECT_EQ(code(head("GET", "/v1/things")), "overloaded");
  EXPECT_EQ(ask(head("GET", "/open")).status, 200) << "what tells how it does is always answered";
  const auto refused = begin("1");
  ASSERT_TRUE(refused) << "eleven bytes of bodies at once";
  EXPECT_EQ(refused->tag, "overloaded");
  EXPECT_EQ(testing::field_of(*refused, "Retry-After"), "1");
  for (auto& each : waiting) each({});
  EXPECT_EQ(app_.under_way(), 0U);
  EXPECT_EQ(ask(head("GET", "/v1/things")).status, 200) << "there is room again";
  EXPECT_FALSE(begin("1234567890"));
  waiting.back()({});
}

TEST_F(RoutingTest, WhileItStopsNothingMoreIsTaken) {
  http::Respond waiting;
  app_.add({{.method = "GET", .path = "/slow", .run = [&](Call /*call*/, http::Respond respond) {
               waiting = std::move(respond);
             }}});
  app_.handle({head("GET", "/slow"), {}}, [](const http::Response&) {});
  app_.drain();
  const auto refused = ask(head("GET", "/v1/things"));
  EXPECT_EQ(refused.tag, "draining");
  EXPECT_TRUE(refused.close);
  EXPECT_EQ(ask(head("GET", "/open")).status, 200);
  std::thread idle([&] { app_.wait_until_idle(); });
  waiting({});
  idle.join();
  EXPECT_EQ(app_.under_way(), 0U);
}

TEST_F(RoutingTest, EveryAnswerIsTold) {
  ask(head("GET", "/v1/things/a?secret", "Bearer read"));
  ask(head("POST", "/v1/things"), "[1,2]");
  ask(head("GET", "/nowhere"));
  (void)app_.broken(431, "the head is too large", "r2");
  ASSERT_EQ(told_.all.size(), 4U);
  EXPECT_EQ(told_.all[0].code, "bad_request");
  EXPECT_NE(told_.all[0].problem.find("unknown here"), std::string::npos);
  EXPECT_EQ(told_.all[1].route, "/v1/things");
  EXPECT_EQ(told_.all[1].key, "admin");
  EXPECT_EQ(told_.all[1].status, 200);
  EXPECT_EQ(told_.all[1].body_bytes, 5U);
  EXPECT_EQ(told_.all[1].problem, "");
  EXPECT_EQ(told_.all[2].route, "");
  EXPECT_EQ(told_.all[2].status, 404);
  EXPECT_EQ(told_.all[3].code, "head_too_large");
}

}  // namespace
}  // namespace holdfast::server
