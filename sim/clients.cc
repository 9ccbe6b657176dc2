// What clients do: ask, wait, lose answers and patience, and ask again under the same key.
#include <fmt/format.h>

#include "sim/simulator.h"
#include "sim/state_view.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t kUnderWayMax = 3;  // of one client
constexpr std::size_t kDueAtOnce = 3;

/// As the library settles what is due: under a key of its own, so that a date takes effect once.
Command settling(const DueEscrow& due) {
  Command command;
  command.options.key = fmt::format("due:{}:{}", due.escrow.value(), due.at.micros);
  command.options.reference = command.options.key;
  command.options.actor = "due";
  if (due.release) {
    Release release;
    release.escrows.add(due.escrow);
    command.operation = std::move(release);
  } else {
    Refund refund;
    refund.escrows.add(due.escrow);
    command.operation = std::move(refund);
  }
  return command;
}

const Options& options_of(const Command& command) {
  return command.options;
}
const Options& options_of(const Block& block) {
  return block.options;
}

}  // namespace

const Options* Simulator::Request::options() const {
  if (const auto* command = std::get_if<Command>(&what)) return &command->options;
  if (const auto* run = std::get_if<BlockRun>(&what)) return &run->block.options;
  return nullptr;
}

std::optional<Simulator::Asked> Simulator::Request::asked() const {
  if (const auto* command = std::get_if<Command>(&what)) return *command;
  if (const auto* run = std::get_if<BlockRun>(&what)) return run->block;
  return std::nullopt;
}

void Simulator::submit_something() {
  const auto number = prng_.below(clients_.size());
  auto& client = clients_[number];
  if (client.under_way > 0) {
    const bool impatient = client.under_way < kUnderWayMax && client.last &&
                           step_ - client.since > options_.patience_steps && prng_.one_in(2);
    if (!impatient) return;
    report_.faults.add(Fault::impatient_client);
    auto asked = *client.last;
    return send(std::move(asked), number);
  }
  if (client.again) {
    auto asked = std::move(*client.again);
    client.again.reset();
    count("asked again for an answer that was lost");
    return send(std::move(asked), number);
  }
  if (!to_submit_.empty()) {
    auto command = std::move(to_submit_.front());
    to_submit_.pop_front();
    return submit(std::move(command), number);
  }
  const auto draw = prng_.below(20);
  if (draw == 0) return submit_read();
  if (draw == 1) return submit(workload_.next_block(model_.book()), number);
  if (draw == 2 && !asked_.empty()) return submit(workload_.again(prng_.pick(asked_)), number);
  if (prng_.chance(options_.flood_of_million)) return submit(workload_.flood(), number);
  submit(workload_.next(model_.book()), number);
}

void Simulator::send(Asked asked, std::size_t client) {
  std::visit([&](auto& what) { submit(std::move(what), client); }, asked);
}

void Simulator::submit(Command command, std::size_t client) {
  trace([&] { return fmt::format("client {} submits {}", client, describe(command)); });
  ++report_.commands;
  auto request = std::make_shared<Request>(Request{command, client, calm_});
  auto& by = clients_[client];
  ++by.under_way;
  by.since = step_;
  // Without a key it cannot be asked again: it could take effect twice.
  by.last = command.options.key.empty() ? std::nullopt : request->asked();
  in_flight_.push_back(request);
  engine_->submit(std::move(command),
                  [this, request](Result<StoreAnswer> reply) { answered(request, std::move(reply)); });
}

void Simulator::submit(Block block, std::size_t client) {
  trace([&] { return fmt::format("client {} submits a block of {} steps", client, block.steps.size()); });
  ++report_.commands;
  auto options = block.options;
  auto request = std::make_shared<Request>(Request{BlockRun{std::move(block), {}}, client, calm_});
  auto& by = clients_[client];
  ++by.under_way;
  by.since = step_;
  by.last = options.key.empty() ? std::nullopt : request->asked();
  in_flight_.push_back(request);
  engine_->exclusive(
      std::move(options),
      [this, request](TransactionPort& port) { return run_block(std::get<BlockRun>(request->what), port); },
      [this, request](Result<StoreAnswer> reply) { answered(request, std::move(reply)); });
}

Result<void> Simulator::run_block(BlockRun& run, TransactionPort& port) {
  using Kind = Block::Step::Kind;
  run.answers.clear();
  for (const auto& step : run.block.steps) {
    switch (step.kind) {
      case Kind::execute: {
        auto answer = port.execute(step.command);
        if (!answer && !is_rejection(answer.error().code)) return std::unexpected(answer.error());
        run.answers.push_back(std::move(answer));
        break;
      }
      case Kind::savepoint:
        port.savepoint();
        break;
      case Kind::release_savepoint:
        port.release_savepoint();
        break;
      case Kind::rollback_savepoint: {
        Error error;
        error.code = ErrorCode::aborted;
        error.message = "the block takes this part back";
        port.rollback_savepoint(std::move(error));
        break;
      }
    }
  }
  if (!run.block.commits) return fail(ErrorCode::aborted, "the block gives up");
  return {};
}

void Simulator::submit_read() {
  auto request = std::make_shared<Request>(Request{ReadRun{}, 0, calm_});
  in_flight_.push_back(request);
  engine_->read(
      [request](const journal::State& state) {
        auto& run = std::get<ReadRun>(request->what);
        run.seen = view_of(state);
        run.wrong = check_indexes(state, run.seen);
      },
      [this, request](const Result<void>& reply) { answered_read(request, reply); });
}

/// Asks which dates came, by the wall clock as it is, and has them settled.
void Simulator::settle_due() {
  engine_->read(
      [this](const journal::State& state) {
        for (const auto& due : state.due(clock_.wall(), kDueAtOnce)) to_submit_.push_back(settling(due));
      },
      [this](const Result<void>& reply) {
        if (!reply) dead_ = true;
      });
}

void Simulator::lose_answer(const Request& request) {
  const auto* options = request.options();
  if (calm_ || options->key.empty() || options->dry_run) return;
  if (!prng_.chance(options_.lost_answer_of_million)) return;
  report_.faults.add(Fault::lost_answer);
  clients_[request.client].again = request.asked();
}

void Simulator::ask_again() {
  for (const auto& request : unknown_) {
    auto asked = request->asked();
    if (!asked || prng_.one_in(4)) continue;
    if (std::visit([](const auto& what) { return options_of(what).key.empty(); }, *asked)) continue;
    count("in flight, asked again");
    auto& again = clients_[request->client].again;
    if (!again) {
      again = std::move(asked);
    } else if (const auto* command = std::get_if<Command>(&*asked)) {
      to_submit_.push_back(*command);
    }
  }
  unknown_.clear();
  for (int i = 0; i < 3 && !asked_.empty(); ++i) {
    count("acknowledged, asked again after a restart");
    to_submit_.push_back(prng_.pick(asked_));
  }
}

}  // namespace holdfast::sim
