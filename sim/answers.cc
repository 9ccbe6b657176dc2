// What the engine answers, against the model. Answers come in the order in which commands were decided, so
// the model follows them one by one.
#include <fmt/format.h>

#include <algorithm>

#include "sim/simulator.h"
#include "sim/state_view.h"

namespace holdfast::sim {

namespace {

/// Keys of the commands inside an atomic or block, at every level.
void inner_keys(const Command& command, std::vector<std::string>& out) {
  if (!command.options.key.empty()) out.push_back(command.options.key);
  if (const auto* atomic = std::get_if<Atomic>(&command.operation)) {
    for (const auto& inner : atomic->commands) inner_keys(inner, out);
  }
}

}  // namespace

void Simulator::remember_first(const Request& request, const First& first, bool complete) {
  std::vector<std::string> keys;
  if (const auto* command = std::get_if<Command>(&request.what)) {
    inner_keys(*command, keys);
  } else if (const auto* run = std::get_if<BlockRun>(&request.what)) {
    keys.push_back(run->block.options.key);
    for (const auto& step : run->block.steps) inner_keys(step.command, keys);
  }
  for (const auto& key : keys) {
    // A key that a rolled-back part had is free again; that of a chunked command has its answer at the end.
    const auto taken = model_.book().keys.find(key);
    if (!complete || taken == model_.book().keys.end() || taken->second->chunks) continue;
    first_answers_.try_emplace(key, first);
  }
}

void Simulator::forget(const RequestPtr& request) {
  in_flight_.remove(request);
  if (request->options() != nullptr) --clients_[request->client].under_way;
}

void Simulator::answered(const RequestPtr& request, Result<StoreAnswer> reply) {
  forget(request);
  trace([&] {
    return fmt::format(
        "client {} gets {}", request->client,
        describe(reply ? Result<Answer>(reply->answer) : Result<Answer>(std::unexpected(reply.error()))));
  });
  if (!reply && !is_rejection(reply.error().code) && reply.error().code != ErrorCode::aborted) {
    return answered_not(request, reply.error());
  }
  if (const auto* command = std::get_if<Command>(&request->what)) {
    check_command(*command, reply);
  } else {
    check_block(std::get<BlockRun>(request->what), reply);
  }
  if (reply && reply->answer.seq && !reply->answer.replayed) {
    const auto& answer = reply->answer;
    check(Check::answers, answer.event_id.has_value(), "an answer with a seq has an event id");
    remember_first(*request, {*answer.event_id, *answer.seq, answer.at}, !reply->more);
  }
  lose_answer(*request);
}

/// The store could not work: what that says of the request.
void Simulator::answered_not(const RequestPtr& request, const Error& error) {
  switch (error.code) {
    case ErrorCode::storage_full:
      count("storage_full refused");
      check(Check::refusal, !request->calm, "without faults the disk is not full");
      if (const auto* command = std::get_if<Command>(&request->what); command != nullptr && prng_.one_in(2)) {
        to_submit_.push_back(*command);
      }
      return;
    case ErrorCode::storage_failed:
      unknown_.push_back(request);
      dead_ = true;
      return;
    case ErrorCode::corrupt:
      check(Check::refusal, rotten_, "without a fault of class B nothing is found corrupt");
      count("a command refused over rot");
      return;
    default:
      fail_run(Check::answers, "an answer that no fault explains: " + error.message);
  }
}

namespace {

bool expects_something(const Command& command) {
  const auto* release = std::get_if<Release>(&command.operation);
  const auto* refund = std::get_if<Refund>(&command.operation);
  return (release != nullptr && release->expect && !release->expect->empty()) ||
         (refund != nullptr && refund->expect && !refund->expect->empty());
}

}  // namespace

void Simulator::check_command(const Command& command, const Result<StoreAnswer>& reply) {
  const auto answer = reply ? Result<Answer>(reply->answer) : Result<Answer>(std::unexpected(reply.error()));
  const auto expected = model_.execute(command, answer ? given_ids(answer->result) : GivenIds{});
  const auto wrong = difference(expected, answer);
  check_same(Check::answers, wrong, wrong.empty() ? std::string() : describe(command));
  if (!answer) {
    count("rejected " + std::string(to_string(answer.error().code)));
    return;
  }
  count("accepted " + std::string(op_name(command.operation)));
  if (command.options.key.starts_with("due:")) count("accepted due");
  if (expects_something(command)) count("accepted as expected");
  check(Check::answers, reply->more == expected.more,
        "the engine and the model agree whether a chunk is left");
  if (expected.recorded) {
    check(Check::answers, answer->seq->value() == model_.book().seq,
          "events are numbered in the order of the answers");
    check(Check::answers, answer->at >= last_at_, "the time of events never decreases");
    last_at_ = answer->at;
  }
  check_replay(command.options.key, *answer);
  if (reply->more && !prng_.one_in(8)) to_submit_.push_back(command);
  if (!command.options.key.empty() && !command.options.dry_run) {
    if (asked_.size() < 32) {
      asked_.push_back(command);
    } else {
      asked_[prng_.below(32)] = command;
    }
  }
}

void Simulator::check_replay(const std::string& key, const Answer& answer) {
  if (!answer.replayed) return;
  const auto first = first_answers_.find(key);
  check(Check::once, first != first_answers_.end(), "a replay has a first answer");
  const bool same = first->second.seq == *answer.seq && first->second.event_id == *answer.event_id &&
                    first->second.at == answer.at;
  check(Check::once, same, "a replay has the seq, id and time of the first answer");
  count("replayed");
}

Outcome Simulator::model_block(const BlockRun& run) {
  using Kind = Block::Step::Kind;
  if (auto early = model_.begin_block(run.block.options)) return *early;
  std::size_t next = 0;
  for (const auto& step : run.block.steps) {
    if (step.kind == Kind::savepoint) {
      model_.block_savepoint();
    } else if (step.kind == Kind::release_savepoint) {
      model_.block_end_savepoint(std::nullopt);
    } else if (step.kind == Kind::rollback_savepoint) {
      model_.block_end_savepoint(ErrorCode::aborted);
    } else {
      check(Check::answers, next < run.answers.size(), "a block that was answered ran to its end");
      const auto& answer = run.answers[next++];
      const auto expected = model_.block_step(step.command, answer ? given_ids(*answer) : GivenIds{});
      const auto wrong = answer ? difference(expected, *answer)
                                : difference(expected, Result<Answer>(std::unexpected(answer.error())));
      check_same(Check::answers, wrong,
                 wrong.empty() ? std::string() : "in a block, " + describe(step.command));
    }
  }
  return model_.end_block(run.block.commits, run.block.options);
}

void Simulator::check_block(const BlockRun& run, const Result<StoreAnswer>& reply) {
  const auto answer = reply ? Result<Answer>(reply->answer) : Result<Answer>(std::unexpected(reply.error()));
  const auto expected = model_block(run);
  check_same(Check::answers, difference(expected, answer), "a block");
  count(answer ? "accepted block" : "rejected block");
  if (!answer) return;
  if (expected.recorded) {
    check(Check::answers, answer->seq->value() == model_.book().seq,
          "events are numbered in the order of the answers");
    last_at_ = std::max(last_at_, answer->at);
  }
  check_replay(run.block.options.key, *answer);
}

void Simulator::answered_read(const RequestPtr& request, const Result<void>& reply) {
  forget(request);
  if (!reply) {
    check(Check::answers, reply.error().code == ErrorCode::storage_failed,
          "a read fails only with the ledger");
    dead_ = true;
    return;
  }
  const auto& run = std::get<ReadRun>(request->what);
  check_same(Check::answers, run.wrong, "a read");
  check_same(Check::answers, difference(model_.book(), run.seen), "a read");
  count("read");
}

}  // namespace holdfast::sim
