// Differential: one random stream of commands and blocks, rejected ones too, through the journal store, the
// PostgreSQL store and the naive model. Both stores must say the same to the letter, and write the same
// chain.
//
// What may differ between the stores is made the same, so that nothing need be left out of the comparison:
//  - Time. An event is never earlier than the one before it. So both ledgers begin with one event of the year
//    2100, which was copied from one to the other, and all that follow happen at that moment.
//  - Numbers. PostgreSQL leaves out those that a command drew and did not use, a rejected one above all.
//  After
//    each command its sequences are set back to what is there. So every account, escrow, group and plan has
//    one number in both, and the canonical bytes of every event are the same, and the hashes and the chain's
//    head, each made by its own store. (How gaps look is in tests/parallel and tests/storm.)
//  - Event ids are PostgreSQL's own, and in no event: they are left out. An answer there has no seq yet.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <thread>

#include "holdfast/maintenance.h"
#include "journal/copy_target.h"
#include "journal/journal_store.h"
#include "postgres/libpq_session.h"
#include "postgres/maintenance.h"
#include "postgres/postgres_store.h"
#include "service/testing/shop.h"
#include "sim/prng.h"
#include "tests/same_answers/asked.h"
#include "tests/support/model_store.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each

constexpr const char* kMoment = "update holdfast.ledgers set at = '2100-01-01 00:00:00Z'";
constexpr std::string_view kSetBack = R"(
select setval('holdfast.accounts_of_1', coalesce(max(account), 1), count(*) > 0) from holdfast.accounts
union all select setval('holdfast.escrows_of_1', coalesce(max(escrow), 1), count(*) > 0) from holdfast.escrows
union all select setval('holdfast.groups_of_1', coalesce(max("group"), 1), count(*) > 0) from holdfast.groups
union all select setval('holdfast.plans_of_1', coalesce(max(plan), 1), count(*) > 0) from holdfast.fee_plan_versions)";

bool same(const CommandResult& a, const CommandResult& b) {
  const auto* many = std::get_if<AtomicResult>(&a);
  const auto* others = std::get_if<AtomicResult>(&b);
  if (many == nullptr || others == nullptr) {
    if (a.index() != b.index()) return false;
    const auto equal = [&]<class T>(const T& one) {
      if constexpr (std::is_same_v<T, AtomicResult>) {
        return false;
      } else {
        return one == std::get<T>(b);
      }
    };
    return std::visit(equal, a);
  }
  return std::ranges::equal(many->results, others->results, [](const auto& one, const auto& other) {
    if (one.has_value() != other.has_value()) return false;
    return one ? same(*one, *other) : one.error() == other.error();
  });
}

/// Empty where both said the same.
std::string difference(const Result<StoreAnswer>& a, const Result<StoreAnswer>& b) {
  const auto text = [](const Result<StoreAnswer>& reply) {
    return reply ? fmt::format("{} at {}{}", sim::describe(Result<Answer>(reply->answer)),
                               to_rfc3339(reply->answer.at), reply->more ? ", and more" : "")
                 : fmt::format("{}: {}, {}", to_string(reply.error().code), reply.error().message,
                               sim::describe(Result<Answer>(std::unexpected(reply.error()))));
  };
  bool equal = a.has_value() == b.has_value();
  if (equal && !a) equal = a.error() == b.error();
  if (equal && a) {
    const auto& [x, x_more] = *a;
    const auto& [y, y_more] = *b;
    equal = x_more == y_more && x.event_id.has_value() == y.event_id.has_value() &&
            x.replayed == y.replayed && same(x.result, y.result) && (!x.event_id || x.at == y.at) &&
            (!y.seq || x.seq == y.seq);
  }
  return equal ? "" : fmt::format("the journal says {}; PostgreSQL {}", text(a), text(b));
}

Result<StoreAnswer> as_answer(const Result<CommandResult>& result) {
  if (!result) return std::unexpected(result.error());
  return StoreAnswer{{{}, {}, {}, false, *result}, false};
}

