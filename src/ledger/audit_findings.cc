#include "ledger/audit_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace holdfast::audit {

std::string Findings::text(Law law) const {
  const auto& of_law = laws_[static_cast<std::size_t>(law)];
  auto text = fmt::format("{} found: {}", grouped(of_law.count), fmt::join(of_law.first, "; "));
  if (of_law.count > of_law.first.size()) text += "; ...";
  return text;
}

std::string grouped(std::uint64_t count) {
  auto text = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

std::string money(Wide minor, Currency currency) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const auto code = currency ? currency.code() : "(no currency)";
  if (currency && minor <= kMost && minor >= -Wide{kMost}) {
    return fmt::format("{} {}", to_grouped(Amount(static_cast<std::int64_t>(minor)), currency), code);
  }
  std::string digits;
  for (Wide rest = minor < 0 ? -minor : minor; rest > 0 || digits.empty(); rest /= 10) {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  }
  if (minor < 0) digits += '-';
  std::ranges::reverse(digits);
  return fmt::format("{} minor units of {}", digits, code);
}

}  // namespace holdfast::audit
