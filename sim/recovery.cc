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
    if (i < kTriesWithFaults && prng_.one_in(2)) disk_.crash_after(prng_.below(40));
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
      require(made.error().code == ErrorCode::not_a_ledger, "only a ledger that is there is not made again");
      count("creation found done");
      return;
    }
    count("creation cut off");
  }
  fail_run("no ledger could be made");
}

void Simulator::recover_if_down() {
  if (!disk_.crashed() && !dead_) return;
  engine_.reset();
  for (auto& request : in_flight_) unknown_.push_back(request);
  in_flight_.clear();
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
  fail_run("the ledger does not open");
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
    return true;
  }
  const auto& error = opened.error();
  trace([&] { return "open: " + error.message; });
  if (refuses_rot(error.code) || is_rejection(error.code)) fail_run("refused to open: " + error.message);
  require(may_crash, "without faults an opening does not fail");
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
  if (durable.seq.value() < acknowledged) {
    fail_run(
        fmt::format("events {} to {} were acknowledged and are lost", durable.seq.value() + 1, acknowledged));
  }
  const auto scanned = engine_->log().scan(
      Seq(acknowledged), [&](const Event& event, std::span<const std::byte>, const Digest*) -> Result<void> {
        take_over(event);
        return {};
      });
  if (!scanned) fail_run("the journal does not read back: " + scanned.error().message);
}

void Simulator::take_over(const Event& event) {
  const auto asked = std::ranges::find_if(unknown_, [&](const RequestPtr& request) {
    return request->options() != nullptr && request->options()->reference == event.entry.reference;
  });
  if (asked == unknown_.end()) {
    fail_run(
        fmt::format("event {} (reference {}) was never asked for", event.seq.value(), event.entry.reference));
  }
  count("in flight, recovered");
  const auto result = result_of(event.entry);
  Outcome expected;
  if (const auto* command = std::get_if<Command>(&(*asked)->what)) {
    expected = model_.execute(*command, given_ids(result));
  } else {
    expected = model_block(std::get<BlockRun>((*asked)->what));
  }
  if (const auto wrong = difference(expected, result); !wrong.empty()) {
    fail_run(fmt::format("event {}: {}", event.seq.value(), wrong));
  }
  require(expected.recorded && model_.book().seq == event.seq.value(), "an event is there for what made it");
  require(event.at >= last_at_, "the time of events never decreases");
  last_at_ = event.at;
  remember_first(**asked, {event.seq.value(), event.seq, event.at}, !expected.more);
}

void Simulator::ask_again() {
  for (const auto& request : unknown_) {
    const auto* options = request->options();
    if (options == nullptr || options->key.empty() || prng_.one_in(4)) continue;
    count("in flight, asked again");
    if (const auto* command = std::get_if<Command>(&request->what)) {
      to_submit_.push_back(*command);
    } else {
      submit(std::get<BlockRun>(request->what).block);
    }
  }
  unknown_.clear();
}

void Simulator::class_b() {
  if (options_.misdirects) {
    disk_.misdirect_next_write();
    const auto before = disk_.counts().of(Fault::misdirected_write);
    for (int i = 0; i < 40 && disk_.counts().of(Fault::misdirected_write) == before; ++i) {
      submit(workload_.next(model_.book()));
      drain();
      while (engine_->maintain()) {
      }
    }
    // Something good after it, so that it cannot be a torn tail.
    const auto seq = model_.book().seq;
    for (int i = 0; i < 60 && model_.book().seq < seq + 2; ++i) {
      submit(workload_.next(model_.book()));
      drain();
    }
    audit();
  }
  if (options_.rots || prng_.one_in(2))
    require(engine_->close().has_value(), "a ledger closes in good order");
  engine_.reset();
  disk_.restart();
  if (options_.rots) {
    const auto draw = prng_.below(8);
    const std::string_view where = draw < 5 ? "journal/" : draw < 7 ? "snapshot/" : "";
    const auto rot = disk_.rot([&](std::string_view path) { return path.starts_with(where); });
    if (rot) trace([&] { return fmt::format("rot in {} at byte {}", rot->path, rot->offset); });
  }
  open_over_rot();
}

void Simulator::open_over_rot() {
  root_ = disk_.root();
  journal::OpenReport notes;
  auto opened = journal::Engine::open(*root_, clock_, options_.engine, "the simulator", notes);
  if (!opened) {
    trace([&] { return "refused: " + opened.error().message; });
    if (!refuses_rot(opened.error().code)) fail_run("rot is refused as such: " + opened.error().message);
    count("rot refused");
    return;
  }
  engine_ = std::move(*opened);
  note_branches(notes.notes);
  // It opened: then all of it must be there, and what is wrong in the journal must be said where it is read.
  require(engine_->log().durable().seq.value() == model_.book().seq, "over rot, nothing is silently lost");
  audit_state();
  Digest head{};
  Sha256 hasher;
  std::uint64_t seen = 0;
  const auto scanned = engine_->log().scan(
      Seq(), [&](const Event& event, std::span<const std::byte> bytes, const Digest*) -> Result<void> {
        head = chain(hasher, head, bytes);
        seen = event.seq.value();
        return {};
      });
  if (!scanned) {
    require(refuses_rot(scanned.error().code), "a read of rotten bytes says that they are corrupt");
    count("rot found when read");
    return;
  }
  require(seen == model_.book().seq && head == head_, "rot in live bytes is never served");
  count("rot in dead bytes");
}

}  // namespace holdfast::sim
