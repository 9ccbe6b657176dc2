// What a caller may ask for. One vocabulary everywhere: these structs, the JSON of `holdfast apply`, HTTP
// bodies.
//
// Amounts are minor units. Names are 1 to 128 of `A-Z a-z 0-9 . _ : - / @`; keys and references 1 to 255
// printable ASCII characters without space, a key not digits alone; actors follow the rule of names; a reason
// is up to 255 bytes of UTF-8 without control characters. An empty string means "not given". Nothing here is
// checked when it is built: `validate` (src/ledger/validate.h) and the decision do that, and say what is
// wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "holdfast/ids.h"
#include "holdfast/money.h"
#include "holdfast/time.h"

namespace holdfast {

enum class AccountKind : std::uint8_t { user = 1, beneficiary = 2, platform = 3, fees = 4, external = 5 };
[[nodiscard]] std::string_view to_string(AccountKind kind);
[[nodiscard]] std::optional<AccountKind> parse_account_kind(std::string_view text);

/// The escrows that a batch names, in the caller's order: each by its id, or by the key it was held under.
/// Eight bytes an item where ids are used; the texts of keys are kept together.
class EscrowList {
 public:
  struct Item {
    EscrowId id;           // 0 where named by key
    std::string_view key;  // empty where named by id; valid while the list is unchanged
  };

  EscrowList() = default;
  explicit EscrowList(const std::vector<EscrowId>& ids) {
    reserve(ids.size());
    for (auto id : ids) add(id);
  }

  void reserve(std::size_t n) { items_.reserve(n); }
  void clear() { items_.clear(), ends_.clear(), text_.clear(); }
  /// An id from 2^63 on is kept as 0: both name no escrow.
  void add(EscrowId id) { items_.push_back(id.value() < kByKey ? id.value() : 0); }
  void add(std::string_view key) {
    items_.push_back(kByKey | ends_.size());
    text_.append(key);
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }

  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  /// True where every item is an id: then `id(i)` alone tells all.
  [[nodiscard]] bool all_ids() const { return ends_.empty(); }
  /// \pre the item is named by id
  [[nodiscard]] EscrowId id(std::size_t i) const { return EscrowId(items_[i]); }
  [[nodiscard]] Item operator[](std::size_t i) const {
    const auto raw = items_[i];
    if ((raw & kByKey) == 0) return {EscrowId(raw), {}};
    const auto index = raw & ~kByKey;
    const std::uint32_t begin = index == 0 ? 0 : ends_[index - 1];
    return {EscrowId(), std::string_view(text_).substr(begin, ends_[index] - begin)};
  }

 private:
  static constexpr std::uint64_t kByKey = std::uint64_t{1} << 63;
  std::vector<std::uint64_t> items_;
  std::vector<std::uint32_t> ends_;
  std::string text_;
};

inline constexpr std::size_t kMaxListItems = 8'192;
inline constexpr std::size_t kMaxGroupItems = 1'000'000;

/// `atomic`: one bad item rejects the whole batch. `skip`: bad items are left out and reported.
enum class BatchMode : std::uint8_t { atomic = 1, skip = 2 };

struct OpenAccount {
  std::string account;
  Currency currency;
  AccountKind kind = AccountKind::user;
};

struct CloseAccount {
  std::string account;
};

struct DefineFeePlan {
  std::string fee_plan;
  Currency currency;
  FeeRule commission;
  FeeRule processor_fee;
  Rounding rounding = Rounding::half_up;
};

struct Deposit {
  std::string account;
  Amount amount;
  std::string external{};  // empty: `external:<currency>`, opened by itself
};

struct Withdraw {
  std::string account;
  Amount amount;
  std::string external{};
};

struct Transfer {
  std::string from;
  std::string to;
  Amount amount;
};

struct Hold {
  std::string payer;
  std::string beneficiary;
  Amount amount;
  std::string fee_plan;
  std::string group{};                    // empty: none
  std::optional<Timestamp> release_at{};  // at most one of the two
  std::optional<Timestamp> refund_at{};
};

/// Of one currency: what a batch moves. A refund leaves the fees and the net at 0: its answer shows only
/// `escrows` and `amount`.
struct Total {
  Currency currency;
  std::uint64_t escrows = 0;
  Amount amount;
  Amount commission;
  Amount processor_fee;
  Amount net;

  friend bool operator==(const Total&, const Total&) = default;
};

/// What the caller has confirmed that a batch comes to: the `totals` of its dry run, one a currency in any
/// order; none at all where it moves nothing. A batch that would do otherwise is refused as a whole with
/// `not_as_expected`. One with `chunk` is held to it at its beginning, over the whole set that it fixes then.
using Expectation = std::vector<Total>;

/// One escrow, by id or by key.
struct EscrowRef {
  EscrowId id{};
  std::string key{};  // empty: by id
};

struct Reschedule {
  EscrowRef escrow;
  std::optional<Timestamp> release_at{};  // at most one of the two; neither takes the date away
  std::optional<Timestamp> refund_at{};
};

struct Release {
  EscrowList escrows;  // exactly one of `escrows` and `group`
  std::string group;
  BatchMode mode = BatchMode::atomic;
  std::optional<Amount> amount;  // a part of the one escrow listed; needs a key
  std::string fee_plan;          // empty: each escrow's own
  std::optional<std::uint32_t>
      chunk;           // items an event, 1 to 1,000,000; with a group, a key and `skip`, outside `atomic`
  bool close = false;  // closes the group too
  std::optional<Expectation> expect;
};

struct Refund {
  EscrowList escrows;
  std::string group;
  BatchMode mode = BatchMode::atomic;
  std::optional<Amount> amount;
  std::optional<std::uint32_t> chunk;
  bool close = false;
  std::optional<Expectation> expect;
};

struct Freeze {
  EscrowRef escrow;
};

struct Resolve {
  EscrowRef escrow;
  Amount to_payer;  // 0 and 0 only lifts the freeze
  Amount to_beneficiary;
};

struct CloseGroup {
  std::string group;
};

struct ReopenGroup {
  std::string group;
};

struct Command;

/// All of `commands` in one event, or none.
struct Atomic {
  std::vector<Command> commands;
  bool continue_on_error = false;  // a savepoint: only inside another atomic
};

inline constexpr std::size_t kMaxAtomicCommands = 10'000;  // counted through all levels
inline constexpr std::size_t kMaxAtomicDepth = 16;

using Operation = std::variant<OpenAccount, CloseAccount, DefineFeePlan, Deposit, Withdraw, Transfer, Hold,
                               Reschedule, Release, Refund, Freeze, Resolve, CloseGroup, ReopenGroup, Atomic>;

/// What every command may carry beside its own fields: `{.key = "order:1"}` names those that are given.
struct Options {
  std::string key{};        // takes effect at most once
  std::string actor{};      // who asks
  std::string reason{};     // why, in words
  std::string reference{};  // the caller's own id in the world outside
  bool dry_run =
      false;  // only at the top level: the same answer with ids null, nothing changed, no key taken
};

struct Command {
  Operation operation;
  Options options{};
};

/// `hold`, `open_account`, ...
[[nodiscard]] std::string_view op_name(const Operation& operation);

}  // namespace holdfast
