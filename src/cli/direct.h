// Commands that a person types one at a time: amounts are decimals of the account's currency, and the answer
// is a sentence with a table where there is something to add up.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/context.h"

namespace holdfast::cli {

/// The options that every command takes.
struct CommonOptions {
  Options options;

  void add_to(CLI::App& command, bool needs_key);
};

/// A command that is ready, and what to say of it where it takes effect.
struct Direct {
  Operation operation;
  std::string done;    // `held 9.99 EUR of user:1 for campaign:7`
  std::string none{};  // of a batch that moved nothing: `released nothing of campaign:7`
};

/// Opens the ledger to write, builds the command against it (the currency of an account is looked up there),
/// executes it and says what happened.
ExitCode run_direct(Context& context, const Options& options,
                    const std::function<Result<Direct>(const Ledger&)>& build);

/// Like `parse_amount`, but 0 is an amount too: for fees, and the parts of a resolve.
[[nodiscard]] Result<Amount> parse_amount_or_zero(std::string_view text, Currency currency);

}  // namespace holdfast::cli
