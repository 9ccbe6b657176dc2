// What can come back instead of an answer.
//
// A *rejection* says why a command cannot take effect; it is data, decided on the ledger's state. An
// *operating error* says that the store could not work (disk full, sync failed, corrupt, busy). Both are an
// `Error` here, told apart by `is_rejection(code)`. A *bug* is neither: it aborts (src/base/assert.h).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/ids.h"

namespace holdfast {

/// The numbers are written into events (a rolled-back savepoint, a skipped item): append only, never
/// renumber.
enum class ErrorCode : std::uint8_t {
  invalid_command = 1,
  account_not_found = 2,
  account_exists = 3,
  account_closed = 4,
  account_not_empty = 5,
  account_in_use = 6,
  escrow_not_found = 7,
  escrow_not_locked = 8,
  escrow_frozen = 9,
  not_frozen = 10,
  group_closed = 11,
  group_not_found = 12,
  insufficient_funds = 13,
  currency_mismatch = 14,
  amount_out_of_range = 15,
  fees_exceed_amount = 16,
  fee_plan_not_found = 17,
  fee_plan_fixed = 18,
  duplicate_item = 19,
  batch_too_large = 20,
  idempotency_conflict = 21,
  overflow = 22,
  wrong_account_kind = 23,
  not_as_expected = 24,

  busy = 64,            // another process or transaction is in the way: try again
  storage_full = 65,    // no room for another group; reads go on
  storage_failed = 66,  // a write or sync failed: nothing is answered until the ledger is opened again
  corrupt = 67,         // bytes that were durable are wrong
  not_a_ledger = 68,    // nothing there, or something else
  newer_format = 69,    // written by a newer version
  read_only = 70,       // opened for reading
  aborted = 71,         // the caller's own code gave up its atomic block, or its time limit passed
};

/// The code as it stands in answers: `escrow_not_locked`.
[[nodiscard]] std::string_view to_string(ErrorCode code);
/// True for what a command's content or the ledger's state caused; false for operating errors.
[[nodiscard]] constexpr bool is_rejection(ErrorCode code) {
  return static_cast<std::uint8_t>(code) < 64;
}

/// One escrow of a batch that could not be settled, as the caller named it.
struct ItemError {
  EscrowId escrow;  // 0: no such escrow
  std::string key;  // empty: named by id
  ErrorCode reason = ErrorCode::invalid_command;

  friend bool operator==(const ItemError&, const ItemError&) = default;
};

struct CodeCount {
  ErrorCode code = ErrorCode::invalid_command;
  std::uint64_t count = 0;

  friend bool operator==(const CodeCount&, const CodeCount&) = default;
};

/// `message` is one line that names the thing and what to do. The rest is detail for programs; empty where it
/// does not apply.
struct Error {
  ErrorCode code = ErrorCode::invalid_command;
  std::string message;
  std::vector<ItemError> items;   // the first 100 offending items of a batch
  std::vector<CodeCount> counts;  // all offending items of a batch, by code
  std::vector<std::string>
      fields;  // idempotency_conflict: the fields that differ; invalid_command: the field at fault
  std::vector<std::uint32_t>
      path;  // inside `atomic`: the index of the command at fault, outermost first, from 0

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  return std::unexpected(std::move(error));
}

}  // namespace holdfast
