// The server's disk is full: commands are refused or not answered, nothing is lost, and the ledger goes on by
// itself once there is room.
#include <map>

#include "service/testing/shop.h"
#include "tests/attach/caller.h"
#include "tests/support/postgres_server.h"
#include "tests/support/small_disk.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each

Ledger made(const std::string& url) {
  OpenOptions options;
  options.create = true;
  return must(Ledger::open(url, options));
}

void expect_lawful(const Ledger& ledger) {
  wait_until_sealed(ledger);
  EXPECT_EQ(broken_laws(ledger), "");
}

/// Opens many accounts, and so needs new pages now and then.
Command many(int i) {
  std::vector<Command> commands;
  for (int n = 0; n < 200; ++n) commands.push_back(open(fmt::format("user:{}:{}", i, n)));
  return with_key(atomic(std::move(commands)), fmt::format("many:{}", i));
}

TEST(FullDisk, OfTheTablesRefusesCommandsAndAnswersQuestions) {
  const SmallDisk disk(64);
  PostgresServer server;
  {
    const Caller admin(server.url());
    admin.sql("create tablespace small location '" + SmallDisk::directory("tables") + "'");
    admin.sql("create database small tablespace small");
  }
  auto ledger = made(server.url("small"));
  stock(ledger);
  run(ledger, many(0));
  wait_until_sealed(ledger);

  SmallDisk::fill();
  int last = 1;
  auto answer = ledger.execute(many(last));
  while (answer) answer = ledger.execute(many(++last));  // in the room that pages have
  EXPECT_EQ(answer.error().code, ErrorCode::storage_full) << answer.error().message;
  EXPECT_EQ(must_fail(ledger.execute(many(last))).code, ErrorCode::storage_full);
  EXPECT_EQ(must_fail(ledger.account(fmt::format("user:{}:0", last))).code, ErrorCode::account_not_found);
  EXPECT_EQ(must_fail(ledger.account(fmt::format("user:{}:199", last))).code, ErrorCode::account_not_found);
  EXPECT_TRUE(ledger.account(fmt::format("user:{}:199", last - 1))) << "it was acknowledged";
  EXPECT_EQ(available(ledger, "alice"), 100'000);

  SmallDisk::make_room();
  EXPECT_FALSE(run(ledger, many(last)).replayed);
  for (int i = 0; i < last; ++i) EXPECT_TRUE(run(ledger, many(i)).replayed);
  expect_lawful(ledger);
}

// PostgreSQL does not outlive a log that cannot be written: it falls, and perhaps comes back for a while.
TEST(FullDisk, OfTheLogLosesNothingThatWasAcknowledged) {
  const SmallDisk disk(64);
  PostgresServer server({.settings = {"max_wal_size = 1GB", "checkpoint_timeout = 1h"},
                         .wal_directory = SmallDisk::directory("wal")});
  auto ledger = made(server.url());
  stock(ledger);
  std::map<int, std::uint64_t> acknowledged;
  SmallDisk::fill();
  int last = 0;
  for (;; ++last) {
    const auto answer = ledger.execute(many(last));
    if (!answer) {
      EXPECT_FALSE(is_rejection(answer.error().code)) << answer.error().message;
      break;
    }
    acknowledged[last] = *answer->event_id;
  }
  EXPECT_NE(server.log().find("No space left on device"), std::string::npos);

  SmallDisk::make_room();
  server.kill();
  server.start();
  for (const auto& [i, event] : acknowledged) {
    const auto again = run(ledger, many(i));
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.event_id, event);
  }
  const auto late = run(ledger, many(last));
  EXPECT_EQ(run(ledger, many(last)).event_id, late.event_id);
  expect_lawful(ledger);
}

}  // namespace
}  // namespace holdfast
