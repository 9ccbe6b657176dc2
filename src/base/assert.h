// Assertions that are always on: a broken invariant in a ledger must stop it, not go on with wrong money.
#pragma once

namespace holdfast {

/// Prints what broke and where, and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* message, const char* file, int line);

}  // namespace holdfast

/// `message` says what must be true, for the engineer who reads it in a crash report.
#define HOLDFAST_ASSERT(condition, message)          \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::holdfast::assertion_failed(#condition, message, __FILE__, __LINE__))
