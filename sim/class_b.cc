// Faults of class B, at the end of a run: rot in synced bytes, and a write that lands elsewhere. The ledger
// may refuse, at opening or where the bytes are read; it is never silent, and never serves them.
#include <fmt/format.h>

#include "journal/opening.h"
#include "ledger/event_codec.h"
#include "sim/simulator.h"
#include "sim/state_view.h"

namespace holdfast::sim {
namespace {

constexpr int kRounds = 4;
constexpr std::uint64_t kPageBytes = 4096;

bool refuses_rot(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::not_a_ledger || code == ErrorCode::newer_format;
}

}  // namespace

void Simulator::class_b() {
  rotten_ = true;
  note_head();
  if (options_.misdirects) {
    write_elsewhere();
    if (prng_.one_in(2)) {
      check(Check::liveness, engine_->close().has_value(), "a ledger closes in good order");
    }
    engine_.reset();
    disk_.restart();
    open_over_rot();
    return;
  }
  if (prng_.one_in(3)) {
    rot_while_open();
    return;
  }
  rot_while_down();
}

void Simulator::write_elsewhere() {
  disk_.misdirect_next_write();
  const auto before = disk_.counts().of(Fault::misdirected_write);
  for (int i = 0; i < 40 && disk_.counts().of(Fault::misdirected_write) == before; ++i) {
    submit(workload_.next(model_.book()));
    drain();
    while (engine_->maintain()) {
    }
  }
  note_head();
  // Something good after it, so that it cannot be a torn tail.
  const auto seq = model_.book().seq;
  for (int i = 0; i < 60 && model_.book().seq < seq + 2; ++i) {
    submit(workload_.next(model_.book()));
    drain();
    note_head();
  }
  audit();  // the page cache hides it: all is as it should be
}

bool Simulator::rot(const std::function<bool(std::string_view path)>& choose,
                    std::optional<std::uint64_t> page) {
  const auto rot = disk_.rot(choose, page);
  if (rot) trace([&] { return fmt::format("rot in {} at byte {}", rot->path, rot->offset); });
  return rot.has_value();
}

/// Under a running engine: commands, queries and the scrub either give what is right or say that it is
/// corrupt.
void Simulator::rot_while_open() {
  count("rot while open");
  while (engine_->maintain()) {
  }
  for (int i = 0; i < kRounds; ++i) {
    const auto draw = prng_.below(8);
    const std::string_view where = draw < 4 ? "journal/" : draw < 7 ? "index/" : "ledger";
    // Now and then what only an opening reads: the header of a segment.
    const auto page = draw < 2 ? std::optional<std::uint64_t>(0) : std::nullopt;
    rot([&](std::string_view path) { return path.starts_with(where); }, page);
    const auto scrubbed = engine_->scrub([](std::size_t) { return true; });
    if (!scrubbed) {
      check(Check::refusal, refuses_rot(scrubbed.error().code), "a scrub names rot as such");
    }
    count(scrubbed ? "a scrub finds nothing" : "a scrub finds rot");
    audit_state();
    audit_queries();
    for (int n = 0; n < 10; ++n) {
      submit(asked_.empty() || prng_.one_in(2) ? workload_.next(model_.book()) : prng_.pick(asked_));
      drain();
      note_head();
    }
  }
  audit_state();
  verify_over_rot();
  const bool clean = engine_->scrub([](std::size_t) { return true; }).has_value();
  engine_.reset();
  disk_.new_process();  // the page cache, and so the mark of what was durable, is as it was
  const bool opened = open_over_rot();
  check(Check::refusal, opened || !clean, "what a scrub passed opens, and reads back");
}

/// The chain can not be read to its end any more; its head is known from what was written.
void Simulator::note_head() {
  const auto durable = engine_->log().durable();
  if (chain_.size() <= durable.seq.value()) chain_.resize(durable.seq.value() + 1);
  chain_[durable.seq.value()] = durable.head;
}

/// Between two openings. After a clean close any byte may rot; after a crash of the process alone too, since
/// the durable mark is there; after a crash of the machine all but the last segment, whose last frame looks
/// torn then.
void Simulator::rot_while_down() {
  for (int i = 0; i < kRounds; ++i) {
    const auto end = engine_->log().durable().end;
    const auto last = fmt::format("journal/{:06}", end.segment);
    const auto way = prng_.below(4);
    const bool machine = way == 3;
    if (way < 2) check(Check::liveness, engine_->close().has_value(), "a ledger closes in good order");
    engine_.reset();
    if (way == 0 || machine) {
      disk_.restart();
    } else {
      disk_.new_process();
    }
    bool rotted = false;
    if (way == 2 && prng_.one_in(2)) {
      // The last page that was acknowledged.
      rotted = rot([&](std::string_view path) { return path == last; }, end.offset - kPageBytes);
    } else {
      const auto draw = prng_.below(10);
      const std::string_view where = draw < 7 ? "journal/" : draw < 9 ? "snapshot/" : "";
      rotted =
          rot([&](std::string_view path) { return path.starts_with(where) && !(machine && path == last); });
    }
    count(way < 2 ? "rot after a close" : machine ? "rot after a crash" : "rot after the process ended");
    if (rotted) {
      verify_over_rot();
      look_from_beside_over_rot();
    }
    if (!open_over_rot()) return;
  }
}

/// `holdfast verify` reads every frame: what it passes is the chain as it was.
void Simulator::verify_over_rot() {
  const auto root = disk_.root();
  const auto identity = journal::read_identity(*root);
  const auto directories = journal::open_directories(*root);
  if (!identity || !directories) return;
  const auto verified = journal::verify_log(*directories->journal, identity->uuid, {});
  if (!verified) {
    check(Check::refusal, refuses_rot(verified.error().code), "verify names rot as such");
    count("verify finds rot");
    return;
  }
  const auto seq = verified->seq.value();
  const bool known = seq < chain_.size() && (seq == 0 || chain_[seq] != Digest{});
  const bool right = known ? chain_[seq] == verified->head : seq < model_.book().seq;
  check(Check::refusal, right, "what verify passes is the chain as it was");
  count("verify finds nothing");
}

void Simulator::look_from_beside_over_rot() {
  const auto root = disk_.root();
  const auto opened = journal::open_ledger(*root, false, options_.engine.log);
  if (!opened) {
    check(Check::refusal, refuses_rot(opened.error().code), "a reader is refused over rot as such");
    return count("a reader refused over rot");
  }
  if (opened->log->durable().seq.value() != model_.book().seq) return count("a reader sees an older mark");
  check_same(Check::refusal, difference(model_.book(), view_of(*opened->state)),
             "served over rot to a reader");
  count("a reader let in over rot");
}

/// False where it was refused, or its journal cannot be read to the end any more.
bool Simulator::open_over_rot() {
  root_ = disk_.root();
  journal::OpenReport notes;
  auto opened = journal::Engine::open(*root_, clock_, options_.engine, "the simulator", notes);
  if (!opened) {
    trace([&] { return "refused: " + opened.error().message; });
    check_same(Check::refusal, refuses_rot(opened.error().code) ? std::string() : opened.error().message,
               "rot is refused as such");
    count("rot refused");
    return false;
  }
  engine_ = std::move(*opened);
  note_branches(notes.notes);
  // It opened: then all of it must be there, and what is wrong in the journal must be said where it is read.
  check(Check::refusal, engine_->log().durable().seq.value() == model_.book().seq,
        "over rot, nothing is silently lost");
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
    check(Check::refusal, refuses_rot(scanned.error().code),
          "a read of rotten bytes says that they are corrupt");
    count("rot found when read");
    return false;
  }
  check(Check::refusal, seen == model_.book().seq && head == chain_.back(),
        "rot in live bytes is never served");
  count("rot in dead bytes");
  return true;
}

}  // namespace holdfast::sim
