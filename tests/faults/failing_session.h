// A fault, injected: a session whose n-th statement fails, and with it the transaction, as the server has it
// fail.
#pragma once

#include <vector>

#include "postgres/session.h"

namespace holdfast::testing {

class FailingSession final : public postgres::Session {
 public:
  enum class When { before, after };

  /// \param statement  counted from 1 over all runs
  FailingSession(postgres::Session& session, std::size_t statement, When when)
      : session_(session), left_(statement), when_(when) {}

  std::expected<postgres::ResultSets, postgres::SqlError> run(
      std::span<const postgres::Statement> statements) override {
    if (failed_ || statements.size() < left_) {
      if (!failed_) left_ -= statements.size();
      return session_.run(statements);
    }
    failed_ = true;
    at_commit_ = statements[left_ - 1].sql == "commit";
    const auto kept = when_ == When::before ? left_ - 1 : left_;
    std::vector<postgres::Statement> until(statements.begin(),
                                           statements.begin() + static_cast<std::ptrdiff_t>(kept));
    until.push_back({"select 1 / 0"});
    return session_.run(until);
  }
  std::expected<void, postgres::SqlError> run_script(std::string_view sql) override {
    return session_.run_script(sql);
  }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_commit() const { return at_commit_; }

 private:
  postgres::Session& session_;
  std::size_t left_;
  When when_;
  bool failed_ = false;
  bool at_commit_ = false;
};

}  // namespace holdfast::testing
