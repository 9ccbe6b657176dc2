// The end of recovery: one pass over all rows that builds what snapshots do not keep, and checks that the
// rows agree with each other (laws 1 and 2).
#include <fmt/format.h>

#include <array>
#include <numeric>

#include "base/assert.h"
#include "journal/state_impl.h"
#include "journal/wide.h"

namespace holdfast::journal {
namespace {

class Finish {
 public:
  explicit Finish(Tables& tables) : t_(tables) {}

  Result<void> run() {
    if (const auto twice = t_.account_names.build(t_.last_account.value())) {
      return bad("account", *twice, "has a name that another has too");
    }
    if (const auto twice = t_.group_names.build(t_.last_group.value())) {
      return bad("group", *twice, "has a name that another has too");
    }
    if (auto done = plans(); !done) return done;
    if (auto done = escrows(); !done) return done;
    return accounts();
  }

 private:
  static std::unexpected<Error> bad(const char* subject, std::uint64_t number, const char* message) {
    return fail(ErrorCode::corrupt,
                fmt::format("the ledger's rows do not agree: {} {} {}", subject, number, message));
  }

  Result<void> plans() {
    for (std::size_t number = 1; number < t_.plans.size(); ++number) {
      const PlanRow* plan = t_.plans[number].get();
      if (plan == nullptr) continue;
      if (t_.account(plan->commission_account) == nullptr || t_.account(plan->fee_account) == nullptr) {
        return bad("fee plan", number, "pays into an account that is not there");
      }
      PlanId& latest = t_.latest_plans[plan->name];
      if (!latest || t_.plan(latest)->version < plan->version)
        latest = PlanId(static_cast<std::uint32_t>(number));
    }
    return {};
  }

  /// From the last escrow to the first: then each goes in front of its lists, and only the lists' ends are
  /// touched at random.
  Result<void> escrows() {
    constexpr std::uint64_t kAhead = 24;
    constexpr std::uint64_t kPerChunk = std::uint64_t{1} << kEscrowShift;
    for (std::uint64_t chunk = (t_.last_escrow.value() >> kEscrowShift) + 1; chunk-- > 0;) {
      const EscrowRow* rows = t_.escrows.find(chunk * kPerChunk);
      if (rows == nullptr) continue;
      for (std::uint64_t i = kPerChunk; i-- > 0;) {
        if (i >= kAhead) fetch(rows[i - kAhead]);
        if (rows[i].amount == Amount()) continue;
        if (auto done = escrow(static_cast<EscrowNumber>(chunk * kPerChunk + i), rows[i]); !done) return done;
      }
    }
    return {};
  }

  [[gnu::always_inline]] void fetch(const EscrowRow& row) {
    __builtin_prefetch(t_.account_lists.find(row.payer.value()), 1);
    __builtin_prefetch(held_.find(row.payer.value()), 1);
    __builtin_prefetch(t_.account_lists.find(row.beneficiary.value()), 1);
    __builtin_prefetch(t_.accounts.find(row.beneficiary.value()), 1);
  }

  Result<void> escrow(EscrowNumber id, const EscrowRow& row) {
    AccountRow* beneficiary = t_.account(row.beneficiary);
    PlanRow* plan = t_.plan(row.plan);
    // Whether the payer is there is asked in the pass over the accounts, which need not look for it.
    if (beneficiary == nullptr || row.payer > t_.last_account ||
        t_.account_lists.find(row.payer.value()) == nullptr) {
      return bad("escrow", id, "names an account that is not there");
    }
    if (plan == nullptr) return bad("escrow", id, "names a fee plan that is not there");
    GroupSlot* group = row.group ? t_.group(row.group) : nullptr;
    if (row.group && group == nullptr) return bad("escrow", id, "names a group that is not there");
    put_in_front(t_.next_of_payer, t_.account_lists[row.payer.value()].first_paid,
                 t_.account_lists[row.payer.value()].last_paid, id);
    put_in_front(t_.next_of_beneficiary, t_.account_lists[row.beneficiary.value()].first_received,
                 t_.account_lists[row.beneficiary.value()].last_received, id);
    if (group != nullptr) {
      put_in_front(t_.next_of_group, group->first, group->last, id);
      ++group->row.escrows;
      t_.count_in(row);
    }
    if (row.locked() == Amount()) return {};
    ++beneficiary->live_escrows;
    ++plan->live;
    if (group != nullptr) ++group->row.live;
    if (!add_to(held_.make(row.payer.value()), row.locked()))
      return bad("escrow", id, "locks more than there can be");
    if (row.dated != 0 && row.frozen == 0) t_.due.insert({t_.dates[id] >> 1, id});
    return {};
  }

  template <class Links>
  static void put_in_front(Links& links, EscrowNumber& first, EscrowNumber& last, EscrowNumber id) {
    links.make(id) = first;
    first = id;
    if (last == 0) last = id;
  }

  Result<void> accounts() {
    struct Sums {
      std::array<Wide, CurrencySums::kPlaces> places{};
      std::uint64_t accounts = 0;
      std::uint64_t last = 0;
    };
    std::vector<Sums> sums;
    for (std::uint64_t number = 1; number <= t_.last_account.value(); ++number) {
      const AccountRow* row = t_.account(AccountId(static_cast<std::uint32_t>(number)));
      const AccountLists* lists = t_.account_lists.find(number);
      if (row == nullptr && lists != nullptr && lists->first_paid != 0) {
        return bad("account", number, "is named by an escrow but is not there");
      }
      if (row == nullptr) continue;
      const Amount* locked = held_.find(number);
      if (row->held != (locked == nullptr ? Amount() : *locked)) {
        return bad("account", number, "does not hold what its escrows lock");
      }
      if (row->currency.index() >= sums.size()) sums.resize(row->currency.index() + std::size_t{1});
      Sums& sum = sums[row->currency.index()];
      for (const auto bucket : {Bucket::available, Bucket::held}) {
        const auto place = CurrencySums::place_of(row->kind, bucket);
        sum.places[static_cast<std::size_t>(place)] +=
            (bucket == Bucket::held ? row->held : row->available).minor();
      }
      ++sum.accounts;
      sum.last = number;
    }
    t_.currency_sums.assign(sums.size(), {});
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto& places = sums[i].places;
      const Wide outside = places[static_cast<std::size_t>(CurrencySums::Place::external)];
      if (std::accumulate(places.begin(), places.end(), Wide{0}) != 0)
        return bad("account", sums[i].last, "is of a currency whose accounts do not sum to zero");
      // What is inside is none below zero, so that each place is at most what all of them are.
      if (-outside > Wide{INT64_MAX})
        return bad("account", sums[i].last, "is of a currency with more money than there can be");
      for (std::size_t place = 0; place < places.size(); ++place) {
        t_.currency_sums[i].of(static_cast<CurrencySums::Place>(place)) =
            Amount(static_cast<std::int64_t>(places[place]));
      }
      t_.currency_sums[i].accounts = sums[i].accounts;
    }
    return {};
  }

  Tables& t_;
  ChunkedArray<Amount, 18> held_;  // by payer: what its escrows lock
};

}  // namespace

Result<void> State::finish_load(Seq seq, Timestamp at) {
  HOLDFAST_ASSERT(!impl_->undo.recording(), "a ledger is opened before commands come");
  if (auto done = Finish(impl_->tables).run(); !done) return done;
  impl_->tables.chunks.forget_stamps();
  set_applied(seq, at);
  return {};
}

}  // namespace holdfast::journal
