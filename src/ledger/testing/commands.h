// Commands in one line each, for tests. Amounts are minor units; the currency is EUR where none is named.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/commands.h"

namespace holdfast::testing {

inline Currency currency(std::string_view code) {
  return Currency::parse(code).value();
}
inline Currency eur() {
  return currency("EUR");
}
inline Rate rate(std::string_view text) {
  return Rate::parse(text).value();
}

inline Command with_key(Command command, std::string key) {
  command.options.key = std::move(key);
  return command;
}
inline Command dry(Command command) {
  command.options.dry_run = true;
  return command;
}
/// changed<Release>(release_group("g"), [](Release& op) { op.close = true; })
template <class Op, class Change>
Command changed(Command command, Change change) {
  change(std::get<Op>(command.operation));
  return command;
}

inline Command open(std::string account, AccountKind kind = AccountKind::user, Currency in = eur()) {
  return {OpenAccount{std::move(account), in, kind}, {}};
}
inline Command close_account(std::string account) {
  return {CloseAccount{std::move(account)}, {}};
}
inline Command plan(std::string name, std::string_view commission, std::string_view processor_fee,
                    Currency in = eur()) {
  DefineFeePlan op;
  op.fee_plan = std::move(name);
  op.currency = in;
  op.commission.rate = rate(commission);
  op.processor_fee.rate = rate(processor_fee);
  return {std::move(op), {}};
}
inline Command deposit(std::string key, std::string account, std::int64_t minor, std::string external = {}) {
  return with_key({Deposit{std::move(account), Amount(minor), std::move(external)}, {}}, std::move(key));
}
inline Command withdraw(std::string key, std::string account, std::int64_t minor, std::string external = {}) {
  return with_key({Withdraw{std::move(account), Amount(minor), std::move(external)}, {}}, std::move(key));
}
inline Command transfer(std::string key, std::string from, std::string to, std::int64_t minor) {
  return with_key({Transfer{std::move(from), std::move(to), Amount(minor)}, {}}, std::move(key));
}
inline Command hold(std::string key, std::string payer, std::string beneficiary, std::int64_t minor,
                    std::string group = {}, std::string fee_plan = "standard") {
  return with_key({Hold{std::move(payer),
                        std::move(beneficiary),
                        Amount(minor),
                        std::move(fee_plan),
                        std::move(group),
                        {},
                        {}},
                   {}},
                  std::move(key));
}

inline EscrowList keys(const std::vector<std::string>& names) {
  EscrowList list;
  for (const auto& name : names) list.add(std::string_view(name));
  return list;
}
template <class Op>
Command batch(EscrowList list, BatchMode mode = BatchMode::atomic) {
  Op op;
  op.escrows = std::move(list);
  op.mode = mode;
  return {std::move(op), {}};
}
template <class Op>
Command batch_of(std::string group, BatchMode mode = BatchMode::atomic) {
  Op op;
  op.group = std::move(group);
  op.mode = mode;
  return {std::move(op), {}};
}
inline Command release(const std::vector<std::string>& names) {
  return batch<Release>(keys(names));
}
inline Command refund(const std::vector<std::string>& names) {
  return batch<Refund>(keys(names));
}
inline Command skip_release(const std::vector<std::string>& names) {
  return batch<Release>(keys(names), BatchMode::skip);
}
inline Command skip_refund(const std::vector<std::string>& names) {
  return batch<Refund>(keys(names), BatchMode::skip);
}
inline Command release_ids(const std::vector<EscrowId>& ids) {
  return batch<Release>(EscrowList(ids));
}
inline Command release_group(std::string group) {
  return batch_of<Release>(std::move(group));
}
inline Command refund_group(std::string group) {
  return batch_of<Refund>(std::move(group));
}
/// A part of one escrow.
inline Command release_part(std::string key, std::string escrow, std::int64_t minor) {
  return changed<Release>(with_key(release({std::move(escrow)}), std::move(key)),
                          [&](Release& op) { op.amount = Amount(minor); });
}
inline Command refund_part(std::string key, std::string escrow, std::int64_t minor) {
  return changed<Refund>(with_key(refund({std::move(escrow)}), std::move(key)),
                         [&](Refund& op) { op.amount = Amount(minor); });
}
/// One chunk of a group.
template <class Op>
Command chunked(std::string key, std::string group, std::uint32_t chunk) {
  return changed<Op>(with_key(batch_of<Op>(std::move(group), BatchMode::skip), std::move(key)),
                     [&](Op& op) { op.chunk = chunk; });
}
/// A release or refund that is held to these totals.
inline Command expecting(Command command, Expectation totals) {
  if (auto* release = std::get_if<Release>(&command.operation)) release->expect = std::move(totals);
  if (auto* refund = std::get_if<Refund>(&command.operation)) refund->expect = std::move(totals);
  return command;
}
inline Total paid(std::uint64_t escrows, std::int64_t amount, std::int64_t commission, std::int64_t fee,
                  Currency in = eur()) {
  return {in, escrows, Amount(amount), Amount(commission), Amount(fee), Amount(amount - commission - fee)};
}
inline Total paid_back(std::uint64_t escrows, std::int64_t amount, Currency in = eur()) {
  return {in, escrows, Amount(amount), {}, {}, {}};
}
inline Command release_under(std::string escrow, std::string fee_plan) {
  return changed<Release>(release({std::move(escrow)}),
                          [&](Release& op) { op.fee_plan = std::move(fee_plan); });
}

inline EscrowRef ref(std::string key) {
  return {EscrowId(), std::move(key)};
}
inline Command reschedule(std::string escrow, std::optional<Timestamp> release_at,
                          std::optional<Timestamp> refund_at = {}) {
  return {Reschedule{ref(std::move(escrow)), release_at, refund_at}, {}};
}
inline Command freeze(std::string escrow) {
  return {Freeze{ref(std::move(escrow))}, {}};
}
inline Command resolve(std::string key, std::string escrow, std::int64_t to_payer,
                       std::int64_t to_beneficiary) {
  return with_key({Resolve{ref(std::move(escrow)), Amount(to_payer), Amount(to_beneficiary)}, {}},
                  std::move(key));
}
inline Command close_group(std::string group) {
  return {CloseGroup{std::move(group)}, {}};
}
inline Command reopen_group(std::string group) {
  return {ReopenGroup{std::move(group)}, {}};
}
inline Command atomic(std::vector<Command> commands) {
  return {Atomic{std::move(commands), false}, {}};
}
inline Command savepoint(std::vector<Command> commands) {
  return {Atomic{std::move(commands), true}, {}};
}

}  // namespace holdfast::testing
