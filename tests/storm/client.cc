#include <fmt/format.h>

#include <chrono>

#include "tests/storm/person.h"

namespace holdfast::storm {
namespace {

constexpr int kMostBusy = 6;                           // then the client does something else
constexpr std::chrono::milliseconds kBlockLimit{300};  // two that wait for each other do so as long

}  // namespace

void Progress::begin() {
  const std::scoped_lock hold(mutex_);
  done_ = 0;
}

void Progress::done() {
  const std::scoped_lock hold(mutex_);
  ++done_;
  changed_.notify_all();
}

void Progress::wait_for(std::size_t commands) {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] { return done_ >= commands; });
}

std::uint64_t Progress::met(Fault fault) {
  const std::scoped_lock hold(mutex_);
  faults_.add(fault);
  return faults_.of(fault);
}

void Progress::complain(std::string what) {
  const std::scoped_lock hold(mutex_);
  complaints_.push_back(std::move(what));
}

FaultCounts Progress::faults() {
  const std::scoped_lock hold(mutex_);
  return faults_;
}

std::vector<std::string> Progress::complaints() {
  const std::scoped_lock hold(mutex_);
  return complaints_;
}

void Client::run(std::span<const Task> tasks, Progress& progress) {
  for (const auto& task : tasks) {
    busy_ = 0;
    while (std::visit([&](const auto& what) { return give(what, progress); }, task) == Next::again) {
    }
    progress.done();
  }
}

Client::Next Client::give(const Command& command, Progress& progress) {
  const auto asked = order_.now();
  const auto reply = prng_.pick(stores_)->execute(command);
  if (reply) {
    if (const auto next = loses(command.options, progress)) {
      order_.record_unknown(command, asked);
      return *next;
    }
    order_.record(command, reply->answer, asked);
    if (reply->more) return Next::again;
    const bool keyed = !command.options.key.empty() && !command.options.dry_run;
    if (keyed && reply->answer.event_id) acknowledged_.push_back({Task(command), reply->answer});
    return Next::end;
  }
  if (is_rejection(reply.error().code)) {
    order_.record(command, std::unexpected(reply.error()), asked);
    return Next::end;
  }
  if (reply.error().code == ErrorCode::storage_failed) order_.record_unknown(command, asked);
  return failed(sim::describe(command), command.options, reply.error(), progress);
}

Client::Next Client::give(const sim::Block& block, Progress& progress) {
  const auto asked = order_.now();
  testing::BlockRun run{block, {}};
  const auto reply = prng_.pick(stores_)->transact(block.options, kBlockLimit, [&](TransactionPort& port) {
    return testing::run_block(block, port, run.results);
  });
  if (reply) {
    progress.met(Fault::block_done);
    if (const auto next = loses(block.options, progress)) {
      order_.record_unknown(std::move(run), asked);
      return *next;
    }
    order_.record(std::move(run), reply->answer, asked);
    if (!block.options.key.empty() && reply->answer.event_id)
      acknowledged_.push_back({Task(block), reply->answer});
    return Next::end;
  }
  const auto& error = reply.error();
  if (is_rejection(error.code) || error.code == ErrorCode::aborted)
    return Next::end;                             // nothing of it remains
  if (error.code == ErrorCode::storage_failed) {  // at once where the server is down
    order_.record_unknown(std::move(run), asked);
    if (++busy_ == kMostBusy) return Next::end;
  }
  return failed("a block", block.options, error, progress);
}

std::optional<Client::Next> Client::loses(const Options& options, Progress& progress) {
  if (options.key.empty() || options.dry_run || !prng_.one_in(10)) return std::nullopt;
  progress.met(Fault::answer_lost);
  if (!prng_.one_in(4)) return Next::again;
  progress.met(Fault::answer_given_up);
  return Next::end;
}

Client::Next Client::failed(const std::string& what, const Options& options, const Error& error,
                            Progress& progress) {
  switch (error.code) {
    case ErrorCode::busy:  // nothing was done
      return ++busy_ < kMostBusy ? Next::again : Next::end;
    case ErrorCode::storage_full:  // likewise
      progress.met(Fault::tables_full);
      return Next::again;
    case ErrorCode::storage_failed:  // who knows
      return options.key.empty() ? Next::end : Next::again;
    default:
      progress.complain(fmt::format("{} is answered by an error that no fault explains: {}: {}", what,
                                    to_string(error.code), error.message));
      return Next::end;
  }
}

}  // namespace holdfast::storm
