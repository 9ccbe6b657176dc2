// Closing a group to new holds, and opening it again.
#include "ledger/decide_parts.h"

namespace holdfast {

Result<void> decide_close_group(const CloseGroup& op, const Rows& rows, Body& into) {
  const auto id = rows.find_group(op.group);
  if (!id) {
    into = GroupClosed{{rows.next_group_id(), op.group}};
  } else if (rows.group(*id)->open) {
    into = GroupClosed{{*id, {}}};
  } else {
    into = Unchanged{op_index<CloseGroup>(), 0};
  }
  return {};
}

Result<void> decide_reopen_group(const ReopenGroup& op, const Rows& rows, Body& into) {
  const auto id = rows.find_group(op.group);
  if (id && !rows.group(*id)->open) {
    into = GroupReopened{{*id, {}}};
  } else {
    into = Unchanged{op_index<ReopenGroup>(), 0};
  }
  return {};
}

}  // namespace holdfast
