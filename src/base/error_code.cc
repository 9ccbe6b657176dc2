// The texts of error codes: a contract with every program that reads an answer.
#include "base/assert.h"
#include "holdfast/result.h"

namespace holdfast {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_command:
      return "invalid_command";
    case ErrorCode::account_not_found:
      return "account_not_found";
    case ErrorCode::account_exists:
      return "account_exists";
    case ErrorCode::account_closed:
      return "account_closed";
    case ErrorCode::account_not_empty:
      return "account_not_empty";
    case ErrorCode::account_in_use:
      return "account_in_use";
    case ErrorCode::escrow_not_found:
      return "escrow_not_found";
    case ErrorCode::escrow_not_locked:
      return "escrow_not_locked";
    case ErrorCode::escrow_frozen:
      return "escrow_frozen";
    case ErrorCode::not_frozen:
      return "not_frozen";
    case ErrorCode::group_closed:
      return "group_closed";
    case ErrorCode::group_not_found:
      return "group_not_found";
    case ErrorCode::insufficient_funds:
      return "insufficient_funds";
    case ErrorCode::currency_mismatch:
      return "currency_mismatch";
    case ErrorCode::amount_out_of_range:
      return "amount_out_of_range";
    case ErrorCode::fees_exceed_amount:
      return "fees_exceed_amount";
    case ErrorCode::fee_plan_not_found:
      return "fee_plan_not_found";
    case ErrorCode::fee_plan_fixed:
      return "fee_plan_fixed";
    case ErrorCode::duplicate_item:
      return "duplicate_item";
    case ErrorCode::batch_too_large:
      return "batch_too_large";
    case ErrorCode::idempotency_conflict:
      return "idempotency_conflict";
    case ErrorCode::overflow:
      return "overflow";
    case ErrorCode::wrong_account_kind:
      return "wrong_account_kind";
    case ErrorCode::not_as_expected:
      return "not_as_expected";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::storage_full:
      return "storage_full";
    case ErrorCode::storage_failed:
      return "storage_failed";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::not_a_ledger:
      return "not_a_ledger";
    case ErrorCode::newer_format:
      return "newer_format";
    case ErrorCode::read_only:
      return "read_only";
    case ErrorCode::aborted:
      return "aborted";
  }
  assertion_failed("switch", "an error code is one of the enumerators", __FILE__, __LINE__);
}

}  // namespace holdfast
