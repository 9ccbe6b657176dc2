// The session over libpq, against a real server.
#include "postgres/libpq_session.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <limits>
#include <numeric>

#include "tests/support/postgres_server.h"

namespace holdfast::postgres {
namespace {

using testing::PostgresServer;
using testing::shared_postgres;

using Limits = std::numeric_limits<std::int64_t>;

std::unique_ptr<Session> connected(const std::string& url) {
  auto session = connect(url);
  EXPECT_TRUE(session) << session.error().message;
  return session ? std::move(*session) : nullptr;
}

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

class LibpqSessionTest : public ::testing::Test {
 protected:
  ResultSets run(std::vector<Statement> statements) {
    auto results = session_->run(statements);
    EXPECT_TRUE(results) << results.error().state << ' ' << results.error().message;
    return results ? std::move(*results) : ResultSets{};
  }
  /// The only row of the only statement.
  std::unique_ptr<ResultSet> row(std::string_view sql, std::vector<Value> values = {}) {
    auto results = run({{sql, std::move(values)}});
    EXPECT_EQ(results.at(0)->rows(), 1U);
    return std::move(results.at(0));
  }
  SqlError error(std::vector<Statement> statements) {
    auto results = session_->run(statements);
    EXPECT_FALSE(results);
    return results ? SqlError{} : std::move(results.error());
  }
  /// True where the server reads `value` as what `sql` says it is.
  bool is(Value value, std::string_view sql) {
    return row("SELECT $1 IS NOT DISTINCT FROM " + std::string(sql), {std::move(value)})->boolean(0, 0);
  }

