// What a key remembers of the request, as asked: one digest a field, so that a conflict can name the fields
// that differ. `key`, `actor` and `dry_run` are not part of it: who asks again, and how, does not make it
// another request.
#pragma once

#include <string>
#include <vector>

#include "ledger/event.h"

namespace holdfast {

/// Ordered by field; fields left at their defaults are absent.
[[nodiscard]] std::vector<FieldDigest> request_of(const Command& command);

/// Names of the fields in which the two differ, `op` first; empty where they are the same.
[[nodiscard]] std::vector<std::string> differing_fields(const std::vector<FieldDigest>& a,
                                                        const std::vector<FieldDigest>& b);

}  // namespace holdfast
