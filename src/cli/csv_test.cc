#include "cli/csv.h"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(std::string_view text) {
  CsvReader reader(text);
  Rows rows;
  for (;;) {
    const auto row = reader.next();
    EXPECT_TRUE(row.has_value()) << (row ? "" : row.error().message);
    if (!row || !*row) return rows;
    rows.emplace_back();
    for (const auto& field : **row) rows.back().emplace_back(field.text);
  }
}

CsvError error_of(std::string_view text) {
  CsvReader reader(text);
  for (;;) {
    const auto row = reader.next();
    if (!row) {
      EXPECT_FALSE(reader.next().value().has_value()) << "after an error comes the end";
      return row.error();
    }
    EXPECT_TRUE(row->has_value()) << "no error in: " << text;
    if (!*row) return {};
  }
}

TEST(Csv, RowsAndFields) {
  EXPECT_EQ(rows_of(""), Rows{});
  EXPECT_EQ(rows_of("\n\r\n"), Rows{});
  EXPECT_EQ(rows_of("a"), (Rows{{"a"}}));
  EXPECT_EQ(rows_of("a,b\nc,d\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(rows_of("a,b\r\nc,d"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(rows_of("a,,\n,b,"), (Rows{{"a", "", ""}, {"", "b", ""}}));
  EXPECT_EQ(rows_of("\xEF\xBB\xBF"
                    "a,b\n"),
            (Rows{{"a", "b"}}));
  EXPECT_EQ(rows_of(" a , b \n"), (Rows{{" a ", " b "}})) << "spaces belong to the field";
}

TEST(Csv, Quotes) {
  EXPECT_EQ(rows_of("\"a,b\",c\n"), (Rows{{"a,b", "c"}}));
  EXPECT_EQ(rows_of("\"a \"\"b\"\" c\"\n"), (Rows{{"a \"b\" c"}}));
  EXPECT_EQ(rows_of("\"\"\"\"\n"), (Rows{{"\""}}));
  EXPECT_EQ(rows_of("\"\",\"\"\r\n"), (Rows{{"", ""}}));
  EXPECT_EQ(rows_of("\"a\nb\",c\nd,e"), (Rows{{"a\nb", "c"}, {"d", "e"}}));
}

TEST(Csv, LinesAreCountedThroughQuotedFields) {
  CsvReader reader("h\n\n\"a\nb\",c\nd\n");
  EXPECT_EQ(reader.next()->value().at(0).line, 1U);
  const auto row = *reader.next();
  EXPECT_EQ(row->at(0).line, 3U);
  EXPECT_EQ(row->at(1).line, 4U);
  EXPECT_EQ(reader.next()->value().at(0).line, 5U);
}

TEST(Csv, MistakesKnowTheirPlace) {
  const struct {
    const char* text;
    std::uint64_t line;
    std::uint64_t field;
  } cases[] = {
      {"a,b\nc,\"d", 2, 2}, {"a\n\"b\"c,d\n", 2, 1}, {"a,b\"c\n", 1, 2},
      {"\"a\" ,b\n", 1, 1}, {"a,b\rc,d\n", 1, 2},    {"x\n\"a\nb\"c", 3, 1},
  };
  for (const auto& [text, line, field] : cases) {
    const auto error = error_of(text);
    EXPECT_EQ(error.line, line) << text;
    EXPECT_EQ(error.field, field) << text;
    EXPECT_FALSE(error.message.empty()) << text;
  }
}

}  // namespace
}  // namespace holdfast::cli
