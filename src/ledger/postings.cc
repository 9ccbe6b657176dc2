// The double entry behind each event. What an effect takes from one bucket it puts into others, in the same
// line of this file: so every event sums to zero per currency (law 1) and buckets can be rebuilt from
// postings alone (law 4).

#include "ledger/postings.h"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast {
namespace {

/// A posting before postings of one bucket are added up. `escrow` is none where a posting has none.
struct Raw {
  AccountId account;
  Bucket bucket = Bucket::available;
  Currency currency;
  Amount amount;
  EscrowId escrow;
};

/// Orders by account, then bucket, then currency (of which an account has one).
template <class P>
std::uint64_t place(const P& posting) {
  return std::uint64_t{posting.account.value()} << 24 |
         std::uint64_t{static_cast<std::uint8_t>(posting.bucket)} << 16 | posting.currency.index();
}

/// The raw postings of one effect.
class Effects {
 public:
  explicit Effects(std::vector<Raw>& out) : out_(out) {}

  void operator()(const Moved& moved) {
    add(moved.from, Bucket::available, moved.currency, -moved.amount, {});
    add(moved.to, Bucket::available, moved.currency, moved.amount, {});
  }
  void operator()(const Held& held) {
    add(held.payer, Bucket::available, held.currency, -held.amount, held.escrow);
    add(held.payer, Bucket::held, held.currency, held.amount, held.escrow);
  }
  void operator()(const Released& released) {
    for (const auto& item : released.items) {
      const auto& use = released.plans[item.plan_use];
      add(item.payer, Bucket::held, use.currency, -item.amount, item.escrow);
      pay_out(use, item.beneficiary, item.net(), item.commission, item.processor_fee, item.escrow);
    }
  }
  void operator()(const Refunded& refunded) {
    for (const auto& item : refunded.items) {
      const auto currency = refunded.currencies[item.currency_use];
      add(item.payer, Bucket::held, currency, -item.amount, item.escrow);
      add(item.payer, Bucket::available, currency, item.amount, item.escrow);
    }
  }
  void operator()(const Resolved& resolved) {
    const auto net = resolved.to_beneficiary - resolved.commission - resolved.processor_fee;
    add(resolved.payer, Bucket::held, resolved.plan.currency, -(resolved.to_payer + resolved.to_beneficiary),
        resolved.escrow);
    add(resolved.payer, Bucket::available, resolved.plan.currency, resolved.to_payer, resolved.escrow);
    pay_out(resolved.plan, resolved.beneficiary, net, resolved.commission, resolved.processor_fee,
            resolved.escrow);
  }
  template <class Other>
  void operator()(const Other&) {}  // moves nothing

 private:
  void pay_out(const PlanUse& use, AccountId beneficiary, Amount net, Amount commission, Amount processor_fee,
               EscrowId escrow) {
    add(beneficiary, Bucket::available, use.currency, net, escrow);
    add(use.commission_account, Bucket::available, use.currency, commission, escrow);
    add(use.fee_account, Bucket::available, use.currency, processor_fee, escrow);
  }
  void add(AccountId account, Bucket bucket, Currency currency, Amount amount, EscrowId escrow) {
    if (amount != Amount()) out_.push_back({account, bucket, currency, amount, escrow});
  }

