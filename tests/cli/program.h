// Runs the built program as a caller would: its output, its errors, its exit code, its memory.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::cli {

/// A directory of its own, removed at the end.
class Workplace {
 public:
  Workplace();
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::string_view text) const;
  [[nodiscard]] std::string read(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
  long max_rss_kib = 0;
};

/// Runs `holdfast` with these arguments in the directory; waits for its end.
[[nodiscard]] Outcome holdfast(const Workplace& place, const std::vector<std::string>& arguments,
                               std::string_view input = {});
/// Runs a shell's command line there, with `holdfast` on the path. Output and errors come together in `out`.
[[nodiscard]] Outcome shell(const Workplace& place, const std::string& command_line);

/// A `holdfast` that is talked to while it runs.
class Conversation {
 public:
  Conversation(const Workplace& place, const std::vector<std::string>& arguments);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void say(std::string_view text) const;
  /// Up to and without the next line end.
  [[nodiscard]] std::string hear_line() const;
  void end_input();
  void stop_listening();
  /// Waits for its end.
  [[nodiscard]] Outcome finish();

 private:
  const Workplace& place_;
  pid_t process_ = -1;
  int to_ = -1;
  int from_ = -1;
};

/// Times, hashes, process ids and sizes replaced by words of the same width where it matters.
[[nodiscard]] std::string normalised(std::string text);

/// A ledger with a fee plan, user:1 with 100.00 EUR and campaign:7, made by `apply`; 4 events.
void make_ledger(const Workplace& place);

}  // namespace holdfast::cli
