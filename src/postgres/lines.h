// Lines of statements: what each sealed event changed in the buckets of an account, and what was in them
// then. A group of events adds them in order, from the balances after the lines that are there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "ledger/postings.h"
#include "postgres/pipeline.h"

namespace holdfast::postgres {

/// What is in the buckets of an account after its last line.
struct LastBalance {
  std::int64_t available = 0;
  std::int64_t held = 0;
};

/// Those of accounts that had lines lately, so that a sealer need not look them up again: to find the last
/// line of an account costs half of what it costs to add one. Right only while nobody else adds lines, which
/// whoever keeps this knows by the chain's head.
class LastBalances {
 public:
  /// Those of at least so many accounts are kept, and of twice as many at most (64 bytes each).
  static constexpr std::size_t kKept = 65'536;

  [[nodiscard]] std::optional<LastBalance> find(std::int64_t account) const;
  void keep(std::int64_t account, const LastBalance& balance);
  [[nodiscard]] std::size_t size() const { return recent_.size() + older_.size(); }

 private:
  absl::flat_hash_map<std::int64_t, LastBalance> recent_, older_;  // an account in one of them
};

class Lines {
 public:
  /// Reads what the lines of the accounts go on from, where it is not known. \pre each account once; this
  /// outlives the pipeline's run
  void look_up(std::int64_t ledger, const std::vector<std::int64_t>& accounts, const LastBalances& known,
               Pipeline& pipeline);

  /// One event's line in one account.
  struct Change {
    std::int64_t account = 0;
    std::int64_t available = 0;
    std::int64_t available_after = 0;
  };
  /// Adds the lines of an event. \param postings  of the event, in the order of accounts
  /// \param changed  called with each `Change`
  /// \return an account whose balance would go beyond 64 bits: the event is not to be sealed
  template <class Changed>
  [[nodiscard]] std::optional<std::int64_t> add(std::int64_t seq, std::span<const Posting> postings,
                                                const Changed& changed) {
    while (!postings.empty()) {
      const auto change = add_first(seq, postings);
      if (!change) return postings.front().account.value();
      changed(*change);
    }
    return std::nullopt;
  }

  /// Inserts what was added, if anything.
  void write(std::int64_t ledger, Pipeline& pipeline);

  /// Once what was written is committed.
  void keep_balances(LastBalances& known) const;

 private:
  struct Line {
    std::int64_t account = 0;
    std::int64_t seq = 0;
    std::int64_t available = 0;
    std::int64_t held = 0;
    std::int64_t available_after = 0;
    std::int64_t held_after = 0;
    std::int64_t available_escrows = 0;
    std::int64_t held_escrows = 0;
  };

  /// Takes the first account's postings off. Nothing is taken where they go beyond 64 bits.
  std::optional<Change> add_first(std::int64_t seq, std::span<const Posting>& postings);

  absl::flat_hash_map<std::int64_t, LastBalance> balances_;  // by account, after its last line
  std::vector<Line> lines_;
};

}  // namespace holdfast::postgres
