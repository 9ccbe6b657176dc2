// The sub-commands, one function a family. Each adds its own to the program and sets Context::exit when run.
#pragma once

#include "cli/context.h"

namespace holdfast::cli {

void add_start_commands(CLI::App& app, Context& context);        // init, version
void add_apply_command(CLI::App& app, Context& context);         // apply
void add_import_command(CLI::App& app, Context& context);        // import
void add_account_commands(CLI::App& app, Context& context);      // open-account … transfer
void add_escrow_commands(CLI::App& app, Context& context);       // hold … reopen-group
void add_query_commands(CLI::App& app, Context& context);        // account, escrow, …
void add_list_commands(CLI::App& app, Context& context);         // accounts, escrows, groups, events, …
void add_explain_command(CLI::App& app, Context& context);       // explain
void add_maintenance_commands(CLI::App& app, Context& context);  // audit, verify, backup, …
void add_copy_command(CLI::App& app, Context& context);          // copy
void add_bench_command(CLI::App& app, Context& context);         // bench
void add_serve_command(CLI::App& app, Context& context);         // serve
void add_keys_command(CLI::App& app, Context& context);          // keys
void add_webhooks_command(CLI::App& app, Context& context);      // webhooks

}  // namespace holdfast::cli
