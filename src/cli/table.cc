#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/assert.h"
#include "text/text.h"

namespace holdfast::cli {

using namespace text;

namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastName = 9;  // four characters at each end of a cut name

/// Only the word that asks for attention, and never the colour alone: the word stays.
std::string_view colour_of(std::string_view cell) {
  if (cell == "FROZEN") return "\x1b[33m";
  return {};
}

std::string painted(std::string_view cell, std::string_view padded, bool colour) {
  const auto code = colour ? colour_of(cell) : std::string_view();
  return code.empty() ? std::string(padded) : fmt::format("{}{}\x1b[0m", code, padded);
}

bool may_be_cut(const Column& column) {
  return column.fit == Fit::cut || column.fit == Fit::cut_or_drop;
}

bool may_be_dropped(const Column& column) {
  return column.fit == Fit::drop || column.fit == Fit::cut_or_drop;
}

std::size_t total(const std::vector<std::size_t>& widths) {
  const auto gaps = widths.empty() ? 0 : kGap * (widths.size() - 1);
  return std::accumulate(widths.begin(), widths.end(), gaps);
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  HOLDFAST_ASSERT(cells.size() == columns_.size(), "a row has a cell for each column");
  rows_.push_back(std::move(cells));
}

std::optional<Table::Layout> Table::fit(std::optional<std::size_t> width) const {
  Layout all;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    auto widest = characters(columns_[c].title);
    for (const auto& row : rows_) widest = std::max(widest, characters(row[c]));
    all.shown.push_back(c);
    all.widths.push_back(widest);
  }
  for (;;) {
    auto layout = all;
    while (width && total(layout.widths) > *width) {
      std::optional<std::size_t> widest;
      for (std::size_t i = 0; i < layout.shown.size(); ++i) {
        const auto& column = columns_[layout.shown[i]];
        const bool may_give =
            may_be_cut(column) && layout.widths[i] > std::max(kLeastName, characters(column.title));
        if (may_give && (!widest || layout.widths[i] > layout.widths[*widest])) widest = i;
      }
      if (!widest) break;
      --layout.widths[*widest];
    }
    if (!width || total(layout.widths) <= *width) return layout;

    const auto last = std::ranges::find_if(all.shown.rbegin(), all.shown.rend(),
                                           [&](std::size_t c) { return may_be_dropped(columns_[c]); });
    if (last == all.shown.rend()) return std::nullopt;
    const auto index = std::distance(all.shown.begin(), last.base()) - 1;
    all.shown.erase(all.shown.begin() + index);
    all.widths.erase(all.widths.begin() + index);
  }
}

std::string Table::render_lines(const Layout& layout, bool colour) const {
  std::string out;
  const auto write_line = [&](const auto& cell_of, bool paint) {
    std::string line;
    for (std::size_t i = 0; i < layout.shown.size(); ++i) {
      const auto& column = columns_[layout.shown[i]];
      const auto cell = cut_middle(cell_of(layout.shown[i]), layout.widths[i]);
      const bool last = i + 1 == layout.shown.size();
      const auto padded = column.align == Align::right ? pad_left(cell, layout.widths[i])
                          : last                       ? cell
                                                       : pad_right(cell, layout.widths[i]);
      line += painted(cell, padded, paint);
      if (!last) line.append(kGap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  write_line([&](std::size_t c) -> const std::string& { return columns_[c].title; }, false);
  for (const auto& row : rows_) {
    write_line([&](std::size_t c) -> const std::string& { return row[c]; }, colour);
  }
  std::string missing;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (std::ranges::find(layout.shown, c) != layout.shown.end()) continue;
    missing += fmt::format("{}{}", missing.empty() ? "" : ", ", columns_[c].title);
  }
  if (!missing.empty()) out += fmt::format("(too narrow for: {}; --json has all)\n", missing);
  return out;
}

std::string Table::render_records(std::size_t width, bool colour) const {
  std::size_t label = 0;
  for (const auto& column : columns_) label = std::max(label, characters(column.title));
  std::string out;
  for (const auto& row : rows_) {
    if (!out.empty()) out += "\n";
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto room = width > label + kGap + 1 ? width - label - kGap : 1;
      const auto cell = may_be_cut(columns_[c]) ? cut_middle(row[c], room) : row[c];
      if (cell.empty()) continue;
      out += fmt::format("{}  {}\n", pad_right(columns_[c].title, label), painted(cell, cell, colour));
    }
  }
  return out;
}

std::string Table::render(const Terminal& terminal) const {
  if (const auto layout = fit(terminal.width)) return render_lines(*layout, terminal.colour);
  return render_records(*terminal.width, terminal.colour);
}

}  // namespace holdfast::cli
