// Reading in one snapshot: a read-only transaction in which every statement sees the same committed rows.
//
// Nothing here trusts what is in the tables: rows that do not fit together end a question with `corrupt`, and
// never the process.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "ledger/rows.h"
#include "postgres/pipeline.h"

namespace holdfast::postgres {

class Snapshot {
 public:
  /// The transaction begins with the first run. \pre the session is in none
  /// \param on_damage  is told of damage; then runs go on. Without it they end with `corrupt`
  explicit Snapshot(Session& session, std::function<void(std::string)> on_damage = {});
  /// Rolls back what was not ended.
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  void ask(std::string_view sql, std::vector<Value> values, Pipeline::Read read) {
    pipeline_.add(sql, std::move(values), std::move(read));
  }
  /// One round trip: what was asked since the last.
  [[nodiscard]] Result<void> run();
  /// The same, and the transaction is over.
  [[nodiscard]] Result<void> end();

  /// For `Read`s: what is in the rows cannot be.
  void damaged(std::string what) {
    if (on_damage_) {
      on_damage_(std::move(what));
    } else if (!damage_) {
      damage_ = std::move(what);
    }
  }

 private:
  Session& session_;
  std::function<void(std::string)> on_damage_;
  Pipeline pipeline_;
  bool open_ = false;
  std::optional<std::string> damage_;
};

/// One row, read with care: a column that is null though it must not be, or holds what this version cannot
/// read, is damage, and gives an empty value.
class RowReader {
 public:
  /// \param of  names the row in the error; lives as long as this
  RowReader(const ResultSet& rows, std::size_t row, Snapshot& snapshot, std::string_view of)
      : rows_(rows), row_(row), snapshot_(snapshot), of_(of) {}

  [[nodiscard]] bool is_null(std::size_t column) const { return rows_.is_null(row_, column); }
  [[nodiscard]] std::string text(std::size_t column) const;
  /// Empty where null.
  [[nodiscard]] std::string optional_text(std::size_t column) const;
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  [[nodiscard]] Amount amount(std::size_t column) const { return Amount(integer(column)); }
  [[nodiscard]] bool boolean(std::size_t column) const;
  [[nodiscard]] Timestamp time(std::size_t column) const;
  [[nodiscard]] std::optional<Timestamp> optional_time(std::size_t column) const;
  [[nodiscard]] Digest digest(std::size_t column) const;
  [[nodiscard]] Currency currency(std::size_t column) const;
  [[nodiscard]] AccountKind kind(std::size_t column) const;
  /// 0 where null.
  template <class Id>
  [[nodiscard]] Id id(std::size_t column) const {
    return is_null(column) ? Id() : Id(static_cast<typename Id::value_type>(rows_.integer(row_, column)));
  }
  void damaged(std::string_view what) const;

 private:
  [[nodiscard]] bool there(std::size_t column) const;

  const ResultSet& rows_;
  std::size_t row_;
  Snapshot& snapshot_;
  std::string_view of_;
};

// Fee plan versions with the names of the accounts that they pay, read by `plan_at`.
#define HOLDFAST_PLAN_COLUMNS                                                                               \
  "v.plan, v.name, v.version, v.currency, v.rounding, v.commission_rate, v.commission_fixed, "              \
  "v.commission_min, "                                                                                      \
  "v.commission_max, c.name, v.fee_rate, v.fee_fixed, v.fee_min, v.fee_max, f.name, v.commission_account, " \
  "v.fee_account "
#define HOLDFAST_PLAN_TABLES                                                                   \
  "from holdfast.fee_plan_versions v "                                                         \
  "left join holdfast.accounts c on c.ledger = v.ledger and c.account = v.commission_account " \
  "left join holdfast.accounts f on f.ledger = v.ledger and f.account = v.fee_account "
inline constexpr std::size_t kPlanColumns = 17;
/// `live` is left at 0.
[[nodiscard]] PlanRow plan_at(const RowReader& row);

// What an account `a` has. Sealing moves what an event did to `available` from `pending` and
// `pending_batches` to `lines`; a statement sees it in one of the three. What is held is what its escrows
// lock.
#define HOLDFAST_AVAILABLE_OF_A                                                                             \
  "(coalesce((select l.available_after from holdfast.lines l where l.ledger = a.ledger and l.account = "    \
  "a.account order by l.seq desc limit 1), 0) + coalesce((select sum(p.available) from holdfast.pending p " \
  "where p.ledger = a.ledger and p.account = a.account), 0) + coalesce((select "                            \
  "sum(b.available[array_position(b.accounts, a.account)]) from holdfast.pending_batches b where "          \
  "b.ledger = a.ledger and a.account between b.first_account and b.last_account), 0))"
#define HOLDFAST_HELD_OF_A                                                            \
  "coalesce((select sum(e.amount - e.released - e.refunded) from holdfast.escrows e " \
  "where e.ledger = a.ledger and e.payer = a.account), 0)"

/// As a parameter: a number beyond what a column can hold is the largest that it can.
template <class Id>
[[nodiscard]] std::int64_t bigint(Id id) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 63;
  return static_cast<std::int64_t>(std::uint64_t{id.value()} < kMost ? std::uint64_t{id.value()} : kMost - 1);
}

}  // namespace holdfast::postgres
