// Compares everything that a State can be asked with the plain maps, and two States byte for byte.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "journal/state.h"
#include "ledger/testing/map_rows.h"

namespace holdfast::journal::testing {

using holdfast::testing::MapRows;

inline void expect_same_row(const EscrowRow& a, const EscrowRow& b, std::uint64_t id) {
  EXPECT_EQ(a.amount, b.amount) << "escrow " << id;
  EXPECT_EQ(a.released, b.released) << "escrow " << id;
  EXPECT_EQ(a.refunded, b.refunded) << "escrow " << id;
  EXPECT_EQ(a.commission, b.commission) << "escrow " << id;
  EXPECT_EQ(a.processor_fee, b.processor_fee) << "escrow " << id;
  EXPECT_EQ(a.payer, b.payer) << "escrow " << id;
  EXPECT_EQ(a.beneficiary, b.beneficiary) << "escrow " << id;
  EXPECT_EQ(a.group, b.group) << "escrow " << id;
  EXPECT_EQ(a.plan, b.plan) << "escrow " << id;
  EXPECT_EQ(static_cast<std::uint64_t>(a.last_seq), static_cast<std::uint64_t>(b.last_seq))
      << "escrow " << id;
  EXPECT_EQ(static_cast<bool>(a.frozen), static_cast<bool>(b.frozen)) << "escrow " << id;
  EXPECT_EQ(static_cast<bool>(a.dated), static_cast<bool>(b.dated)) << "escrow " << id;
}

inline void expect_same_accounts(const State& state, const MapRows& model) {
  std::map<std::string, AccountId> by_name;
  std::set<Currency> currencies;
  for (const auto& [id, account] : model.data().accounts) {
    const AccountRow* row = state.account(id);
    ASSERT_NE(row, nullptr) << account.name;
    EXPECT_EQ(state.account_name(id), account.name);
    EXPECT_EQ(row->available, account.row.available) << account.name;
    EXPECT_EQ(row->held, account.row.held) << account.name;
    EXPECT_EQ(row->live_escrows, account.row.live_escrows) << account.name;
    EXPECT_EQ(row->currency, account.row.currency);
    EXPECT_EQ(row->kind, account.row.kind);
    EXPECT_EQ(row->open, account.row.open) << account.name;
    EXPECT_EQ(state.find_account(account.name), id);
    EXPECT_EQ(state.plan_pays_into(id), model.plan_pays_into(id)) << account.name;
    by_name[account.name] = id;
    currencies.insert(account.row.currency);
  }
  EXPECT_EQ(state.next_account_id(0), model.next_account_id(0));
  EXPECT_EQ(state.account(model.next_account_id(0)), nullptr);
  EXPECT_EQ(state.find_account("nobody"), std::nullopt);
  std::vector<AccountId> ordered;
  for (const auto& [name, id] : by_name) ordered.push_back(id);
  EXPECT_EQ(state.accounts_by_name("", 1'000'000), ordered);
  for (const auto& currency : currencies)
    EXPECT_EQ(state.currency_total(currency), model.currency_total(currency));
  const auto balances = state.trial_balance();
  EXPECT_EQ(balances.size(), currencies.size());
  for (const auto& balance : balances) {
    TrialBalance expected;
    expected.currency = balance.currency;
    for (const auto& [id, account] : model.data().accounts) {
      const auto& row = account.row;
      if (row.currency != balance.currency) continue;
      expected.held += row.held;
      (row.kind == AccountKind::external   ? expected.external
       : row.kind == AccountKind::platform ? expected.commission
       : row.kind == AccountKind::fees     ? expected.processor_fee
                                           : expected.available) += row.available;
    }
    EXPECT_EQ(balance.available, expected.available);
    EXPECT_EQ(balance.held, expected.held);
    EXPECT_EQ(balance.external, expected.external);
    EXPECT_EQ(balance.commission, expected.commission);
    EXPECT_EQ(balance.processor_fee, expected.processor_fee);
    EXPECT_EQ(balance.sum, Amount());
    EXPECT_EQ(-balance.external, model.currency_total(balance.currency));
  }
}

inline std::vector<EscrowId> whole_list(const State& state, ListKind kind, std::uint32_t owner,
                                        std::optional<EscrowStatus> status = {}) {
  std::vector<EscrowId> ids;
  std::optional<EscrowId> after = EscrowId();
  while (after) {
    auto page = state.list(kind, owner, status, *after, 3, 7);
    EXPECT_LE(page.ids.size(), 3U);
    ids.insert(ids.end(), page.ids.begin(), page.ids.end());
    after = page.next;
  }
  return ids;
}

inline void expect_same_lists(const State& state, const MapRows& model) {
  std::map<std::pair<ListKind, std::uint32_t>, std::vector<EscrowId>> lists;
  std::vector<std::pair<std::int64_t, std::uint64_t>> due;
  for (const auto& [id, escrow] : model.data().escrows) {
    lists[{ListKind::all, 0}].push_back(id);
    lists[{ListKind::payer, escrow.row.payer.value()}].push_back(id);
    lists[{ListKind::beneficiary, escrow.row.beneficiary.value()}].push_back(id);
    if (escrow.row.group) lists[{ListKind::group, escrow.row.group.value()}].push_back(id);
    if (escrow.row.dated == 0 || status_of(escrow.row) != EscrowStatus::locked) continue;
    due.emplace_back((escrow.dates.release_at ? escrow.dates.release_at : escrow.dates.refund_at)->micros,
                     id.value());
  }
  for (const auto& [key, ids] : lists) EXPECT_EQ(whole_list(state, key.first, key.second), ids);
  std::ranges::sort(due);
  const auto found = state.due(Timestamp{INT64_MAX}, 1'000'000);
  ASSERT_EQ(found.size(), due.size());
  for (std::size_t i = 0; i < due.size(); ++i) {
    EXPECT_EQ(found[i].escrow.value(), due[i].second);
    EXPECT_EQ(found[i].at.micros, due[i].first);
    EXPECT_EQ(found[i].release, model.dates(found[i].escrow).release_at.has_value());
  }
}

/// What a group's escrows come to, added up from the rows.
inline void expect_same_totals(const State& state, const MapRows& model, GroupId group) {
  std::map<std::string, GroupTotal> by_code;
  for (const auto& [id, escrow] : model.data().escrows) {
    const auto& row = escrow.row;
    if (row.group != group) continue;
    const auto currency = model.plan(row.plan)->currency;
    auto& total = by_code[std::string(currency.code())];
    total.currency = currency;
    ++total.escrows;
    total.amount += row.amount;
    total.released += row.released;
    total.refunded += row.refunded;
    total.commission += row.commission;
    total.processor_fee += row.processor_fee;
    total.net += row.released - row.commission - row.processor_fee;
    const auto status = status_of(row);
    (status == EscrowStatus::frozen ? total.frozen : total.locked) += row.locked();
    total.locked_escrows += status == EscrowStatus::locked ? 1 : 0;
    total.frozen_escrows += status == EscrowStatus::frozen ? 1 : 0;
    total.released_escrows += status == EscrowStatus::released ? 1 : 0;
    total.refunded_escrows += status == EscrowStatus::refunded ? 1 : 0;
    total.split_escrows += status == EscrowStatus::split ? 1 : 0;
  }
  std::vector<GroupTotal> expected;
  for (const auto& [code, total] : by_code) expected.push_back(total);
  const auto totals = state.group_totals(group);
  ASSERT_TRUE(totals) << totals.error().message;
  EXPECT_EQ(*totals, expected) << state.group_name(group);
}

inline void expect_same(const State& state, const MapRows& model) {
  expect_same_accounts(state, model);
  for (const auto& [id, escrow] : model.data().escrows) {
    const EscrowRow* row = state.escrow(id);
    ASSERT_NE(row, nullptr) << id.value();
    expect_same_row(*row, escrow.row, id.value());
    const Dates dates = state.dates(id);
    EXPECT_EQ(dates.release_at, escrow.dates.release_at);
    EXPECT_EQ(dates.refund_at, escrow.dates.refund_at);
    if (!escrow.key.empty()) {
      EXPECT_EQ(state.find_escrow(escrow.key), id);
    }
  }
  EXPECT_EQ(state.next_escrow_id(), model.next_escrow_id());
  for (const auto& [id, group] : model.data().groups) {
    const GroupRow* row = state.group(id);
    ASSERT_NE(row, nullptr) << group.name;
    EXPECT_EQ(row->open, group.row.open) << group.name;
    EXPECT_EQ(row->escrows, group.row.escrows) << group.name;
    EXPECT_EQ(row->live, group.row.live) << group.name;
    EXPECT_EQ(state.find_group(group.name), id);
    expect_same_totals(state, model, id);
    EXPECT_EQ(state.group_name(id), group.name);
    std::vector<EscrowId> live;
    std::vector<EscrowId> expected;
    state.group_escrows(id, EscrowId(), state.last_escrow(), 1'000'000, live);
    model.group_escrows(id, EscrowId(), state.last_escrow(), 1'000'000, expected);
    EXPECT_EQ(live, expected) << group.name;
  }
  EXPECT_EQ(state.next_group_id(), model.next_group_id());
  for (const auto& [id, plan] : model.data().plans) {
    const PlanRow* row = state.plan(id);
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->name, plan.name);
    EXPECT_EQ(row->version, plan.version);
    EXPECT_EQ(row->currency, plan.currency);
    EXPECT_EQ(row->commission, plan.commission);
    EXPECT_EQ(row->processor_fee, plan.processor_fee);
    EXPECT_EQ(row->rounding, plan.rounding);
    EXPECT_EQ(row->commission_account, plan.commission_account);
    EXPECT_EQ(row->fee_account, plan.fee_account);
    EXPECT_EQ(row->live, plan.live) << plan.name << " " << plan.version;
    EXPECT_EQ(state.find_latest_plan(plan.name), model.find_latest_plan(plan.name));
  }
  EXPECT_EQ(state.next_plan_id(), model.next_plan_id());
  for (const auto& [key, past] : model.data().keys) EXPECT_TRUE(state.key_used(key)) << key;
  EXPECT_FALSE(state.key_used("never"));
  expect_same_lists(state, model);
}

/// Chunks by their kind and index. Chunks without rows do not count: an undone command may leave one.
inline std::map<std::string, Bytes> chunks_of(const State& state) {
  std::map<std::string, Bytes> chunks;
  for (std::size_t i = 0; i < state.chunk_count(); ++i) {
    Bytes bytes;
    state.save_chunk(i, bytes);
    constexpr std::size_t kHead = 5;
    if (std::all_of(bytes.begin() + kHead, bytes.end(), [](std::byte b) { return b == std::byte{0}; }))
      continue;
    std::string name(reinterpret_cast<const char*>(bytes.data()), kHead);
    chunks.emplace(std::move(name), std::move(bytes));
  }
  return chunks;
}

}  // namespace holdfast::journal::testing
