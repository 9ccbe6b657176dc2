// The command line on a ledger in PostgreSQL.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/program.h"
#include "tests/support/postgres_server.h"

namespace holdfast::cli {
namespace {

constexpr const char* kFirstCommands =
    R"({"op":"define_fee_plan","fee_plan":"standard","currency":"EUR","commission":{"rate":"0.05"},"processor_fee":{"rate":"0.03"}}
{"op":"open_account","account":"user:1","currency":"EUR","kind":"user"}
{"op":"open_account","account":"campaign:7","currency":"EUR","kind":"beneficiary"}
{"op":"deposit","key":"payin:1","account":"user:1","amount":10000}
{"op":"hold","key":"pledge:1","payer":"user:1","beneficiary":"campaign:7","amount":999,"fee_plan":"standard"}
{"op":"release","escrows":["pledge:1"]}
)";

class Postgres : public ::testing::Test {
 protected:
  Outcome run(std::vector<std::string> arguments, std::string_view input = {}) {
    arguments.insert(arguments.end(), {"--ledger", url_});
    return holdfast(place_, arguments, input);
  }
  /// Runs SQL as the superuser.
  Outcome sql(const std::string& statement) {
    return shell(place_, fmt::format("psql -X -q -A -t '{}' -c \"{}\"", url_, statement));
  }
  void make() {
    ASSERT_EQ(run({"init"}).code, 0);
    const auto applied = run({"apply"}, kFirstCommands);
    ASSERT_EQ(applied.code, 0) << applied.out << applied.err;
  }

