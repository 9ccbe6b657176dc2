// Tables for people: ids first, amounts on the right, never wider than the terminal. What has to give way
// does so in this order: long names are cut in the middle, columns that were declared dispensable are left
// out and named below, and at last each row becomes a small list. Amounts are never cut.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace holdfast::cli {

enum class Align { left, right };
enum class Fit {
  keep,  // as wide as its widest cell
  cut,   // names: may be cut in the middle
  drop,  // left out where there is no room
  cut_or_drop,
};

struct Column {
  std::string title;
  Align align = Align::left;
  Fit fit = Fit::keep;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// \pre one cell a column
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t rows() const { return rows_.size(); }

  /// The whole text, each line ended; a state that wants attention is coloured where the terminal can.
  [[nodiscard]] std::string render(const Terminal& terminal) const;

 private:
  struct Layout {
    std::vector<std::size_t> shown;   // columns, in order
    std::vector<std::size_t> widths;  // of those
  };

  [[nodiscard]] std::optional<Layout> fit(std::optional<std::size_t> width) const;
  [[nodiscard]] std::string render_lines(const Layout& layout, bool colour) const;
  [[nodiscard]] std::string render_records(std::size_t width, bool colour) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace holdfast::cli
