#include "cli/context.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "json/render.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

void print_details(const Error& error) {
  for (const auto& item : error.items) {
    const auto name = item.escrow ? fmt::format("escrow {}", item.escrow.value()) : std::string("no escrow");
    const auto key = item.key.empty() ? std::string() : fmt::format(" ({})", item.key);
    fmt::print(stderr, "  {}{}: {}\n", name, key, to_string(item.reason));
  }
  std::uint64_t all = 0;
  for (const auto& [code, count] : error.counts) all += count;
  if (all <= error.items.size()) return;
  fmt::print(stderr, "  ... in all:");
  for (const auto& [code, count] : error.counts)
    fmt::print(stderr, " {} {}", grouped(count), to_string(code));
  fmt::print(stderr, "\n");
}

}  // namespace

bool Context::in_postgres() const {
  return ledger_url.starts_with("postgresql://") || ledger_url.starts_with("postgres://");
}

std::string Context::shown(const std::string& url) {
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) return url;
  auto shown = url.substr(0, url.find('?'));  // an option may be a password too
  const auto user = shown.find("://");
  const auto at = shown.rfind('@');
  const auto colon = user == std::string::npos ? user : shown.find(':', user + 3);
  if (colon != std::string::npos && at != std::string::npos && colon < at) {
    shown.replace(colon + 1, at - colon - 1, "***");
  }
  return shown;
}

Result<Ledger> Context::open_to_write(OpenOptions options) const {
  options.on_note = [](std::string_view note) { fmt::print(stderr, "holdfast: note: {}\n", note); };
  return Ledger::open(ledger_url, options);
}

Result<Ledger> Context::open_to_read() const {
  OpenOptions options;
  options.read_only = true;
  return Ledger::open(ledger_url, options);
}

ExitCode Context::failed(const Error& error) {
  return failed(error, exit_code_of(error.code));
}

ExitCode Context::failed(const Error& error, ExitCode code) {
  if (json) {
    out.line(json::to_json(error));
    return code;
  }
  out.flush();
  fmt::print(stderr, "holdfast: {}\n", error.message);
  print_details(error);
  return code;
}

ExitCode Context::misused(const std::string& message) {
  Error error;
  error.message = message;
  return failed(error, ExitCode::usage);
}

void Context::say(std::string_view line) {
  if (!json) out.line(line);
}

CLI::App* add_command(CLI::App& app, const char* group, const char* name, const char* description,
                      const std::string& example) {
  auto* command = app.add_subcommand(name, description);
  command->group(group)->fallthrough()->footer("Example:\n" + example);
  return command;
}

EscrowRef parse_escrow_ref(const std::string& text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size() && id != 0) return {EscrowId(id), {}};
  return {EscrowId(), text};
}

}  // namespace holdfast::cli
