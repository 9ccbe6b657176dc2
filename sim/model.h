// The auditor's own ledger: naive, slow, over std::map, and sharing no code with src/ledger and src/money.
// It says what a command must lead to; what the engine answers is compared with that.
//
// Written from the contract, not from the engine: fees are exact fractions over integers, a rollback is a
// copy of the whole book, a key remembers the request's fields as text. Where a command is wrong in several
// ways at once the contract does not say which is reported: then each of them is right.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "holdfast/answers.h"
#include "holdfast/commands.h"

namespace holdfast::sim {

__extension__ using Wide = __int128;
/// Where a command stands: the indices into nested atomics, outermost first; empty for the whole.
using Path = std::vector<std::uint32_t>;
/// The ids that holds were given, by their place. The model does not guess ids: it takes over those that were
/// answered, and requires that they are new.
using GivenIds = std::map<Path, std::uint64_t>;
/// From here on the model's ids stand for those that no answer gave: of holds in a dry run or in a block that
/// was rejected.
inline constexpr std::uint64_t kFirstUnknownId = std::uint64_t{1} << 62;
/// Whether ids grow with `seq` too. Where transactions draw them side by side they need not.
enum class IdOrder : std::uint8_t { growing, any };

/// What a command must lead to.
struct Outcome {
  std::set<ErrorCode> codes;  // empty: it takes effect; else any one of these is right
  bool batch_error = false;   // then `items` and `counts` are right to the last
  std::vector<ItemError> items;
  std::vector<CodeCount> counts;
  Path path;  // of the command at fault inside an atomic

  CommandResult result;        // of what is no atomic
  bool is_atomic = false;      // then `parts` is the result
  std::vector<Outcome> parts;  // those that were rolled back have codes

  bool replayed = false;
  bool recorded = false;  // an event
  bool more = false;      // a chunk, and others are left

  [[nodiscard]] bool ok() const { return codes.empty(); }
};

/// Empty where the answer is what the model expects; else what is different, for people.
[[nodiscard]] std::string difference(const Outcome& expected, const Result<Answer>& actual);
[[nodiscard]] std::string difference(const Outcome& expected, const CommandResult& actual);

/// The ids in an answer, for the model.
[[nodiscard]] GivenIds given_ids(const CommandResult& result);

struct ModelAccount {
  Currency currency;
  AccountKind kind = AccountKind::user;
  bool open = true;
  Wide available = 0;
  Wide held = 0;

  friend bool operator==(const ModelAccount&, const ModelAccount&) = default;
};

struct ModelEscrow {
  std::string key;
  std::string payer;
  std::string beneficiary;
  std::string group;
  std::string plan;
  std::uint32_t plan_version = 0;
  Currency currency;
  Wide amount = 0;
  Wide released = 0;
  Wide refunded = 0;
  Wide commission = 0;
  Wide processor_fee = 0;
  bool frozen = false;
  std::optional<Timestamp> release_at;
  std::optional<Timestamp> refund_at;

  [[nodiscard]] Wide locked() const { return amount - released - refunded; }
  friend bool operator==(const ModelEscrow&, const ModelEscrow&) = default;
};

struct ModelPlan {
  Currency currency;
  FeeRule commission;  // `to` is always given
  FeeRule processor_fee;
  Rounding rounding = Rounding::half_up;

  friend bool operator==(const ModelPlan&, const ModelPlan&) = default;
};

struct ModelChunks {
  std::uint64_t done_through = 0;
  std::uint64_t limit = 0;
  std::map<std::string, Total> totals;
  std::vector<ItemError> skipped;
  std::map<ErrorCode, std::uint64_t> counts;
};

struct ModelKey {
  std::map<std::string, std::string> request;
  Outcome first;
  std::optional<ModelChunks> chunks;  // of a chunked command that is not at its end
};

struct ModelBook {
  IdOrder order = IdOrder::growing;
  std::map<std::string, ModelAccount> accounts;
  std::map<std::uint64_t, ModelEscrow> escrows;
  std::map<std::string, std::uint64_t> escrow_of_key;
  std::map<std::string, bool> groups;                   // open
  std::map<std::string, std::vector<ModelPlan>> plans;  // all versions, from 1
  std::map<std::string, std::shared_ptr<const ModelKey>> keys;
  std::uint64_t seq = 0;
  std::uint64_t last_escrow = 0;  // the largest id given
};

/// What a release or refund comes to as the book is now, by currency code; nothing where it is refused.
[[nodiscard]] Expectation what_it_comes_to(const ModelBook& book, const Operation& operation);

class Model {
 public:
  explicit Model(IdOrder order = IdOrder::growing) { book_.order = order; }

  /// What the command leads to, and does it.
  Outcome execute(const Command& command, const GivenIds& ids);

  /// An exclusive block: its steps one by one, then all of it or nothing. An outcome at its beginning is the
  /// answer: the block does not run.
  std::optional<Outcome> begin_block(const Options& options);
  Outcome block_step(const Command& command, const GivenIds& ids);
  void block_savepoint();
  /// \param rolled_back  why all since the savepoint is taken back; none: it is kept
  void block_end_savepoint(std::optional<ErrorCode> rolled_back);
  Outcome end_block(bool keep, const Options& options);

  [[nodiscard]] const ModelBook& book() const { return book_; }
  /// Empty where the laws of conservation, escrow and split hold; else which does not.
  [[nodiscard]] std::string broken_law() const;

 private:
  friend class ModelStep;
  Outcome keyed(const Command& command, const Path& path, const GivenIds& ids, bool top);
  Outcome atomic(const Atomic& atomic, const Path& path, const GivenIds& ids);

  ModelBook book_;
  std::vector<ModelBook> saved_;
  std::vector<std::vector<Outcome>> frames_;  // of a block and its savepoints
  std::uint64_t next_unknown_id_ = kFirstUnknownId;
};

/// The fields of a request as asked, with those at their defaults left out; `key`, `actor` and `dry_run` are
/// not among them.
[[nodiscard]] std::map<std::string, std::string> request_fields(const Command& command);
/// One line, for people and for failure reports.
[[nodiscard]] std::string describe(const Command& command);
[[nodiscard]] std::string describe(const Outcome& outcome);
[[nodiscard]] std::string describe(const Result<Answer>& answer);

/// All that is wrong with a command whatever the state is.
[[nodiscard]] std::set<ErrorCode> form_errors(const Command& command, bool top);

/// Fees by the contract: the model's own arithmetic.
struct ModelFees {
  Wide commission = 0;
  Wide processor_fee = 0;
};
[[nodiscard]] ModelFees model_whole_fees(Wide amount, const ModelPlan& plan);
[[nodiscard]] ModelFees model_part_fees(Wide part, const ModelEscrow& escrow, const ModelPlan& plan);

}  // namespace holdfast::sim
