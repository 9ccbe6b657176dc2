// The process that a crash test kills: four threads that write as fast as they can, each printing the key of
// every command once it was acknowledged.
//
//   crash_worker DIRECTORY ROUND [SEGMENT_BYTES SNAPSHOT_EVERY_BYTES [PLANTED_BUG]]
//
// Small segments and snapshots have it meet their boundaries all the time. Only crash_worker_planted, which
// has the bugs of base/planted_bugs.h, knows them.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "journal/journal_store.h"
#include "sim/planted.h"
#include "tests/crash/crash_commands.h"

namespace {

using namespace holdfast;

constexpr int kCommandsMax = 100'000;  // ended by the test long before

/// One write a line: lines of threads do not mix.
void print_line(const std::string& text) {
  const auto line = text + "\n";
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(1);
}

void write_commands(Store& store, int round, int writer) {
  for (int n = 0; n < kCommandsMax; ++n) {
    const auto command = crash::command_of(round, writer, n);
    const auto answer = store.execute(command);
    if (!answer) {
      fmt::print(stderr, "{}: {}\n", command.options.key, answer.error().message);
      std::_Exit(1);  // not exit: another thread may be here too
    }
    print_line(command.options.key);
  }
}

bool plant([[maybe_unused]] std::string_view name) {
#ifdef HOLDFAST_PLANTED_BUGS
  for (const auto& each : sim::kPlanted) {
    if (each.name == name) planted_bug = each.bug;
  }
  return planted_bug != PlantedBug::none;
#else
  return false;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  journal::EngineOptions options;
  if (argc > 4) {
    options.log.segment_bytes = std::strtoull(argv[3], nullptr, 10);
    options.snapshot_every_bytes = std::strtoull(argv[4], nullptr, 10);
  }
  if (argc > 5 && !plant(argv[5])) return 2;
  journal::OpenReport report;
  auto store = journal::open_journal_store(argv[1], false, options, report);
  if (!store) {
    fmt::print(stderr, "{}\n", store.error().message);
    return 1;
  }
  const int round = std::atoi(argv[2]);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < crash::kWriters; ++writer) {
    writers.emplace_back([&, writer] { write_commands(**store, round, writer); });
  }
  for (auto& writer : writers) writer.join();
  return 0;
}
