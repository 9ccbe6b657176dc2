// The routes against the document: each is in the other, with the same role, query, fields and errors.
#include "server/all_routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>
#include <set>

#include "json/parse_command.h"
#include "server/openapi.h"
#include "server/problem.h"
#include "server/testing/ask.h"
#include "tests/support/watched_ledger.h"

namespace holdfast::server {
namespace {

using namespace holdfast::testing;
using Object = boost::json::object;
using Names = std::set<std::string>;

class Silent final : public Observer {
 public:
  void answered(const RequestSeen& /*seen*/) noexcept override {}
  void sent(const BodySeen& /*seen*/) noexcept override {}
  void decided(const CommandSeen& /*seen*/) noexcept override {}
};

class AllRoutesTest : public ::testing::Test, protected testing::WatchedLedger {
 protected:
  AllRoutesTest() : WatchedLedger(std::chrono::hours(1)) {}
  ~AllRoutesTest() override {
    follower.stop();
    webhooks->stop();
  }

  /// What a reference leads to; others are as they are.
  const Object& resolve(const boost::json::value& node) {
    const auto* at = &node;
    while (const auto* const reference = at->as_object().if_contains("$ref")) {
      at = &document.at_pointer(std::string(reference->as_string()).substr(1));
    }
    return at->as_object();
  }
  const Object* operation_of(const Route& route) {
    auto method = route.method;
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const auto* const path = document.at("paths").as_object().if_contains(route.path);
    const auto* const found = path == nullptr ? nullptr : path->as_object().if_contains(method);
    return found == nullptr ? nullptr : &found->as_object();
  }
  Names parameters(const Object& operation, std::string_view in) {
    Names names;
    for (const auto& each : operation.at("parameters").as_array()) {
      const auto& parameter = resolve(each);
      if (parameter.at("in").as_string() == in) names.emplace(parameter.at("name").as_string());
    }
    return names;
  }
  static Names variables(const std::string& path) {
    Names names;
    for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
      names.insert(path.substr(at + 1, path.find('}', at) - at - 1));
    }
    return names;
  }
  static Names names_of(const boost::json::value& list) {
    Names names;
    for (const auto& each : list.as_array()) names.emplace(each.as_string());
    return names;
  }

