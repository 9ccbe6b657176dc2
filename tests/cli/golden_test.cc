// The texts of the command line's answers, as transcripts in tests/golden/cli/*.txt: lines that begin with
// `$ ` are run by a shell, in a directory of the transcript's own, and what they answer must be what follows.
// HOLDFAST_UPDATE_GOLDEN=1 writes the transcripts anew, for a look at what changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

const std::filesystem::path kDirectory = HOLDFAST_GOLDEN;

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Runs a transcript's commands and gives the transcript as it is now.
std::string replay(const std::string& transcript) {
  const Workplace place;
  std::istringstream lines(transcript);
  std::string now;
  std::string line;
  bool more = static_cast<bool>(std::getline(lines, line));
  while (more) {
    if (!line.starts_with("$ ")) {
      if (line.starts_with("# ")) now += line + "\n";
      more = static_cast<bool>(std::getline(lines, line));
      continue;
    }
    std::string command = line.substr(2);
    now += line + "\n";
    while ((more = static_cast<bool>(std::getline(lines, line))) && line.starts_with("> ")) {
      command += "\n" + line.substr(2);
      now += line + "\n";
    }
    const auto outcome = shell(place, command);
    now += normalised(outcome.out);
    if (outcome.code != 0) now += "[exit " + std::to_string(outcome.code) + "]\n";
    while (more && !line.starts_with("$ ") && !line.starts_with("# ")) {
      more = static_cast<bool>(std::getline(lines, line));
    }
    if (more) now += "\n";
  }
  return now;
}

std::vector<std::string> transcripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, Transcript) {
  const auto path = kDirectory / (GetParam() + ".txt");
  const auto expected = slurp(path);
  ASSERT_NE(expected.find("$ "), std::string::npos) << "a transcript has commands";
  const auto now = replay(expected);
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << now;
    return;
  }
  EXPECT_EQ(now, expected);
}

INSTANTIATE_TEST_SUITE_P(Cli, Golden, testing::ValuesIn(transcripts()),
                         [](const auto& transcript) { return transcript.param; });

TEST(GoldenFiles, AreThere) {
  EXPECT_GE(transcripts().size(), 5U);
}

}  // namespace
}  // namespace holdfast::cli
