#include "report.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace campaigns {

namespace {

using holdfast::Currency;
using Table = std::map<std::pair<Currency, std::string>, Sums>;

/// One column: its title and what it shows of a line.
struct Column {
  std::string_view title;
  std::function<std::string(const Sums&, Currency)> show;
};

std::string grouped(std::uint64_t n) {
  const auto digits = fmt::format("{}", n);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

Column money(std::string_view title, holdfast::Amount Sums::* which) {
  return {title, [which](const Sums& sums, Currency currency) {
            return holdfast::to_grouped(sums.*which, currency);
          }};
}

/// Columns on a terminal; a pipe gets 80.
std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

struct Line {
  std::string name;
  const Sums* sums = nullptr;
};

void print_columns(const std::vector<Line>& lines, const std::vector<Column>& columns, Currency currency) {
  std::size_t name_width = 0;
  for (const auto& line : lines) name_width = std::max(name_width, line.name.size());
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    auto width = column.title.size();
    for (const auto& line : lines) width = std::max(width, column.show(*line.sums, currency).size());
    widths.push_back(width);
  }
  fmt::print("\n{:<{}}", "", name_width);
  for (std::size_t i = 0; i < columns.size(); ++i) fmt::print("  {:>{}}", columns[i].title, widths[i]);
  fmt::print("\n");
  for (const auto& line : lines) {
    fmt::print("{:<{}}", line.name, name_width);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      fmt::print("  {:>{}}", columns[i].show(*line.sums, currency), widths[i]);
    }
    fmt::print("\n");
  }
}

}  // namespace

void Sums::add(const Sums& other) {
  campaigns += other.campaigns;
  pledges += other.pledges;
  raised += other.raised;
  commission += other.commission;
  fees += other.fees;
  net += other.net;
  refunded += other.refunded;
}

void print_table(const Table& table) {
  const std::vector<Column> counts{
      {"campaigns", [](const Sums& s, Currency) { return grouped(s.campaigns); }},
      {"pledges", [](const Sums& s, Currency) { return grouped(s.pledges); }},
      money("raised", &Sums::raised)};
  const std::vector<Column> split{money("commission", &Sums::commission), money("fees", &Sums::fees),
                                  money("net", &Sums::net), money("refunded", &Sums::refunded)};
  constexpr std::size_t kOneTable = 100;  // columns that all of them need side by side
  for (auto it = table.begin(); it != table.end();) {
    const auto currency = it->first.first;
    Sums total;
    std::vector<Line> lines;
    for (; it != table.end() && it->first.first == currency; ++it) {
      lines.push_back({it->first.second, &it->second});
      total.add(it->second);
    }
    lines.push_back({fmt::format("total {}", currency.code()), &total});
    if (terminal_columns() >= kOneTable) {
      auto all = counts;
      all.insert(all.end(), split.begin(), split.end());
      print_columns(lines, all, currency);
    } else {
      print_columns(lines, counts, currency);
      print_columns(lines, split, currency);
    }
  }
}

}  // namespace campaigns
