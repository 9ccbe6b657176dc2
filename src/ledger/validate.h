// What can be said of a command without any state: names, keys, amounts, dates, sizes, fields that exclude
// each other.
#pragma once

#include "holdfast/commands.h"
#include "holdfast/result.h"

namespace holdfast {

/// `invalid_command`, `amount_out_of_range` or `batch_too_large`, with the field named in Error::fields.
[[nodiscard]] Result<void> validate(const Command& command);
/// The same for a command inside an atomic. \param depth  how many atomics it stands in, 1 or more
[[nodiscard]] Result<void> validate_inside(const Command& command, std::size_t depth);
/// The options of a block whose commands come one by one.
[[nodiscard]] Result<void> validate_block(const Options& options);

[[nodiscard]] bool is_name(std::string_view text);
[[nodiscard]] bool is_key(std::string_view text);
[[nodiscard]] bool is_reference(std::string_view text);

}  // namespace holdfast
