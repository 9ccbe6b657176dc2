// Compares the rows of a store with the books that were rebuilt from the events, a part at a time: the rows
// may change between two parts, if the books are told of it. Each row is looked at once, together with the
// book that it has then; what all rows sum to is then what the books sum to, and by how much rows differed.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/audit_books.h"

namespace holdfast::audit {

class Comparison {
 public:
  /// Adds up the books, which takes its time but no rows.
  explicit Comparison(Books& books);

  /// Looks at the next part: laws 1 to 4 and 6 to 8 as they stand. False: that was the last.
  /// \param rows     as they are after exactly the events that the books have
  /// \param durable  the last event that the store promises to be durable
  [[nodiscard]] bool step(const Rows& rows, Seq durable);
  /// What was found. \pre the last part was looked at, and no event came since
  [[nodiscard]] Findings finish();

 private:
  enum class Part : std::uint8_t { escrows, accounts, groups, plans, keys, end, done };
  struct Total {
    Wide sum = 0;     // of all buckets
    Wide inside = 0;  // the same without external accounts
  };

  template <class... Args>
  void wrong(Law law, fmt::format_string<Args...> format, Args&&... args);
  template <class A, class B>
  void same(const A& row, const B& book, std::string_view what, std::string_view of);
  [[nodiscard]] std::string name(AccountId id) const { return books_.name(id); }
  [[nodiscard]] Currency currency_of(AccountId id) const;
  /// What escrows of the rows lock, or how many are live: those of the books, and where they differ.
  [[nodiscard]] EscrowSum sum_of(Paged<EscrowSum> EscrowSums::* table, std::uint64_t id) const;

  /// The next ids of a table up to `last`; true: these were the last.
  template <class Visit>
  bool some(std::uint64_t last, std::size_t most, Visit&& visit);

  bool escrows(const Rows& rows, Seq durable);
  void escrow(EscrowId id, const EscrowBook& book, const EscrowRow* row, const Rows& rows, Seq durable);
  void last_escrow(const Rows& rows);
  bool accounts(const Rows& rows);
  void account(AccountId id, const Rows& rows);
  void account(AccountId id, const AccountBook& book, const AccountRow& row, const Rows& rows);
  void last_account(const Rows& rows);
  void group(GroupId id, const Rows& rows);
  void plan(PlanId id, const Rows& rows);
  bool keys(const Rows& rows);
  void end(const Rows& rows, Seq durable);
  [[nodiscard]] Total& differs(Currency currency);
  void conserved(Currency currency, const Total& total);

  Books& books_;
  Findings findings_;
  EscrowSums differing_;        // what escrows of the rows have more than those of the books
  std::vector<Total> differs_;  // the same of accounts, by currency index
  std::vector<Wide> totals_;    // that the store keeps for each currency, at the end
  Part part_ = Part::escrows;
  std::uint64_t next_ = 0;  // of the part
};

}  // namespace holdfast::audit
