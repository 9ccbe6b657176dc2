// The JSON of a command, one vocabulary for `holdfast apply`, HTTP bodies and files:
// {"op":"release","escrows":[1,"pledge:7"],"key":"r1"}
#pragma once

#include <string_view>

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

}  // namespace holdfast::json
