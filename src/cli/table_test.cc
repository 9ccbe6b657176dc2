#include "cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

#include "text/text.h"

namespace holdfast::cli {

using namespace text;
namespace {

Table escrows() {
  Table table({{"escrow", Align::right},
               {"key", Align::left, Fit::cut},
               {"amount", Align::right},
               {"status"},
               {"held at", Align::left, Fit::drop}});
  table.add({"7", "pledge:707709365-000000000000007", "1,234,567.89", "LOCKED", "2026-11-24 09:00:00 UTC"});
  table.add({"1234", "p", "0.01", "FROZEN", "2026-11-24 09:00:00 UTC"});
  return table;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, characters(line));
  return widest;
}

TEST(Table, InAPipeNothingIsCut) {
  EXPECT_EQ(escrows().render({}),
            "escrow  key                                     amount  status  held at\n"
            "     7  pledge:707709365-000000000000007  1,234,567.89  LOCKED  2026-11-24 09:00:00 UTC\n"
            "  1234  p                                         0.01  FROZEN  2026-11-24 09:00:00 UTC\n");
}

TEST(Table, LongNamesAreCutInTheMiddle) {
  EXPECT_EQ(escrows().render({.width = 70}),
            "escrow  key                    amount  status  held at\n"
            "     7  pledge:…0000007  1,234,567.89  LOCKED  2026-11-24 09:00:00 UTC\n"
            "  1234  p                        0.01  FROZEN  2026-11-24 09:00:00 UTC\n");
}

TEST(Table, DispensableColumnsAreLeftOutAndNamed) {
  EXPECT_EQ(escrows().render({.width = 48}),
            "escrow  key                       amount  status\n"
            "     7  pledge:70…00000007  1,234,567.89  LOCKED\n"
            "  1234  p                           0.01  FROZEN\n"
            "(too narrow for: held at; --json has all)\n");
}

TEST(Table, NeverWiderThanTheTerminal) {
  const auto table = escrows();
  for (std::size_t width = 32; width <= 120; ++width) {
    const auto text = table.render({.width = width});
    const bool note = text.find("too narrow") != std::string::npos;
    EXPECT_LE(widest_line(note ? text.substr(0, text.find('(')) : text), width) << text;
    EXPECT_NE(text.find("1,234,567.89"), std::string::npos) << "amounts are never cut\n" << text;
  }
}

TEST(Table, AtLastEachRowIsAList) {
  EXPECT_EQ(escrows().render({.width = 32}),
            "escrow   7\n"
            "key      pledge:7077…00000000007\n"
            "amount   1,234,567.89\n"
            "status   LOCKED\n"
            "held at  2026-11-24 09:00:00 UTC\n"
            "\n"
            "escrow   1234\n"
            "key      p\n"
            "amount   0.01\n"
            "status   FROZEN\n"
            "held at  2026-11-24 09:00:00 UTC\n");
}

TEST(Table, ColourOnlyOnATerminalAndNeverAlone) {
  EXPECT_EQ(escrows().render({}).find('\x1b'), std::string::npos);
  const auto text = escrows().render({.colour = true});
  EXPECT_NE(text.find("\x1b[33mFROZEN\x1b[0m"), std::string::npos);
  EXPECT_EQ(text.find("\x1b[33mLOCKED"), std::string::npos);
}

TEST(Text, NumbersAndTimes) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(18'446'744'073'709'551'615U), "18,446,744,073,709,551,615");
  EXPECT_EQ(counted(1, "escrow"), "1 escrow");
  EXPECT_EQ(counted(2500, "escrow"), "2,500 escrows");
  EXPECT_EQ(when(Timestamp{1'764'000'000'999'999}), "2025-11-24 16:00:00 UTC");
}

TEST(Text, CutsByCharactersNotBytes) {
  EXPECT_EQ(cut_middle("campaign", 8), "campaign");
  EXPECT_EQ(cut_middle("campaigns", 8), "camp…gns");
  EXPECT_EQ(cut_middle("éééééééééé", 5), "éé…éé");
  EXPECT_EQ(cut_middle("abc", 1), "…");
  EXPECT_EQ(cut_middle("abc", 0), "");
  EXPECT_EQ(wrap("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap("one extraordinary two", 5), (std::vector<std::string>{"one", "extraordinary", "two"}));
  EXPECT_EQ(wrap("", 5), (std::vector<std::string>{""}));
  EXPECT_EQ(pad_left("é", 3), "  é");
  EXPECT_EQ(pad_right("é…", 4), "é…  ");
}

}  // namespace
}  // namespace holdfast::cli