  Silent observer;
  Follower follower{ledger, system_clock()};
  EventPages pages{ledger};
  std::unique_ptr<Webhooks> webhooks =
      must(Webhooks::open({*state, ledger, follower, pages, system_clock(), system_random(), {}}));
  Workers workers{1, 10};
  std::vector<Route> routes = all_routes({.ledger = ledger,
                                          .workers = workers,
                                          .clock = system_clock(),
                                          .observer = observer,
                                          .gate = gate,
                                          .follower = follower,
                                          .pages = pages,
                                          .webhooks = *webhooks,
                                          .health = parts});
  const boost::json::value document = boost::json::parse(openapi_document());
};

TEST_F(AllRoutesTest, EveryRouteIsInTheDocumentAndNothingElse) {
  std::size_t documented = 0;
  for (const auto& [path, item] : document.at("paths").as_object()) documented += item.as_object().size();
  EXPECT_EQ(routes.size(), documented);
  for (const auto& route : routes) EXPECT_TRUE(operation_of(route)) << route.method << " " << route.path;
}

TEST_F(AllRoutesTest, TheDocumentSaysWhoMayAskAndWith) {
  for (const auto& route : routes) {
    const auto* const operation = operation_of(route);
    ASSERT_TRUE(operation) << route.path;
    const bool open = operation->contains("security") && operation->at("security").as_array().empty();
    EXPECT_EQ(open, !route.role) << route.path;
    const auto* const words = operation->if_contains("description");
    const auto description = words == nullptr ? std::string() : std::string(words->as_string());
    for (const auto role : {Role::operate, Role::admin}) {
      const bool said = description.find(fmt::format("Role `{}`", to_string(role))) != description.npos;
      EXPECT_EQ(said, route.role == role) << route.method << " " << route.path;
    }
    EXPECT_EQ(parameters(*operation, "query"), Names(route.query.begin(), route.query.end())) << route.path;
    EXPECT_EQ(parameters(*operation, "path"), variables(route.path)) << route.path;
  }
}

TEST_F(AllRoutesTest, EveryErrorHasTheStatusThatItIsAnsweredWith) {
  std::map<std::string, int> statuses;
  for (int i = 1; i < 256; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (status_of(code) != 500) statuses.emplace(to_string(code), status_of(code));
  }
  for (int i = 0; i <= static_cast<int>(Trouble::unanswered); ++i) {
    const auto response = problem(static_cast<Trouble>(i), "", "");
    statuses.emplace(response.tag, response.status);
  }
  Names used;
  for (const auto& route : routes) {
    for (const auto& [status, each] : operation_of(route)->at("responses").as_object()) {
      const auto* const content = resolve(each).if_contains("content");
      const auto* const media =
          content == nullptr ? nullptr : content->as_object().if_contains("application/problem+json");
      if (media == nullptr) continue;
      const auto& codes = media->at_pointer("/schema/allOf/1/properties/code/enum");
      for (const auto& code : names_of(codes)) {
        EXPECT_EQ(std::to_string(statuses.at(code)), std::string(status)) << route.path << " " << code;
        used.insert(code);
      }
    }
  }
  // Those that answer what is no operation, and those that a ledger which is open does not have.
  for (const auto* const other : {"method_not_allowed", "unanswered"}) used.insert(other);
  Names known = names_of(document.at_pointer("/components/schemas/LedgerCode/enum"));
  known.merge(names_of(document.at_pointer("/components/schemas/ServerCode/enum")));
  EXPECT_EQ(used, known);
  for (const auto* const never : {"not_a_ledger", "newer_format", "aborted"}) {
    EXPECT_TRUE(known.insert(never).second) << never;
  }
  const auto all = statuses | std::views::keys;
  EXPECT_EQ(known, Names(all.begin(), all.end()));
}

/// The fields that a reader says it knows, out of its words to one that it does not.
Names fields_read(const Error& error) {
  constexpr std::string_view kKnown = "known are ";
  Names names;
  std::string_view rest(error.message);
  rest.remove_prefix(std::min(rest.find(kKnown), rest.size()));
  rest.remove_prefix(std::min(kKnown.size(), rest.size()));
  while (!rest.empty()) {
    const auto end = std::min(rest.find(", "), rest.size());
    names.emplace(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return names;
}

TEST_F(AllRoutesTest, EveryFieldOfACommandIsInTheDocument) {
  const auto properties = [&](std::string_view schema) {
    Names names;
    const auto& found = document.at_pointer(fmt::format("/components/schemas/{}/properties", schema));
    for (const auto& [name, value] : found.as_object()) names.emplace(name);
    return names;
  };
  std::size_t commands = 0;
  for (const auto& [op, reference] :
       document.at_pointer("/components/schemas/InnerCommand/discriminator/mapping").as_object()) {
    ++commands;
    const std::string name(reference.as_string());
    auto schema = name.substr(name.rfind('/') + 1);
    auto inner = properties(schema);
    inner.insert("actor");  // known, and refused with a word of its own
    EXPECT_EQ(
        fields_read(json::parse_command(fmt::format(R"({{"op":"{}","?":1}})", std::string(op))).error()),
        inner);
    schema.resize(schema.size() - std::string_view("Command").size());
    auto body = properties(schema);
    body.insert("actor");
    auto read = fields_read(json::parse_command(R"({"?":1})", std::string_view(op)).error());
    EXPECT_EQ(read.erase("on_error"), op == "atomic" ? 1U : 0U) << "only a nested one is a savepoint";
    EXPECT_EQ(read, body);
  }
  EXPECT_EQ(commands, std::variant_size_v<Operation>);
}

TEST_F(AllRoutesTest, NoCommandIsTakenWhileALawIsBroken) {
  gate.law_broken("law conservation: 1 EUR too much");
  for (const auto& route : routes) {
    if (route.method != "POST" || route.path.starts_with("/v1/webhooks")) continue;
    const auto response = testing::post(routes, route.path, "{}");
    EXPECT_EQ(response.status, 503) << route.path;
    EXPECT_EQ(response.tag, "corrupt");
  }
  EXPECT_EQ(testing::get(routes, "/v1/status").status, 200);
}

/// A regression: it was answered as a command that is not valid.
TEST_F(AllRoutesTest, TheReplayOfAWebhookThatIsNotThereIsNotFound) {
  Call call;
  call.request.head.id = "r1";
  call.request.body = R"({"after":0})";
  call.path = {"none"};
  const auto& route = testing::route_of(routes, "POST", "/v1/webhooks/{name}/replay");
  const auto response = testing::ask(route, call);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(testing::text_at(response, "/code"), "not_found");
  call.request.body = R"({"after":-1})";
  EXPECT_EQ(testing::ask(route, call).status, 400);
}

}  // namespace
}  // namespace holdfast::server
