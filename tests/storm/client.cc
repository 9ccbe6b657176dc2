#include <fmt/format.h>

#include "tests/storm/person.h"

namespace holdfast::storm {
namespace {

constexpr int kMostBusy = 6;  // then the client does something else

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

void Client::run(std::span<const Command> commands, Progress& progress) {
  for (const auto& command : commands) {
    busy_ = 0;
    auto next = Next::again;
    while (next == Next::again) {
      const auto asked = order_.now();
      const auto reply = prng_.pick(stores_)->execute(command);
      next = reply ? answered(command, *reply, asked, progress)
                   : refused(command, reply.error(), asked, progress);
    }
    progress.done();
  }
}

Client::Next Client::answered(const Command& command, const StoreAnswer& reply, std::uint64_t asked,
                              Progress& progress) {
  const bool keyed = !command.options.key.empty() && !command.options.dry_run;
  if (keyed && prng_.one_in(10)) {
    order_.record_unknown(command, asked);
    progress.met(Fault::answer_lost);
    if (!prng_.one_in(4)) return Next::again;
    progress.met(Fault::answer_given_up);
    return Next::end;
  }
  order_.record(command, reply.answer, asked);
  if (reply.more) return Next::again;
  if (keyed && reply.answer.event_id) acknowledged_.push_back({command, reply.answer});
  return Next::end;
}

Client::Next Client::refused(const Command& command, const Error& error, std::uint64_t asked,
                             Progress& progress) {
  if (is_rejection(error.code)) {
    order_.record(command, std::unexpected(error), asked);
    return Next::end;
  }
  switch (error.code) {
    case ErrorCode::busy:  // nothing was done
      return ++busy_ < kMostBusy ? Next::again : Next::end;
    case ErrorCode::storage_full:  // likewise
      progress.met(Fault::tables_full);
      return Next::again;
    case ErrorCode::storage_failed:  // who knows
      order_.record_unknown(command, asked);
      return command.options.key.empty() ? Next::end : Next::again;
    default:
      progress.complain(fmt::format("{} is answered by an error that no fault explains: {}: {}",
                                    sim::describe(command), to_string(error.code), error.message));
      return Next::end;
  }
}

}  // namespace holdfast::storm
