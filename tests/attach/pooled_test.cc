// Callers whose connections go by way of pgbouncer in transaction mode: what one leaves in the server's
// session, the next one gets.
#include <thread>

#include "tests/attach/fixture.h"

namespace holdfast {
namespace {

using testing::AttachTest;
using testing::Caller;

// Each of the pooler's clients has a server's session only as long as its transaction lasts; there are two.
class PooledAttachTest : public AttachTest {
 protected:
  static std::string pooled(const std::string& url) {
    static const bool started = (testing::shared_postgres().start_pooler(2), true);
    EXPECT_TRUE(started);
    const auto name = url.substr(url.find('/', url.find('@')) + 1);
    return testing::shared_postgres().pooled_url(name.substr(0, name.find('?')));
  }
  static std::string settings(const Caller& caller) {
    return caller.value(
        "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name not in "
        "('application_name', 'client_encoding')");
  }
};

TEST_F(PooledAttachTest, CommandsCommitAndRollBackWithTheCallersRows) {
  const Caller pooled_me(pooled(url_));
  auto mine = *Ledger::attach(pooled_me.get());
  pooled_me.sql("begin; insert into orders values (1)");
  ASSERT_TRUE(release(mine, "g:0"));
  EXPECT_FALSE(mine.hold(hold_of(10'000'000), keyed("poor")));
  ASSERT_TRUE(mine.atomic([&](Transaction& block) -> Result<void> {
    EXPECT_TRUE(block.hold(hold_of(10), keyed("in-a-block")));
    return {};
  }));
  pooled_me.sql("commit");
  EXPECT_EQ(status_of("g:0"), EscrowStatus::released);
  pooled_me.sql("begin; insert into orders values (2)");
  ASSERT_TRUE(release(mine, "g:1"));
  pooled_me.sql("rollback");
  EXPECT_EQ(status_of("g:1"), EscrowStatus::locked);
  EXPECT_EQ(other_.value("select string_agg(number::text, ',') from orders"), "1");
  expect_lawful();
}

TEST_F(PooledAttachTest, NothingIsLeftInTheServersSession) {
  const Caller one(pooled(url_));
  const Caller two(pooled(url_));
  auto of_one = *Ledger::attach(one.get());
  auto of_two = *Ledger::attach(two.get());
  const auto before = settings(one);
  for (int i = 0; i < 4; ++i) {
    one.sql("begin");
    two.sql("begin");  // so that both sessions are in use
    ASSERT_TRUE(of_one.hold(hold_of(10), keyed(fmt::format("one:{}", i))));
    const auto poor = of_two.deposit({"nobody", Amount(5), {}}, keyed("none"));
    EXPECT_FALSE(poor);
    EXPECT_TRUE(of_two.deposit({"shop", Amount(5), {}}, keyed(fmt::format("two:{}", i))));
    one.sql("commit");
    two.sql(i % 2 == 0 ? "commit" : "rollback");
    const Caller next(pooled(url_));
    const Caller last(pooled(url_));
    next.sql("begin");
    last.sql("begin");
    EXPECT_EQ(settings(next), before);
    EXPECT_EQ(settings(last), before);
    EXPECT_EQ(next.value("show client_encoding"), "UTF8");
    next.sql("commit");
    last.sql("commit");
  }
  EXPECT_EQ(other_.value(
                "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from "
                "pg_database where datname = current_database())"),
            "0");
  EXPECT_EQ(ledger_.account("shop")->available, Amount(10));
  expect_lawful();
}

// More callers than the pooler has sessions: each waits for one, and all commands are done once.
TEST_F(PooledAttachTest, ManyCallersShareFewSessions) {
  constexpr int kCallers = 6;
  constexpr int kEach = 20;
  const auto by_pooler = pooled(url_);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kCallers; ++t) {
    threads.emplace_back([&, t] {
      const Caller caller(by_pooler);
      auto mine = *Ledger::attach(caller.get());
      for (int i = 0; i < kEach; ++i) {
        caller.sql("begin");
        const auto done = mine.deposit({"shop", Amount(1), {}}, keyed(fmt::format("{}:{}", t, i)));
        EXPECT_TRUE(done) << done.error().message;
        caller.sql(i % 4 == 3 ? "rollback" : "commit");
      }
    });
  }
  threads.clear();
  EXPECT_EQ(ledger_.account("shop")->available, Amount(kCallers * kEach * 3 / 4));
  expect_lawful();
}

}  // namespace
}  // namespace holdfast
