#include "ledger/totals.h"

#include <algorithm>

namespace holdfast {

void add_total(const Total& total, std::vector<Total>& into) {
  const auto code = total.currency.code();
  auto at = std::lower_bound(into.begin(), into.end(), code,
                             [](const Total& a, std::string_view b) { return a.currency.code() < b; });
  if (at == into.end() || at->currency != total.currency) {
    into.insert(at, total);
    return;
  }
  at->escrows += total.escrows;
  at->amount += total.amount;
  at->commission += total.commission;
  at->processor_fee += total.processor_fee;
  at->net += total.net;
}

void add_totals(const Released& released, std::vector<Total>& into) {
  std::vector<Total> of_plan(released.plans.size());  // a plan has one currency: no search an item
  for (const auto& item : released.items) {
    auto& total = of_plan[item.plan_use];
    ++total.escrows;
    total.amount += item.amount;
    total.commission += item.commission;
    total.processor_fee += item.processor_fee;
  }
  for (std::size_t i = 0; i < of_plan.size(); ++i) {
    auto& total = of_plan[i];
    if (total.escrows == 0) continue;
    total.currency = released.plans[i].currency;
    total.net = total.amount - total.commission - total.processor_fee;
    add_total(total, into);
  }
}

void add_totals(const Refunded& refunded, std::vector<Total>& into) {
  std::vector<Total> of_currency(refunded.currencies.size());
  for (const auto& item : refunded.items) {
    auto& total = of_currency[item.currency_use];
    ++total.escrows;
    total.amount += item.amount;
  }
  for (std::size_t i = 0; i < of_currency.size(); ++i) {
    if (of_currency[i].escrows == 0) continue;
    of_currency[i].currency = refunded.currencies[i];
    add_total(of_currency[i], into);
  }
}

}  // namespace holdfast
