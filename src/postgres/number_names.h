// The names of the accounts, groups and fee plans that events give only as numbers.
#pragma once

#include <absl/container/flat_hash_map.h>

#include "ledger/event_views.h"
#include "postgres/snapshot.h"

namespace holdfast::postgres {

class NumberNames {
 public:
  void want(AccountId id) { accounts_.try_emplace(id); }
  /// The groups and plans that an escrow's history shows.
  void want(const Entry& entry);

  /// Asks for all that are wanted; they are known when the snapshot was run.
  void ask(Snapshot& snapshot, std::int64_t ledger);

  /// Lives as long as this. What is not there is noted in `missing` and has no name.
  [[nodiscard]] Names names();
  [[nodiscard]] const std::optional<std::string>& missing() const { return missing_; }

 private:
  absl::flat_hash_map<AccountId, std::string> accounts_;
  absl::flat_hash_map<GroupId, std::string> groups_;
  absl::flat_hash_map<PlanId, FeePlanView> plans_;
  std::optional<std::string> missing_;
};

}  // namespace holdfast::postgres
