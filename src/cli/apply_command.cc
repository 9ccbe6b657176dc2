// `holdfast apply`: JSON Lines in, one answer a line out, in order, in constant memory.
//
// Commands are submitted without waiting for each answer, so that many share one sync; the ledger decides
// them in the order of the lines. With --stop each waits for its answer: a command after a rejection must not
// have been decided already. That costs a sync a line, and needs no taking back.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "cli/answer_queue.h"
#include "cli/commands.h"
#include "cli/line_reader.h"
#include "json/document.h"
#include "json/parse_command.h"
#include "json/render.h"

namespace holdfast::cli {

namespace {

struct ApplyOptions {
  std::string file = "-";
  bool stop = false;
};

/// The descriptor of the input, closed at the end unless it is standard input.
class Input {
 public:
  [[nodiscard]] static std::expected<Input, int> open(const std::string& file) {
    if (file == "-") return Input(STDIN_FILENO);
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return std::unexpected(errno);
    return Input(descriptor);
  }
  ~Input() {
    if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
  }
  Input(Input&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Input& operator=(Input&&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  explicit Input(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

bool is_chunked(const Command& command) {
  const auto* release = std::get_if<Release>(&command.operation);
  const auto* refund = std::get_if<Refund>(&command.operation);
  return (release != nullptr && release->chunk) || (refund != nullptr && refund->chunk);
}

Result<Command> command_of(const Line& line) {
  auto command = line.too_long ? fail(ErrorCode::batch_too_large,
                                      fmt::format("a line has at most {} bytes", json::kMaxTextBytes))
                               : json::parse_command(line.text);
  if (!command) command.error().message.insert(0, fmt::format("line {}: ", line.number));
  return command;
}

bool is_blank(const Line& line) {
  return !line.too_long && line.text.find_first_not_of(" \t\r") == std::string_view::npos;
}

ExitCode unreadable(Context& context, const std::string& file, int error, ExitCode code) {
  return context.failed({ErrorCode::invalid_command,
                         fmt::format("{} cannot be read: {}", file, std::strerror(error)),
                         {},
                         {},
                         {},
                         {}},
                        code);
}

ExitCode apply_all(Context& context, Ledger& ledger, LineReader& reader, const std::string& file) {
  AnswerQueue answers(context.out);
  std::optional<int> read_error;
  while (!answers.closed() && !answers.broken()) {
    const auto line = reader.next();
    if (!line) read_error = line.error();
    if (!line || !*line) break;
    if (is_blank(**line)) continue;
    auto command = command_of(**line);
    auto& slot = answers.take_place((*line)->text.size());
    if (!command) {
      slot.fill(std::unexpected(std::move(command.error())));
    } else if (is_chunked(*command)) {
      slot.fill(ledger.execute(*command));
    } else {
      ledger.submit(std::move(*command), [&slot](Result<Answer> answer) { slot.fill(std::move(answer)); });
    }
  }
  answers.drain();
  if (read_error) return unreadable(context, file, *read_error, ExitCode::usage);
  if (const auto broken = answers.broken()) {
    fmt::print(stderr, "holdfast: stopped: {}\n", broken->message);
    return ExitCode::storage;
  }
  if (answers.closed()) return ExitCode::storage;
  return answers.rejected() ? ExitCode::rejected : ExitCode::done;
}

ExitCode apply_until_rejected(Context& context, Ledger& ledger, LineReader& reader, const std::string& file) {
  while (!context.out.closed()) {
    const auto line = reader.next();
    if (!line) return unreadable(context, file, line.error(), ExitCode::usage);
    if (!*line) return ExitCode::done;
    if (is_blank(**line)) continue;
    const auto command = command_of(**line);
    const auto answer = command ? ledger.execute(*command) : std::unexpected(command.error());
    context.out.line(json::to_json(answer));
    context.out.flush();
    if (answer) continue;
    fmt::print(stderr, "holdfast: stopped at line {} of {} ({}): nothing after it was applied\n",
               (*line)->number, file, to_string(answer.error().code));
    return exit_code_of(answer.error().code);
  }
  return ExitCode::storage;
}

ExitCode apply(Context& context, const ApplyOptions& options) {
  const auto input = Input::open(options.file);
  if (!input) return unreadable(context, options.file, input.error(), ExitCode::usage);
  auto ledger = context.open_to_write({.in_order = true});
  if (!ledger) return context.failed(ledger.error());
  LineReader reader(input->descriptor(), json::kMaxTextBytes);
  const auto file = options.file == "-" ? std::string("standard input") : options.file;
  return options.stop ? apply_until_rejected(context, *ledger, reader, file)
                      : apply_all(context, *ledger, reader, file);
}

}  // namespace

void add_apply_command(CLI::App& app, Context& context) {
  auto* command =
      add_command(app, help_group::kMany, "apply",
                  "Carry out commands, one JSON object a line, and answer each in a line, in order",
                  "  holdfast apply commands.jsonl > answers.jsonl\n"
                  "  echo '{\"op\":\"release\",\"escrows\":[17,\"pledge:8812\"]}' | holdfast apply\n"
                  "A line that is rejected or cannot be read is answered with \"ok\":false, and the next one "
                  "is read; the\n"
                  "exit code is then 3. Blank lines are passed over.");
  const auto options = std::make_shared<ApplyOptions>();
  command->add_option("FILE", options->file, "JSON Lines; - is standard input")->capture_default_str();
  command->add_flag("--stop", options->stop,
                    "End at the first rejection: nothing after it takes effect. One by one, so slower");
  command->callback([&context, options] { context.exit = apply(context, *options); });
}

}  // namespace holdfast::cli