  std::vector<Raw>& out_;
};

/// Adds up what falls on one bucket; an escrow that touches it several times counts once.
void add_up(std::vector<Raw>& raws, std::vector<Posting>& out) {
  std::ranges::sort(raws, {}, [](const Raw& raw) { return std::pair(place(raw), raw.escrow); });
  EscrowId last;
  for (const auto& raw : raws) {
    if (out.empty() || place(out.back()) != place(raw)) {
      if (!out.empty() && out.back().amount == Amount()) out.pop_back();
      out.push_back({raw.account, raw.bucket, raw.currency, Amount(), 0});
      last = EscrowId();
    }
    out.back().amount += raw.amount;
    if (raw.escrow != last) ++out.back().escrows;
    last = raw.escrow;
  }
  if (!out.empty() && out.back().amount == Amount()) out.pop_back();
}

/// By `place`. Digit by digit where there are many: a batch of random accounts is sorted in a few passes.
void sort(std::vector<Posting>& postings) {
  constexpr std::size_t kMany = 512;
  constexpr unsigned kDigit = 11;
  constexpr std::uint64_t kDigits = std::uint64_t{1} << kDigit;
  const auto number = [](const Posting& posting) {
    return std::uint64_t{posting.account.value()} << 1 | (posting.bucket == Bucket::held ? 1U : 0U);
  };
  if (postings.size() >= kMany) {
    const auto largest = number(*std::ranges::max_element(postings, {}, number));
    std::vector<Posting> sorted(postings.size());
    for (unsigned shift = 0; largest >> shift != 0; shift += kDigit) {
      std::array<std::size_t, kDigits + 1> begin{};
      const auto digit = [&](const Posting& posting) { return (number(posting) >> shift) % kDigits; };
      for (const auto& posting : postings) ++begin[digit(posting) + 1];
      for (std::size_t i = 1; i < kDigits; ++i) begin[i] += begin[i - 1];
      for (const auto& posting : postings) sorted[begin[digit(posting)]++] = posting;
      postings.swap(sorted);
    }
    // Only the currencies are left, of which an account has one.
    if (std::ranges::is_sorted(postings, {}, place<Posting>)) return;
  }
  std::ranges::sort(postings, {}, place<Posting>);
}

/// The same for postings of which no two of one bucket have an escrow in common.
void add_up(std::vector<Posting>& out) {
  sort(out);
  auto to = out.begin();
  for (auto from = out.begin(); from != out.end();) {
    auto sum = *from++;
    for (; from != out.end() && place(*from) == place(sum); ++from) {
      sum.amount += from->amount;
      sum.escrows += from->escrows;
    }
    if (sum.amount != Amount()) *to++ = sum;
  }
  out.erase(to, out.end());
}

/// A list names an escrow once, so that a large batch needs no record of which escrows touched a bucket: what
/// one item pays to one account is put together first, and fees are added up by plan.
void of_batch(const Released& released, std::vector<Posting>& out) {
  for (const auto& use : released.plans) {
    out.push_back({use.commission_account, Bucket::available, use.currency, Amount(), 0});
    out.push_back({use.fee_account, Bucket::available, use.currency, Amount(), 0});
  }
  for (const auto& item : released.items) {
    const auto& use = released.plans[item.plan_use];
    Posting paid{item.beneficiary, Bucket::available, use.currency, item.net(), 1};
    Amount commission = item.commission;
    Amount processor_fee = item.processor_fee;
    if (use.fee_account == use.commission_account) commission += std::exchange(processor_fee, Amount());
    if (item.beneficiary == use.commission_account) paid.amount += std::exchange(commission, Amount());
    if (item.beneficiary == use.fee_account) paid.amount += std::exchange(processor_fee, Amount());

    out.push_back({item.payer, Bucket::held, use.currency, -item.amount, 1});
    if (paid.amount != Amount()) out.push_back(paid);
    auto& to_commission = out[2 * std::size_t{item.plan_use}];
    to_commission.amount += commission;
    to_commission.escrows += commission == Amount() ? 0 : 1;
    auto& to_fees = out[2 * std::size_t{item.plan_use} + 1];
    to_fees.amount += processor_fee;
    to_fees.escrows += processor_fee == Amount() ? 0 : 1;
  }
  add_up(out);
}

void of_batch(const Refunded& refunded, std::vector<Posting>& out) {
  for (const auto& item : refunded.items) {
    const auto currency = refunded.currencies[item.currency_use];
    out.push_back({item.payer, Bucket::available, currency, item.amount, 1});
    out.push_back({item.payer, Bucket::held, currency, -item.amount, 1});
  }
  add_up(out);
}

}  // namespace

void postings(const Entry& entry, std::vector<Posting>& out) {
  out.clear();
  if (const auto* released = std::get_if<Released>(&entry.body)) return of_batch(*released, out);
  if (const auto* refunded = std::get_if<Refunded>(&entry.body)) return of_batch(*refunded, out);
  std::vector<Raw> raws;
  for_each_effect(entry, [&](const Entry& effect) { std::visit(Effects(raws), effect.body); });
  add_up(raws, out);
}

}  // namespace holdfast
