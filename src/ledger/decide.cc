#include "ledger/decide.h"

#include "base/assert.h"
#include "ledger/decide_parts.h"

namespace holdfast {
namespace {

struct Decide {
  const Rows& rows;
  const ChunkProgress* resume;
  DecideMemory& memory;
  Body& into;

  Result<void> operator()(const OpenAccount& op) { return decide_open_account(op, rows, into); }
  Result<void> operator()(const CloseAccount& op) { return decide_close_account(op, rows, into); }
  Result<void> operator()(const DefineFeePlan& op) { return decide_fee_plan(op, rows, into); }
  Result<void> operator()(const Deposit& op) { return decide_deposit(op, rows, into); }
  Result<void> operator()(const Withdraw& op) { return decide_withdraw(op, rows, into); }
  Result<void> operator()(const Transfer& op) { return decide_transfer(op, rows, into); }
  Result<void> operator()(const Hold& op) { return decide_hold(op, rows, into); }
  Result<void> operator()(const Reschedule& op) { return decide_reschedule(op, rows, into); }
  Result<void> operator()(const Release& op) { return decide_release(op, rows, resume, memory, into); }
  Result<void> operator()(const Refund& op) { return decide_refund(op, rows, resume, memory, into); }
  Result<void> operator()(const Freeze& op) { return decide_freeze(op, rows, into); }
  Result<void> operator()(const Resolve& op) { return decide_resolve(op, rows, into); }
  Result<void> operator()(const CloseGroup& op) { return decide_close_group(op, rows, into); }
  Result<void> operator()(const ReopenGroup& op) { return decide_reopen_group(op, rows, into); }
  Result<void> operator()(const Atomic&) {
    HOLDFAST_ASSERT(false, "the parts of an atomic are decided one by one");
    return {};
  }
};

}  // namespace

Result<void> decide(const Operation& operation, const Rows& rows, const ChunkProgress* resume,
                    DecideMemory& memory, Body& into) {
  memory.reclaim(into);
  return std::visit(Decide{rows, resume, memory, into}, operation);
}

}  // namespace holdfast
