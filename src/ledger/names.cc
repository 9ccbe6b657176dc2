// The names of kinds, states, buckets and operations, as they stand in commands and answers.
#include <optional>
#include <string_view>
#include <variant>

#include "base/assert.h"
#include "holdfast/answers.h"
#include "holdfast/commands.h"

namespace holdfast {
namespace {

std::string_view name(const OpenAccount&) {
  return "open_account";
}
std::string_view name(const CloseAccount&) {
  return "close_account";
}
std::string_view name(const DefineFeePlan&) {
  return "define_fee_plan";
}
std::string_view name(const Deposit&) {
  return "deposit";
}
std::string_view name(const Withdraw&) {
  return "withdraw";
}
std::string_view name(const Transfer&) {
  return "transfer";
}
std::string_view name(const Hold&) {
  return "hold";
}
std::string_view name(const Reschedule&) {
  return "reschedule";
}
std::string_view name(const Release&) {
  return "release";
}
std::string_view name(const Refund&) {
  return "refund";
}
std::string_view name(const Freeze&) {
  return "freeze";
}
std::string_view name(const Resolve&) {
  return "resolve";
}
std::string_view name(const CloseGroup&) {
  return "close_group";
}
std::string_view name(const ReopenGroup&) {
  return "reopen_group";
}
std::string_view name(const Atomic&) {
  return "atomic";
}

}  // namespace

std::string_view op_name(const Operation& operation) {
  return std::visit([](const auto& command) { return name(command); }, operation);
}

std::string_view to_string(AccountKind kind) {
  switch (kind) {
    case AccountKind::user:
      return "user";
    case AccountKind::beneficiary:
      return "beneficiary";
    case AccountKind::platform:
      return "platform";
    case AccountKind::fees:
      return "fees";
    case AccountKind::external:
      return "external";
  }
  assertion_failed("switch", "an account kind is one of the enumerators", __FILE__, __LINE__);
}

std::optional<AccountKind> parse_account_kind(std::string_view text) {
  for (const auto kind : {AccountKind::user, AccountKind::beneficiary, AccountKind::platform,
                          AccountKind::fees, AccountKind::external}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

std::string_view to_string(EscrowStatus status) {
  switch (status) {
    case EscrowStatus::locked:
      return "LOCKED";
    case EscrowStatus::frozen:
      return "FROZEN";
    case EscrowStatus::released:
      return "RELEASED";
    case EscrowStatus::refunded:
      return "REFUNDED";
    case EscrowStatus::split:
      return "SPLIT";
  }
  assertion_failed("switch", "an escrow's status is one of the enumerators", __FILE__, __LINE__);
}

std::optional<EscrowStatus> parse_escrow_status(std::string_view text) {
  for (const auto status : {EscrowStatus::locked, EscrowStatus::frozen, EscrowStatus::released,
                            EscrowStatus::refunded, EscrowStatus::split}) {
    if (text == to_string(status)) return status;
  }
  return std::nullopt;
}

std::string_view to_string(Bucket bucket) {
  switch (bucket) {
    case Bucket::available:
      return "available";
    case Bucket::held:
      return "held";
  }
  assertion_failed("switch", "a bucket is one of the enumerators", __FILE__, __LINE__);
}

}  // namespace holdfast
