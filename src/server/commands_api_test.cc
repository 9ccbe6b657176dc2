// Commands over HTTP, on a real ledger.
#include "server/commands_api.h"

#include <gtest/gtest.h>

#include <mutex>

#include "json/render.h"
#include "server/testing/ask.h"
#include "server/testing/full_workers.h"
#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

using namespace holdfast::testing;
using testing::body_of;
using testing::Fields;
using testing::post;
using testing::text_at;

class Told final : public Observer {
 public:
  void answered(const RequestSeen& /*seen*/) noexcept override {}
  void sent(const BodySeen& /*seen*/) noexcept override {}
  void decided(const CommandSeen& seen) noexcept override {
    const std::scoped_lock hold(mutex_);
    all_.push_back(fmt::format("{} {} {}{}", seen.op, seen.refused ? to_string(*seen.refused) : "done",
                               seen.escrows, seen.replayed ? " replayed" : ""));
  }
  std::vector<std::string> take() {
    const std::scoped_lock hold(mutex_);
    return std::exchange(all_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
};

class CommandsApiTest : public ::testing::Test {
 protected:
  CommandsApiTest() { stock(ledger); }

  std::vector<Route> routes(CommandsApiOptions options = {}) {
    return command_routes(ledger, workers, system_clock(), told, [this] { events.fetch_add(1); }, options);
  }
  http::Response command(std::string_view path, std::string body, Fields fields = {},
                         Role role = Role::operate) {
    return post(routes(), path, std::move(body), std::move(fields), role);
  }
  http::Response hold_of(const std::string& key, std::int64_t amount = 1'000, std::string group = {}) {
    group = group.empty() ? "" : fmt::format(R"(,"group":"{}")", group);
    return command(
        "/v1/escrows",
        fmt::format(R"({{"payer":"alice","beneficiary":"shop","amount":{},"fee_plan":"standard"{},)"
                    R"("key":"{}"}})",
                    amount, group, key));
  }

  TemporaryDirectory directory;
  Told told;
  std::atomic<int> events = 0;
  Workers workers{2, 16};
  Ledger ledger{open_ledger(directory.path())};  // goes first: it finishes what was submitted
};

TEST_F(CommandsApiTest, EveryPathIsItsCommand) {
  const std::pair<const char*, const char*> all[] = {
      {"/v1/accounts", "open_account"},
      {"/v1/account-closings", "close_account"},
      {"/v1/fee-plans", "define_fee_plan"},
      {"/v1/deposits", "deposit"},
      {"/v1/withdrawals", "withdraw"},
      {"/v1/transfers", "transfer"},
      {"/v1/escrows", "hold"},
      {"/v1/reschedules", "reschedule"},
      {"/v1/releases", "release"},
      {"/v1/refunds", "refund"},
      {"/v1/freezes", "freeze"},
      {"/v1/resolutions", "resolve"},
      {"/v1/group-closings", "close_group"},
      {"/v1/group-reopenings", "reopen_group"},
      {"/v1/atomics", "atomic"},
  };
  EXPECT_EQ(routes().size(), std::size(all) + 1) << "and /v1/commands";
  for (const auto& [path, op] : all) {
    const auto response = command(path, R"({"nobody":1})");
    EXPECT_EQ(response.status, 400);
    EXPECT_TRUE(text_at(response, "/detail").starts_with(fmt::format("{}: field \"nobody\"", op)))
        << response.body;
    EXPECT_EQ(routes().size(), std::size(all) + 1);
    const auto needed = std::string_view(op) == "define_fee_plan" ? Role::admin : Role::operate;
    EXPECT_EQ(testing::route_of(routes(), "POST", path).role, needed) << path;
  }
}

TEST_F(CommandsApiTest, AnAnswerIsTheOneOfTheCommandLine) {
  const auto response = hold_of("h1");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/json");
  const auto body = body_of(response);
  EXPECT_EQ(body.at("ok").as_bool(), true);
  EXPECT_EQ(body.at("result"), boost::json::parse(R"({"escrow":1})"));
  EXPECT_EQ(held(ledger, "alice"), 1'000) << "durable when it is answered";
  const auto dry = command("/v1/releases", R"({"escrows":["h1"],"dry_run":true})");
  EXPECT_TRUE(body_of(dry).at("event_id").is_null());
  EXPECT_EQ(body_of(dry).at_pointer("/result/totals/0/net").as_int64(), 920);
  EXPECT_EQ(held(ledger, "alice"), 1'000);
}

TEST_F(CommandsApiTest, IdempotencyKeyIsTheKeyOfTheBody) {
  const std::string body = R"({"account":"alice","amount":5})";
  const auto first = command("/v1/deposits", body, {{"idempotency-key", "d1"}});
  ASSERT_EQ(first.status, 200) << first.body;
  const auto again = command("/v1/deposits", R"({"account":"alice","amount":5,"key":"d1"})");
  EXPECT_TRUE(body_of(again).at("replayed").as_bool());
  EXPECT_EQ(body_of(again).at("seq"), body_of(first).at("seq"));
  const auto both =
      command("/v1/deposits", R"({"account":"alice","amount":5,"key":"d1"})", {{"idempotency-key", "d1"}});
  EXPECT_TRUE(body_of(both).at("replayed").as_bool());
  EXPECT_EQ(available(ledger, "alice"), 100'005);

  const auto differ =
      command("/v1/deposits", R"({"account":"alice","amount":5,"key":"d2"})", {{"idempotency-key", "d1"}});
  EXPECT_EQ(differ.status, 400);
  EXPECT_EQ(body_of(differ).at("fields"), boost::json::parse(R"(["key"])"));
  EXPECT_EQ(command("/v1/deposits", body, {{"idempotency-key", ""}}).status, 400);
  EXPECT_EQ(command("/v1/deposits", body, {{"idempotency-key", "d3"}, {"idempotency-key", "d4"}}).status, 400)
      << "joined as a field that comes twice is, it has a space";
  const auto conflict = command("/v1/deposits", R"({"account":"alice","amount":6,"key":"d1"})");
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(text_at(conflict, "/code"), "idempotency_conflict");
  EXPECT_EQ(body_of(conflict).at("fields"), boost::json::parse(R"(["amount"])"));
}

TEST_F(CommandsApiTest, TheActorIsWhoseKeyItIs) {
  ASSERT_EQ(hold_of("h1").status, 200);
  EXPECT_EQ(must(ledger.events(Seq(), 100)).rows.back().actor, "shop");
  const auto refused = command("/v1/freezes", R"({"escrow":"h1","actor":"admin"})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(body_of(refused).at("fields"), boost::json::parse(R"(["actor"])"));
  const auto inside =
      command("/v1/atomics", R"({"commands":[{"op":"freeze","escrow":"h1"},{"op":"atomic","commands":[)"
                             R"({"op":"freeze","escrow":"h1","actor":"x"}]}]})");
  EXPECT_EQ(inside.status, 400);
  EXPECT_EQ(body_of(inside).at("path"), boost::json::parse("[1,0]"));
  EXPECT_EQ(status(ledger, "h1"), EscrowStatus::locked);
}

TEST_F(CommandsApiTest, FeePlansAreDefinedByAdminsOnly) {
  const std::string plan =
      R"({"op":"define_fee_plan","fee_plan":"p","currency":"EUR","commission":{"rate":"0"},)"
      R"("processor_fee":{"rate":"0"}})";
  const auto atomics = fmt::format(R"({{"commands":[{{"op":"atomic","commands":[{}]}}]}})", plan);
  const auto commands = fmt::format(R"({{"commands":[{{"op":"close_group","group":"g"}},{}]}})", plan);
  for (const auto& [path, body] : {std::pair("/v1/atomics", atomics), std::pair("/v1/commands", commands)}) {
    const auto refused = command(path, body);
    EXPECT_EQ(refused.status, 403) << refused.body;
    EXPECT_EQ(text_at(refused, "/code"), "forbidden");
  }
  EXPECT_EQ(must_fail(ledger.group("g")).code, ErrorCode::group_not_found) << "all of them, or none";
  for (const auto& [path, body] : {std::pair("/v1/atomics", atomics), std::pair("/v1/commands", commands)}) {
    EXPECT_EQ(command(path, body, {}, Role::admin).status, 200) << path;
  }
}

TEST_F(CommandsApiTest, ARejectionIsAProblem) {
  ASSERT_EQ(hold_of("h1").status, 200);
  const std::tuple<const char*, const char*, int, const char*> cases[] = {
      {"/v1/deposits", R"({"account":"nobody","amount":5,"key":"k"})", 404, "account_not_found"},
      {"/v1/deposits", R"({"account":"alice","amount":0,"key":"k"})", 422, "amount_out_of_range"},
      {"/v1/deposits", R"({"account":"alice","amount":5})", 400, "invalid_command"},
      {"/v1/deposits", R"([])", 400, "invalid_command"},
      {"/v1/deposits", "", 400, "invalid_command"},
      {"/v1/withdrawals", R"({"account":"alice","amount":500000,"key":"k"})", 422, "insufficient_funds"},
      {"/v1/accounts", R"({"account":"alice","currency":"JPY","kind":"user"})", 409, "account_exists"},
      {"/v1/releases", R"({"escrows":["h1","none"]})", 404, "escrow_not_found"},
      {"/v1/releases", R"({"escrows":["h1","h1"]})", 422, "duplicate_item"},
      {"/v1/resolutions", R"({"escrow":"h1","to_payer":0,"to_beneficiary":0,"key":"k"})", 409, "not_frozen"},
  };
  const auto before = must(ledger.status()).seq;
  for (const auto& [path, body, status, code] : cases) {
    const auto response = command(path, body);
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(text_at(response, "/code"), code);
    EXPECT_EQ(text_at(response, "/instance"), "urn:holdfast:request:r1");
  }
  EXPECT_EQ(must(ledger.status()).seq, before);
}

TEST_F(CommandsApiTest, EachOfManyHasItsAnswerInItsPlace) {
  const auto response = command(
      "/v1/commands",
      R"({"commands":[{"op":"hold","key":"h1","payer":"alice","beneficiary":"shop","amount":100,"fee_plan":"standard"},)"
      R"({"op":"nothing"},{"op":"release","escrows":["h1"]},{"op":"release","escrows":["h1"]},)"
      R"({"op":"freeze","escrow":"h1","actor":"me"},{"op":"refund","group":"g","mode":"skip","chunk":5,"key":"c"}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  const auto answers = body_of(response).at("answers").as_array();
  ASSERT_EQ(answers.size(), 6U);
  EXPECT_EQ(answers[0].at_pointer("/result/escrow").as_int64(), 1);
  EXPECT_EQ(answers[1].at_pointer("/error/code").as_string(), "invalid_command");
  EXPECT_EQ(answers[2].at_pointer("/result/totals/0/escrows").as_int64(), 1);
  EXPECT_EQ(answers[3].at_pointer("/error/code").as_string(), "escrow_not_locked");
  EXPECT_EQ(answers[4].at_pointer("/error/details/fields/0").as_string(), "actor");
  EXPECT_EQ(answers[5].at("ok").as_bool(), true);
}

/// Holds and releases in turn: out of order the releases would find nothing.
std::string in_turn(int pairs, std::string_view more = {}) {
  std::string text;
  for (int i = 0; i < pairs; ++i) {
    text += fmt::format(
        R"({}{{"op":"hold","key":"h{}","payer":"alice","beneficiary":"shop","amount":100,"fee_plan":"standard"}},)"
        R"({{"op":"release","escrows":["h{}"]}})",
        i == 0 ? "" : ",", i, i);
  }
  return fmt::format(R"({{"commands":[{}]{}}})", text, more);
}

int accepted(const http::Response& response) {
  int count = 0;
  const auto body = body_of(response);
  for (const auto& answer : body.at("answers").as_array()) count += answer.at("ok").as_bool() ? 1 : 0;
  return count;
}

TEST_F(CommandsApiTest, ManyAreDecidedInTheirOrderOnEveryStore) {
  for (const bool by_itself : {true, false}) {
    const auto list = in_turn(100);
    const auto response = post(routes({.decides_in_order = by_itself}), "/v1/commands", list);
    EXPECT_EQ(accepted(response), by_itself ? 200 : 100) << "the second time the holds are replays";
  }
  EXPECT_EQ(accepted(command("/v1/commands", in_turn(10, R"(,"ordered":false)"))), 10);
}

TEST_F(CommandsApiTest, AChunkedOneOfManyRunsAlone) {
  ASSERT_EQ(hold_of("g1", 100, "g").status, 200);
  ASSERT_EQ(hold_of("g2", 100, "g").status, 200);
  const auto response = command(
      "/v1/commands",
      R"({"commands":[{"op":"hold","key":"g3","payer":"bob","beneficiary":"shop","amount":100,"fee_plan":"standard","group":"g"},)"
      R"({"op":"release","group":"g","mode":"skip","chunk":1,"key":"c"},)"
      R"({"op":"freeze","escrow":"g3"}]})");
  const auto answers = body_of(response).at("answers").as_array();
  EXPECT_EQ(answers.at(1).at_pointer("/result/totals/0/escrows").as_int64(), 3) << response.body;
  EXPECT_EQ(answers.at(2).at_pointer("/error/code").as_string(), "escrow_not_locked");
}

TEST_F(CommandsApiTest, WhatIsNoListOfCommands) {
  for (const auto* const body : {"", "[]", "{}", R"({"commands":[]})", R"({"commands":{}})",
                                 R"({"commands":[{}],"ordered":1})", R"({"commands":[{}],"more":1})"}) {
    EXPECT_EQ(command("/v1/commands", body).status, 400) << body;
  }
  const auto keyed = command("/v1/commands", in_turn(1), {{"idempotency-key", "k"}});
  EXPECT_EQ(keyed.status, 400);
  EXPECT_EQ(must_fail(ledger.escrow(ref("h0"))).code, ErrorCode::escrow_not_found);
}

TEST_F(CommandsApiTest, MoreThanMayBeUnderWayAreRefusedTogether) {
  const auto few = routes({.most_commands = 2});
  const auto refused = post(few, "/v1/commands", in_turn(2));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(text_at(refused, "/code"), "overloaded");
  EXPECT_EQ(must_fail(ledger.escrow(ref("h0"))).code, ErrorCode::escrow_not_found);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(post(few, "/v1/commands", in_turn(1)).status, 200) << "there is room again";
  }
}

TEST_F(CommandsApiTest, WhatWasDecidedIsTold) {
  told.take();
  events = 0;
  (void)hold_of("h1");
  (void)hold_of("h1");
  (void)command("/v1/releases", R"({"escrows":["h1"],"dry_run":true})");
  (void)command("/v1/releases", R"({"escrows":["h1"]})");
  (void)command("/v1/releases", R"({"escrows":["h1"]})");
  (void)command("/v1/releases", R"({"escrows":"h1"})");
  (void)command("/v1/commands", R"({"commands":[{"op":"x"},{"op":"freeze","escrow":"h1"}],"ordered":true})");
  EXPECT_EQ(told.take(), (std::vector<std::string>{
                             "hold done 1", "hold done 1 replayed", "release done 1", "release done 1",
                             "release escrow_not_locked 0", "release invalid_command 0",
                             "unreadable invalid_command 0", "freeze escrow_not_locked 0"}));
  EXPECT_EQ(events.load(), 2) << "a replay, a dry run and a rejection make no event";
}

TEST_F(CommandsApiTest, ALongBodyIsReadElsewhereAndRefusedWhereThereIsNoRoom) {
  std::string list;
  for (int i = 0; i < 40'000; ++i) list += fmt::format("{}{}", i == 0 ? "" : ",", 1'000'000 + i);
  const auto body = fmt::format(R"({{"escrows":[{}]}})", list);
  ASSERT_GT(body.size(), std::size_t{256} << 10);
  EXPECT_EQ(command("/v1/releases", body).status, 413) << "more than a list has";

  const testing::FullWorkers full(workers, 2, 16);
  EXPECT_EQ(text_at(command("/v1/releases", body), "/code"), "overloaded");
  const auto chunked = command("/v1/releases", R"({"group":"g","mode":"skip","chunk":5,"key":"c"})");
  EXPECT_EQ(text_at(chunked, "/code"), "busy") << "it takes long, so it runs on a worker";
}

}  // namespace
}  // namespace holdfast::server
