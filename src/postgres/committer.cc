#include "postgres/committer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/planted_bugs.h"
#include "base/random.h"
#include "postgres/libpq_session.h"

namespace holdfast::postgres {
namespace {

using std::chrono::milliseconds;

constexpr int kTries = 10;
// Commands that share a transaction wait for others but shortly: then each goes alone.
constexpr milliseconds kSharedLockTimeout{200};
constexpr milliseconds kLockTimeout{1'000};
constexpr int kLockTries = 3;
constexpr std::chrono::seconds kServerPatience{30};  // with a server that cannot be reached

constexpr std::string_view kFate = R"(
select pg_xact_status($1::text::xid8), exists (select from holdfast.events
  where ledger = $2 and event = $3 and at = $4 and entry = $5))";

}  // namespace

RetryStatus RetryCounts::status() const {
  return {conflicts.load(), lock_timeouts.load(), raced_names.load(), reconnects.load(), given_up.load()};
}

std::unexpected<Error> unknown_outcome(const Error& cause) {
  return fail(ErrorCode::storage_failed,
              fmt::format("{}: whether the command took effect is not known: give it again with its key",
                          cause.message));
}

milliseconds backoff(int attempt) {
  std::array<std::byte, 4> bytes{};
  system_random().fill(bytes);
  std::uint32_t random = 0;
  std::memcpy(&random, bytes.data(), sizeof random);
  const std::uint32_t most = std::min(1'000U, 4U << std::min(attempt, 10));
  return milliseconds(most / 2 + random % (most / 2 + 1));
}

Result<Session*> Connection::get() {
  if (kept_ != nullptr) return kept_;
  if (!session_) {
    auto made = connect(conninfo_);
    if (!made) return std::unexpected(std::move(made.error()));
    session_ = std::move(*made);
  }
  return session_.get();
}

std::uint64_t Committer::run(std::span<const Command* const> commands, bool in_order,
                             const std::function<void(std::size_t, Result<StoreAnswer>)>& answer) {
  std::uint64_t events = 0;
  const auto give = [&](std::size_t i, std::expected<Outcome, Failure> done) {
    if (done) {
      events += done->events;
      return answer(i, std::move(done->answers.front()));
    }
    if (done.error().error.code == ErrorCode::busy) ++counts_.given_up;
    answer(i, std::unexpected(std::move(done.error().error)));
  };
  std::vector<std::size_t> waiting;
  if (commands.size() > 1) {
    auto shared = settle(commands, kSharedLockTimeout, 1);
    if (shared || shared.error().fault == SqlFault::connection) {
      for (std::size_t i = 0; i < commands.size(); ++i) {
        answer(i, shared ? std::move(shared->answers[i]) : std::unexpected(shared.error().error));
      }
      return shared ? shared->events : 0;
    }
    // One that the server cannot take, or that has to wait, does not harm those beside it.
    for (std::size_t i = 0; i < commands.size(); ++i) {
      auto alone = settle(commands.subspan(i, 1), kSharedLockTimeout, 1);
      if (!alone && alone.error().fault == SqlFault::lock_timeout && !in_order) {
        waiting.push_back(i);
      } else if (!alone && alone.error().fault == SqlFault::lock_timeout) {
        give(i, settle(commands.subspan(i, 1), kLockTimeout, kLockTries));
      } else {
        give(i, std::move(alone));
      }
    }
  } else {
    waiting.push_back(0);
  }
  for (const auto i : waiting) give(i, settle(commands.subspan(i, 1), kLockTimeout, kLockTries));
  return events;
}

std::expected<Outcome, Committer::Failure> Committer::settle(std::span<const Command* const> commands,
                                                             milliseconds lock_timeout, int lock_tries) {
  int lock_timeouts = 0;
  Failure last;
  std::optional<std::chrono::nanoseconds> give_up;  // once the server could not be reached
  const auto is_gone = [&] {
    const auto now = system_clock().monotonic();
    if (!give_up) give_up = now + kServerPatience;
    return now >= *give_up;
  };
  for (int attempt = 1; attempt <= kTries; ++attempt) {
    auto session = connection_.get();
    if (!session) {
      last = {std::move(session.error()), SqlFault::connection};
      if (is_gone()) break;
      std::this_thread::sleep_for(backoff(attempt + 3));  // a server that restarts needs a while
      continue;
    }
    Attempt work(**session, ledger_, plans_, workspace_);
    auto done = work.run(commands, lock_timeout);
    if (done) return std::move(*done);
    const auto fault = fault_of(done.error());
    last = {to_error(done.error()), fault};
    count(fault);
    if (fault == SqlFault::connection) {
      connection_.drop();
      if (work.trace().commit_sent && work.trace().event != 0) {
        if (planted(PlantedBug::lost_commit_believed)) return work.take_outcome();
        switch (planted(PlantedBug::lost_commit_again) ? Fate::undone : find_out(work.trace())) {
          case Fate::committed:
            return work.take_outcome();
          case Fate::unknown:
            return std::unexpected(Failure{unknown_outcome(last.error).error(), fault});
          case Fate::undone:
            break;
        }
      }
    } else {
      roll_back(**session);
    }
    if (fault == SqlFault::other || (fault == SqlFault::connection && is_gone())) break;
    if (fault == SqlFault::lock_timeout && ++lock_timeouts == lock_tries) break;
    std::this_thread::sleep_for(backoff(attempt));
  }
  return std::unexpected(std::move(last));
}

void Committer::roll_back(Session& session) {
  const std::array<Statement, 1> rollback{{{"rollback"}}};
  if (!session.run(rollback)) connection_.drop();
}

// The server may still be at it: a backend notices only later that its client is gone.
Committer::Fate Committer::find_out(const Trace& trace) {
  bool seen_committed = false;
  const auto end = system_clock().monotonic() + kServerPatience;
  for (int attempt = 1; system_clock().monotonic() < end; ++attempt) {
    std::this_thread::sleep_for(backoff(attempt));
    auto session = connection_.get();
    if (!session) continue;
    const std::array<Statement, 1> ask{{{kFate,
                                         {std::to_string(trace.transaction), ledger_.number,
                                          static_cast<std::int64_t>(trace.event), trace.at, trace.entry}}}};
    const auto result = (*session)->run(ask);
    if (!result) {
      // A server that crashed before it wrote the transaction's number down has not given it yet.
      if (result.error().state == "22023") return Fate::undone;
      connection_.drop();
      continue;
    }
    const auto& row = *result->front();
    if (row.boolean(0, 1)) return Fate::committed;
    if (row.is_null(0, 0)) continue;
    const auto status = row.text(0, 0);
    if (status == "aborted") return Fate::undone;
    // Without the event it was another one's number after a crash, unless it was committed between the two
    // reads.
    if (status == "committed" && std::exchange(seen_committed, true)) return Fate::undone;
  }
  return Fate::unknown;
}

void Committer::count(SqlFault fault) {
  switch (fault) {
    case SqlFault::conflict:
      ++counts_.conflicts;
      break;
    case SqlFault::lock_timeout:
      ++counts_.lock_timeouts;
      break;
    case SqlFault::unique:
      ++counts_.raced_names;
      break;
    case SqlFault::connection:
      ++counts_.reconnects;
      break;
    case SqlFault::other:
      break;
  }
}

}  // namespace holdfast::postgres
