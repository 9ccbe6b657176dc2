#include "sim/simulator.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/assert.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kDrainSteps = 20'000;

}  // namespace

const Options* Simulator::Request::options() const {
  if (const auto* command = std::get_if<Command>(&what)) return &command->options;
  if (const auto* run = std::get_if<BlockRun>(&what)) return &run->block.options;
  return nullptr;
}

Simulator::Simulator(const RunOptions& options)
    : options_(options),
      prng_(options.seed),
      random_(prng_.fork()),
      clock_(prng_.fork(), options.clock_jump_of_million),
      disk_(prng_.fork()),
      workload_(prng_.fork()) {
  disk_.set_meanwhile([this] {
    if (syncing_ && prng_.chance(options_.interleave_of_million)) engine_->decide();
  });
}

Simulator::~Simulator() = default;

RunReport run(const RunOptions& options) {
  return Simulator(options).run();
}

RunReport Simulator::run() {
  try {
    create();
    open();
    for (auto& command : workload_.opening()) to_submit_.push_back(std::move(command));
    for (step_ = 0; step_ < options_.steps; ++step_) step();
    finish();
    if (options_.rots || options_.misdirects) class_b();
  } catch (const Failure& failure) {
    report_.failure = fmt::format("seed {}, step {}: {}", options_.seed, step_, failure.what);
  }
  engine_.reset();
  report_.faults.merge(disk_.counts());
  report_.faults.add(Fault::clock_jump, clock_.jumps());
  report_.events = model_.book().seq;
  report_.draw = prng_.next() ^ disk_.fingerprint();
  report_.head = to_hex(head_);
  return report_;
}

void Simulator::step() {
  clock_.step();
  if (prng_.chance(options_.crash_of_million)) disk_.crash_after(prng_.below(prng_.one_in(2) ? 8 : 60));
  const auto draw = prng_.below(10);
  if (draw < 4) {
    submit_something();
  } else if (draw < 7) {
    engine_->decide();
  } else if (draw < 9) {
    syncing_ = true;
    engine_->sync();
    syncing_ = false;
  } else {
    engine_->maintain();
  }
  recover_if_down();
}

void Simulator::submit_something() {
  if (in_flight_.size() >= options_.in_flight_max) return;
  if (!to_submit_.empty()) {
    auto command = std::move(to_submit_.front());
    to_submit_.pop_front();
    return submit(std::move(command));
  }
  const auto draw = prng_.below(20);
  if (draw == 0) return submit_read();
  if (draw == 1) return submit(workload_.next_block(model_.book()));
  if (draw == 2 && !asked_.empty()) return submit(workload_.again(prng_.pick(asked_)));
  if (prng_.chance(options_.flood_of_million)) return submit(workload_.flood());
  submit(workload_.next(model_.book()));
}

void Simulator::submit(Command command) {
  trace([&] { return "submit " + describe(command); });
  ++report_.commands;
  auto request = std::make_shared<Request>(Request{command});
  in_flight_.push_back(request);
  engine_->submit(std::move(command),
                  [this, request](Result<StoreAnswer> reply) { answered(request, std::move(reply)); });
}

void Simulator::submit(Block block) {
  trace([&] { return fmt::format("submit block of {} steps", block.steps.size()); });
  ++report_.commands;
  auto options = block.options;
  auto request = std::make_shared<Request>(Request{BlockRun{std::move(block), {}}});
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

void Simulator::drain() {
  for (std::uint64_t i = 0; !in_flight_.empty() || !to_submit_.empty(); ++i) {
    if (i == kDrainSteps) fail_run("without faults, what was asked is not answered");
    if (!to_submit_.empty()) {
      submit(std::move(to_submit_.front()));
      to_submit_.pop_front();
    }
    engine_->decide();
    engine_->sync();
    recover_if_down();  // a failure from before the faults were off may be answered only now
  }
}

void Simulator::finish() {
  calm_ = true;
  disk_.disarm_crash();
  disk_.set_faults({});
  recover_if_down();
  drain();
  audit();
  const auto closed = engine_->close();
  require(closed.has_value(), "a ledger without faults closes in good order");
  engine_.reset();
  disk_.new_process();
  open();
  audit();
}

void Simulator::fail_run(std::string what) const {
  throw Failure{std::move(what)};
}

void Simulator::require(bool good, const char* what) const {
  if (!good) fail_run(what);
}

void Simulator::trace(const std::function<std::string()>& line) const {
  if (options_.verbose) fmt::print(stderr, "{:>6} {}\n", step_, line());
}

}  // namespace holdfast::sim
