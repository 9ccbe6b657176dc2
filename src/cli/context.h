// What every sub-command works with: where the ledger is, how to answer, and what the program will exit with.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "holdfast/ledger.h"
#include "text/text.h"

namespace holdfast::cli {

using namespace text;  // its words are those of every command here

struct Context {
  std::string ledger_url = "./holdfast-data";
  bool json = false;
  Terminal terminal;
  Output out{1};
  ExitCode exit = ExitCode::done;

  /// The ledger's url for people: without the password that it may hold.
  [[nodiscard]] std::string shown_ledger() const { return shown(ledger_url); }
  [[nodiscard]] static std::string shown(const std::string& url);
  /// To write: another process that writes refuses it.
  [[nodiscard]] Result<Ledger> open_to_write(OpenOptions options = {}) const;
  /// To ask: works beside a process that writes.
  [[nodiscard]] Result<Ledger> open_to_read() const;
  [[nodiscard]] bool in_postgres() const;

  /// Says what went wrong: to a person on standard error, first line first, or to a program as JSON on
  /// standard output. Returns the exit code for it.
  ExitCode failed(const Error& error);
  ExitCode failed(const Error& error, ExitCode code);
  /// A command line that cannot be carried out.
  ExitCode misused(const std::string& message);

  /// A line for people, on standard output; nothing with --json.
  void say(std::string_view line);
};

/// The groups of the top-level help, in its order.
namespace help_group {
inline constexpr const char* kStart = "Start";
inline constexpr const char* kMany = "Many commands at once";
inline constexpr const char* kOne = "One command";
inline constexpr const char* kAsk = "Ask";
inline constexpr const char* kCare = "Care for a ledger";
inline constexpr const char* kServe = "Serve it to others";
}  // namespace help_group

/// A sub-command. `example` is shown below its help.
CLI::App* add_command(CLI::App& app, const char* group, const char* name, const char* description,
                      const std::string& example);

/// Digits alone are an id, anything else a key.
[[nodiscard]] EscrowRef parse_escrow_ref(const std::string& text);

}  // namespace holdfast::cli
