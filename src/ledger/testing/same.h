// Field by field equality of events, for tests: an encoding that loses a field must not go unseen.
#pragma once

#include <tuple>
#include <type_traits>

#include "ledger/event.h"

namespace holdfast::testing {

inline auto fields(const AccountOpened& e) {
  return std::tie(e.account, e.name, e.currency, e.kind);
}
inline auto fields(const AccountClosed& e) {
  return std::tie(e.account);
}
inline auto fields(const FeePlanDefined& e) {
  return std::tie(e.plan, e.name, e.version, e.currency, e.commission, e.processor_fee, e.rounding,
                  e.commission_account, e.fee_account, e.opens);
}
inline auto fields(const Moved& e) {
  return std::tie(e.kind, e.from, e.to, e.currency, e.amount, e.opens);
}
inline auto fields(const GroupUse& e) {
  return std::tie(e.group, e.opened_name);
}
inline auto fields(const Held& e) {
  return std::tie(e.escrow, e.payer, e.beneficiary, e.group, e.plan, e.currency, e.amount, e.release_at,
                  e.refund_at);
}
inline auto fields(const Rescheduled& e) {
  return std::tie(e.escrow, e.payer, e.release_at, e.refund_at);
}
inline auto fields(const PlanUse& e) {
  return std::tie(e.plan, e.currency, e.commission_account, e.fee_account);
}
inline auto fields(const ReleasedItem& e) {
  return std::tie(e.escrow, e.payer, e.beneficiary, e.plan_use, e.amount, e.commission, e.processor_fee);
}
inline auto fields(const RefundedItem& e) {
  return std::tie(e.escrow, e.payer, e.currency_use, e.amount);
}
inline auto fields(const Skips& e) {
  return std::tie(e.first, e.counts);
}
inline auto fields(const ChunkProgress& e) {
  return std::tie(e.done_through, e.limit, e.last, e.totals, e.skips);
}
inline auto fields(const BatchInfo& e) {
  return std::tie(e.skips, e.group, e.closes_group, e.chunk);
}
inline auto fields(const Released& e) {
  return std::tie(e.plans, e.items, e.batch);
}
inline auto fields(const Refunded& e) {
  return std::tie(e.currencies, e.items, e.batch);
}
inline auto fields(const Frozen& e) {
  return std::tie(e.escrow, e.payer);
}
inline auto fields(const Resolved& e) {
  return std::tie(e.escrow, e.payer, e.beneficiary, e.plan, e.to_payer, e.to_beneficiary, e.commission,
                  e.processor_fee);
}
inline auto fields(const GroupClosed& e) {
  return std::tie(e.group);
}
inline auto fields(const GroupReopened& e) {
  return std::tie(e.group);
}
inline auto fields(const Unchanged& e) {
  return std::tie(e.op, e.version);
}
inline auto fields(const Replayed& e) {
  return std::tie(e.original, e.result);
}
inline auto fields(const AtomicResult& e) {
  return std::tie(e.results);
}
inline auto fields(const AtomicDone& e) {
  return std::tie(e.entries);
}
inline auto fields(const Entry& e) {
  return std::tie(e.key, e.actor, e.reason, e.reference, e.request, e.body);
}
inline auto fields(const Event& e) {
  return std::tie(e.seq, e.at, e.entry);
}

template <class T>
bool same(const T& a, const T& b);
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b);
template <class T>
bool same(const std::optional<T>& a, const std::optional<T>& b);
template <class T>
bool same(const std::expected<T, Error>& a, const std::expected<T, Error>& b);
template <class... Ts>
bool same(const std::variant<Ts...>& a, const std::variant<Ts...>& b);

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) return false;
  }
  return true;
}
template <class T>
bool same(const std::optional<T>& a, const std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || same(*a, *b));
}
template <class T>
bool same(const std::expected<T, Error>& a, const std::expected<T, Error>& b) {
  return a.has_value() == b.has_value() && (a ? same(*a, *b) : a.error() == b.error());
}
template <class... Ts>
bool same(const std::variant<Ts...>& a, const std::variant<Ts...>& b) {
  return a.index() == b.index() &&
         std::visit([&]<class T>(const T& one) { return same(one, std::get<T>(b)); }, a);
}

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (requires { fields(a); }) {
    return [&]<std::size_t... I>(const auto& left, const auto& right, std::index_sequence<I...>) {
      return (same(std::get<I>(left), std::get<I>(right)) && ...);
    }(fields(a), fields(b), std::make_index_sequence<std::tuple_size_v<decltype(fields(a))>>());
  } else {
    return a == b;
  }
}

}  // namespace holdfast::testing
