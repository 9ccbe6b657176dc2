#include "tests/storm/clerk.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>

#include "postgres/attached.h"

namespace holdfast::storm {
namespace {

constexpr int kMostBusy = 6;
constexpr std::string_view kLost = "lost";
constexpr std::string_view kThereAlready = "23505";  // unique_violation

}  // namespace

void Clerk::run(std::span<const Task> tasks, Progress& progress) {
  std::vector<Command> all;
  for (const auto& task : tasks) all.push_back(std::get<Command>(task));
  const std::span<const Command> commands(all);
  for (std::size_t next = 0; next < commands.size();) {
    const auto count = std::min<std::size_t>(commands.size() - next, 1 + prng_.below(3));
    transaction(commands.subspan(next, count), progress);
    next += count;
    for (std::size_t i = 0; i < count; ++i) progress.done();
  }
}

void Clerk::transaction(std::span<const Command> commands, Progress& progress) {
  const auto number = next_order_++;
  const bool commits = !prng_.one_in(5);
  int busy = 0;
  std::optional<Attempt> unknown;  // the one before, whose COMMIT was not answered
  while (busy < kMostBusy) {
    Attempt now{number, {}};
    switch (attempt(commands, commits, now, progress)) {
      case End::committed:
        return record(now);
      case End::placed_before:
        if (!unknown) return progress.complain(fmt::format("order {} is there, and was not placed", number));
        return record(*unknown);
      case End::rolled_back:
        progress.met(Fault::rolled_back);
        taken_back_.push_back(number);
        return;
      case End::busy:
        ++busy;
        unknown.reset();  // else the order would have been there
        break;
      case End::undone:
        break;
      case End::unknown:
        unknown = std::move(now);
        if (progress.met(Fault::commit_unknown) % 2 == 1) break;  // every other one is looked after
        progress.met(Fault::commit_forgotten);
        forgotten_.push_back(std::move(*unknown));
        return;
    }
  }
  taken_back_.push_back(number);
}

Clerk::End Clerk::attempt(std::span<const Command> commands, bool commits, Attempt& out, Progress& progress) {
  if (!connect() || !sql("begin").empty()) return End::undone;
  // Waits for an earlier attempt that the server is still at.
  const auto placed = sql(fmt::format("insert into orders (number) values ({})", out.order));
  if (!placed.empty()) {
    sql("rollback");
    return placed == kThereAlready ? End::placed_before : End::undone;
  }
  if (const auto end = give(commands, out, progress); end != End::committed) {
    sql("rollback");
    return end;
  }
  std::vector<std::uint64_t> events;
  for (const auto& one : out.answers) {
    if (one.answer && one.answer->event_id && !one.answer->replayed) events.push_back(*one.answer->event_id);
  }
  if (!sql(fmt::format("update orders set events = '{{{}}}' where number = {}", fmt::join(events, ","),
                       out.order))
           .empty()) {
    sql("rollback");
    return End::undone;
  }
  if (!commits) {
    sql("rollback");
    return End::rolled_back;
  }
  // What a server that is told to stop says to a COMMIT may come after it.
  return sql("commit").empty() ? End::committed : End::unknown;
}

Clerk::End Clerk::give(std::span<const Command> commands, Attempt& out, Progress& progress) {
  if (!sql("set local lock_timeout = '200ms'").empty()) return End::undone;
  for (const auto& command : commands) {
    for (bool more = true; more;) {
      const auto asked = order_.now();
      auto reply = store_->execute(command);
      more = reply && reply->more;
      if (reply || is_rejection(reply.error().code)) {
        auto answer =
            reply ? Result<Answer>(std::move(reply->answer)) : Result<Answer>(std::unexpected(reply.error()));
        out.answers.push_back({command, std::move(answer), !more, asked, order_.now()});
        continue;
      }
      const auto& error = reply.error();
      if (error.code == ErrorCode::busy) {
        if (prng_.one_in(2)) return End::busy;
        break;  // the transaction goes on without the command
      }
      if (error.code == ErrorCode::storage_full) progress.met(Fault::tables_full);
      if (error.code != ErrorCode::storage_full && error.code != ErrorCode::storage_failed &&
          error.code != ErrorCode::aborted) {
        progress.complain(
            fmt::format("in a transaction {} is answered by an error that no fault explains: {}",
                        sim::describe(command), error.message));
      }
      return End::undone;
    }
  }
  return End::committed;
}

std::string Clerk::sql(const std::string& text) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), text.c_str()),
                                                             PQclear);
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  if (state != nullptr) return state;
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return std::string(kLost);
  // Of a transaction that failed COMMIT is a rollback.
  return text == "commit" && std::string_view(PQcmdStatus(result.get())) != "COMMIT" ? "25P02" : "";
}

bool Clerk::connect() {
  if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK) return true;
  store_.reset();
  connection_.reset(PQconnectdb(url_.c_str()));
  if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  auto attached = postgres::attach_to(connection_.get(), "main");
  if (!attached) return false;
  store_ = std::move(*attached);
  return true;
}

void Clerk::record(const Attempt& attempt) {
  placed_.push_back(attempt.order);
  for (const auto& one : attempt.answers) {
    const bool recorded = one.answer && one.answer->event_id;
    order_.record(one.command, one.answer, one.asked, recorded ? order_.now() : one.answered);
    if (recorded && one.last && !one.command.options.key.empty() && !one.command.options.dry_run) {
      acknowledged_.push_back({Task(one.command), *one.answer});
    }
  }
}

void Clerk::look_back(postgres::Session& session) {
  const auto is_there = [&](std::int64_t number) {
    const std::array<postgres::Statement, 1> ask{
        {{"select exists (select from orders where number = $1)", {number}}}};
    const auto found = session.run(ask);
    EXPECT_TRUE(found) << found.error().message;
    return found && found->front()->boolean(0, 0);
  };
  for (const auto& attempt : forgotten_) {
    if (is_there(attempt.order)) record(attempt);
  }
  forgotten_.clear();
  for (const auto number : placed_) EXPECT_TRUE(is_there(number)) << "order " << number << " was committed";
  for (const auto number : taken_back_)
    EXPECT_FALSE(is_there(number)) << "order " << number << " was rolled back";
  placed_.clear();
  taken_back_.clear();
}

}  // namespace holdfast::storm
