#include "tests/storm/storm.h"

#include <fmt/format.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "base/assert.h"
#include "postgres/libpq_session.h"
#include "postgres/maintenance.h"
#include "postgres/postgres_store.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/storm/clerk.h"
#include "tests/storm/person.h"
#include "tests/storm/races.h"
#include "tests/storm/weather.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_server.h"
#include "tests/support/seal_order.h"
#include "tests/support/small_disk.h"

namespace holdfast::storm {
namespace {

using testing::CuttingProxy;
using testing::PostgresServer;
using testing::SealOrder;
using testing::SmallDisk;

constexpr std::size_t kClients = 5;
constexpr std::size_t kClerks = 3;
constexpr std::size_t kPeople = kClients + kClerks;
constexpr int kDiskMib = 96;
constexpr std::string_view kDatabase = "storm";
constexpr std::chrono::seconds kPatience{30};

/// What is on the small disk, where there is one.
enum class OnDisk : std::uint8_t { nothing, tables, log };

OnDisk on_disk(const StormOptions& options) {
  if (!options.disk) return OnDisk::nothing;
  return options.seed % 2 == 0 ? OnDisk::tables : OnDisk::log;
}

testing::PostgresOptions server_options(OnDisk what) {
  testing::PostgresOptions options;
  // What nobody waits for is not written down soon, so that it is lost where the server is killed.
  options.settings = {"max_wal_size = 48MB", "checkpoint_timeout = 1h", "wal_writer_delay = 10s",
                      "wal_writer_flush_after = 0"};
  if (what == OnDisk::log) options.wal_directory = SmallDisk::directory("wal");
  return options;
}

/// The faults of each round: each kind as often as any other, in an order of the seed's.
std::vector<std::vector<Fault>> plan_of(const StormOptions& options, sim::Prng prng) {
  std::vector<Fault> all;
  for (const auto fault : faults_of(options)) {
    if (fault >= Fault::answer_lost) continue;
    all.push_back(fault);
    all.push_back(fault);
  }
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[prng.below(i)]);
  std::vector<std::vector<Fault>> rounds(static_cast<std::size_t>(options.rounds));
  for (std::size_t i = 0; i < all.size(); ++i) rounds[i % rounds.size()].push_back(all[i]);
  return rounds;
}

class Storm {
 public:
  explicit Storm(const StormOptions& options)
      : options_(options),
        prng_(options.seed),
        disk_(on_disk(options) == OnDisk::nothing ? nullptr : std::make_unique<SmallDisk>(kDiskMib)),
        server_(server_options(on_disk(options))),
        proxy_(server_.directory() / ".s.PGSQL.5432"),
        callers_(server_.directory() / ".s.PGSQL.5432") {}

  void run(StormReport& report) {
    ASSERT_NO_FATAL_FAILURE(begin());
    work(report);
    note(report);
  }

 private:
  void begin() {
    auto admin = postgres::connect(server_.url());
    ASSERT_TRUE(admin) << admin.error().message;
    std::string place;
    if (on_disk(options_) == OnDisk::tables) {
      place = " tablespace small";
      sql(**admin, fmt::format("create tablespace small location '{}'", SmallDisk::directory("tables")));
    }
    sql(**admin, fmt::format("create database {}{}", kDatabase, place));
    for (auto& store : stores_) {
      auto opened = postgres::open_postgres_store(proxy_.url(kDatabase) + "&workers=4", {.create = true});
      ASSERT_TRUE(opened) << opened.error().message;
      store = std::move(*opened);
    }
    auto session = postgres::connect(server_.url(kDatabase));
    ASSERT_TRUE(session) << session.error().message;
    sql(**session, kMakeOrders);
    order_ = std::make_unique<SealOrder>(server_.url(kDatabase), "main");
    for (std::size_t i = 0; i < kPeople; ++i) {
      const bool client = i < kClients;
      workloads_.emplace_back(prng_.fork(), fmt::format("{}{}.", client ? "client" : "clerk", i));
      if (client) {
        people_.push_back(
            std::make_unique<Client>(std::vector{stores_[0].get(), stores_[1].get()}, *order_, prng_.fork()));
      } else {
        people_.push_back(std::make_unique<Clerk>(callers_.url(kDatabase), *order_, prng_.fork(),
                                                  static_cast<std::int64_t>(i) * 1'000'000));
      }
    }
    weather_.emplace(server_, proxy_, callers_, std::string(kDatabase), *stores_[0], *order_, prng_.fork());
  }

