// A ledger for tests of the core: rows in maps, events in a list. Every command runs inside its footprint,
// every event survives its encoding, and after each the laws that rows and postings can show are checked.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ledger/execute.h"
#include "ledger/testing/commands.h"
#include "ledger/testing/map_rows.h"

namespace holdfast::testing {

class Book {
 public:
  /// Runs one command; a chunked one does one chunk.
  Result<CommandResult> run(const Command& command);
  /// The result of a command that must be accepted.
  CommandResult accept(const Command& command);
  Settlement settle(const Command& command);
  /// The error of a command that must be rejected, and has changed nothing.
  Error reject(const Command& command);
  /// The event of a block, or its result where there is none.
  Result<Decision> block(const Options& options, const std::function<void(OpenAtomic&)>& body);

  /// Of the last accepted command: whether it made an event, and whether its key had taken effect before.
  [[nodiscard]] bool recorded() const { return recorded_; }
  [[nodiscard]] bool replayed() const { return replayed_; }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  /// Postings that an event made.
  [[nodiscard]] std::size_t posting_count(const Event& event) const;

  [[nodiscard]] std::int64_t available(std::string_view account) const;
  [[nodiscard]] std::int64_t held(std::string_view account) const;
  [[nodiscard]] const EscrowRow& escrow(std::string_view key) const;
  [[nodiscard]] EscrowId id(std::string_view key) const { return rows.find_escrow(key).value(); }
  [[nodiscard]] bool has_group(std::string_view name, bool open) const;

  void check_laws();

  MapRows rows;

 private:
  void record(const Entry& entry);
  void rebuild(const Entry& entry);

  Workspace workspace_;
  std::vector<Event> events_;
  std::map<std::pair<AccountId, Bucket>, Amount> rebuilt_;  // every bucket, from postings alone
  bool recorded_ = false;
  bool replayed_ = false;
};

/// A book with the accounts alice and bob (users, 100000 each), carol (a user with nothing) and shop (a
/// beneficiary), and the fee plan standard: 5 % commission, 3 % processor fee, half up.
struct Market : ::testing::Test {
  Market();
  Book book;
};

/// `EUR 1 of 10000: 500 / 300 / 9200`: escrows, amount, commission, processor fee and net of each currency.
[[nodiscard]] std::string totals_text(const Settlement& settlement);

}  // namespace holdfast::testing
