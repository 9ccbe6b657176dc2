// The JSON of a command, one vocabulary for `holdfast apply`, HTTP bodies and files:
// {"op":"release","escrows":[1,"pledge:7"],"key":"r1"}
#pragma once

#include <string_view>
#include <vector>

#include "holdfast/commands.h"
#include "holdfast/result.h"

namespace holdfast::json {

/// \param text  one JSON object, UTF-8, at most 16 MiB
///
/// Errors: `invalid_command` for what is not JSON, for a field that is unknown, missing, repeated, empty or
/// of another type, named in Error::fields with what is expected; `amount_out_of_range` for an amount beyond
/// 64 bits; `batch_too_large`. Error::path leads to the command at fault inside `atomic`. What can only be
/// said of a whole command (names, ranges, fields that exclude each other) is checked when it is executed.
[[nodiscard]] Result<Command> parse_command(std::string_view text);

/// A command whose op is said elsewhere, as by an HTTP path: an object of its fields without `op`.
/// \pre `op` is one of those of `op_name`
[[nodiscard]] Result<Command> parse_command(std::string_view text, std::string_view op);

/// Commands of their own, which share nothing but the text: one that cannot be read is an error in its place.
struct CommandList {
  std::vector<Result<Command>> commands;
  bool ordered = true;  // each is decided after the one before it
};
/// {"commands":[{"op":…},…],"ordered":true}. Errors as above, for what is not of this form; the list has one
/// command or more.
[[nodiscard]] Result<CommandList> parse_command_list(std::string_view text);

}  // namespace holdfast::json
