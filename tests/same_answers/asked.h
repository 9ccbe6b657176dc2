// Everything that can be asked of a store, as texts: for stores that must find no difference.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "ledger/store.h"

namespace holdfast::testing {

/// By question; numbers, times and hashes are in the texts.
using Answers = std::map<std::string, std::vector<std::string>>;

/// \param limit  of a page
[[nodiscard]] Answers everything_asked(Store& store, std::size_t limit);

}  // namespace holdfast::testing
