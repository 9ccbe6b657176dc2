// The process that a crash test kills: four threads that write as fast as they can, each printing the key of
// every command once it was acknowledged.
//
//   crash_worker DIRECTORY ROUND
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/crash/crash_commands.h"

namespace {

using namespace holdfast;

constexpr int kCommandsMax = 100'000;  // ended by the test long before

/// One write a line: lines of threads do not mix.
void print_line(const std::string& text) {
  const auto line = text + "\n";
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::exit(1);
}

void write_commands(Ledger& ledger, int round, int writer) {
  for (int n = 0; n < kCommandsMax; ++n) {
    const auto command = crash::command_of(round, writer, n);
    const auto answer = ledger.execute(command);
    if (!answer) {
      fmt::print(stderr, "{}: {}\n", command.options.key, answer.error().message);
      std::exit(1);
    }
    print_line(command.options.key);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  auto ledger = Ledger::open(argv[1]);
  if (!ledger) {
    fmt::print(stderr, "{}\n", ledger.error().message);
    return 1;
  }
  const int round = std::atoi(argv[2]);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < crash::kWriters; ++writer) {
    writers.emplace_back([&, writer] { write_commands(*ledger, round, writer); });
  }
  for (auto& writer : writers) writer.join();
  return 0;
}
