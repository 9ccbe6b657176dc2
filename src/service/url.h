// Which store a ledger's url names.
#pragma once

#include <string_view>

namespace holdfast {

[[nodiscard]] inline bool is_postgres(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

}  // namespace holdfast
