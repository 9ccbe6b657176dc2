// Any event that the encoder may be given, for property tests.
#pragma once

#include <rapidcheck.h>

#include "ledger/event.h"

namespace holdfast::testing {

/// Inside rc::gen::exec: each call is one choice, which rapidcheck can make smaller.
class AnyEvent {
 public:
  Event event() {
    Event event;
    event.seq = id<Seq>(kLong);
    event.at = time();
    event.entry = entry(0);
    return event;
  }

  Entry entry(int level) {
    Entry entry;
    if (flip()) entry.key = "k" + text(254);
    if (flip()) entry.actor = name();
    if (flip()) entry.reason = "r\xc3\xa9" + text(250);
    if (flip()) entry.reference = "7" + text(254);
    if (!entry.key.empty() && flip()) {
      for (std::uint8_t field = 0; field < 20; ++field) {
        if (flip()) entry.request.push_back({field, *rc::gen::arbitrary<std::uint64_t>()});
      }
    }
    entry.body = body(level);
    return entry;
  }

  Body body(int level) {
    switch (pick(0, level < 3 ? 14 : 13)) {
      case 0:
        return opened();
      case 1:
        return AccountClosed{account()};
      case 2:
        return plan_defined();
      case 3:
        return moved();
      case 4:
        return held();
      case 5:
        return rescheduled();
      case 6:
        return released();
      case 7:
        return refunded();
      case 8:
        return Frozen{escrow(), account()};
      case 9:
        return resolved();
      case 10:
        return GroupClosed{group(1)};
      case 11:
        return GroupReopened{group(1)};
      case 12:
        return Unchanged{static_cast<std::uint8_t>(pick(0, 14)), number()};
      case 13:
        return Replayed{id<Seq>(kLong), result(0)};
      default:
        return atomic(level);
    }
  }

 private:
  static constexpr std::uint64_t kLong = (std::uint64_t{1} << 63) - 1;
  static constexpr std::uint64_t kShort = 0xffffffff;

