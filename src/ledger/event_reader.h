// Reads the single values that events are made of, each with the rule it must keep. The first thing found
// wrong is remembered, every read after it gives nothing, and `error` says what and where.
#pragma once

#include <fmt/format.h>

#include <limits>

#include "base/bytes.h"
#include "ledger/event_wire.h"
#include "ledger/validate.h"

namespace holdfast::wire {

class EventReader {
 public:
  explicit EventReader(std::span<const std::byte> bytes) : bytes_(bytes), in_(bytes) {}

  [[nodiscard]] bool ok() const { return in_.ok(); }
  [[nodiscard]] std::unexpected<Error> error(Seq seq) const {
    return error(fmt::format("event {}", seq.value()));
  }
  /// \param what  the bytes are
  [[nodiscard]] std::unexpected<Error> error(std::string_view what) const {
    if (newer_) {
      return fail(
          ErrorCode::newer_format,
          fmt::format("{}: {} at byte {} of {} is unknown to this version: use a newer one to read it", what,
                      what_, at_, bytes_.size()));
    }
    if (what_ == nullptr) {
      return fail(ErrorCode::corrupt,
                  fmt::format("{}: its {} bytes end too soon, or an integer at byte {} is "
                              "not in its shortest form",
                              what, bytes_.size(), in_.position()));
    }
    return fail(ErrorCode::corrupt, fmt::format("{}: {}, at byte {} of {}", what, what_, at_, bytes_.size()));
  }

 protected:
  /// The first thing found wrong is what is reported.
  void require(bool holds, const char* otherwise) {
    if (holds || !in_.ok()) return;
    what_ = otherwise, at_ = in_.position();
    in_.fail();
  }
  void newer(const char* what) {
    if (!in_.ok()) return;
    newer_ = true, what_ = what, at_ = in_.position();
    in_.fail();
  }
  /// A count of things of which each takes `min_bytes` or more.
  std::size_t count(std::size_t min_bytes) {
    const auto n = in_.varint();
    require(n <= in_.left() / min_bytes, "a count is larger than the bytes left could hold");
    return in_.ok() ? static_cast<std::size_t>(n) : 0;
  }
  template <class Id>
  Id id(std::uint64_t max, std::uint64_t min = 1) {
    const auto value = in_.varint();
    require(value >= min && value <= max, "an id is out of range");
    return Id(static_cast<typename Id::value_type>(value));
  }
  AccountId account() { return id<AccountId>(kMaxShortId); }
  EscrowId escrow() { return id<EscrowId>(kMaxLongId); }
  PlanId plan() { return id<PlanId>(kMaxShortId); }
  std::uint32_t u32(std::uint64_t min = 0) {
    const auto value = in_.varint();
    require(value >= min && value <= kMaxShortId, "a number is out of range");
    return static_cast<std::uint32_t>(value);
  }
  Timestamp time() { return Timestamp{in_.zigzag()}; }
  Amount amount(std::int64_t min = 0, std::int64_t max = kMaxAmount.minor()) {
    const auto value = in_.varint();
    require(value >= static_cast<std::uint64_t>(min) && value <= static_cast<std::uint64_t>(max),
            "an amount is out of range");
    return Amount(static_cast<std::int64_t>(value));
  }
  Amount sum() { return amount(0, std::numeric_limits<std::int64_t>::max()); }
  bool flag() {
    const auto value = in_.u8();
    require(value <= 1, "a byte that is 0 or 1 is neither");
    return value == 1;
  }
  template <class Enum>
  Enum number(Enum first, Enum last, const char* otherwise) {
    const auto value = static_cast<Enum>(in_.u8());
    require(value >= first && value <= last, otherwise);
    return value;
  }
  ErrorCode code() {
    const auto value = static_cast<ErrorCode>(in_.u8());
    if (!is_known(value)) newer("an error code");
    return value;
  }
  Currency currency() {
    const auto raw = in_.raw(3);
    const std::string_view letters(reinterpret_cast<const char*>(raw.data()), raw.size());
    for (const char c : letters) require(c >= 'A' && c <= 'Z', "a currency is not three letters");
    if (!in_.ok()) return {};
    const auto parsed = Currency::parse(letters);
    if (!parsed) return newer("a currency"), Currency();
    return *parsed;
  }
  void text(std::string& into, bool (*fits)(std::string_view), const char* otherwise) {
    const auto value = in_.text();
    require(fits(value), otherwise);
    into.assign(value);
  }
  void name(std::string& into) { text(into, is_name, "a name breaks the rule of names"); }
  void any_text(std::string& into) { into.assign(in_.text()); }
  std::span<const std::byte> bytes_;
  ByteReader in_;

 private:
  const char* what_ = nullptr;
  std::size_t at_ = 0;
  bool newer_ = false;
};

}  // namespace holdfast::wire
