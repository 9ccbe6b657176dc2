#include "tests/storm/weather.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "postgres/libpq_session.h"
#include "tests/support/small_disk.h"

namespace holdfast::storm {
namespace {

using testing::Cut;
using testing::PostgresServer;
using testing::SmallDisk;

constexpr std::uint64_t kMessages = 150;  // of a few commands
constexpr std::size_t kBulkCommands = 60;
constexpr std::size_t kLongText = 200;

}  // namespace

void Weather::run(std::vector<Fault> faults, Progress& progress, std::size_t commands) {
  faults.insert(faults.begin(), unmet_.begin(), unmet_.end());
  unmet_.clear();
  for (std::size_t i = 0; i < faults.size(); ++i) {
    progress.wait_for(commands * (i + 1) / (faults.size() + 2));
    inject(faults[i], progress);
  }
  progress.wait_for(commands);
  disarm(armed_, proxy_, progress);
  disarm(armed_callers_, callers_, progress);
}

void Weather::inject(Fault fault, Progress& progress) {
  switch (fault) {
    case Fault::server_killed:
      server_.kill();
      server_.start();
      break;
    case Fault::stopped_immediate:
      server_.stop(PostgresServer::Stop::immediate);
      server_.start();
      break;
    case Fault::stopped_fast:
      server_.stop(PostgresServer::Stop::fast);
      server_.start();
      break;
    case Fault::all_cut:
      proxy_.cut_all();
      callers_.cut_all();
      break;
    case Fault::ended_by_server:
      end_sessions();
      break;
    case Fault::tables_full:
      return fill_tables(progress);  // whoever meets it counts it
    case Fault::log_full:
      fill_log();
      break;
    case Fault::caller_cut_before_commit:
    case Fault::caller_cut_after_commit:
    case Fault::caller_cut_between:
    case Fault::caller_cut_inside:
      disarm(armed_callers_, callers_, progress);
      armed_callers_ = fault;
      return arm(fault, callers_);  // counted where it is met
    default:
      disarm(armed_, proxy_, progress);
      armed_ = fault;
      return arm(fault, proxy_);
  }
  progress.met(fault);
}

void Weather::arm(Fault fault, testing::CuttingProxy& proxy) {
  const auto message = 1 + prng_.below(kMessages);
  switch (fault) {
    case Fault::cut_before_commit:
    case Fault::caller_cut_before_commit:
      return proxy.arm(Cut::before_commit);
    case Fault::cut_after_commit:
    case Fault::caller_cut_after_commit:
      return proxy.arm(Cut::after_commit);
    case Fault::cut_between:
    case Fault::caller_cut_between:
      return proxy.arm(Cut::at_message, message);
    default:
      return proxy.arm(Cut::inside_message, message);
  }
}

void Weather::disarm(std::optional<Fault>& armed, testing::CuttingProxy& proxy, Progress& progress) {
  if (!armed) return;
  if (proxy.disarm()) {
    progress.met(*armed);
  } else {
    unmet_.push_back(*armed);
  }
  armed.reset();
}

void Weather::end_sessions() const {
  auto session = postgres::connect(server_.url(database_));
  ASSERT_TRUE(session) << session.error().message;
  const std::array<postgres::Statement, 1> end_all{
      {{"select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() "
        "and "
        "pid <> pg_backend_pid()"}}};
  const auto ended = (*session)->run(end_all);
  EXPECT_TRUE(ended) << ended.error().message;
}

/// Gives commands with long texts until there is no room for one.
void Weather::fill_tables(Progress& progress) {
  SmallDisk::fill();
  for (bool full = false; !full;) {
    Atomic atomic;
    const auto number = ++bulk_;
    for (std::size_t i = 0; i < kBulkCommands; ++i) {
      std::string text;
      for (std::size_t c = 0; c < kLongText; ++c) text += static_cast<char>('a' + prng_.below(26));
      Options options;
      options.key = fmt::format("bulk.k{}.{}", number, i);
      options.reason = text;
      options.reference = fmt::format("bulk.r{}.{}", number, i);
      atomic.commands.push_back({Deposit{"user:0", Amount(1), {}}, options});
    }
    Options options;
    options.key = fmt::format("bulk.k{}", number);
    options.reference = fmt::format("bulk.r{}", number);
    const Command command{std::move(atomic), options};
    const auto asked = order_.now();
    const auto reply = store_.execute(command);
    if (reply) {
      order_.record(command, reply->answer, asked);
    } else if (is_rejection(reply.error().code)) {
      order_.record(command, std::unexpected(reply.error()), asked);
    } else if (reply.error().code == ErrorCode::storage_failed) {
      order_.record_unknown(command, asked);
    }
    full = !reply && reply.error().code == ErrorCode::storage_full;
  }
  progress.met(Fault::tables_full);
  SmallDisk::make_room();
}

/// The server does not outlive it.
void Weather::fill_log() {
  SmallDisk::fill();
  auto session = postgres::connect(server_.url(database_));
  const std::array<postgres::Statement, 1> write{
      {{"select pg_logical_emit_message(true, 'storm', repeat('x', 100000))"}}};
  while (session && (*session)->run(write)) {
  }
  SmallDisk::make_room();
  server_.kill();
  server_.start();
}

}  // namespace holdfast::storm