std::string describe(const sim::Block& block) {
  std::string text;
  for (const auto& step : block.steps) {
    if (step.kind == sim::Block::Step::Kind::execute) {
      text += "\n  " + sim::describe(step.command);
    } else {
      text += fmt::format("\n  step of kind {}", static_cast<int>(step.kind));
    }
  }
  return text + (block.commits ? "\n  commits" : "\n  gives up");
}

struct ChainedEvent {
  std::string bytes;  // in hex
  std::string hash;
};

class Streams : public ::testing::Test {
 protected:
  Streams() : database_(shared_postgres().new_database()) {
    OpenOptions options;
    options.create = true;
    {
      auto made = must(Ledger::open(database_, options));
    }
    admin_ = must(postgres::connect(database_));
    EXPECT_TRUE(admin_->run_script(kMoment));
    const auto first = open("first");
    {
      auto ledger = must(Ledger::open(database_));
      must(ledger.execute(first));
    }
    directory_ = (place_.path() / "ledger").string();
    must(copy(database_, directory_));
    model_.execute(first, {});
    journal::OpenReport report;
    journal_ = must(journal::open_journal_store(directory_, false, {}, report));
    postgres_ = must(postgres::open_postgres_store(database_, {.in_order = true}));
  }

  void run(std::uint64_t seed, int steps) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    sim::Prng prng(seed);
    sim::Workload workload(prng.fork());
    for (const auto& command : workload.opening()) ASSERT_NO_FATAL_FAILURE(give(command, prng));
    for (int i = 0; i < steps; ++i) {
      if (prng.one_in(8)) {
        ASSERT_NO_FATAL_FAILURE(give(workload.next_block(model_.book()))) << "step " << i;
      } else {
        ASSERT_NO_FATAL_FAILURE(give(workload.next(model_.book()), prng)) << "step " << i;
      }
      if (i % 50 == 49) {
        ASSERT_NO_FATAL_FAILURE(compare_chains()) << "after step " << i;
      }
    }
    ASSERT_NO_FATAL_FAILURE(compare_chains());
    ASSERT_NO_FATAL_FAILURE(compare_questions(1'000));
    ASSERT_NO_FATAL_FAILURE(compare_questions(3));
    for (auto* store : {journal_.get(), postgres_.get()}) {
      ASSERT_EQ(differing_row(*store, model_.book()), "");
      const auto report = must(store->audit({}, {}));
      for (const auto& check : report.checks) ASSERT_TRUE(check.ok) << check.law << ": " << check.detail;
    }
    const auto copied = must(copy(database_, (place_.path() / "copy").string()));
    ASSERT_EQ(copied.head, must(journal_->status()).head);
    ASSERT_GT(rejected_, steps / 10);
    ASSERT_GT(model_.book().seq, static_cast<std::uint64_t>(steps) / 10);
  }

  /// A chunked command now and then is left after a chunk.
  void give(const Command& command, sim::Prng& prng) {
    for (bool more = true; more;) {
      const auto ours = journal_->execute(command);
      const auto theirs = postgres_->execute(command);
      set_back();
      ASSERT_EQ(difference(ours, theirs), "") << sim::describe(command);
      const auto answer = answer_of(ours);
      const auto expected =
          model_.execute(command, answer ? sim::given_ids(answer->result) : sim::GivenIds{});
      ASSERT_EQ(sim::difference(expected, answer), "") << sim::describe(command);
      rejected_ += answer ? 0 : 1;
      more = ours && ours->more && !prng.one_in(8);
    }
  }

  void give(const sim::Block& block) {
    std::array<std::vector<Result<CommandResult>>, 2> results;
    const auto run_in = [&](Store& store, std::vector<Result<CommandResult>>& into) {
      return store.transact(block.options, std::chrono::minutes(1),
                            [&](TransactionPort& port) { return run_block(block, port, into); });
    };
    const auto ours = run_in(*journal_, results[0]);
    const auto theirs = run_in(*postgres_, results[1]);
    set_back();
    ASSERT_EQ(difference(ours, theirs), "") << "a block: " << describe(block);
    ASSERT_EQ(results[0].size(), results[1].size());
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      ASSERT_EQ(difference(as_answer(results[0][i]), as_answer(results[1][i])), "")
          << "command " << i << " of a block: " << describe(block);
    }
    sim::Outcome expected;
    ASSERT_EQ(expect_block(model_, block, results[0], expected), "");
    ASSERT_EQ(sim::difference(expected, answer_of(ours)), "") << "a block";
    rejected_ += ours ? 0 : 1;
  }

