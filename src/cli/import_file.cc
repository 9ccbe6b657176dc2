#include "cli/import_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/validate.h"
#include "text/text.h"

namespace holdfast::cli {

using namespace text;

namespace {

/// The fields' numbers, as mistakes name them.
enum Field : std::uint64_t {
  field_key = 1,
  field_payer,
  field_beneficiary,
  field_group,
  field_amount,
  field_currency,
  field_reference
};
constexpr std::size_t kFields = 7;

std::string shown(std::string_view text) {
  return cut_middle(text, 60);
}

std::string header_of(const CsvRow& row) {
  std::string text;
  for (const auto& cell : row) text += fmt::format("{}{}", &cell == row.data() ? "" : ",", cell.text);
  return text;
}

}  // namespace

void ImportFile::mistake(std::uint64_t line, std::uint64_t field, std::string_view message) {
  mistakes_.push_back(fmt::format("{}:{}:{}: {}", name_, line, field, message));
}

void ImportFile::read(std::size_t key_bytes_max) {
  bool header = false;
  for (;;) {
    const auto row = reader_.next();
    if (!row) return mistake(row.error().line, row.error().field, row.error().message);
    if (!*row) break;
    if (header) {
      read_row(**row, key_bytes_max);
      continue;
    }
    header = true;
    if (const auto found = header_of(**row); found != kImportHeader) {
      return mistake((*row)->front().line, 1,
                     fmt::format("the header must be {}, not {}", kImportHeader, shown(found)));
    }
  }
  if (!header) mistake(1, 1, fmt::format("the file is empty: its header must be {}", kImportHeader));
}

void ImportFile::check_name(const CsvField& cell, std::uint64_t field, std::string_view what) {
  if (is_name(cell.text)) return;
  mistake(cell.line, field,
          fmt::format("{} \"{}\" is no name: 1 to 128 of A-Z a-z 0-9 . _ : - / @", what, shown(cell.text)));
}

void ImportFile::note_account(const CsvField& cell, std::uint64_t field, AccountKind kind,
                              Currency currency) {
  const auto [it, added] = accounts_.try_emplace(cell.text, Named{currency, kind, cell.line, field});
  if (added) {
    account_order_.push_back(cell.text);
  } else if (it->second.currency != currency) {
    mistake(cell.line, field,
            fmt::format("account {} holds one currency: {} in line {}, {} here", cell.text,
                        it->second.currency.code(), it->second.line, currency.code()));
  }
}

void ImportFile::read_row(const CsvRow& row, std::size_t key_bytes_max) {
  if (row.size() != kFields) {
    return mistake(row.front().line, std::min(row.size() + 1, kFields + 1),
                   fmt::format("the row has {}, not {}", counted(row.size(), "field"), kFields));
  }
  const auto before = mistakes_.size();
  const auto cell = [&](Field field) -> const CsvField& { return row[field - 1]; };
  const auto& key = cell(field_key);
  if (!is_key(key.text) || key.text.size() > key_bytes_max) {
    mistake(key.line, field_key,
            fmt::format(
                "key \"{}\" is no key: 1 to {} printable ASCII characters without space, not digits alone",
                shown(key.text), key_bytes_max));
  } else if (const auto [it, added] = lines_of_keys_.try_emplace(key.text, key.line); !added) {
    mistake(key.line, field_key,
            fmt::format("key \"{}\" repeats that of line {}", shown(key.text), it->second));
  }
  check_name(cell(field_payer), field_payer, "payer");
  check_name(cell(field_beneficiary), field_beneficiary, "beneficiary");
  if (!cell(field_group).text.empty()) check_name(cell(field_group), field_group, "group");
  const auto currency = Currency::parse(cell(field_currency).text);
  Result<Amount> amount = Amount();
  if (currency) {
    amount = parse_amount(cell(field_amount).text, *currency);
    if (!amount) mistake(cell(field_amount).line, field_amount, amount.error().message);
  } else {
    mistake(cell(field_currency).line, field_currency, currency.error().message);
  }
  const auto& reference = cell(field_reference);
  if (!reference.text.empty() && !is_reference(reference.text)) {
    mistake(reference.line, field_reference,
            fmt::format("reference \"{}\" is none: 1 to 255 printable ASCII characters without space",
                        shown(reference.text)));
  }
  if (mistakes_.size() > before) return;
  note_account(cell(field_payer), field_payer, AccountKind::user, *currency);
  note_account(cell(field_beneficiary), field_beneficiary, AccountKind::beneficiary, *currency);
  rows_.push_back({key.text, cell(field_payer).text, cell(field_beneficiary).text, cell(field_group).text,
                   reference.text, *amount, *currency, key.line});
}

Result<void> ImportFile::check_against(const Ledger& ledger, const FeePlanView& plan) {
  for (const auto& row : rows_) {
    if (row.currency == plan.currency) continue;
    mistake(row.line, field_currency,
            fmt::format("fee plan {} is in {}, the row in {}", plan.fee_plan, plan.currency.code(),
                        row.currency.code()));
  }
  for (const auto name : account_order_) {
    const auto& named = accounts_.at(name);
    const auto account = ledger.account(name);
    if (!account && account.error().code != ErrorCode::account_not_found)
      return std::unexpected(account.error());
    if (!account) {
      to_open_.push_back({name, named.currency, named.kind});
    } else if (account->currency != named.currency) {
      mistake(named.line, named.field,
              fmt::format("account {} is in {}, the row in {}", name, account->currency.code(),
                          named.currency.code()));
    } else if (!account->open) {
      mistake(named.line, named.field, fmt::format("account {} is closed", name));
    }
  }
  return {};
}

}  // namespace holdfast::cli