  void work(StormReport& report) {
    const auto plan = plan_of(options_, prng_.fork());
    sim::Workload first(prng_.fork(), "opening.");
    for (const auto& command : first.opening()) (void)order_->run(*stores_[0], command);
    ASSERT_NO_FATAL_FAILURE(order_->check());
    for (std::size_t round = 0; round < plan.size(); ++round) {
      SCOPED_TRACE(::testing::Message() << "round " << round);
      ASSERT_NO_FATAL_FAILURE(work_through(plan[round], report));
      ASSERT_NO_FATAL_FAILURE(look_back());
    }
    ASSERT_NO_FATAL_FAILURE(ask_again(report));
    for (auto& store : stores_) ASSERT_NO_FATAL_FAILURE(order_->check_rows(*store));
    ASSERT_NO_FATAL_FAILURE(order_->check_laws(*stores_[1]));
    ASSERT_NO_FATAL_FAILURE(order_->check_tables());
    auto opened = postgres::open_ledger(server_.url(kDatabase), false);
    ASSERT_TRUE(opened) << opened.error().message;
    const auto chain = postgres::verify_chain(*opened, {});
    ASSERT_TRUE(chain) << chain.error().message;
    ASSERT_EQ(chain->end.seq.value(), order_->book().seq);
  }

  /// Drawn before, so that the commands of a seed are the same whatever the threads do. Now and then a client
  /// gives what another gives too.
  std::vector<std::vector<Task>> draw() {
    std::vector<std::vector<Task>> commands(kPeople);
    for (std::size_t i = 0; i < kPeople; ++i) {
      for (int n = 0; n < options_.commands; ++n) {
        if (i < kClients && prng_.one_in(8)) {
          commands[i].emplace_back(workloads_[i].next_block(order_->book()));
          continue;
        }
        commands[i].emplace_back(workloads_[i].next(order_->book()));
        if (i < kClients && prng_.one_in(10)) commands[(i + 1) % kClients].push_back(commands[i].back());
      }
    }
    for (int n = 0; n < options_.commands / 2; ++n) {
      auto [brings, misses] = draw_race(prng_, ++races_);
      const auto one = prng_.below(kPeople);
      const auto other = (one + 1 + prng_.below(kPeople - 1)) % kPeople;
      const auto at = static_cast<std::ptrdiff_t>(prng_.below(static_cast<std::uint64_t>(options_.commands)));
      commands[one].insert(commands[one].begin() + at, name_it(std::move(brings), one));
      commands[other].insert(commands[other].begin() + at, name_it(std::move(misses), other));
    }
    return commands;
  }

  /// Tells by the reference whose it is.
  static Command name_it(Command command, std::size_t person) {
    command.options.reference =
        fmt::format("{}{}.{}", person < kClients ? "client" : "clerk", person, command.options.reference);
    return command;
  }