  void set_back() {
    const std::array<postgres::Statement, 1> statements{{{kSetBack}}};
    const auto done = admin_->run(statements);
    ASSERT_TRUE(done) << done.error().message;
  }

  /// The new events of both, byte by byte, and the heads.
  void compare_chains() {
    ASSERT_NO_FATAL_FAILURE(wait_for_seals());
    const auto ours = must(journal_->status());
    const auto theirs = must(postgres_->status());
    std::vector<ChainedEvent> expected;
    std::vector<ChainedEvent> found;
    const auto into = [](std::vector<ChainedEvent>& all) {
      return [&all](const Event&, std::span<const std::byte> bytes, const Digest* hash) -> Result<void> {
        std::string hex;
        for (const auto byte : bytes) hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
        all.push_back({std::move(hex), to_hex(*hash)});
        return {};
      };
    };
    must(journal::read_events(directory_, compared_, into(expected)));
    auto opened = must(postgres::open_ledger(database_, false));
    ASSERT_TRUE(postgres::read_sealed(opened, compared_, theirs.seq, into(found)));
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].bytes, expected[i].bytes) << "seq " << compared_.value() + i + 1;
      ASSERT_EQ(found[i].hash, expected[i].hash) << "seq " << compared_.value() + i + 1;
    }
    ASSERT_EQ(theirs.seq, ours.seq);
    ASSERT_EQ(theirs.head, ours.head);
    ASSERT_EQ(ours.seq.value(), model_.book().seq);
    compared_ = ours.seq;
  }
  void wait_for_seals() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (must(postgres_->status()).unsealed > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "events are left unsealed";
      std::this_thread::yield();
    }
  }

  void compare_questions(std::size_t limit) {
    const auto expected = everything_asked(*journal_, limit);
    const auto found = everything_asked(*postgres_, limit);
    for (const auto& [question, lines] : expected) {
      const auto at = found.find(question);
      ASSERT_NE(at, found.end()) << question;
      ASSERT_EQ(fmt::format("{}", fmt::join(at->second, "\n")), fmt::format("{}", fmt::join(lines, "\n")))
          << question;
    }
    ASSERT_EQ(found.size(), expected.size());
  }

  TemporaryDirectory place_;
  std::string database_;
  std::string directory_;
  std::unique_ptr<postgres::Session> admin_;
  std::unique_ptr<Store> journal_;
  std::unique_ptr<Store> postgres_;
  sim::Model model_;
  Seq compared_;
  int rejected_ = 0;
};

class StreamOfSeed : public Streams, public ::testing::WithParamInterface<std::uint64_t> {};
TEST_P(StreamOfSeed, MakesOneChainInBothStores) {
  run(GetParam(), 400);
}
INSTANTIATE_TEST_SUITE_P(Seeds, StreamOfSeed, ::testing::Range<std::uint64_t>(1, 5));

class LongStreamOfSeed : public Streams, public ::testing::WithParamInterface<std::uint64_t> {};
TEST_P(LongStreamOfSeed, MakesOneChainInBothStores) {
  run(GetParam(), 1'000);
}
INSTANTIATE_TEST_SUITE_P(Seeds, LongStreamOfSeed, ::testing::Range<std::uint64_t>(100, 130));

}  // namespace
}  // namespace holdfast
