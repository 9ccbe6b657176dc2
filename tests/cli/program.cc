#include "tests/cli/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>

namespace holdfast::cli {

namespace {

/// The environment that makes answers the same everywhere. Called in the child.
void settle_environment() {
  const auto program = std::filesystem::path(HOLDFAST_PROGRAM);
  const auto path = program.parent_path().string() + ":/usr/bin:/bin";
  ::setenv("PATH", path.c_str(), 1);
  ::setenv("COLUMNS", "100", 1);
  ::unsetenv("HOLDFAST_LEDGER");
}

void redirect(int descriptor, const std::filesystem::path& file, int flags) {
  const int opened = ::open(file.c_str(), flags, 0644);
  if (opened < 0 || ::dup2(opened, descriptor) < 0) ::_exit(127);
}

[[noreturn]] void execute(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  ::_exit(127);
}

Outcome wait_for(pid_t process, const Workplace& place) {
  int status = 0;
  rusage usage{};
  EXPECT_EQ(::wait4(process, &status, 0, &usage), process);
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  outcome.out = place.read("stdout");
  outcome.err = place.read("stderr");
  outcome.max_rss_kib = usage.ru_maxrss;
  return outcome;
}

Outcome run(const Workplace& place, const std::vector<std::string>& arguments, std::string_view input,
            bool together) {
  constexpr int kFresh = O_WRONLY | O_CREAT | O_TRUNC;
  place.write("stdin", input);
  place.write("stderr", "");
  const auto process = ::fork();
  if (process == 0) {
    redirect(0, place.path() / "stdin", O_RDONLY);
    redirect(1, place.path() / "stdout", kFresh);
    if (together) {
      ::dup2(1, 2);
    } else {
      redirect(2, place.path() / "stderr", kFresh);
    }
    if (::chdir((place.path() / "here").c_str()) != 0) ::_exit(127);
    settle_environment();
    execute(arguments);
  }
  return wait_for(process, place);
}

}  // namespace

Workplace::Workplace() {
  auto pattern = (std::filesystem::temp_directory_path() / "holdfast-cli-XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
  std::filesystem::create_directory(path_ / "here");
}

Workplace::~Workplace() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Workplace::write(const std::string& name, std::string_view text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
}

std::string Workplace::read(const std::string& name) const {
  std::ifstream file(path_ / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Outcome holdfast(const Workplace& place, const std::vector<std::string>& arguments, std::string_view input) {
  std::vector<std::string> all = {"holdfast"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run(place, all, input, false);
}

Outcome shell(const Workplace& place, const std::string& command_line) {
  return run(place, {"sh", "-c", command_line}, {}, true);
}

Conversation::Conversation(const Workplace& place, const std::vector<std::string>& arguments)
    : place_(place) {
  int in[2];
  int out[2];
  EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    redirect(2, place.path() / "stderr", O_WRONLY | O_CREAT | O_TRUNC);
    if (::chdir((place.path() / "here").c_str()) != 0) ::_exit(127);
    settle_environment();
    std::vector<std::string> all = {"holdfast"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    execute(all);
  }
  ::close(in[0]);
  ::close(out[1]);
  to_ = in[1];
  from_ = out[0];
}

Conversation::~Conversation() {
  if (process_ > 0) (void)finish();
}

void Conversation::say(std::string_view text) const {
  while (!text.empty()) {
    const auto n = ::write(to_, text.data(), text.size());
    if (n <= 0) return;  // it has stopped listening, which some tests are about
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string Conversation::hear_line() const {
  std::string line;
  for (char c = 0; ::read(from_, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

void Conversation::end_input() {
  if (to_ >= 0) ::close(to_);
  to_ = -1;
}

void Conversation::stop_listening() {
  if (from_ >= 0) ::close(from_);
  from_ = -1;
}

Outcome Conversation::finish() {
  end_input();
  std::string rest;
  char buffer[4096];
  for (ssize_t n = 0; from_ >= 0 && (n = ::read(from_, buffer, sizeof buffer)) > 0;) {
    rest.append(buffer, static_cast<std::size_t>(n));
  }
  stop_listening();
  auto outcome = wait_for(std::exchange(process_, -1), place_);
  outcome.out = rest;
  return outcome;
}

std::string normalised(std::string text) {
  const std::pair<std::regex, const char*> rules[] = {
      {std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"), "YYYY-MM-DDThh:mm:ss.uuuuuuZ"},
      {std::regex(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)"), "YYYY-MM-DD hh:mm:ss UTC"},
      {std::regex(R"([0-9a-f]{64})"), "<hash>"},
      {std::regex(R"(process \d+)"), "process <pid>"},
      {std::regex(R"(chain ends in(\s+)[0-9a-f]{16})"), "chain ends in$1<hash>"},
      {std::regex(R"([0-9,]+ bytes)"), "<n> bytes"},
      {std::regex(R"re("(bytes|memory_bytes)":\d+)re"), "\"$1\":<n>"},
  };
  for (const auto& [pattern, word] : rules) text = std::regex_replace(text, pattern, word);
  return text;
}

void make_ledger(const Workplace& place) {
  ASSERT_EQ(holdfast(place, {"init"}).code, 0);
  const auto outcome = holdfast(
      place, {"apply"},
      R"({"op":"define_fee_plan","fee_plan":"standard","currency":"EUR","commission":{"rate":"0.05"},)"
      R"("processor_fee":{"rate":"0.03"}}
{"op":"open_account","account":"user:1","currency":"EUR","kind":"user"}
{"op":"open_account","account":"campaign:7","currency":"EUR","kind":"beneficiary"}
{"op":"deposit","key":"payin:1","account":"user:1","amount":10000}
)");
  ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
}

}  // namespace holdfast::cli
