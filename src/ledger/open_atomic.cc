// An atomic driven by the caller's code: the same machinery, one command a call.
#include <fmt/core.h>

#include "base/assert.h"
#include "ledger/atomic_run.h"
#include "ledger/request.h"
#include "ledger/validate.h"

namespace holdfast {
namespace {

// A block as a request: only what its options say can be compared.
std::vector<FieldDigest> block_request(const Options& options) {
  if (options.key.empty()) return {};
  return request_of(Command{Atomic{}, options});
}

}  // namespace

Result<std::optional<PastCommand>> OpenAtomic::look_up(const Options& options, const Rows& rows) {
  if (auto valid = validate_block(options); !valid) return std::unexpected(std::move(valid.error()));
  if (options.key.empty() || !rows.key_used(options.key)) return std::nullopt;
  auto past = rows.past_command(options.key);
  if (!past) return std::unexpected(std::move(past.error()));
  if (auto same = check_same_request(options.key, past->entry.request, block_request(options)); !same) {
    return std::unexpected(std::move(same.error()));
  }
  return std::move(*past);
}

struct OpenAtomic::State {
  // The block itself, and each savepoint that is open in it.
  struct Frame {
    AtomicRun::Entries entries;
    AtomicRun::Mark mark;
  };

  State(WorkingRows& working, Moment moment, Workspace::Memory& reused)
      : rows(working), memory(reused), run(working, moment, reused.decide) {
    memory.decide.reclaim(memory.entry.body);
    push();
  }

  void push() {
    rows.begin();
    frames.push_back({{}, run.mark()});
  }

  WorkingRows& rows;
  Workspace::Memory& memory;
  AtomicRun run;
  std::vector<Frame> frames;
};

OpenAtomic::OpenAtomic(WorkingRows& rows, Moment moment, Workspace& workspace)
    : state_(std::make_unique<State>(rows, moment, workspace.memory())) {}

OpenAtomic::~OpenAtomic() {
  for (std::size_t i = 0; i < state_->frames.size(); ++i) state_->rows.rollback();
}

Result<CommandResult> OpenAtomic::execute(const Command& command) {
  HOLDFAST_ASSERT(!state_->frames.empty(), "a block takes no commands after finish");
  const auto depth = std::min(state_->frames.size(), kMaxAtomicDepth);
  if (auto valid = validate_inside(command, depth); !valid) return std::unexpected(std::move(valid.error()));
  auto& entries = state_->frames.back().entries;
  if (auto done = state_->run.run(command, entries); !done) return std::unexpected(std::move(done.error()));
  if (!entries.back()) return std::unexpected(entries.back().error());
  return result_of(*entries.back());
}

void OpenAtomic::savepoint() {
  state_->push();
}

void OpenAtomic::release_savepoint() {
  auto& frames = state_->frames;
  HOLDFAST_ASSERT(frames.size() > 1, "a savepoint is open");
  auto entries = std::move(frames.back().entries);
  frames.pop_back();
  state_->rows.commit();
  auto& outer = frames.back().entries;
  // A savepoint is an atomic in the atomic, as deep as an event may nest; what lies deeper joins the one
  // around it.
  if (frames.size() >= kMaxAtomicDepth) {
    outer.insert(outer.end(), std::move_iterator(entries.begin()), std::move_iterator(entries.end()));
  } else if (!entries.empty()) {
    Entry entry;
    entry.body = AtomicDone{std::move(entries)};
    outer.emplace_back(std::move(entry));
  }
}

void OpenAtomic::rollback_savepoint(Error error) {
  auto& frames = state_->frames;
  HOLDFAST_ASSERT(frames.size() > 1, "a savepoint is open");
  state_->run.return_to(frames.back().mark);
  frames.pop_back();
  state_->rows.rollback();
  frames.back().entries.emplace_back(std::unexpect, std::move(error));
}

Result<Decision> OpenAtomic::finish(const Options& options) {
  auto& frames = state_->frames;
  HOLDFAST_ASSERT(frames.size() == 1, "every savepoint is ended before the block");
  if (auto valid = validate_block(options); !valid) return std::unexpected(std::move(valid.error()));
  auto& entry = state_->memory.entry;
  entry = entry_for(options, block_request(options));
  entry.body = AtomicDone{std::move(frames.back().entries)};
  if (!entry.key.empty()) {
    if (auto taken = state_->run.take_block_key(entry); !taken)
      return std::unexpected(std::move(taken.error()));
  }
  frames.pop_back();
  state_->rows.commit();
  if (keeps_nothing(entry)) return Unrecorded{result_of(entry)};
  return Accepted{&entry};
}

}  // namespace holdfast
