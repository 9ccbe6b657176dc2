// What a finance team reads at the end.
#pragma once

#include <holdfast/holdfast.h>

#include <cstdint>
#include <map>
#include <string>

namespace campaigns {

/// One line: a category, or all. Amounts are of one currency.
struct Sums {
  std::uint64_t campaigns = 0;
  std::uint64_t pledges = 0;
  holdfast::Amount raised;
  holdfast::Amount commission;
  holdfast::Amount fees;
  holdfast::Amount net;
  holdfast::Amount refunded;

  void add(const Sums& other);
};

/// Prints a table per currency, a line a category and one for all; as two tables, one below the other, where
/// the terminal is too narrow for one.
void print_table(const std::map<std::pair<holdfast::Currency, std::string>, Sums>& sums);

}  // namespace campaigns
