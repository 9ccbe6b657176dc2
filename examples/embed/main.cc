// A shop with a ledger in its own process: money comes in, is held for an order, and is split when it is
// released.
//
//   embed DIRECTORY     the ledger; it is made where there is none
//
// Run it twice: each command carries a key, so nothing happens a second time.
#include <holdfast/holdfast.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

using holdfast::AccountKind;
using holdfast::Amount;
using holdfast::Currency;
using holdfast::Rate;
using holdfast::Result;

/// The value of a result, or the end of the program: an error says what is wrong and what to do.
template <class T>
T must(Result<T> result) {
  if (!result) {
    std::cerr << "embed: " << to_string(result.error().code) << ": " << result.error().message << '\n';
    std::exit(1);
  }
  return std::move(*result);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: embed DIRECTORY\n";
    return 2;
  }
  // One process writes at a time; a second one gets `busy`. From here on `ledger` may be used from any
  // thread.
  auto ledger = must(holdfast::Ledger::open(argv[1], {.create = true}));
  const auto eur = must(Currency::parse("EUR"));

  // How a release is split: 5 % for us, 2.9 % + 0.25 for the processor, the rest for the shop. A plan that is
  // defined anew with other rates is a new version; an order keeps the version it was held under.
  holdfast::DefineFeePlan plan;
  plan.fee_plan = "standard";
  plan.currency = eur;
  plan.commission.rate = must(Rate::parse("0.05"));
  plan.processor_fee.rate = must(Rate::parse("0.029"));
  plan.processor_fee.fixed = Amount(25);  // amounts are minor units: cents
  must(ledger.define_fee_plan(plan));
  must(ledger.open_account({.account = "user:42", .currency = eur, .kind = AccountKind::user}));
  must(ledger.open_account({.account = "shop:7", .currency = eur, .kind = AccountKind::beneficiary}));

  // The customer pays 50.00; 9.99 of it is locked for an order. The key makes it safe to ask again: after a
  // crash, a time-out, or because this program is run twice.
  must(ledger.deposit({.account = "user:42", .amount = Amount(50'00)}, {.key = "payment:1"}));
  const auto held = must(ledger.hold(
      {.payer = "user:42", .beneficiary = "shop:7", .amount = Amount(9'99), .fee_plan = "standard"},
      {.key = "order:8812"}));
  std::cout << "order:8812 is escrow " << held.result.escrow->value()
            << (held.replayed ? " (it was held before)" : "") << '\n';

  // The order arrived. When this returns, the split is on the disk.
  holdfast::Release release;
  release.escrows.add("order:8812");
  const auto released = must(ledger.release(release, {.key = "arrived:8812", .actor = "embed"}));
  for (const auto& total : released.result.totals) {
    std::cout << "released    " << to_decimal(total.amount, total.currency) << ' ' << total.currency.code()
              << '\n'
              << "commission  " << to_decimal(total.commission, total.currency) << '\n'
              << "processor   " << to_decimal(total.processor_fee, total.currency) << '\n'
              << "shop        " << to_decimal(total.net, total.currency) << '\n';
  }

  const auto customer = must(ledger.account("user:42"));
  std::cout << "user:42 has " << to_decimal(customer.available, eur) << " left\n";
  return must(ledger.audit()).ok ? 0 : 1;
}
