// The file of `holdfast import`: read whole and checked whole before anything is done with it. Each mistake
// is a line `FILE:LINE:FIELD: what is wrong`.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cli/csv.h"
#include "holdfast/answers.h"
#include "holdfast/ledger.h"

namespace holdfast::cli {

/// The header that a file must have, in this order.
inline constexpr std::string_view kImportHeader = "key,payer,beneficiary,group,amount,currency,reference";

/// Views are into the file's text and the reader's memory.
struct ImportRow {
  std::string_view key;
  std::string_view payer;
  std::string_view beneficiary;
  std::string_view group;      // empty: none
  std::string_view reference;  // empty: none
  Amount amount;
  Currency currency;
  std::uint64_t line = 0;
};

/// An account that rows name and the ledger does not have.
struct AccountToOpen {
  std::string_view name;
  Currency currency;
  AccountKind kind = AccountKind::user;
};

class ImportFile {
 public:
  /// \param name  for messages
  /// \param text  CSV; must outlive this
  ImportFile(std::string name, std::string_view text) : name_(std::move(name)), reader_(text) {}

  /// Reads all rows and checks each alone, and all together: syntax, names, amounts, keys that repeat,
  /// accounts that would need two currencies.
  /// \param key_bytes_max  how long a row's key may be
  void read(std::size_t key_bytes_max);
  /// Checks the rows against what is there: the fee plan's currency, accounts that exist.
  /// Errors are operating errors; mistakes of the file go to `mistakes`.
  [[nodiscard]] Result<void> check_against(const Ledger& ledger, const FeePlanView& plan);

  [[nodiscard]] const std::vector<ImportRow>& rows() const { return rows_; }
  /// In the order in which the rows name them. \pre check_against was called
  [[nodiscard]] const std::vector<AccountToOpen>& to_open() const { return to_open_; }
  /// In the order of the file; the first comes first.
  [[nodiscard]] const std::vector<std::string>& mistakes() const { return mistakes_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  struct Named {
    Currency currency;
    AccountKind kind = AccountKind::user;
    std::uint64_t line = 0;
    std::uint64_t field = 0;
  };

  void mistake(std::uint64_t line, std::uint64_t field, std::string_view message);
  void read_row(const CsvRow& row, std::size_t key_bytes_max);
  void check_name(const CsvField& cell, std::uint64_t field, std::string_view what);
  void note_account(const CsvField& cell, std::uint64_t field, AccountKind kind, Currency currency);

  std::string name_;
  CsvReader reader_;
  std::vector<ImportRow> rows_;
  std::vector<std::string> mistakes_;
  std::unordered_map<std::string_view, std::uint64_t> lines_of_keys_;
  std::unordered_map<std::string_view, Named> accounts_;
  std::vector<std::string_view> account_order_;
  std::vector<AccountToOpen> to_open_;
};

}  // namespace holdfast::cli
