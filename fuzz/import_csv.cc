// `holdfast import`: any text is rows or mistakes by line and field; and fields that are written with quotes
// are read as they were meant.
#include "cli/csv.h"

#include <string>

#include "cli/import_file.h"
#include "fuzz/target.h"

using namespace holdfast;

namespace {

std::string written(const cli::CsvRow& row) {
  std::string line;
  for (const auto& field : row) {
    line += line.empty() ? "\"" : ",\"";
    for (const char c : field.text) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\r\n";
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  cli::CsvReader reader(text);
  while (true) {
    const auto row = reader.next();
    if (!row || !*row) break;
    HOLDFAST_ASSERT(!(*row)->empty(), "a row has a field");
    const auto line = written(**row);
    cli::CsvReader again(line);
    const auto same = again.next();
    HOLDFAST_ASSERT(same && *same && (*same)->size() == (*row)->size(), "what is written can be read");
    for (std::size_t i = 0; i < (*row)->size(); ++i) {
      HOLDFAST_ASSERT((**same)[i].text == (**row)[i].text, "it is read as it was meant");
    }
  }
  cli::ImportFile file("f", text);
  file.read(250);
  for (const auto& row : file.rows()) {
    const auto amount = parse_amount(to_decimal(row.amount, row.currency), row.currency);
    HOLDFAST_ASSERT(amount && *amount == row.amount, "an amount that is written is read as the same");
  }
  return 0;
}
