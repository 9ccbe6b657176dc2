#include "cli/line_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace holdfast::cli {
namespace {

struct Read {
  std::string text;
  std::uint64_t number;
  bool too_long;

  friend bool operator==(const Read&, const Read&) = default;
};

std::vector<Read> lines_of(const std::string& input, std::size_t max_bytes) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  std::thread writer([&] {
    std::size_t done = 0;
    while (done < input.size()) {
      const auto n = ::write(ends[1], input.data() + done, input.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    ::close(ends[1]);
  });
  std::vector<Read> lines;
  LineReader reader(ends[0], max_bytes);
  for (;;) {
    const auto line = reader.next();
    EXPECT_TRUE(line.has_value());
    if (!line || !*line) break;
    lines.push_back({std::string((*line)->text), (*line)->number, (*line)->too_long});
  }
  writer.join();
  ::close(ends[0]);
  return lines;
}

using Lines = std::vector<Read>;

TEST(LineReader, Lines) {
  EXPECT_EQ(lines_of("", 10), Lines{});
  EXPECT_EQ(lines_of("a\n\nb\n", 10), (Lines{{"a", 1, false}, {"", 2, false}, {"b", 3, false}}));
  EXPECT_EQ(lines_of("a\nb", 10), (Lines{{"a", 1, false}, {"b", 2, false}})) << "the last has no end";
}

TEST(LineReader, LongLinesAreToldAndPassedOver) {
  const std::string long_line(300'000, 'x');
  EXPECT_EQ(lines_of("a\n" + long_line + "\nb\n", 1'000),
            (Lines{{"a", 1, false}, {"", 2, true}, {"b", 3, false}}));
  EXPECT_EQ(lines_of(long_line, 1'000), (Lines{{"", 1, true}}));
  EXPECT_EQ(lines_of("12345\n123456\n", 5), (Lines{{"12345", 1, false}, {"", 2, true}}));
  EXPECT_EQ(lines_of("12345\n123456", 5), (Lines{{"12345", 1, false}, {"", 2, true}}));
}

TEST(LineReader, ALineMayBeLongerThanOneRead) {
  const std::string line(200'000, 'x');
  const auto lines = lines_of(line + "\n" + line, 1'000'000);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].text, line);
  EXPECT_EQ(lines[1].text, line);
}

TEST(LineReader, AFailedReadIsAnError) {
  LineReader reader(-1, 10);
  EXPECT_FALSE(reader.next().has_value());
}

}  // namespace
}  // namespace holdfast::cli
