// CSV as RFC 4180 has it, strictly: commas, quotes that double inside quotes, lines that end in LF or CRLF.
// Each field knows the line it begins on, so that a mistake can be pointed at.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::cli {

struct CsvError {
  std::uint64_t line = 0;   // from 1
  std::uint64_t field = 0;  // from 1, counted in its row
  std::string message;
};

struct CsvField {
  std::string_view text;   // as meant: without quotes
  std::uint64_t line = 0;  // where it begins, from 1
};

using CsvRow = std::vector<CsvField>;

/// Reads row after row. Fields are views: into the text, or into memory of the reader where a quote was
/// doubled; both must outlive them.
class CsvReader {
 public:
  /// A byte order mark in front is passed over.
  explicit CsvReader(std::string_view text);

  /// The next row; none at the end. Lines with nothing on them are passed over. After an error: the end.
  [[nodiscard]] std::expected<std::optional<CsvRow>, CsvError> next();

  /// Bytes read, for progress.
  [[nodiscard]] std::size_t position() const { return position_; }

 private:
  [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
  [[nodiscard]] bool at_line_end() const;
  void pass_line_end();
  std::expected<CsvField, CsvError> quoted(std::uint64_t field);
  std::expected<CsvField, CsvError> plain(std::uint64_t field);
  std::unexpected<CsvError> error(std::uint64_t line, std::uint64_t field, std::string message);

  std::string_view text_;
  std::size_t position_ = 0;
  std::uint64_t line_ = 1;
  std::deque<std::string> unescaped_;
};

}  // namespace holdfast::cli
