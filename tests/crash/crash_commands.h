// What the writers of a crash test ask for: the n-th command of a writer follows from its numbers alone, so
// that it can be asked again after a crash, and what all of them lead to can be added up.
//
// Each cycle of a writer: a deposit; two holds in one atomic; the release of the first; the refund of the
// second.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "holdfast/holdfast.h"

namespace holdfast::crash {

inline constexpr int kWriters = 4;
inline constexpr std::int64_t kAmount = 1'000;
inline constexpr std::int64_t kCommission = 50;
inline constexpr std::int64_t kProcessorFee = 30;

inline std::string key_of(int round, int writer, int n) {
  return fmt::format("r{}:w{}:{}", round, writer, n);
}
inline std::string user_of(int writer) {
  return fmt::format("user:{}", writer);
}
inline std::string first_escrow(const std::string& key) {
  return key + ":a";
}
inline std::string second_escrow(const std::string& key) {
  return key + ":b";
}

inline Command keyed_command(Operation operation, std::string key) {
  Command command;
  command.operation = std::move(operation);
  command.options.key = std::move(key);
  return command;
}

inline Command command_of(int round, int writer, int n) {
  const auto key = key_of(round, writer, n);
  const auto earlier = [&](int steps) { return key_of(round, writer, n - steps); };
  switch (n % 4) {
    case 0: {
      Deposit deposit;
      deposit.account = user_of(writer);
      deposit.amount = Amount(2 * kAmount);
      return keyed_command(std::move(deposit), key);
    }
    case 1: {
      Hold hold;
      hold.payer = user_of(writer);
      hold.beneficiary = "shop";
      hold.amount = Amount(kAmount);
      hold.fee_plan = "standard";
      hold.group = fmt::format("group:{}", writer);
      Atomic both;
      both.commands.push_back(keyed_command(hold, first_escrow(key)));
      both.commands.push_back(keyed_command(hold, second_escrow(key)));
      return keyed_command(std::move(both), key);
    }
    case 2: {
      Release release;
      release.escrows.add(first_escrow(earlier(1)));
      return keyed_command(std::move(release), key);
    }
    default: {
      Refund refund;
      refund.escrows.add(second_escrow(earlier(2)));
      return keyed_command(std::move(refund), key);
    }
  }
}

/// What so many commands of one writer in one round leave behind.
struct Sums {
  std::int64_t user = 0;  // available
  std::int64_t held = 0;
  std::int64_t released = 0;  // escrows

  void add(int commands) {
    for (int n = 0; n < commands; ++n) {
      if (n % 4 == 0) user += 2 * kAmount;
      if (n % 4 == 1) user -= 2 * kAmount, held += 2 * kAmount;
      if (n % 4 == 2) held -= kAmount, ++released;
      if (n % 4 == 3) held -= kAmount, user += kAmount;
    }
  }
};

}  // namespace holdfast::crash
