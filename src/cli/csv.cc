#include "cli/csv.h"

namespace holdfast::cli {

CsvReader::CsvReader(std::string_view text) : text_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
}

bool CsvReader::at_line_end() const {
  const auto rest = text_.substr(position_);
  return rest.starts_with('\n') || rest.starts_with("\r\n");
}

void CsvReader::pass_line_end() {
  position_ += text_[position_] == '\r' ? 2 : 1;
  ++line_;
}

std::unexpected<CsvError> CsvReader::error(std::uint64_t line, std::uint64_t field, std::string message) {
  position_ = text_.size();
  return std::unexpected(CsvError{line, field, std::move(message)});
}

std::expected<CsvField, CsvError> CsvReader::quoted(std::uint64_t field) {
  const auto begin_line = line_;
  const auto begin = ++position_;
  std::string* unescaped = nullptr;
  auto piece = begin;
  for (; !at_end(); ++position_) {
    if (text_[position_] == '\n') ++line_;
    if (text_[position_] != '"') continue;
    if (text_.substr(position_ + 1).starts_with('"')) {
      if (unescaped == nullptr) unescaped = &unescaped_.emplace_back();
      unescaped->append(text_.substr(piece, position_ + 1 - piece));
      piece = ++position_ + 1;
      continue;
    }
    const auto rest = text_.substr(piece, position_ - piece);
    if (unescaped != nullptr) unescaped->append(rest);
    ++position_;
    if (!at_end() && text_[position_] != ',' && !at_line_end()) {
      return error(line_, field, "text follows a closing quote: a quote inside a quoted field is doubled");
    }
    return CsvField{unescaped != nullptr ? std::string_view(*unescaped) : rest, begin_line};
  }
  return error(begin_line, field, "the quote that begins here is never closed");
}

std::expected<CsvField, CsvError> CsvReader::plain(std::uint64_t field) {
  const auto begin = position_;
  for (; !at_end() && text_[position_] != ',' && !at_line_end(); ++position_) {
    if (text_[position_] == '"') {
      return error(line_, field, "a quote stands in a field that is not quoted: quote the whole field");
    }
    if (text_[position_] == '\r') {
      return error(line_, field, "a carriage return stands alone: lines end in LF or CRLF");
    }
  }
  return CsvField{text_.substr(begin, position_ - begin), line_};
}

std::expected<std::optional<CsvRow>, CsvError> CsvReader::next() {
  while (!at_end() && at_line_end()) pass_line_end();
  if (at_end()) return std::nullopt;
  CsvRow row;
  for (;;) {
    const auto number = row.size() + 1;
    auto field = !at_end() && text_[position_] == '"' ? quoted(number) : plain(number);
    if (!field) return std::unexpected(std::move(field.error()));
    row.push_back(*field);
    if (at_end()) return row;
    if (at_line_end()) return pass_line_end(), row;
    ++position_;  // the comma
  }
}

}  // namespace holdfast::cli