  const std::string url_ = shared_postgres().new_database();
  std::unique_ptr<Session> session_ = connected(url_);
};

TEST_F(LibpqSessionTest, BringsSingleValuesBack) {
  for (const std::int64_t number : {Limits::min(), std::int64_t{-1}, std::int64_t{0}, Limits::max()}) {
    EXPECT_EQ(row("SELECT $1", {number})->integer(0, 0), number);
  }
  for (const bool truth : {false, true}) EXPECT_EQ(row("SELECT $1", {truth})->boolean(0, 0), truth);
  for (const std::string text : {"", "plain", "{\"a\",\\b}'", "größer €"}) {
    EXPECT_EQ(row("SELECT $1", {text})->text(0, 0), text);
  }
  for (const Bytes& bytes : {Bytes{}, bytes_of(std::string_view("\0\xff\\x41", 6))}) {
    const auto result = row("SELECT $1", {bytes});
    EXPECT_FALSE(result->is_null(0, 0));
    EXPECT_TRUE(std::ranges::equal(result->bytes(0, 0), bytes));
  }
  for (const std::int64_t micros : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1'795'510'800'123'456}}) {
    EXPECT_EQ(row("SELECT $1", {Timestamp{micros}})->time(0, 0).micros, micros);
  }
}

TEST_F(LibpqSessionTest, MeansWhatTheServerMeans) {
  EXPECT_TRUE(is(std::int64_t{-42}, "'-42'::bigint"));
  EXPECT_TRUE(is(true, "true"));
  EXPECT_TRUE(is(std::string("größer"), "'größer'"));
  EXPECT_TRUE(is(bytes_of("\x01\xfe"), "'\\x01fe'::bytea"));
  EXPECT_TRUE(is(Timestamp{1'795'510'800'123'456}, "'2026-11-24T09:00:00.123456Z'::timestamptz"));
  EXPECT_TRUE(is(Timestamp{-1}, "'1969-12-31T23:59:59.999999Z'::timestamptz"));
}

TEST_F(LibpqSessionTest, SendsArrays) {
  EXPECT_TRUE(is(std::vector<std::int64_t>{Limits::min(), 0, 7}, "'{-9223372036854775808,0,7}'::bigint[]"));
  EXPECT_TRUE(is(std::vector<std::optional<std::int64_t>>{1, {}, 3}, "'{1,NULL,3}'::bigint[]"));
  EXPECT_TRUE(is(std::vector<bool>{true, false, true}, "'{t,f,t}'::boolean[]"));
  EXPECT_TRUE(is(std::vector<std::string>{"", "NULL", "a,\"b\""}, R"('{"","NULL","a,\"b\""}'::text[])"));
  EXPECT_TRUE(is(std::vector<Bytes>{{}, bytes_of("\x01")}, R"(ARRAY['', '\x01']::bytea[])"));
  EXPECT_TRUE(is(std::vector<std::optional<Timestamp>>{Timestamp{0}, {}},
                 "ARRAY['1970-01-01T00:00:00Z', NULL]::timestamptz[]"));
}

TEST_F(LibpqSessionTest, SendsEmptyArrays) {
  EXPECT_TRUE(is(std::vector<std::int64_t>{}, "'{}'::bigint[]"));
  EXPECT_TRUE(is(std::vector<std::optional<std::int64_t>>{}, "'{}'::bigint[]"));
  EXPECT_TRUE(is(std::vector<bool>{}, "'{}'::boolean[]"));
  EXPECT_TRUE(is(std::vector<std::string>{}, "'{}'::text[]"));
  EXPECT_TRUE(is(std::vector<Bytes>{}, "'{}'::bytea[]"));
  EXPECT_TRUE(is(std::vector<std::optional<Timestamp>>{}, "'{}'::timestamptz[]"));
}

TEST_F(LibpqSessionTest, TellsNullsApart) {
  const auto result = row("SELECT $1::bigint, $2::text, ''::text", {{}, {}});
  EXPECT_TRUE(result->is_null(0, 0));
  EXPECT_TRUE(result->is_null(0, 1));
  EXPECT_FALSE(result->is_null(0, 2));
}

TEST_F(LibpqSessionTest, ReadsTheOtherTypesOfNumbersAndTexts) {
  run({{"CREATE TYPE mood AS ENUM ('calm')"}});
  const auto result = row(
      "SELECT (-2)::smallint, (-70000)::integer, 'v'::varchar(9), 'n'::name, 'c'::char(1), 'q'::\"char\", "
      "'calm'::mood");
  EXPECT_EQ(result->integer(0, 0), -2);
  EXPECT_EQ(result->integer(0, 1), -70000);
  EXPECT_EQ(result->text(0, 2), "v");
  EXPECT_EQ(result->text(0, 3), "n");
  EXPECT_EQ(result->text(0, 4), "c");
  EXPECT_EQ(result->text(0, 5), "q");
  EXPECT_EQ(result->text(0, 6), "calm");
}

TEST_F(LibpqSessionTest, ReadsTimesThatWeDoNotHave) {
  const auto result = row("SELECT 'infinity'::timestamptz, '-infinity'::timestamptz");
  EXPECT_EQ(result->time(0, 0).micros, Limits::max());
  EXPECT_EQ(result->time(0, 1).micros, Limits::min());
  EXPECT_EQ(error({{"SELECT $1", {Timestamp{Limits::min()}}}}).state, "22008");
}

TEST_F(LibpqSessionTest, CountsWhatChanged) {
  const auto results = run({{"CREATE TABLE t (n bigint)"},
                            {"INSERT INTO t SELECT generate_series(1, 5)"},
                            {"UPDATE t SET n = n + 10 WHERE n > 2"},
                            {"DELETE FROM t WHERE n < 2 RETURNING n"},
                            {"SELECT n FROM t"},
                            {""}});
  ASSERT_EQ(results.size(), 6U);
  EXPECT_EQ(results[0]->changed(), 0U);
  EXPECT_EQ(results[1]->changed(), 5U);
  EXPECT_EQ(results[2]->changed(), 3U);
  EXPECT_EQ(results[3]->changed(), 1U);
  EXPECT_EQ(results[3]->rows(), 1U);
  EXPECT_EQ(results[4]->changed(), 0U);
  EXPECT_EQ(results[4]->rows(), 4U);
  EXPECT_EQ(results[5]->rows(), 0U);
}

TEST_F(LibpqSessionTest, RunsNothing) {
  EXPECT_TRUE(run({}).empty());
  EXPECT_EQ(row("SELECT 1")->integer(0, 0), 1);
}

// Far more than the sockets hold, in both directions at once: each side would wait for the other to read.
TEST_F(LibpqSessionTest, SendsAndReadsMuchAtOnce) {
  std::vector<std::int64_t> numbers(200'000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const std::vector<std::string> names(200'000, "a name of some length");
  std::vector<Statement> statements;
  for (int i = 0; i < 2; ++i) {
    statements.push_back({"SELECT n FROM unnest($1) WITH ORDINALITY AS u (n, o) ORDER BY o", {numbers}});
    statements.push_back({"SELECT x FROM unnest($1) AS x", {names}});
  }
  for (std::int64_t i = 4; i < 300; ++i) statements.push_back({"SELECT $1", {i}});
  const auto results = run(statements);
  ASSERT_EQ(results.size(), 300U);
  for (std::size_t i = 0; i < 4; i += 2) {
    ASSERT_EQ(results[i]->rows(), numbers.size());
    EXPECT_EQ(results[i]->integer(0, 0), 0);
    EXPECT_EQ(results[i]->integer(199'999, 0), 199'999);
    ASSERT_EQ(results[i + 1]->rows(), names.size());
    EXPECT_EQ(results[i + 1]->text(199'999, 0), names.back());
  }
  for (std::size_t i = 4; i < 300; ++i) EXPECT_EQ(results[i]->integer(0, 0), static_cast<std::int64_t>(i));
}

TEST_F(LibpqSessionTest, AnErrorEndsTheRun) {
  run({{"CREATE TABLE t (n bigint CONSTRAINT only_once UNIQUE)"}});
  run({{"BEGIN"}, {"INSERT INTO t VALUES (1)"}});
  const auto refused = error({{"INSERT INTO t VALUES (2)"},
                              {"INSERT INTO t VALUES (1)"},
                              {"INSERT INTO t VALUES (3)"},
                              {"SELECT 1/0"}});
  EXPECT_EQ(refused.state, "23505");
  EXPECT_EQ(refused.constraint, "only_once");
  EXPECT_EQ(refused.message, "duplicate key value violates unique constraint \"only_once\"");
  EXPECT_EQ(fault_of(refused), SqlFault::unique);
  EXPECT_EQ(error({{"SELECT 1"}}).state, "25P02");  // the transaction waits for its end
  run({{"ROLLBACK"}});
  EXPECT_EQ(row("SELECT count(*) FROM t")->integer(0, 0), 0);
}

TEST_F(LibpqSessionTest, OutsideOfATransactionARunIsOne) {
  run({{"CREATE TABLE t (n bigint)"}});
  EXPECT_EQ(error({{"INSERT INTO t VALUES (1)"}, {"SELECT 1/0"}, {"INSERT INTO t VALUES (2)"}}).state,
            "22012");
  EXPECT_EQ(row("SELECT count(*) FROM t")->integer(0, 0), 0);
}

TEST_F(LibpqSessionTest, ReportsWhatOnlyTheEndOfARunFinds) {
  run({{"CREATE TABLE t (n bigint CONSTRAINT late UNIQUE DEFERRABLE INITIALLY DEFERRED)"}});
  const Statement insert{"INSERT INTO t VALUES (1)"};
  EXPECT_EQ(error({insert, insert}).constraint, "late");
  EXPECT_EQ(error({{"BEGIN"}, insert, insert, {"COMMIT"}}).constraint, "late");
  EXPECT_EQ(row("SELECT count(*) FROM t")->integer(0, 0), 0);
}

TEST_F(LibpqSessionTest, ACopyHasNoPlaceInARun) {
  run({{"CREATE TABLE t (n bigint)"}});
  EXPECT_TRUE(error({{"COPY t FROM STDIN"}, {"SELECT 1"}}).connection_lost());
}

TEST_F(LibpqSessionTest, ABeginTakesInWhatTheRunHasBeforeIt) {
  run({{"CREATE TABLE t (n bigint)"}, {"BEGIN"}});
  run({{"ROLLBACK"}});
  EXPECT_TRUE(row("SELECT to_regclass('t')::text")->is_null(0, 0));
}

TEST_F(LibpqSessionTest, CommitsWithinARun) {
  run({{"CREATE TABLE t (n bigint)"}});
  run({{"BEGIN"}, {"INSERT INTO t VALUES (1)"}, {"COMMIT"}});
  auto other = connected(url_);
  const auto seen = other->run(std::array{Statement{"SELECT n FROM t"}});
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->front()->rows(), 1U);
}

TEST_F(LibpqSessionTest, MessagesAreOneLine) {
  EXPECT_EQ(error({{"DO $$ BEGIN RAISE 'one\n  two'; END $$"}}).message, "one two");
}

TEST_F(LibpqSessionTest, RunsScripts) {
  ASSERT_TRUE(session_->run_script("CREATE TABLE t (n bigint); INSERT INTO t VALUES (1);\n-- the end\n"));
  const auto failed = session_->run_script("INSERT INTO t VALUES (2); SELECT 1/0; INSERT INTO t VALUES (3)");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().state, "22012");
  EXPECT_EQ(row("SELECT count(*) FROM t")->integer(0, 0), 1);
  EXPECT_TRUE(session_->run_script(""));
}

TEST_F(LibpqSessionTest, AClosedSessionIsALostConnection) {
  const auto closed = error({{"SELECT pg_terminate_backend(pg_backend_pid())"}});
  EXPECT_TRUE(closed.connection_lost()) << closed.state;
  EXPECT_NE(closed.message.find("terminat"), std::string::npos) << closed.message;
  EXPECT_TRUE(error({{"SELECT 1"}}).connection_lost());
  const auto script = session_->run_script("SELECT 1");
  ASSERT_FALSE(script);
  EXPECT_TRUE(script.error().connection_lost());
  EXPECT_EQ(to_error(closed).code, ErrorCode::storage_failed);
}

TEST_F(LibpqSessionTest, ASessionClosedWhileIdleIsALostConnection) {
  const auto pid = row("SELECT pg_backend_pid()")->integer(0, 0);
  auto other = connected(url_);
  // Waits for its end, up to 10 s.
  ASSERT_TRUE(other->run(std::array{Statement{"SELECT pg_terminate_backend($1::int, 10000)", {pid}}}));
  EXPECT_TRUE(error({{"SELECT 1"}}).connection_lost());
}

TEST(LibpqServerTest, AServerThatIsKilledIsALostConnection) {
  PostgresServer server;
  auto session = connected(server.url());
  auto watcher = connected(server.url());
  ASSERT_TRUE(session->run_script("CREATE TABLE t (n bigint)"));
  auto answer = std::async(std::launch::async, [&] {
    return session->run(std::array{Statement{"BEGIN"}, Statement{"INSERT INTO t VALUES (1)"},
                                   Statement{"SELECT pg_sleep(600)"}, Statement{"COMMIT"}});
  });
  const Statement count{
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"};
  while (watcher->run(std::array{count}).value().front()->integer(0, 0) == 0) {
  }
  server.kill();
  const auto lost = answer.get();
  ASSERT_FALSE(lost);
  EXPECT_TRUE(lost.error().connection_lost());
  EXPECT_FALSE(lost.error().message.empty());

  server.start();
  session = connected(server.url());
  EXPECT_EQ(session->run(std::array{Statement{"SELECT count(*) FROM t"}}).value().front()->integer(0, 0), 0);
}

// One connection to the server for both: whatever a session left there would meet the other.
TEST(LibpqServerTest, WorksThroughAPoolerThatSharesConnections) {
  PostgresServer server({.durable = false});
  server.start_pooler(1);
  auto one = connected(server.pooled_url());
  auto two = connected(server.pooled_url());
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  ASSERT_TRUE(one->run_script("CREATE TABLE t (n bigint UNIQUE); INSERT INTO t VALUES (-1)"));
  std::vector<std::int64_t> numbers(200'000);
  for (auto* session : {&one, &two}) {
    std::iota(numbers.begin(), numbers.end(), session == &one ? 0 : 200'000);
    const auto done = (*session)->run(
        std::array{Statement{"BEGIN"}, Statement{"INSERT INTO t SELECT unnest($1) RETURNING n", {numbers}},
                   Statement{"COMMIT"}});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->at(1)->integer(199'999, 0), numbers.back());
  }
  const auto refused = one->run(std::array{Statement{"BEGIN"}, Statement{"INSERT INTO t VALUES (7)"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(fault_of(refused.error()), SqlFault::unique);
  ASSERT_TRUE(one->run(std::array{Statement{"ROLLBACK"}}));
  const auto count = two->run(std::array{Statement{"SELECT count(*), pg_backend_pid() FROM t"}});
  ASSERT_TRUE(count);
  EXPECT_EQ(count->front()->integer(0, 0), 400'001);
  const auto same = one->run(std::array{Statement{"SELECT pg_backend_pid()"}});
  ASSERT_TRUE(same);
  EXPECT_EQ(same->front()->integer(0, 0), count->front()->integer(0, 1));
}

TEST(LibpqServerTest, SaysWhereItCannotConnect) {
  PostgresServer server({.durable = false, .tcp = true});
  EXPECT_NE(connected(server.tcp_url()), nullptr);
  const auto missing = connect(server.url("no_such_database"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::storage_failed);
  EXPECT_NE(missing.error().message.find("no_such_database"), std::string::npos) << missing.error().message;
  server.stop();
  for (const auto& place : {server.url(), server.tcp_url()}) {
    const auto refused = connect(place);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
    EXPECT_NE(refused.error().message.find("database \"postgres\""), std::string::npos)
        << refused.error().message;
    EXPECT_EQ(refused.error().message.find('\n'), std::string::npos);
  }
}

TEST(LibpqSession, NoMessageHasThePassword) {
  for (const std::string conninfo :
       {"postgresql://me:hunter2@localhost:1/db", "host=localhost port=1 password=hunter2 dbname=db",
        "postgresql://me:hunter2@localhost:port/db", "host=localhost password = hunter2 hunter2",
        "postgresql://me:not@hunter2@localhost:1/db", "postgresql://me:hunter2", "password='hunter2"}) {
    const auto refused = connect(conninfo);
    ASSERT_FALSE(refused) << conninfo;
    EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
    EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos) << refused.error().message;
  }
}

TEST(SqlError, SaysWhatACallerCanDo) {
  for (const std::string state : {"40001", "40P01", "55P03"}) {
    EXPECT_NE(fault_of({.state = state, .message = "m"}), SqlFault::other);
    EXPECT_EQ(to_error({.state = state, .message = "m"}).code, ErrorCode::busy);
  }
  EXPECT_EQ(fault_of({.state = "", .message = "m"}), SqlFault::connection);
  EXPECT_EQ(to_error({.state = "53100", .message = "m"}).code, ErrorCode::storage_full);
  EXPECT_EQ(to_error({.state = "25006", .message = "m"}).code, ErrorCode::read_only);
  EXPECT_EQ(to_error({.state = "XX001", .message = "m"}).code, ErrorCode::corrupt);
  EXPECT_EQ(to_error({.state = "42P01", .message = "m"}).code, ErrorCode::storage_failed);
}

}  // namespace
}  // namespace holdfast::postgres
