// What can be said of a command without any state: names, keys, amounts, dates, sizes, fields that exclude
// each other.
#pragma once

#include "holdfast/commands.h"
#include "holdfast/result.h"

namespace holdfast {

/// `invalid_command`, `amount_out_of_range` or `batch_too_large`, with the field named in Error::fields.
[[nodiscard]] Result<void> validate(const Command& command);

[[nodiscard]] bool is_name(std::string_view text);
[[nodiscard]] bool is_key(std::string_view text);
[[nodiscard]] bool is_reference(std::string_view text);

}  // namespace holdfast
