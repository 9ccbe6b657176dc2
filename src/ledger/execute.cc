#include "ledger/execute.h"

#include "ledger/atomic_run.h"
#include "ledger/decide.h"
#include "ledger/request.h"
#include "ledger/validate.h"
#include "ledger/workspace.h"

namespace holdfast {
namespace {

struct WithoutIds {
  template <class Other>
  void operator()(Other&) const {}
  void operator()(HoldResult& result) const { result.escrow.reset(); }
  void operator()(AtomicResult& result) const {
    for (auto& inner : result.results) {
      if (inner) std::visit(*this, *inner);
    }
  }
};

// One command at the top level.
class Run {
 public:
  Run(const Command& command, WorkingRows& rows, Moment moment, Workspace::Memory& memory)
      : command_(command), rows_(rows), moment_(moment), memory_(memory) {}

  Result<Decision> run() {
    std::vector<FieldDigest> request;
    std::optional<PastCommand> past;
    const auto& key = command_.options.key;
    if (!key.empty()) {
      request = request_of(command_);
      if (rows_.key_used(key)) {
        auto found = rows_.past_command(key);
        if (!found) return std::unexpected(std::move(found.error()));
        if (auto same = check_same_request(key, found->entry.request, request); !same) {
          return std::unexpected(std::move(same.error()));
        }
        const auto* progress = progress_of(found->entry);
        if (progress == nullptr || progress->last) return FirstAnswer{std::move(*found)};
        past = std::move(*found);
      }
    }
    memory_.decide.reclaim(memory_.entry.body);
    memory_.entry = entry_for(command_.options, std::move(request));
    const auto* resume = past ? progress_of(past->entry) : nullptr;
    if (command_.options.dry_run) return dry_run(resume);
    if (auto done = step(resume); !done) return std::unexpected(std::move(done.error()));
    if (keeps_nothing(memory_.entry)) return Unrecorded{result_of(memory_.entry)};
    return Accepted{&memory_.entry};
  }

 private:
  // Decides and applies one event.
  Result<void> step(const ChunkProgress* resume) {
    if (const auto* atomic = std::get_if<Atomic>(&command_.operation)) {
      return AtomicRun(rows_, moment_, memory_.decide).run_all(*atomic, memory_.entry);
    }
    auto& entry = memory_.entry;
    if (auto decided = decide(command_.operation, rows_, resume, memory_.decide, entry.body); !decided) {
      return decided;
    }
    if (!keeps_nothing(entry)) rows_.apply(entry, moment_.seq, moment_.at);
    return {};
  }

  // Everything is done as ever and then taken back. A chunked command runs through all its chunks, one on
  // the rows that the other left, so that its answer is that of the whole.
  Result<Decision> dry_run(const ChunkProgress* resume) {
    rows_.begin();
    ChunkProgress progress;
    auto done = step(resume);
    while (done) {
      const auto* reached = progress_of(memory_.entry);
      if (reached == nullptr || reached->last) break;
      progress = *reached;
      done = step(&progress);
    }
    rows_.rollback();
    if (!done) return std::unexpected(std::move(done.error()));
    auto result = result_of(memory_.entry);
    std::visit(WithoutIds{}, result);
    return Unrecorded{std::move(result)};
  }

  const Command& command_;
  WorkingRows& rows_;
  Moment moment_;
  Workspace::Memory& memory_;
};

}  // namespace

Result<Decision> execute(const Command& command, WorkingRows& rows, Moment moment, Workspace& workspace) {
  if (auto valid = validate(command); !valid) return std::unexpected(std::move(valid.error()));
  return Run(command, rows, moment, workspace.memory()).run();
}

}  // namespace holdfast
