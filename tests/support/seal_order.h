// Law 9: what many sessions did at once is what the naive model does with the same commands one by one, in
// the order of `seq`.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "ledger/store.h"
#include "postgres/session.h"
#include "postgres/transaction.h"
#include "sim/model.h"

namespace holdfast::testing {

class SealOrder {
 public:
  /// \param conninfo  the database, for a session of its own
  SealOrder(const std::string& conninfo, std::string ledger);

  /// Runs a command to its end and records every answer, of a chunked one each chunk's. Thread-safe.
  /// \return the last answer
  Result<Answer> run(Store& store, const Command& command);
  /// For an answer that was got in another way. Thread-safe.
  void record(const Command& command, Result<Answer> answer);

  /// Returns when the stores have sealed all; fails the test where that takes longer than 20 s.
  void wait_for_sealers();

  /// Seals what is left, as `holdfast seal` does, then gives the model what was recorded since the last
  /// check, in the order of seals, and compares every answer. Fails the test at the first difference. Not
  /// while commands are under way.
  void check();
  /// Every balance, escrow and open flag is the model's.
  void check_rows(Store& store);
  /// Every law holds, and every sealed event's hash is that of its bytes and the hash before.
  void check_laws(Store& store);

  [[nodiscard]] const sim::ModelBook& book() const { return model_.book(); }
  [[nodiscard]] std::uint64_t accepted() const { return accepted_; }
  [[nodiscard]] std::uint64_t rejected() const { return rejected_; }
  [[nodiscard]] std::uint64_t replayed() const { return replayed_; }

 private:
  struct Step {
    Command command;
    Result<Answer> answer;
  };

  void seal_all();
  [[nodiscard]] std::string neighbours(std::uint64_t seq);
  [[nodiscard]] postgres::ResultSets query(std::string_view sql);

  std::unique_ptr<postgres::Session> session_;
  postgres::LedgerRef ledger_;
  std::mutex mutex_;
  std::vector<Step> steps_;
  sim::Model model_{sim::IdOrder::any};
  std::uint64_t accepted_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t replayed_ = 0;
};

}  // namespace holdfast::testing
