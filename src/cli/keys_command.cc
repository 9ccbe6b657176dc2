// Keys of the server: make, list, revoke.
#include <fmt/format.h>

#include <memory>

#include "base/clock.h"
#include "base/random.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "json/writer.h"
#include "server/keys.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

struct KeysArguments {
  std::string state;
  std::string name;
  std::string role;
};

std::filesystem::path state_path(const Context& context, const KeysArguments& arguments) {
  return arguments.state.empty() ? server::default_state_path(context.ledger_url)
                                 : std::filesystem::path(arguments.state);
}

ExitCode create(Context& context, const KeysArguments& arguments) {
  const auto role = server::parse_role(arguments.role);
  if (!role) {
    return context.misused(fmt::format("--role: \"{}\" is none of read, operate, admin", arguments.role));
  }
  auto state = server::StateDirectory::open(state_path(context, arguments));
  if (!state) return context.failed(state.error());
  const auto made = server::create_key(**state, arguments.name, *role, system_clock(), system_random());
  if (!made) return context.failed(made.error());
  if (context.json) {
    json::Writer out;
    out.begin_object().name("key").text(made->record.name).name("role").text(to_string(made->record.role));
    out.name("created").text(to_rfc3339(made->record.created)).name("secret").text(made->key);
    return context.out.line(out.end_object().take()), ExitCode::done;
  }
  context.out.line(made->key);
  context.out.flush();
  fmt::print(stderr,
             "Key \"{}\" may {}. It is shown this once: keep it where only its user can read it, and send it "
             "as\n  Authorization: Bearer {}…\nA server that runs knows it within a second.\n",
             made->record.name,
             *role == server::Role::read      ? "read"
             : *role == server::Role::operate ? "read and move money"
                                              : "do everything",
             made->key.substr(0, 11));
  return ExitCode::done;
}

ExitCode list(Context& context, const KeysArguments& arguments) {
  auto state = server::StateDirectory::open_existing(state_path(context, arguments));
  if (!state) return context.failed(state.error());
  std::vector<server::KeyRecord> records;
  if (*state) {
    auto read = server::read_keys(**state);
    if (!read) return context.failed(read.error());
    records = std::move(*read);
  }
  if (context.json) {
    for (const auto& record : records) context.out.line(to_json(record));
    return ExitCode::done;
  }
  if (records.empty()) {
    context.out.line(fmt::format("No keys in {}. Make one with: holdfast keys create NAME --role operate",
                                 state_path(context, arguments).string()));
    return ExitCode::done;
  }
  Table table({{"key", Align::left, Fit::cut},
               {"role"},
               {"ends in"},
               {"created", Align::left, Fit::drop},
               {"revoked"}});
  for (const auto& record : records) {
    table.add({record.name, std::string(to_string(record.role)), "…" + record.last4, when(record.created),
               record.revoked_at ? when(*record.revoked_at) : ""});
  }
  context.out.write(table.render(context.terminal));
  return ExitCode::done;
}

ExitCode revoke(Context& context, const KeysArguments& arguments) {
  auto state = server::StateDirectory::open_existing(state_path(context, arguments));
  if (!state) return context.failed(state.error());
  if (!*state) {
    Error error;
    error.message = fmt::format("there are no keys in {}", state_path(context, arguments).string());
    return context.failed(error);
  }
  const auto revoked = server::revoke_key(**state, arguments.name, system_clock());
  if (!revoked) return context.failed(revoked.error());
  if (context.json) return context.out.line(to_json(*revoked)), ExitCode::done;
  context.out.line(
      fmt::format("Key \"{}\" is revoked since {}. A server that runs refuses it within a second.",
                  revoked->name, when(*revoked->revoked_at)));
  return ExitCode::done;
}

}  // namespace

void add_keys_command(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<KeysArguments>();
  auto* keys =
      add_command(app, help_group::kServe, "keys", "Make, list and revoke the keys of the server",
                  "  holdfast keys create shop --role operate\n"
                  "  holdfast keys list\n"
                  "  holdfast keys revoke shop\n"
                  "A key with the role `read` may ask, with `operate` move money too, with `admin` do "
                  "everything.\n"
                  "Its name is the actor of the events that it causes, so no name is given twice. Only "
                  "hashes are kept.");
  keys->require_subcommand(1);
  keys->add_option("--state", arguments->state,
                   "Where the server keeps its files; without it: server/ in the ledger's directory, or "
                   "./holdfast-server for PostgreSQL")
      ->type_name("DIR");
  auto* make = keys->add_subcommand("create", "Make a key, and show it this once");
  make->fallthrough()->footer("Example:\n  holdfast keys create shop --role operate");
  make->add_option("NAME", arguments->name, "Who will use it; the actor of its events")->required();
  make->add_option("--role", arguments->role, "read, operate or admin")->type_name("ROLE")->required();
  make->callback([&context, arguments] { context.exit = create(context, *arguments); });
  auto* show = keys->add_subcommand("list", "List the keys, revoked ones too");
  show->fallthrough()->footer("Example:\n  holdfast keys list");
  show->callback([&context, arguments] { context.exit = list(context, *arguments); });
  auto* end = keys->add_subcommand("revoke", "Refuse a key from now on");
  end->fallthrough()->footer("Example:\n  holdfast keys revoke shop");
  end->add_option("NAME", arguments->name, "The key's name")->required();
  end->callback([&context, arguments] { context.exit = revoke(context, *arguments); });
}

}  // namespace holdfast::cli
