// One event of each kind, every optional field given somewhere: what the golden bytes are of.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ledger/event.h"

namespace holdfast::testing {

inline std::vector<std::pair<std::string, Event>> sample_events() {
  const auto eur = *Currency::parse("EUR");
  const auto jpy = *Currency::parse("JPY");
  const Timestamp at{1'795'510'800'123'456};
  const PlanUse plan{PlanId(1), eur, AccountId(3), AccountId(4)};
  FeeRule commission{Rate::from_billionths(50'000'000), Amount(0), Amount(1), Amount(5'000),
                     "platform:commission"};
  FeeRule fee{Rate::from_billionths(30'000'000), Amount(20), Amount(0), {}, "processor:fees"};
  const Skips skips{
      {{EscrowId(7), "", ErrorCode::escrow_frozen}, {EscrowId(), "order-8", ErrorCode::escrow_not_found}},
      {{ErrorCode::escrow_frozen, 1}, {ErrorCode::escrow_not_found, 300}}};
  const Total total{eur, 3, Amount(15'000), Amount(750), Amount(435), Amount(13'815)};

  std::vector<std::pair<std::string, Event>> all;
  const auto add = [&](std::string name, Body body) -> Entry& {
    Event event;
    event.seq = Seq(all.size() + 1);
    event.at = Timestamp{at.micros + static_cast<std::int64_t>(all.size())};
    event.entry.body = std::move(body);
    all.emplace_back(std::move(name), std::move(event));
    return all.back().second.entry;
  };

  add("account_opened", AccountOpened{AccountId(1), "user:alice", eur, AccountKind::user});
  add("account_closed", AccountClosed{AccountId(300)}).actor = "ops";
  add("fee_plan_defined", FeePlanDefined{PlanId(1),
                                         "standard",
                                         2,
                                         eur,
                                         commission,
                                         fee,
                                         Rounding::half_even,
                                         AccountId(3),
                                         AccountId(4),
                                         {{AccountId(3), "platform:commission", eur, AccountKind::platform},
                                          {AccountId(4), "processor:fees", eur, AccountKind::fees}}});
  auto& deposit = add("deposit", Moved{Moved::Kind::deposit,
                                       AccountId(5),
                                       AccountId(1),
                                       eur,
                                       Amount(100'000),
                                       {{AccountId(5), "external:EUR", eur, AccountKind::external}}});
  deposit.key = "pay-1";
  deposit.reference = "psp/ch_1";
  deposit.request = {{1, 0x0123456789abcdef}, {4, 5}};
  add("transfer", Moved{Moved::Kind::transfer, AccountId(1), AccountId(2), jpy, kMaxAmount, {}});
  auto& hold = add("held", Held{EscrowId(17),
                                AccountId(1),
                                AccountId(2),
                                {GroupId(1), "campaign:4"},
                                PlanId(1),
                                eur,
                                Amount(10'000),
                                at,
                                {}});
  hold.key = "order-17";
  hold.actor = "api";
  add("held_until_refund",
      Held{EscrowId(18), AccountId(1), AccountId(2), {GroupId(1), ""}, PlanId(1), eur, Amount(1), {}, at});
  add("rescheduled", Rescheduled{EscrowId(17), AccountId(1), {}, {}});
  Released released{{plan, {PlanId(2), jpy, AccountId(3), AccountId(3)}},
                    {{EscrowId(17), AccountId(1), AccountId(2), 0, Amount(10'000), Amount(500), Amount(300)},
                     {EscrowId(9'000'000'000), AccountId(70'000), AccountId(2), 1, Amount(9), {}, Amount(9)},
                     {EscrowId(3), AccountId(6), AccountId(70'001), 0, kMaxAmount, Amount(1), Amount(2)}},
                    {skips, {GroupId(1), ""}, true, {}}};
  auto& release = add("released", released);
  release.key = "close-4";
  release.reason = "Überweisung geprüft: 領収書 ✓";  // a hash chain that broke on non-ASCII text
  released.batch.closes_group = false;
  released.batch.chunk = ChunkProgress{EscrowId(17), EscrowId(4'000), true, {total}, skips};
  add("released_last_chunk", released).key = "chunked";
  add("released_none", Released{});
  add("refunded",
      Refunded{{eur, jpy},
               {{EscrowId(18), AccountId(1), 0, Amount(1)}, {EscrowId(4), AccountId(9), 1, Amount(250)}},
               {{}, {GroupId(2), "never:held"}, false, {}}});
  add("frozen", Frozen{EscrowId(3), AccountId(6)}).reason = "réclamation";
  add("resolved", Resolved{EscrowId(3), AccountId(6), AccountId(2), plan, Amount(2'000), Amount(3'000),
                           Amount(150), Amount(90)});
  add("group_closed", GroupClosed{{GroupId(1), ""}});
  add("group_reopened", GroupReopened{{GroupId(3), "order:1"}});
  add("unchanged", Unchanged{2, 7}).key = "again";

  Error error;
  error.code = ErrorCode::insufficient_funds;
  error.message = "user:alice has 1.00 EUR available – 2.00 EUR are needed";
  error.items = skips.first;
  error.counts = skips.counts;
  error.fields = {"amount"};
  error.path = {1, 0};
  Settlement settlement{Settlement::Kind::resolve, {total}, skips.first, skips.counts, Amount(2'000)};
  AtomicDone atomic;
  const auto part = [&](Body body) -> Entry& {
    Entry entry;
    entry.body = std::move(body);
    atomic.entries.emplace_back(std::move(entry));
    return *atomic.entries.back();
  };
  part(Frozen{EscrowId(5), AccountId(6)}).key = "freeze-5";
  atomic.entries.emplace_back(std::unexpected(error));
  part(Replayed{Seq(6), HoldResult{EscrowId(17)}}).key = "order-17";
  AtomicResult results;
  results.results.emplace_back(Nothing{});
  results.results.emplace_back(PlanResult{3});
  results.results.emplace_back(settlement);
  results.results.emplace_back(std::unexpected(error));
  part(Replayed{Seq(2), results});
  part(AtomicDone{});
  add("atomic", atomic).reference = "tx-9";
  return all;
}

}  // namespace holdfast::testing
