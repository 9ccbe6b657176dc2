// A run in a process of its own, as an assertion ends it.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace holdfast::sim {

/// \param run  returns what failed; empty: nothing
/// \return what failed, or the assertion that ended it, as it was said; none: neither
[[nodiscard]] std::optional<std::string> run_apart(const std::function<std::string()>& run);

}  // namespace holdfast::sim
