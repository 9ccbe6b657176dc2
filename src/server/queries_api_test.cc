// Questions over HTTP, on a real ledger.
#include "server/queries_api.h"

#include <gtest/gtest.h>

#include <fstream>
#include <latch>

#include "json/render.h"
#include "server/testing/ask.h"
#include "server/testing/full_workers.h"
#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

using namespace holdfast::testing;
using testing::body_of;
using testing::field_of;
using testing::text_at;
using Query = std::map<std::string, std::string>;

class QueriesApiTest : public ::testing::Test {
 protected:
  QueriesApiTest() {
    stock(ledger());
    for (int i = 0; i < 7; ++i) {
      run(ledger(), hold("h" + std::to_string(i), i % 2 == 0 ? "alice" : "bob", "shop", 1'000, "fair"));
    }
    run(ledger(), release({"h0", "h1"}));
    run(ledger(), refund({"h2"}));
    run(ledger(), freeze("h3"));
  }

  Ledger& ledger() { return *ledger_; }
  http::Response get(std::string_view route, std::vector<std::string> path = {}, Query query = {},
                     testing::Fields fields = {}) {
    return testing::get(query_routes(ledger(), workers), route, std::move(path), std::move(query),
                        std::move(fields));
  }
  /// All rows, a page of `limit` after the other.
  std::vector<std::string> all(std::string_view route, std::vector<std::string> path, Query query) {
    std::vector<std::string> rows;
    while (true) {
      const auto response = get(route, path, query);
      EXPECT_EQ(response.status, 200) << response.body;
      const auto body = body_of(response);
      for (const auto& row : body.at("rows").as_array()) rows.push_back(boost::json::serialize(row));
      const auto& next = body.at("next");
      if (next.is_null()) return rows;
      query["after"] =
          next.is_string() ? std::string(next.as_string()) : std::to_string(next.to_number<std::uint64_t>());
    }
  }
  /// The pieces of a body; none where it was cut off.
  static std::optional<std::string> read(const http::Response& response) {
    std::string text;
    while (true) {
      auto promise = std::make_shared<std::promise<std::optional<std::string>>>();
      auto piece = promise->get_future();
      response.source->next([promise = std::move(promise)](std::optional<std::string> given) {
        promise->set_value(std::move(given));
      });
      try {
        auto given = piece.get();
        if (!given) return text;
        EXPECT_FALSE(given->empty());
        text += *given;
      } catch (const std::future_error&) {
        return std::nullopt;  // it was let go of
      }
    }
  }

  TemporaryDirectory directory;
  Workers workers{2, 4};

 private:
  std::optional<Ledger> ledger_{open_ledger(directory.path())};
};

TEST_F(QueriesApiTest, PagesJoinToAllRowsWhateverTheirSize) {
  const std::tuple<const char*, std::vector<std::string>, Query> lists[] = {
      {"/v1/accounts", {}, {}},
      {"/v1/escrows", {}, {}},
      {"/v1/escrows", {}, {{"group", "fair"}}},
      {"/v1/escrows", {}, {{"payer", "alice"}, {"status", "LOCKED"}}},
      {"/v1/escrows", {}, {{"beneficiary", "shop"}}},
      {"/v1/groups", {}, {}},
      {"/v1/accounts/{account}/statement", {"alice"}, {}},
  };
  const std::size_t sizes[] = {6, 7, 7, 2, 7, 1, 12};
  std::size_t i = 0;
  for (const auto& [route, path, query] : lists) {
    auto whole = query;
    whole["limit"] = "1000";
    const auto expected = all(route, path, whole);
    EXPECT_EQ(expected.size(), sizes[i++]) << route;
    for (const auto* const limit : {"1", "2", "3"}) {
      auto pages = query;
      pages["limit"] = limit;
      EXPECT_EQ(all(route, path, pages), expected) << route << " by " << limit;
    }
  }
}

TEST_F(QueriesApiTest, OneOfAKind) {
  EXPECT_EQ(get("/v1/accounts/{account}", {"alice"}).body, json::to_json(must(ledger().account("alice"))));
  EXPECT_EQ(get("/v1/escrows/{escrow}", {"h0"}).body, json::to_json(must(ledger().escrow(ref("h0")))));
  EXPECT_EQ(get("/v1/escrows/{escrow}", {"1"}).body, get("/v1/escrows/{escrow}", {"h0"}).body);
  EXPECT_EQ(get("/v1/groups/{group}", {"fair"}).body, json::to_json(must(ledger().group("fair"))));
  EXPECT_EQ(get("/v1/status").body, json::to_json(must(ledger().status())));
  const std::tuple<const char*, const char*, const char*> missing[] = {
      {"/v1/accounts/{account}", "carol", "account_not_found"},
      {"/v1/accounts/{account}", "", "account_not_found"},
      {"/v1/accounts/{account}", "\xff", "account_not_found"},
      {"/v1/accounts/{account}/statement", "carol", "account_not_found"},
      {"/v1/escrows/{escrow}", "99", "escrow_not_found"},
      {"/v1/escrows/{escrow}", "0", "escrow_not_found"},
      {"/v1/escrows/{escrow}", "99999999999999999999", "escrow_not_found"},
      {"/v1/escrows/{escrow}/history", "none", "escrow_not_found"},
      {"/v1/groups/{group}", "none", "group_not_found"},
      {"/v1/groups/{group}/summary", "none", "group_not_found"},
  };
  for (const auto& [route, name, code] : missing) {
    const auto response = get(route, {name});
    EXPECT_EQ(response.status, 404) << response.body;
    EXPECT_EQ(text_at(response, "/code"), code) << route << " " << name;
  }
}

TEST_F(QueriesApiTest, ListsThatAreNeverLong) {
  EXPECT_EQ(body_of(get("/v1/fee-plans")).at_pointer("/rows/0/fee_plan").as_string(), "standard");
  EXPECT_EQ(body_of(get("/v1/trial-balance")).at_pointer("/rows/0/sum").as_int64(), 0);
  EXPECT_EQ(get("/v1/due").body, R"({"rows":[],"next":null})");
  run(ledger(), reschedule("h4", must(parse_rfc3339("2031-01-01T00:00:00Z"))));
  run(ledger(), reschedule("h5", {}, must(parse_rfc3339("2032-01-01T00:00:00Z"))));
  EXPECT_EQ(get("/v1/due", {}, {{"limit", "1"}}).body,
            R"({"rows":[{"escrow":5,"due":"release","at":"2031-01-01T00:00:00.000000Z"}],"next":null})");
  EXPECT_EQ(body_of(get("/v1/due")).at("rows").as_array().size(), 2U);
  EXPECT_EQ(get("/v1/due", {}, {{"until", "2030-12-31T23:59:59Z"}}).body, R"({"rows":[],"next":null})");
}

TEST_F(QueriesApiTest, AHistoryExplainsItsAmounts) {
  const auto body = body_of(get("/v1/escrows/{escrow}/history", {"h0"}));
  EXPECT_EQ(body.at_pointer("/escrow/status").as_string(), "RELEASED");
  EXPECT_EQ(body.at("lines").as_array().size(), 2U);
  EXPECT_EQ(body.at_pointer("/lines/0/explained").as_array().size(), 0U);
  const auto explained = body.at_pointer("/lines/1/explained").as_array();
  ASSERT_EQ(explained.size(), 3U);
  EXPECT_NE(explained[0].as_string().find("5 %"), boost::json::string::npos) << explained;
}

TEST_F(QueriesApiTest, ASummaryHasEveryState) {
  const auto body = body_of(get("/v1/groups/{group}/summary", {"fair"}));
  const auto total = body.at_pointer("/totals/0");
  EXPECT_EQ(total.at("escrows").as_int64(), 7);
  EXPECT_EQ(total.at("released").as_int64(), 2'000);
  EXPECT_EQ(total.at("refunded").as_int64(), 1'000);
  EXPECT_EQ(total.at("frozen").as_int64(), 1'000);
  EXPECT_EQ(total.at("locked").as_int64(), 3'000);
}

/// A regression: an empty value was taken as not given, and a `payer=` that lost its name listed all escrows.
TEST_F(QueriesApiTest, AValueThatIsGivenIsNeverTakenAsNotGiven) {
  const std::tuple<const char*, const char*, const char*, const char*> cases[] = {
      {"/v1/accounts", "limit", "", "whole number from 1 to 1000"},
      {"/v1/accounts", "limit", "0", "whole number from 1 to 1000"},
      {"/v1/accounts", "limit", "1001", "whole number from 1 to 1000"},
      {"/v1/accounts", "limit", "1.0", "whole number from 1 to 1000"},
      {"/v1/accounts", "limit", "+1", "whole number from 1 to 1000"},
      {"/v1/accounts", "after", "", "is no name"},
      {"/v1/accounts", "after", "a b", "is no name"},
      {"/v1/groups", "after", "\x01", R"("\x01" is no name)"},
      {"/v1/escrows", "after", "", "whole number from 0 to 9007199254740991"},
      {"/v1/escrows", "after", "9007199254740992", "whole number from 0 to 9007199254740991"},
      {"/v1/escrows", "after", "alice", "whole number"},
      {"/v1/escrows", "payer", "", "is no name"},
      {"/v1/escrows", "group", "", "is no name"},
      {"/v1/escrows", "beneficiary", "?", "is no name"},
      {"/v1/escrows", "status", "", "LOCKED, FROZEN"},
      {"/v1/escrows", "status", "locked", "LOCKED, FROZEN"},
      {"/v1/due", "until", "", "RFC 3339"},
      {"/v1/due", "until", "2031-01-01", "RFC 3339"},
      {"/v1/accounts/{account}/statement", "from", "", "RFC 3339"},
      {"/v1/accounts/{account}/statement", "to", "yesterday", "RFC 3339"},
      {"/v1/accounts/{account}/statement", "format", "", "csv or json"},
      {"/v1/accounts/{account}/statement", "format", "xml", "csv or json"},
      {"/v1/search", "q", "", "what to look for"},
  };
  for (const auto& [route, name, value, why] : cases) {
    const auto response = get(route, {"alice"}, {{name, value}});
    EXPECT_EQ(response.status, 400) << route << "?" << name << "=" << value;
    EXPECT_NE(text_at(response, "/detail").find(why), std::string::npos) << response.body;
    EXPECT_EQ(body_of(response).at_pointer("/fields/0").as_string(), name);
  }
  EXPECT_EQ(get("/v1/search").status, 400);
  EXPECT_EQ(get("/v1/escrows", {}, {{"payer", "alice"}, {"group", "fair"}}).status, 400);
  EXPECT_EQ(get("/v1/accounts/{account}/statement", {"alice"},
                {{"from", "2031-01-01T00:00:00Z"}, {"to", "2031-01-01T00:00:00Z"}})
                .status,
            400);
}

TEST_F(QueriesApiTest, AStatementOfAPeriod) {
  const auto lines = must(ledger().statement({.account = "alice"})).rows;
  ASSERT_GE(lines.size(), 4U);
  const auto in = [&](const Query& query) {
    std::vector<std::string> rows = all("/v1/accounts/{account}/statement", {"alice"}, query);
    return rows.size();
  };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto at = to_rfc3339(lines[i].at);
    const auto before = static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const StatementLine& line) { return line.at < lines[i].at; }));
    for (const auto* const limit : {"1", "100"}) {
      EXPECT_EQ(in({{"from", at}, {"limit", limit}}), lines.size() - before);
      EXPECT_EQ(in({{"to", at}, {"limit", limit}}), before);
    }
  }
  EXPECT_EQ(in({{"from", "2999-01-01T00:00:00Z"}}), 0U);
  EXPECT_EQ(in({{"to", "1971-01-01T00:00:00Z"}}), 0U);
}

TEST_F(QueriesApiTest, AStatementAsOneFile) {
  auto command = deposit("d", "alice", 5);
  command.options.reference = "=1+1";
  run(ledger(), command);
  command = deposit("d2", "alice", 5);
  command.options.reference = "a,\"b\"";
  run(ledger(), command);
  const auto response = get("/v1/accounts/{account}/statement", {"alice"}, {{"format", "csv"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(field_of(response, "Content-Disposition"), "attachment; filename=\"statement-alice.csv\"");
  const auto text = read(response);
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->starts_with("seq,at,op,bucket,amount,balance,currency,escrows,reference\r\n"));
  EXPECT_NE(text->find(",deposit,available,1000.00,1000.00,EUR,0,\r\n"), std::string::npos) << *text;
  EXPECT_NE(text->find(",0,'=1+1\r\n"), std::string::npos) << "a spreadsheet takes it for a formula";
  EXPECT_NE(text->find(",0,\"a,\"\"b\"\"\"\r\n"), std::string::npos);
  const auto lines = must(ledger().statement({.account = "alice"})).rows.size();
  EXPECT_EQ(std::ranges::count(*text, '\n'), static_cast<std::ptrdiff_t>(lines) + 1);

  const testing::Fields csv = {{"accept", "text/csv, */*"}};
  EXPECT_TRUE(get("/v1/accounts/{account}/statement", {"alice"}, {}, csv).source);
  EXPECT_FALSE(get("/v1/accounts/{account}/statement", {"alice"}, {{"format", "json"}}, csv).source);
  const auto empty =
      get("/v1/accounts/{account}/statement", {"alice"}, {{"format", "csv"}, {"to", "1971-01-01T00:00:00Z"}});
  EXPECT_EQ(read(empty), "seq,at,op,bucket,amount,balance,currency,escrows,reference\r\n");
  EXPECT_EQ(get("/v1/accounts/{account}/statement", {"none"}, {{"format", "csv"}}).status, 404);
}

/// Overwrites most of the journal's first segment.
void damage_history(const std::filesystem::path& ledger) {
  std::fstream segment(ledger / "journal" / "000001", std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(segment) << "the first segment is there";
  segment.seekp(4'096);
  for (int i = 0; i < 3'000; ++i)
    segment.write("what was never written, and so breaks the chain of hashes......", 64);
}

class DamagedQueriesApiTest : public QueriesApiTest {
 protected:
  /// Thousands of events, so that the first segment is closed and read again for a statement.
  DamagedQueriesApiTest() {
    constexpr int kMany = 4'000;
    std::latch decided(kMany);
    for (int i = 0; i < kMany; ++i) {
      ledger().submit(deposit("more" + std::to_string(i), "bob", 1), [&](const Result<Answer>& answer) {
        if (!answer) std::terminate();
        decided.count_down();
      });
    }
    decided.wait();
    (void)ledger().status();  // the last count_down is over: it is answered after it
  }
};

/// A regression: it ended as a whole file does.
TEST_F(DamagedQueriesApiTest, AFileThatCannotBeReadToItsEndIsCutOff) {
  const auto begun = get("/v1/accounts/{account}/statement", {"bob"}, {{"format", "csv"}});
  const auto sound = read(begun);
  ASSERT_TRUE(sound);
  EXPECT_GT(std::ranges::count(*sound, '\n'), 4'000);
  damage_history(directory.path());
  const auto cut = get("/v1/accounts/{account}/statement", {"bob"}, {{"format", "csv"}});
  EXPECT_EQ(read(cut), std::nullopt);
  EXPECT_NE(cut.source->why().find("journal/000001"), std::string::npos) << cut.source->why();
}

/// A regression: a search told nothing of a ledger that could not be read.
TEST_F(DamagedQueriesApiTest, ASearchTellsThatTheLedgerDoesNotAnswer) {
  const auto last = std::to_string(must(ledger().status()).seq.value());  // in another segment
  EXPECT_EQ(body_of(get("/v1/search", {}, {{"q", last}})).at_pointer("/rows/0/kind").as_string(), "event");
  damage_history(directory.path());
  const auto response = get("/v1/search", {}, {{"q", "100"}});
  EXPECT_EQ(response.status, 503) << response.body;
  EXPECT_EQ(text_at(response, "/code"), "corrupt");
}

TEST_F(QueriesApiTest, ASearchFindsByIdKeyNameAndSeq) {
  const auto found = [&](std::string wanted) {
    std::string text;
    const auto body = body_of(get("/v1/search", {}, {{"q", std::move(wanted)}}));
    for (const auto& row : body.at("rows").as_array()) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", std::string(row.at("kind").as_string()),
                          std::string(row.at("id").as_string()));
    }
    return text;
  };
  EXPECT_EQ(found("h0"), "escrow 1");
  EXPECT_EQ(found("1"), "escrow 1, event 1");
  EXPECT_EQ(found("alice"), "account alice");
  EXPECT_EQ(found("s"), "account shop");
  EXPECT_EQ(found("fa"), "group fair");
  EXPECT_EQ(found("p"), "account platform:commission, account processor:fees");
  for (const auto* const nothing : {"nobody", "0", "99999999999999999999", " ", "\xff", "a b"}) {
    EXPECT_EQ(found(nothing), "") << nothing;
  }
}

TEST_F(QueriesApiTest, MoreQuestionsThanThereIsRoomForAreRefused) {
  const testing::FullWorkers full(workers, 2, 4);
  const auto refused = get("/v1/status");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(text_at(refused, "/code"), "overloaded");
}

}  // namespace
}  // namespace holdfast::server
