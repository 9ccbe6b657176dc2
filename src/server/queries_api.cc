#include "server/queries_api.h"

#include "server/questions.h"

namespace holdfast::server {

namespace {

void add_ledger_questions(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/fee-plans", {}, [&ledger](const Call& /*call*/) { return rows_of(ledger.fee_plans()); });
  to.add_json("/v1/trial-balance", {},
              [&ledger](const Call& /*call*/) { return rows_of(ledger.trial_balance()); });
  to.add_json("/v1/status", {}, [&ledger](const Call& /*call*/) { return one(ledger.status()); });
}

}  // namespace

std::vector<Route> query_routes(const Ledger& ledger, Workers& workers) {
  Questions questions(ledger, workers);
  add_account_questions(questions);
  add_escrow_questions(questions);
  add_group_questions(questions);
  add_ledger_questions(questions);
  add_search(questions);
  return questions.take();
}

}  // namespace holdfast::server