  void work_through(const std::vector<Fault>& faults, StormReport& report) {
    const auto commands = draw();
    std::size_t count = 0;
    for (const auto& mine : commands) count += mine.size();
    report.commands += count;
    progress_.begin();
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < kPeople; ++i) {
        threads.emplace_back([&, i] { people_[i]->run(commands[i], progress_); });
      }
      weather_->run(faults, progress_, count);
    }
    const auto complaints = progress_.complaints();
    ASSERT_TRUE(complaints.empty()) << complaints.front();
  }

  void look_back() {
    auto session = postgres::connect(server_.url(kDatabase));
    ASSERT_TRUE(session) << session.error().message;
    ASSERT_NO_FATAL_FAILURE(wait_until_quiet(**session));
    for (auto& person : people_) person->look_back(**session);
    order_->reconnect();
    ASSERT_NO_FATAL_FAILURE(order_->check());
    ASSERT_NO_FATAL_FAILURE(order_->check_rows(*stores_[0]));
    // The callers' orders and the ledger's events are there together.
    ASSERT_EQ(number(**session,
                     "select count(*) from orders o, unnest(o.events) e(event) where not exists (select from "
                     "holdfast.events h where h.event = e.event)"),
              0)
        << "an order was committed without an event of its transaction";
    ASSERT_EQ(number(**session,
                     "select count(*) from holdfast.events h where h.reference like 'clerk%' and not exists "
                     "(select from orders o where h.event = any(o.events))"),
              0)
        << "an event was committed without its caller's order";
    orders_ = number(**session, "select count(*) from orders");
  }

  /// The server notices only later that a client is gone.
  static void wait_until_quiet(postgres::Session& session) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (
        number(session,
               "select count(*) from pg_stat_activity where datname = current_database() and backend_type = "
               "'client backend' and pid <> pg_backend_pid() and xact_start is not null") > 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "a transaction does not end";
      std::this_thread::yield();
    }
  }

  /// Everything that was acknowledged answers the same again under its key.
  void ask_again(StormReport& report) {
    for (const auto& person : people_) {
      for (const auto& [task, first] : person->acknowledged()) {
        const auto reply = ask(*stores_[report.asked_again++ % stores_.size()], task);
        const auto& key = std::visit([](const auto& what) { return options_of(what).key; }, task);
        ASSERT_TRUE(reply) << key << ": " << reply.error().message;
        const auto& again = reply->answer;
        ASSERT_TRUE(again.replayed) << key;
        ASSERT_EQ(again.event_id, first.event_id) << key;
        ASSERT_EQ(again.at, first.at) << key;
        ASSERT_EQ(result_text(again), result_text(first)) << key;
      }
    }
    order_->reconnect();
    ASSERT_NO_FATAL_FAILURE(order_->check()) << "asking again changed something";
  }
  static const Options& options_of(const Command& command) { return command.options; }
  static const Options& options_of(const sim::Block& block) { return block.options; }
  static Result<StoreAnswer> ask(Store& store, const Task& task) {
    if (const auto* command = std::get_if<Command>(&task)) return store.execute(*command);
    const auto& block = std::get<sim::Block>(task);
    return store.transact(block.options, kPatience, [](TransactionPort&) -> Result<void> {
      return fail(ErrorCode::aborted, "a block that was done is not run again");
    });
  }
  static std::string result_text(Answer answer) {
    answer.seq.reset();
    answer.replayed = false;
    return sim::describe(Result<Answer>(std::move(answer)));
  }

  static void sql(postgres::Session& session, const std::string& text) {
    const auto done = session.run_script(text);
    ASSERT_TRUE(done) << text << ": " << done.error().message;
  }
  static std::int64_t number(postgres::Session& session, std::string_view text) {
    const std::array<postgres::Statement, 1> ask{{{text}}};
    const auto rows = session.run(ask);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? rows->front()->integer(0, 0) : -1;
  }

  void note(StormReport& report) {
    report.faults = progress_.faults();
    report.events = order_->accepted();
    report.rejected = order_->rejected();
    report.replayed = order_->replayed();
    report.unknown_done = order_->unknown_done();
    report.unknown_undone = order_->unknown_undone();
    report.windows = order_->windows();
    report.orders = static_cast<std::uint64_t>(orders_);
  }

  StormOptions options_;
  sim::Prng prng_;
  std::unique_ptr<SmallDisk> disk_;
  PostgresServer server_;
  CuttingProxy proxy_;
  CuttingProxy callers_;
  std::array<std::unique_ptr<Store>, 2> stores_;
  std::unique_ptr<SealOrder> order_;
  Progress progress_;
  std::vector<sim::Workload> workloads_;
  std::vector<std::unique_ptr<Person>> people_;
  std::optional<Weather> weather_;
  std::int64_t orders_ = 0;
  std::uint64_t races_ = 0;
};

}  // namespace

std::vector<Fault> faults_of(const StormOptions& options) {
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (fault <= Fault::stopped_fast && !options.falls) continue;
    if (fault == Fault::tables_full && on_disk(options) != OnDisk::tables) continue;
    if (fault == Fault::log_full && on_disk(options) != OnDisk::log) continue;
    faults.push_back(fault);
  }
  return faults;
}

std::string describe(const StormReport& report) {
  auto text = fmt::format(
      "{} commands: {} events, {} rejected, {} replayed; of unknown ones {} had taken effect, {} not; {} "
      "asked "
      "again at the end; {} orders of callers; without an event {} right in order, {} out of it, {} "
      "undecided\n ",
      report.commands, report.events, report.rejected, report.replayed, report.unknown_done,
      report.unknown_undone, report.asked_again, report.orders, report.windows.in_order,
      report.windows.out_of_order, report.windows.undecided);
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (report.faults.of(fault) > 0)
      text += fmt::format(" {} {};", to_string(fault), report.faults.of(fault));
  }
  return text;
}

StormReport run_storm(const StormOptions& options) {
  StormReport report;
  ::testing::TestPartResultArray found;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &found);
    Storm storm(options);
    storm.run(report);
  }
  for (int i = 0; i < found.size(); ++i) {
    const auto& one = found.GetTestPartResult(i);
    if (one.failed()) report.failure += fmt::format("{}\n", one.message());
  }
  return report;
}

}  // namespace holdfast::storm