  Workplace place_;
  std::string url_ = holdfast::testing::shared_postgres().new_database();
};

TEST_F(Postgres, InitMakesTheSchemaAndTheLedgerOnce) {
  const auto made = run({"init"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(made.out.starts_with("made an empty ledger in postgresql://")) << made.out;
  const auto again = run({"init"});
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.out.find("is a ledger already, at seq 0: nothing was changed"), std::string::npos)
      << again.out;
}

TEST_F(Postgres, MigrateSaysWhatItRan) {
  const auto first = run({"migrate", "--json"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_TRUE(first.out.starts_with(R"({"ok":true,"from":0,"to":)")) << first.out;
  EXPECT_NE(first.out.find(R"("applied":["0001_ledger","0002_views")"), std::string::npos) << first.out;
  const auto again = run({"migrate"});
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.out.find("nothing was changed"), std::string::npos) << again.out;

  const auto none = run({"account", "user:1"});
  EXPECT_EQ(none.code, 4);
  EXPECT_EQ(none.err, "holdfast: the database has no ledger \"main\". Make it with: holdfast init\n");
}

TEST_F(Postgres, ASchemaThatIsNewerIsLeftAlone) {
  ASSERT_EQ(run({"migrate"}).code, 0);
  ASSERT_EQ(sql("insert into holdfast.schema_migrations values (999, 'later', sha256('x'))").code, 0);
  for (const auto* command : {"migrate", "status", "seal", "verify", "audit"}) {
    const auto outcome = run({command});
    EXPECT_EQ(outcome.code, 4) << command;
    EXPECT_NE(outcome.err.find("use a newer holdfast"), std::string::npos) << command << ": " << outcome.err;
  }
}

TEST_F(Postgres, WithoutASchemaItSaysHowToMakeIt) {
  for (const auto* command : {"status", "seal", "verify", "audit", "accounts"}) {
    const auto outcome = run({command});
    EXPECT_EQ(outcome.code, 4) << command;
    EXPECT_NE(outcome.err.find("Make it with: holdfast migrate"), std::string::npos)
        << command << ": " << outcome.err;
  }
}

TEST_F(Postgres, EveryQuestionIsAnswered) {
  make();
  const std::vector<std::string> questions[] = {
      {"account", "user:1"},
      {"accounts"},
      {"escrow", "pledge:1"},
      {"escrows"},
      {"groups"},
      {"fee-plans"},
      {"statement", "user:1"},
      {"trial-balance"},
      {"events"},
      {"audit"},
      {"verify"},
      {"migrate"},
      {"run-due"},
      {"status"},
      {"seal"},
      {"explain", "pledge:1"},
  };
  for (const auto& question : questions) {
    const auto outcome = run(question);
    EXPECT_EQ(outcome.code, 0) << question.front() << ": " << outcome.err;
    EXPECT_NE(outcome.out, "") << question.front();
    auto as_json = question;
    as_json.emplace_back("--json");
    EXPECT_EQ(run(as_json).code, 0) << question.front();
  }
  const auto account = run({"account", "user:1"});
  EXPECT_EQ(account.out, "user:1   EUR   user   open\n  available  90.01\n  held        0.00\n");
}

TEST_F(Postgres, LinesAreDecidedInTheirOrder) {
  ASSERT_EQ(run({"init"}).code, 0);
  // Each line needs the one before it.
  std::string lines =
      R"({"op":"define_fee_plan","fee_plan":"standard","currency":"EUR","commission":{"rate":"0.05"},"processor_fee":{"rate":"0.03"}})"
      "\n"
      R"({"op":"open_account","account":"shop","currency":"EUR","kind":"beneficiary"})"
      "\n";
  for (int i = 0; i < 200; ++i) {
    lines += fmt::format(
        R"({{"op":"open_account","account":"user:{0}","currency":"EUR","kind":"user"}}
{{"op":"deposit","key":"payin:{0}","account":"user:{0}","amount":1000}}
{{"op":"hold","key":"pledge:{0}","payer":"user:{0}","beneficiary":"shop","amount":1000,"fee_plan":"standard"}}
{{"op":"release","escrows":["pledge:{0}"]}}
)",
        i);
  }
  const auto applied = run({"apply"}, lines);
  EXPECT_EQ(applied.code, 0) << applied.err;
  EXPECT_EQ(std::ranges::count(applied.out, '\n'), 802);
  EXPECT_EQ(applied.out.find("\"ok\":false"), std::string::npos);
  const auto status = run({"status", "--json"});
  EXPECT_TRUE(status.out.starts_with(R"({"seq":802,)")) << status.out;
}

TEST_F(Postgres, SealSaysHowManyAndWhereTheChainEnds) {
  make();
  // As if nobody had sealed the last two.
  ASSERT_EQ(
      sql("delete from holdfast.lines where seq > 4; delete from holdfast.seals where seq > 4; "
          "update holdfast.ledgers set seq = 4, hash = (select hash from holdfast.seals where seq = 4); "
          "insert into holdfast.unsealed select ledger, event from holdfast.events "
          "where event not in (select event from holdfast.seals)")
          .code,
      0);
  const auto status = run({"status"});
  EXPECT_NE(status.out.find("unsealed    2 events, the oldest of 2"), std::string::npos) << status.out;
  const auto sealed = run({"seal"});
  EXPECT_EQ(sealed.code, 0) << sealed.err;
  EXPECT_TRUE(sealed.out.starts_with("sealed 2 events in postgresql://")) << sealed.out;
  EXPECT_NE(sealed.out.find("at seq 6\n"), std::string::npos) << sealed.out;
  EXPECT_TRUE(run({"seal", "--json"}).out.starts_with(R"({"ok":true,"sealed":0,"seq":6,"head":")"));
  EXPECT_NE(run({"status"}).out.find("unsealed    0 events"), std::string::npos);
  EXPECT_EQ(run({"verify"}).code, 0);
}

TEST_F(Postgres, VerifyNamesTheFirstBadEvent) {
  make();
  EXPECT_EQ(run({"verify"}).code, 0);
  ASSERT_EQ(sql("update holdfast.events set at = at where event = 3; "
                "update holdfast.seals set hash = sha256('x') where seq = 3")
                .code,
            0);
  auto outcome = run({"verify"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("seq 3: the chain breaks"), std::string::npos) << outcome.err;
  ASSERT_EQ(sql("delete from holdfast.seals where seq = 2").code, 0);
  outcome = run({"verify"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("seq 2: it is not there"), std::string::npos) << outcome.err;
}

TEST_F(Postgres, DamagedRowsStopTheSealerAndNotTheProcess) {
  make();
  ASSERT_EQ(sql("insert into holdfast.unsealed select ledger, 4711 from holdfast.ledgers").code, 0);
  const auto outcome = run({"seal"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find("event 4711 is to be sealed and is not there"), std::string::npos)
      << outcome.err;
  // A command is carried out all the same, and closing the ledger does not wait for ever.
  const auto deposit = run({"deposit", "user:1", "1.00", "--key", "payin:2"});
  EXPECT_EQ(deposit.code, 0) << deposit.err;
}

TEST_F(Postgres, ImportWithFunds) {
  make();
  place_.write("here/pledges.csv",
               "key,payer,beneficiary,group,amount,currency,reference\n"
               "p:1,user:2,campaign:8,campaign:8,12.50,EUR,order/1\n"
               "p:2,user:3,campaign:8,campaign:8,1.00,EUR,\n");
  const auto imported = run({"import", "pledges.csv", "--fee-plan", "standard", "--fund"});
  EXPECT_EQ(imported.code, 0) << imported.err;
  EXPECT_NE(
      run({"import", "pledges.csv", "--fee-plan", "standard", "--fund"}).out.find("nothing was changed"),
      std::string::npos);
}

TEST_F(Postgres, CopiesOfFilesAreLeftToItsOwnTools) {
  make();
  for (const auto& arguments : {std::vector<std::string>{"backup", "copy"}, {"restore", "copy"}}) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 4) << arguments.front();
    EXPECT_NE(outcome.err.find("pg_dump"), std::string::npos) << outcome.err;
  }
  url_ = "postgresql://me:secret@127.0.0.1:1/db";
  const auto outcome = run({"backup", "copy"});
  EXPECT_NE(outcome.err.find("pg_dump"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find("secret"), std::string::npos) << outcome.err;
}

TEST_F(Postgres, WhatCannotBeReachedIsNamedWithWhatToDo) {
  auto& server = holdfast::testing::shared_postgres();
  url_ = server.url("nowhere");
  auto outcome = run({"status"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find("database \"nowhere\" does not exist. Make it with: createdb"),
            std::string::npos)
      << outcome.err;
  url_ = "postgresql:///shop?host=/nowhere";
  outcome = run({"status"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find("Is the server running"), std::string::npos) << outcome.err;
  url_ = server.new_database() + "&ledger=with blanks";
  EXPECT_NE(run({"status"}).err.find("a ledger's name is"), std::string::npos);
  EXPECT_EQ(shell(place_, fmt::format("createdb --maintenance-db '{}' -E LATIN1 -T template0 latin",
                                      server.url("postgres")))
                .code,
            0);
  url_ = server.url("latin");
  outcome = run({"init"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find("has encoding LATIN1, a ledger needs UTF8"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace holdfast::cli
