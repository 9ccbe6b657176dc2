// Migrations, against a real server.
#include "postgres/schema.h"

#include <gtest/gtest.h>

#include <array>
#include <future>

#include "postgres/libpq_session.h"
#include "tests/support/postgres_server.h"

namespace holdfast::postgres {
namespace {

constexpr std::array<Migration, 3> kThree{
    {{1, "things", "CREATE TABLE holdfast.things (n bigint);\nINSERT INTO holdfast.things VALUES (1);\n"},
     {2, "more", "INSERT INTO holdfast.things VALUES (2); -- the end"},
     {3, "most", "INSERT INTO holdfast.things VALUES (3);"}}};

std::span<const Migration> first(std::size_t n) {
  return std::span(kThree).first(n);
}

class SchemaTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<Session> session() const {
    auto made = connect(url_);
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }
  std::int64_t number(std::string_view sql) {
    const auto results = session_->run(std::array{Statement{sql}});
    EXPECT_TRUE(results) << results.error().message;
    return results ? results->front()->integer(0, 0) : -1;
  }
  void expect_migrated(std::span<const Migration> wanted, int from, int to) {
    const auto report = migrate(*session_, wanted);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->from, from);
    EXPECT_EQ(report->to, to);
  }
  void expect_refused(std::span<const Migration> wanted, ErrorCode code) {
    const auto migrated = migrate(*session_, wanted);
    ASSERT_FALSE(migrated);
    EXPECT_EQ(migrated.error().code, code) << migrated.error().message;
    const auto checked = check_schema(*session_, wanted);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, code) << checked.error().message;
  }

  const std::string url_ = testing::shared_postgres().new_database();
  std::unique_ptr<Session> session_ = session();
};

TEST_F(SchemaTest, AppliesWhatIsMissing) {
  expect_migrated(first(1), 0, 1);
  expect_migrated(first(3), 1, 3);
  EXPECT_EQ(number("SELECT sum(n)::bigint FROM holdfast.things"), 6);
  EXPECT_EQ(number("SELECT count(*) FROM holdfast.schema_migrations WHERE applied_at <= now()"), 3);
  EXPECT_TRUE(check_schema(*session_, kThree));
}

TEST_F(SchemaTest, ASecondTimeChangesNothing) {
  expect_migrated(kThree, 0, 3);
  expect_migrated(kThree, 3, 3);
  EXPECT_EQ(number("SELECT count(*) FROM holdfast.things"), 3);
}

TEST_F(SchemaTest, TakesASchemaThatSomebodyMade) {
  ASSERT_TRUE(session_->run_script("CREATE SCHEMA holdfast"));
  expect_migrated(kThree, 0, 3);
}

TEST_F(SchemaTest, SeveralAtOnceApplyEachFileOnce) {
  std::array<std::future<Result<MigrationReport>>, 4> reports;
  for (auto& report : reports) {
    report = std::async(std::launch::async, [this] { return migrate(*session(), kThree); });
  }
  for (auto& future : reports) {
    const auto report = future.get();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->to, 3);
  }
  EXPECT_EQ(number("SELECT count(*) FROM holdfast.things"), 3);
}

TEST_F(SchemaTest, AFailureKeepsWhatWasAppliedBefore) {
  auto broken = kThree;
  broken[1].sql = "INSERT INTO holdfast.things VALUES (2); SELECT 1/0;";
  const auto failed = migrate(*session_, broken);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::storage_failed);
  EXPECT_NE(failed.error().message.find("0002_more"), std::string::npos) << failed.error().message;
  EXPECT_EQ(number("SELECT count(*) FROM holdfast.things"), 1);
  expect_migrated(kThree, 1, 3);
}

TEST_F(SchemaTest, WithoutAnyTheDatabaseIsNoLedger) {
  const auto checked = check_schema(*session_, kThree);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::not_a_ledger);
  EXPECT_NE(checked.error().message.find("holdfast migrate"), std::string::npos) << checked.error().message;
  EXPECT_EQ(number("SELECT count(*) FROM pg_namespace WHERE nspname = 'holdfast'"), 0);
}

TEST_F(SchemaTest, AnOlderSchemaIsToBeMigrated) {
  expect_migrated(first(2), 0, 2);
  const auto checked = check_schema(*session_, kThree);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::not_a_ledger);
  EXPECT_NE(checked.error().message.find("holdfast migrate"), std::string::npos) << checked.error().message;
}

TEST_F(SchemaTest, ANewerSchemaIsRefused) {
  expect_migrated(kThree, 0, 3);
  expect_refused(first(2), ErrorCode::newer_format);
  EXPECT_EQ(number("SELECT count(*) FROM holdfast.things"), 3);
}

TEST_F(SchemaTest, AChangedFileIsRefused) {
  expect_migrated(first(2), 0, 2);
  auto changed = kThree;
  changed[0].sql = "CREATE TABLE holdfast.things (n integer);";
  expect_refused(changed, ErrorCode::corrupt);
  EXPECT_EQ(number("SELECT count(*) FROM holdfast.things"), 2);
}

TEST_F(SchemaTest, AMissingRowIsRefused) {
  expect_migrated(kThree, 0, 3);
  ASSERT_TRUE(session_->run_script("DELETE FROM holdfast.schema_migrations WHERE version = 2"));
  expect_refused(kThree, ErrorCode::corrupt);
}

TEST_F(SchemaTest, TheProgramsOwnFilesApply) {
  ASSERT_TRUE(migrate(*session_));
  EXPECT_TRUE(check_schema(*session_));
}

}  // namespace
}  // namespace holdfast::postgres
