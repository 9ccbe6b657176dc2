#include "postgres/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

namespace holdfast::postgres {

Snapshot::Snapshot(Session& session, std::function<void(std::string)> on_damage)
    : session_(session), on_damage_(std::move(on_damage)) {
  pipeline_.add("begin transaction isolation level repeatable read read only");
  // Pages are found by indexes, and are done before a compiler would be. Why the ledger is looked up by
  // `(select $1::int)` says transaction.h.
  pipeline_.add(
      "select set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true), "
      "set_config('random_page_cost', '1.1', true)");
}

Snapshot::~Snapshot() {
  if (!open_) return;
  const std::array<Statement, 1> rollback{{{"rollback"}}};
  std::ignore = session_.run(rollback);  // the first error says what went wrong
}

Result<void> Snapshot::run() {
  if (pipeline_.empty()) return {};
  open_ = true;
  if (auto done = pipeline_.run(session_); !done) return std::unexpected(to_error(done.error()));
  if (damage_) return std::unexpected(to_error(data_corrupted(*damage_)));
  return {};
}

Result<void> Snapshot::end() {
  pipeline_.add("commit");
  auto done = run();
  if (done) open_ = false;
  return done;
}

bool RowReader::there(std::size_t column) const {
  if (!is_null(column)) return true;
  damaged("a row that it names is not there");
  return false;
}

void RowReader::damaged(std::string_view what) const {
  snapshot_.damaged(fmt::format("{}: {}", of_, what));
}

std::string RowReader::text(std::size_t column) const {
  return there(column) ? std::string(rows_.text(row_, column)) : std::string();
}
std::string RowReader::optional_text(std::size_t column) const {
  return is_null(column) ? std::string() : std::string(rows_.text(row_, column));
}
std::int64_t RowReader::integer(std::size_t column) const {
  return there(column) ? rows_.integer(row_, column) : 0;
}
bool RowReader::boolean(std::size_t column) const {
  return there(column) && rows_.boolean(row_, column);
}
Timestamp RowReader::time(std::size_t column) const {
  return there(column) ? rows_.time(row_, column) : Timestamp();
}
std::optional<Timestamp> RowReader::optional_time(std::size_t column) const {
  return is_null(column) ? std::nullopt : std::optional(rows_.time(row_, column));
}
Digest RowReader::digest(std::size_t column) const {
  Digest digest{};
  if (!there(column)) return digest;
  const auto bytes = rows_.bytes(row_, column);
  if (bytes.size() != sizeof digest) {
    damaged(fmt::format("a hash of {} bytes", bytes.size()));
  } else {
    std::ranges::copy(bytes, std::as_writable_bytes(std::span(digest)).begin());
  }
  return digest;
}
Currency RowReader::currency(std::size_t column) const {
  if (!there(column)) return {};
  const auto currency = Currency::parse(rows_.text(row_, column));
  if (currency) return *currency;
  damaged(fmt::format("this version knows no currency {}", rows_.text(row_, column)));
  return {};
}
AccountKind RowReader::kind(std::size_t column) const {
  const auto number = integer(column);
  if (number >= 1 && number <= 5) return static_cast<AccountKind>(number);
  damaged(fmt::format("there is no kind of account {}", number));
  return AccountKind::user;
}

namespace {

FeeRule rule_at(const RowReader& row, std::size_t column) {
  FeeRule rule;
  const auto rate = row.integer(column);
  if (rate < 0 || rate > 1'000'000'000) {
    row.damaged(fmt::format("{} billionths are no rate", rate));
  } else {
    rule.rate = Rate::from_billionths(static_cast<std::uint32_t>(rate));
  }
  rule.fixed = row.amount(column + 1);
  rule.min = row.amount(column + 2);
  if (!row.is_null(column + 3)) rule.max = row.amount(column + 3);
  rule.to = row.text(column + 4);
  return rule;
}

}  // namespace

PlanRow plan_at(const RowReader& row) {
  PlanRow plan;
  plan.name = row.text(1);
  plan.version = static_cast<std::uint32_t>(row.integer(2));
  plan.currency = row.currency(3);
  const auto rounding = row.integer(4);
  if (rounding < 1 || rounding > 4) {
    row.damaged(fmt::format("there is no rounding {}", rounding));
  } else {
    plan.rounding = static_cast<Rounding>(rounding);
  }
  plan.commission = rule_at(row, 5);
  plan.processor_fee = rule_at(row, 10);
  plan.commission_account = row.id<AccountId>(15);
  plan.fee_account = row.id<AccountId>(16);
  return plan;
}

}  // namespace holdfast::postgres
