// Crashes, openings, and what of the requests in flight came back.
#include <fmt/format.h>

#include <algorithm>

#include "ledger/event_codec.h"
#include "sim/simulator.h"

namespace holdfast::sim {
namespace {

constexpr int kTries = 40;
constexpr int kTriesWithFaults = 8;

bool refuses_rot(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::not_a_ledger || code == ErrorCode::newer_format;
}

}  // namespace

void Simulator::create() {
  for (int i = 0; i < kTries; ++i) {
    // Making a ledger is cut off at any operation too.
    if (i < kTriesWithFaults && options_.crash_of_million != 0 && prng_.one_in(2))
      disk_.crash_after(prng_.below(40));
    root_ = disk_.root();
    const auto made = journal::Engine::create(*root_, random_);
    const bool crashed = disk_.crashed();
    if (crashed) {
      disk_.restart();
    } else {
      disk_.new_process();
    }
    if (made && !crashed) return;
    if (!crashed) {
      // The crash before hit after the ledger came to exist.
      check(Check::refusal, made.error().code == ErrorCode::not_a_ledger,
            "only a ledger that is there is not made again");
      count("creation found done");
      return;
    }
    count("creation cut off");
  }
  fail_run(Check::liveness, "no ledger could be made");
}

void Simulator::recover_if_down() {
  if (!disk_.crashed() && !dead_) return;
  engine_.reset();
  for (auto& request : in_flight_) unknown_.push_back(request);
  in_flight_.clear();
  for (auto& client : clients_) client.under_way = 0;
  if (!disk_.crashed() && prng_.one_in(2)) {
    count("reopened after a failure");
    disk_.new_process();
  } else {
    count("restarted");
    disk_.restart();
  }
  dead_ = false;
  open();
  disk_.set_faults({});
  match_events();
  audit();
  if (!calm_) disk_.set_faults(options_.disk);
  ask_again();
}

void Simulator::open() {
  for (int i = 0; i < kTries; ++i) {
    const bool faulty = !calm_ && i < kTriesWithFaults;
    disk_.set_faults(faulty ? options_.disk : DiskFaults());
    if (try_open(faulty)) return;
  }
  fail_run(Check::liveness, "the ledger does not open");
}

bool Simulator::try_open(bool may_crash) {
  if (may_crash && options_.crash_of_million != 0 && prng_.one_in(3)) disk_.crash_after(prng_.below(150));
  root_ = disk_.root();
  journal::OpenReport notes;
  auto opened = journal::Engine::open(*root_, clock_, options_.engine, "the simulator", notes);
  if (disk_.crashed()) {
    if (opened) opened->reset();
    report_.faults.add(Fault::crash_in_recovery);
    disk_.restart();
    return false;
  }
  disk_.disarm_crash();
  if (opened) {
    engine_ = std::move(*opened);
    note_branches(notes.notes);
    check(Check::refusal, true, "what has no fault of class B opens");
    return true;
  }
  const auto& error = opened.error();
  trace([&] { return "open: " + error.message; });
  const bool refused = refuses_rot(error.code) || is_rejection(error.code);
  check_same(Check::refusal, refused ? error.message : std::string(), "refused to open");
  check(Check::refusal, may_crash, "without faults an opening does not fail");
  count("opening failed with " + std::string(to_string(error.code)));
  if (prng_.one_in(2)) {
    disk_.new_process();
  } else {
    disk_.restart();
  }
  return false;
}

void Simulator::note_branches(const std::vector<std::string>& notes) {
  constexpr std::array<std::string_view, 4> kKnown = {"torn write", "unfinished segment",
                                                      "snapshot passed over", "missing or damaged"};
  for (const auto& note : notes) {
    trace([&] { return "note: " + note; });
    for (const auto branch : kKnown) {
      if (note.find(branch) != std::string::npos) count("note: " + std::string(branch));
    }
  }
}

void Simulator::match_events() {
  const auto durable = engine_->log().durable();
  const auto acknowledged = model_.book().seq;
  const bool lost = durable.seq.value() < acknowledged;
  check_same(Check::prefix,
             lost ? fmt::format("events {} to {}", durable.seq.value() + 1, acknowledged) : std::string(),
             "acknowledged and lost");
  const auto scanned = engine_->log().scan(
      Seq(acknowledged), [&](const Event& event, std::span<const std::byte>, const Digest*) -> Result<void> {
        take_over(event);
        return {};
      });
  if (!scanned) fail_run(Check::prefix, "the journal does not read back: " + scanned.error().message);
}

void Simulator::take_over(const Event& event) {
  const auto asked = std::ranges::find_if(unknown_, [&](const RequestPtr& request) {
    return request->options() != nullptr && request->options()->reference == event.entry.reference;
  });
  if (asked == unknown_.end()) {
    fail_run(Check::prefix, fmt::format("event {} (reference {}) was never asked for", event.seq.value(),
                                        event.entry.reference));
  }
  count("in flight, recovered");
  const auto result = result_of(event.entry);
  Outcome expected;
  if (const auto* command = std::get_if<Command>(&(*asked)->what)) {
    expected = model_.execute(*command, given_ids(result));
  } else {
    expected = model_block(std::get<BlockRun>((*asked)->what));
  }
  check_same(Check::once, difference(expected, result), fmt::format("event {}", event.seq.value()));
  check(Check::prefix, expected.recorded && model_.book().seq == event.seq.value(),
        "an event is there for what made it");
  check(Check::state, event.at >= last_at_, "the time of events never decreases");
  last_at_ = event.at;
  remember_first(**asked, {event.seq.value(), event.seq, event.at}, !expected.more);
}

}  // namespace holdfast::sim
