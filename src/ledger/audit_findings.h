// What an audit found, law by law, in words for people.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/money.h"

namespace holdfast::audit {

__extension__ using Wide = __int128;

enum class Law : std::uint8_t {
  conservation,
  escrow,
  split,
  history,
  all_or_nothing,
  durable,
  once,
  exact,
  serial
};
inline constexpr std::array<std::string_view, 9> kLawNames = {
    "conservation", "escrow", "split", "history", "all_or_nothing", "durable", "once", "exact", "serial"};

class Findings {
 public:
  void add(Law law, std::string what) {
    auto& of_law = laws_[static_cast<std::size_t>(law)];
    ++of_law.count;
    if (of_law.first.size() < kListed) of_law.first.push_back(std::move(what));
  }
  [[nodiscard]] std::uint64_t count(Law law) const { return laws_[static_cast<std::size_t>(law)].count; }
  /// `2 found: event 7: …; event 9: …`.
  [[nodiscard]] std::string text(Law law) const;

 private:
  static constexpr std::size_t kListed = 3;
  struct OfLaw {
    std::uint64_t count = 0;
    std::vector<std::string> first;
  };
  std::array<OfLaw, kLawNames.size()> laws_;
};

/// `12,345`.
[[nodiscard]] std::string grouped(std::uint64_t count);
/// `1,234.50 EUR`.
[[nodiscard]] std::string money(Wide minor, Currency currency);

}  // namespace holdfast::audit