  int pick(int low, int high) { return *rc::gen::inRange(low, high + 1); }
  bool flip() { return pick(0, 1) == 1; }
  /// Of every magnitude.
  std::uint64_t up_to(std::uint64_t max, std::uint64_t min = 0) {
    const auto bits = pick(0, static_cast<int>(std::bit_width(max)));
    const auto raw = bits == 0 ? 0 : *rc::gen::arbitrary<std::uint64_t>() >> (64 - bits);
    return std::clamp(raw, min, max);
  }
  template <class Id>
  Id id(std::uint64_t max) {
    return Id(static_cast<typename Id::value_type>(up_to(max, 1)));
  }
  AccountId account() { return id<AccountId>(kShort); }
  EscrowId escrow() { return id<EscrowId>(kLong); }
  std::uint32_t number() { return static_cast<std::uint32_t>(up_to(kShort)); }
  Amount amount(std::int64_t min = 0) { return up_to_amount(kMaxAmount, min); }
  Amount up_to_amount(Amount max, std::int64_t min = 0) {
    return Amount(static_cast<std::int64_t>(
        up_to(static_cast<std::uint64_t>(max.minor()), static_cast<std::uint64_t>(min))));
  }
  Timestamp time() { return Timestamp{static_cast<std::int64_t>(up_to(253'402'300'799'999'999))}; }
  std::string text(int max) {
    std::string text(static_cast<std::size_t>(pick(0, 5) == 0 ? max : pick(0, 12)), 'x');
    for (auto& c : text) c = static_cast<char>(pick('!', '~'));
    return text;
  }
  std::string name() {
    static constexpr std::string_view kLetters = "abcXYZ019._:-/@";
    std::string name(static_cast<std::size_t>(pick(0, 5) == 0 ? 128 : pick(1, 12)), 'x');
    for (auto& c : name) c = kLetters[static_cast<std::size_t>(pick(0, int{kLetters.size()} - 1))];
    return name;
  }
  Currency currency() {
    static constexpr std::string_view kCodes[] = {"EUR", "JPY", "BHD", "USD"};
    return *Currency::parse(kCodes[pick(0, 3)]);
  }
  template <class Make>
  auto some(int max, Make make) {
    std::vector<decltype(make())> all;
    for (int n = pick(0, max); n > 0; --n) all.push_back(make());
    return all;
  }

  AccountOpened opened() { return {account(), name(), currency(), static_cast<AccountKind>(pick(1, 5))}; }
  FeeRule rule() {
    FeeRule rule;
    rule.rate = Rate::from_billionths(static_cast<std::uint32_t>(up_to(1'000'000'000)));
    rule.fixed = amount();
    rule.min = amount();
    if (flip()) rule.max = amount();
    rule.to = name();
    return rule;
  }
  FeePlanDefined plan_defined() {
    return {id<PlanId>(kShort),
            name(),
            static_cast<std::uint32_t>(up_to(kShort, 1)),
            currency(),
            rule(),
            rule(),
            static_cast<Rounding>(pick(1, 4)),
            account(),
            account(),
            some(2, [&] { return opened(); })};
  }
  Moved moved() {
    Moved moved{static_cast<Moved::Kind>(pick(1, 3)), account(), account(), currency(), amount(1),
                some(1, [&] { return opened(); })};
    if (moved.from == moved.to) moved.to = AccountId(moved.to.value() ^ 1U ? moved.to.value() ^ 1U : 2);
    return moved;
  }
  GroupUse group(int min) {
    GroupUse use;
    if (min == 0 && flip()) return use;
    use.group = id<GroupId>(kShort);
    if (flip()) use.opened_name = name();
    return use;
  }
  void dates(std::optional<Timestamp>& release_at, std::optional<Timestamp>& refund_at) {
    const auto which = pick(0, 2);
    if (which == 1) release_at = time();
    if (which == 2) refund_at = time();
  }
  Held held() {
    Held held;
    held.escrow = escrow();
    held.payer = account();
    held.beneficiary = account();
    held.group = group(0);
    held.plan = id<PlanId>(kShort);
    held.currency = currency();
    held.amount = amount(1);
    dates(held.release_at, held.refund_at);
    return held;
  }
  Rescheduled rescheduled() {
    Rescheduled rescheduled{escrow(), account(), {}, {}};
    dates(rescheduled.release_at, rescheduled.refund_at);
    return rescheduled;
  }
  PlanUse plan_use() { return {id<PlanId>(kShort), currency(), account(), account()}; }
  Released released() {
    Released released;
    released.plans = some(3, [&] { return plan_use(); });
    if (!released.plans.empty()) {
      released.items = some(20, [&] {
        ReleasedItem item{escrow(), account(), account(), 0, amount(1), {}, {}};
        item.plan_use = static_cast<std::uint32_t>(pick(0, static_cast<int>(released.plans.size()) - 1));
        item.commission = up_to_amount(item.amount);
        item.processor_fee = up_to_amount(item.amount - item.commission);
        return item;
      });
    }
    released.batch = batch();
    return released;
  }
  Refunded refunded() {
    Refunded refunded;
    refunded.currencies = some(3, [&] { return currency(); });
    if (!refunded.currencies.empty()) {
      const int last = static_cast<int>(refunded.currencies.size()) - 1;
      refunded.items = some(20, [&] {
        return RefundedItem{escrow(), account(), static_cast<std::uint32_t>(pick(0, last)), amount(1)};
      });
    }
    refunded.batch = batch();
    return refunded;
  }
  Resolved resolved() {
    Resolved resolved{escrow(), account(), account(), plan_use(), amount(), amount(), {}, {}};
    resolved.commission = up_to_amount(resolved.to_beneficiary);
    resolved.processor_fee = up_to_amount(resolved.to_beneficiary - resolved.commission);
    return resolved;
  }
  ErrorCode code() { return static_cast<ErrorCode>(flip() ? pick(1, 23) : pick(64, 71)); }
  std::vector<ItemError> item_errors() {
    return some(4, [&] {
      return ItemError{EscrowId(up_to(kLong)), flip() ? "key" + text(20) : std::string(), code()};
    });
  }
  std::vector<CodeCount> counts() {
    return some(3, [&] { return CodeCount{code(), up_to(kLong, 1)}; });
  }
  Skips skips() { return {item_errors(), counts()}; }
  Total total() {
    const auto sum = [&] { return up_to_amount(Amount(std::numeric_limits<std::int64_t>::max())); };
    return {currency(), up_to(kLong), sum(), sum(), sum(), sum()};
  }
  BatchInfo batch() {
    BatchInfo batch;
    if (flip()) batch.skips = skips();
    batch.group = group(0);
    batch.closes_group = flip();
    if (flip()) {
      batch.chunk = ChunkProgress{EscrowId(up_to(kLong)), EscrowId(up_to(kLong)), flip(),
                                  some(2, [&] { return total(); }), skips()};
    }
    return batch;
  }
  Error error() {
    return {code(), text(100), item_errors(), counts(), some(2, [&] { return text(10); }), some(3, [&] {
              return number();
            })};
  }
  CommandResult result(int level) {
    switch (pick(0, level < 2 ? 4 : 3)) {
      case 0:
        return Nothing{};
      case 1:
        return HoldResult{escrow()};
      case 2:
        return PlanResult{number()};
      case 3:
        return Settlement{static_cast<Settlement::Kind>(pick(0, 2)), some(2, [&] { return total(); }),
                          item_errors(), counts(), amount()};
      default: {
        AtomicResult atomic;
        for (int n = pick(0, 3); n > 0; --n) {
          if (flip()) {
            atomic.results.emplace_back(result(level + 1));
          } else {
            atomic.results.emplace_back(std::unexpected(error()));
          }
        }
        return atomic;
      }
    }
  }
  AtomicDone atomic(int level) {
    AtomicDone atomic;
    for (int n = pick(0, 3); n > 0; --n) {
      if (pick(0, 3) > 0) {
        atomic.entries.emplace_back(entry(level + 1));
      } else {
        atomic.entries.emplace_back(std::unexpected(error()));
      }
    }
    return atomic;
  }
};

inline rc::Gen<Event> any_event() {
  return rc::gen::exec([] { return AnyEvent().event(); });
}

}  // namespace holdfast::testing
