#include "sim/simulator.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>

#include "base/assert.h"
#include "journal/opening.h"
#include "sim/state_view.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kDrainSteps = 20'000;

}  // namespace

Simulator::Simulator(const RunOptions& options)
    : options_(options),
      prng_(options.seed),
      random_(prng_.fork()),
      clock_(prng_.fork(), options.clock_jump_of_million, options.pace_micros),
      disk_(prng_.fork()),
      workload_(prng_.fork()),
      clients_(options.clients) {
  disk_.set_meanwhile([this] { run_meanwhile(); });
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
  inside_ = Inside::nothing;
  engine_.reset();
  report_.faults.merge(disk_.counts());
  report_.faults.add(Fault::clock_jump, clock_.jumps());
  report_.faults.add(Fault::clock_drift, clock_.drifts());
  report_.events = model_.book().seq;
  report_.simulated_micros = static_cast<std::uint64_t>(clock_.monotonic().count()) / 1'000;
  report_.draw = prng_.next() ^ disk_.fingerprint();
  report_.head = to_hex(chain_.back());
  return report_;
}

void Simulator::step() {
  clock_.step();
  if (prng_.chance(options_.crash_of_million)) disk_.crash_after(prng_.below(prng_.one_in(2) ? 8 : 60));
  const auto& w = options_.weights;
  const std::array weights = {w.submit,     w.decide,           w.sync, w.maintain,
                              w.settle_due, w.look_from_beside, w.scrub};
  switch (prng_.weighted(weights)) {
    case 0:
      submit_something();
      break;
    case 1:
      run_inside(Inside::decide, [this] { engine_->decide(); });
      break;
    case 2:
      // Most of what a crash can break is between a group's write and its sync.
      if (prng_.chance(8 * options_.crash_of_million)) disk_.crash_after(prng_.below(4));
      run_inside(Inside::sync, [this] { engine_->sync(); });
      break;
    case 3:
      run_inside(Inside::maintain, [this] { engine_->maintain(); });
      break;
    case 4:
      settle_due();
      break;
    case 5:
      look_from_beside();
      break;
    default:
      scrub();
  }
  recover_if_down();
}

void Simulator::run_inside(Inside what, const std::function<void()>& part) {
  inside_ = what;
  part();
  inside_ = Inside::nothing;
}

/// Between two file operations of one part of the engine, another part runs: what the platform's threads can
/// do. Not `maintain` inside `decide`, which holds the state then, nor a part inside itself.
void Simulator::run_meanwhile() {
  if (inside_ == Inside::nothing || !prng_.chance(options_.interleave_of_million)) return;
  const auto draw = prng_.below(10);
  if (draw < 5 && inside_ != Inside::decide) {
    count("decided meanwhile");
    engine_->decide();
  } else if (draw < 7 && inside_ != Inside::sync) {
    count("synced meanwhile");
    engine_->sync();
  } else if (draw == 7 && inside_ == Inside::sync) {
    count("maintained meanwhile");
    engine_->maintain();
  } else if (draw == 8) {
    submit_something();
  } else if (draw == 9 && options_.weights.look_from_beside != 0) {
    look_from_beside();
  }
}

void Simulator::scrub() {
  const auto scrubbed = engine_->scrub([](std::size_t) { return true; });
  if (scrubbed) return count("scrubbed");
  check(Check::refusal, scrubbed.error().code == ErrorCode::storage_failed,
        "without a fault of class B a scrub finds nothing");
}

/// Another process opens the ledger for reading: it sees all that is durable, and nothing that is not whole.
void Simulator::look_from_beside() {
  if (dead_) return;
  const auto root = disk_.root();
  const auto acknowledged = model_.book().seq;
  const auto opened = journal::open_ledger(*root, false, options_.engine.log);
  if (disk_.crashed()) return;
  if (!opened) {
    trace([&] { return "beside: " + opened.error().message; });
    check(Check::refusal, opened.error().code == ErrorCode::storage_failed,
          "without a fault of class B a reader beside is not refused");
    return;
  }
  const auto seq = opened->log->durable().seq.value();
  check(Check::prefix, seq >= acknowledged, "a reader beside sees all that was acknowledged");
  if (seq != model_.book().seq) return count("looked from beside, ahead of the answers");
  check_same(Check::state, difference(model_.book(), view_of(*opened->state)), "seen from beside");
  count("looked from beside");
}

void Simulator::drain() {
  const auto waits = [this] {
    for (const auto& client : clients_) {
      if (client.again) return true;
    }
    // A question after what is due is no request, and brings new ones.
    return !in_flight_.empty() || !to_submit_.empty() || engine_->wants_decide() || engine_->wants_sync();
  };
  for (std::uint64_t i = 0; waits(); ++i) {
    if (i == kDrainSteps) fail_run(Check::liveness, "without faults, what was asked is not answered");
    for (std::size_t c = 0; c < clients_.size(); ++c) {
      if (!clients_[c].again) continue;
      auto asked = std::move(*clients_[c].again);
      clients_[c].again.reset();
      send(std::move(asked), c);
    }
    if (!to_submit_.empty()) {
      auto command = std::move(to_submit_.front());
      to_submit_.pop_front();
      submit(std::move(command));
    }
    engine_->decide();
    engine_->sync();
    recover_if_down();  // a failure from before the faults were off may be answered only now
  }
  check(Check::liveness, true, "all is answered");
}

void Simulator::finish() {
  calm_ = true;
  disk_.disarm_crash();
  disk_.set_faults({});
  recover_if_down();
  drain();
  audit();
  const auto closed = engine_->close();
  check(Check::liveness, closed.has_value(), "a ledger without faults closes in good order");
  engine_.reset();
  disk_.new_process();
  open();
  audit();
  if (options_.audits)
    read_now([this](const journal::State& state) { report_.state = fingerprint(view_of(state)); });
}

void Simulator::fail_run(Check which, const std::string& what) const {
  throw Failure{fmt::format("check {}, {}: {}", static_cast<int>(which), to_string(which), what)};
}

void Simulator::check(Check which, bool good, const char* what) {
  report_.checks.add(which);
  if (!good) fail_run(which, what);
}

void Simulator::check_same(Check which, const std::string& wrong, std::string_view where) {
  report_.checks.add(which);
  if (!wrong.empty()) fail_run(which, fmt::format("{}: {}", where, wrong));
}

void Simulator::trace(const std::function<std::string()>& line) const {
  if (options_.verbose) fmt::print(stderr, "{:>6} {}\n", step_, line());
}

}  // namespace holdfast::sim
