// Strong ids: a number that names one thing cannot be passed where another is wanted.
// Ids start at 1; 0 is "none" and converts to false.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace holdfast {

template <class Tag, class Int>
class StrongId {
 public:
  using value_type = Int;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Int value) : value_(value) {}

  [[nodiscard]] constexpr Int value() const { return value_; }
  [[nodiscard]] constexpr explicit operator bool() const { return value_ != 0; }
  [[nodiscard]] constexpr StrongId next() const { return StrongId(static_cast<Int>(value_ + 1)); }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Int value_ = 0;
};

/// An escrow. Unique in its ledger, and growing with `seq`; a store may leave gaps.
using EscrowId = StrongId<struct EscrowTag, std::uint64_t>;
/// The number of an event, from 1, without gaps.
using Seq = StrongId<struct SeqTag, std::uint64_t>;
/// An account's number. Callers know accounts by name; events and rows by number.
using AccountId = StrongId<struct AccountTag, std::uint32_t>;
/// A group's number, given by the first hold that names it.
using GroupId = StrongId<struct GroupTag, std::uint32_t>;
/// One version of one fee plan.
using PlanId = StrongId<struct PlanTag, std::uint32_t>;

}  // namespace holdfast

template <class Tag, class Int>
struct std::hash<holdfast::StrongId<Tag, Int>> {
  std::size_t operator()(holdfast::StrongId<Tag, Int> id) const noexcept {
    return std::hash<Int>{}(id.value());
  }
};
