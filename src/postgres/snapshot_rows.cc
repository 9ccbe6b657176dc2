#include "postgres/snapshot_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace holdfast::postgres {
namespace {

using audit::Law;
using audit::Wide;

constexpr std::int64_t kAtATime = 20'000;

constexpr std::string_view kKeys =
    "select key, event, escrow from holdfast.keys where ledger = (select $1::int) and key > $2 order by key "
    "limit $3";
#define ESCROW_COLUMNS                                                                                    \
  "select escrow, payer, beneficiary, \"group\", plan, amount, released, refunded, commission, "          \
  "processor_fee, "                                                                                       \
  "frozen, release_at, refund_at, held_by, last_event, key from holdfast.escrows where ledger = (select " \
  "$1::int) and "                                                                                         \
  "escrow > $2 "
constexpr std::string_view kEscrows = ESCROW_COLUMNS "order by escrow limit $3";
constexpr std::string_view kEscrowPage = ESCROW_COLUMNS "and escrow <= $3";
// Beyond 64 bits a sum is clamped: the law that it breaks is found all the same.
constexpr std::string_view kAccounts =
    "select a.account, a.name, a.currency, a.kind, a.open, greatest(least(" HOLDFAST_AVAILABLE_OF_A
    ", 9223372036854775807), -9223372036854775807)::bigint, a.left_by_debit "
    "from holdfast.accounts a where a.ledger = (select $1::int) and a.account > $2 order by a.account limit "
    "$3";
constexpr std::string_view kGroups =
    R"(select "group", name, open from holdfast.groups where ledger = (select $1::int))";
constexpr std::string_view kPlans =
    "select " HOLDFAST_PLAN_COLUMNS HOLDFAST_PLAN_TABLES "where v.ledger = (select $1::int)";
constexpr std::string_view kLatest =
    "select name, latest from holdfast.fee_plans where ledger = (select $1::int)";

template <class Map, class Key>
auto find_in(const Map& map, const Key& key) -> std::optional<typename Map::mapped_type> {
  const auto at = map.find(typename Map::key_type(key));
  return at == map.end() ? std::nullopt : std::optional(at->second);
}

}  // namespace

Amount clamped(Wide sum) {
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
  return Amount(static_cast<std::int64_t>(std::clamp(sum, -kMost, kMost)));
}

SnapshotRows::Key* SnapshotRows::key(std::string_view text) {
  const auto at = keys_.find(keyed_hash(text, secret_));
  return at == keys_.end() ? nullptr : &at->second;
}

Result<void> SnapshotRows::load_keys(const HashSecret& secret) {
  secret_ = secret;
  std::string after;
  for (bool more = true; more;) {
    snapshot_.ask(kKeys, {ledger_, after, kAtATime}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const RowReader row(rows, i, snapshot_, "a key");
        after = row.text(0);
        keys_[keyed_hash(after, secret_)] = {static_cast<std::uint64_t>(row.integer(1)), row.id<EscrowId>(2)};
      }
      more = rows.rows() == kAtATime;
    });
    if (auto done = snapshot_.run(); !done) return done;
  }
  return {};
}

Result<void> SnapshotRows::load(const std::function<void(const EscrowMarks&)>& visit) {
  if (auto done = load_escrow_sums(visit); !done) return done;
  if (auto done = load_accounts(); !done) return done;
  return load_catalog();
}

namespace {

EscrowRow row_of(const RowReader& row, Dates& dates) {
  EscrowRow escrow;
  escrow.payer = row.id<AccountId>(1);
  escrow.beneficiary = row.id<AccountId>(2);
  escrow.group = row.id<GroupId>(3);
  escrow.plan = row.id<PlanId>(4);
  escrow.amount = row.amount(5);
  escrow.released = row.amount(6);
  escrow.refunded = row.amount(7);
  escrow.commission = row.amount(8);
  escrow.processor_fee = row.amount(9);
  escrow.frozen = row.boolean(10) ? 1 : 0;
  dates = {row.optional_time(11), row.optional_time(12)};
  escrow.dated = dates.release_at || dates.refund_at ? 1 : 0;
  return escrow;
}

}  // namespace

void SnapshotRows::count(const EscrowRow& row) {
  const Wide locked = Wide{row.amount.minor()} - row.released.minor() - row.refunded.minor();
  ++escrow_count_;
  locked_[row.payer] += locked;
  auto& group = group_counts_[row.group];
  ++group.escrows;
  if (locked <= 0) return;
  ++live_[row.beneficiary];
  ++group.live;
  ++plan_counts_[row.plan];
}

Result<void> SnapshotRows::load_escrow_sums(const std::function<void(const EscrowMarks&)>& visit) {
  for (bool more = true; more;) {
    snapshot_.ask(kEscrows, {ledger_, bigint(last_escrow_), kAtATime}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const RowReader row(rows, i, snapshot_, "an escrow");
        Dates dates;
        last_escrow_ = row.id<EscrowId>(0);
        count(row_of(row, dates));
        const auto key = row.text(15);
        visit({last_escrow_, static_cast<std::uint64_t>(row.integer(13)),
               static_cast<std::uint64_t>(row.integer(14)), key});
      }
      more = rows.rows() == kAtATime;
    });
    if (auto done = snapshot_.run(); !done) return done;
  }
  return {};
}

Result<void> SnapshotRows::load_accounts() {
  for (bool more = true; more;) {
    snapshot_.ask(kAccounts, {ledger_, bigint(last_account_), kAtATime}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const RowReader row(rows, i, snapshot_, "an account");
        last_account_ = row.id<AccountId>(0);
        Account account;
        account.name = row.text(1);
        account.row.currency = row.currency(2);
        account.row.kind = row.kind(3);
        account.row.open = row.boolean(4);
        account.row.available = row.amount(5);
        const auto locked = locked_.find(last_account_);
        if (locked != locked_.end()) account.row.held = clamped(locked->second);
        account.row.live_escrows = find_in(live_, last_account_).value_or(0);
        if (account.row.kind != AccountKind::external) {
          totals_[account.row.currency] += Wide{account.row.available.minor()} + account.row.held.minor();
          if (row.amount(6) < Amount() || row.amount(6) > account.row.available) {
            findings_.add(Law::exact,
                          fmt::format("account {} has {} available, the last debit left {}", account.name,
                                      account.row.available.minor(), row.integer(6)));
          }
        }
        account_ids_[account.name] = last_account_;
        accounts_[last_account_] = std::move(account);
      }
      more = rows.rows() == kAtATime;
    });
    if (auto done = snapshot_.run(); !done) return done;
  }
  return {};
}

Result<void> SnapshotRows::load_catalog() {
  snapshot_.ask(kGroups, {ledger_}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const RowReader row(rows, i, snapshot_, "a group");
      const auto id = row.id<GroupId>(0);
      auto& group = groups_[id] = find_in(group_counts_, id).value_or(GroupRow{});
      group.open = row.boolean(2);
      group_names_[id] = row.text(1);
      group_ids_[row.text(1)] = id;
    }
  });
  snapshot_.ask(kPlans, {ledger_}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const RowReader row(rows, i, snapshot_, "a fee plan");
      const auto id = row.id<PlanId>(0);
      auto& plan = plans_[id] = plan_at(row);
      plan.live = find_in(plan_counts_, id).value_or(0);
    }
  });
  snapshot_.ask(kLatest, {ledger_}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const RowReader row(rows, i, snapshot_, "a fee plan");
      latest_plans_[row.text(0)] = row.id<PlanId>(1);
    }
  });
  return snapshot_.run();
}

void SnapshotRows::load_page(std::uint64_t first) const {
  page_ = first;
  page_rows_.clear();
  if (failure_) return;
  snapshot_.ask(kEscrowPage,
                {ledger_, static_cast<std::int64_t>(first) - 1, static_cast<std::int64_t>(first + kPage - 1)},
                [&](const ResultSet& rows) {
                  for (std::size_t i = 0; i < rows.rows(); ++i) {
                    const RowReader row(rows, i, snapshot_, "an escrow");
                    auto& escrow = page_rows_[row.id<EscrowId>(0).value()];
                    escrow.row = row_of(row, escrow.dates);
                  }
                });
  if (auto done = snapshot_.run(); !done) failure_ = done.error();
}

const SnapshotRows::Escrow* SnapshotRows::find(EscrowId id) const {
  const auto first = id.value() / kPage * kPage;
  if (id > last_escrow_) return nullptr;
  if (first != page_) load_page(first);
  const auto at = page_rows_.find(id.value());
  return at == page_rows_.end() ? nullptr : &at->second;
}

const EscrowRow* SnapshotRows::escrow(EscrowId id) const {
  const auto* found = find(id);
  return found == nullptr ? nullptr : &found->row;
}
void SnapshotRows::escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const {
  // An audit asks for one page at a time, so all pointers live.
  for (std::size_t i = 0; i < ids.size(); ++i) out[i] = escrow(ids[i]);
}
Dates SnapshotRows::dates(EscrowId id) const {
  const auto* found = find(id);
  return found == nullptr ? Dates() : found->dates;
}

std::optional<AccountId> SnapshotRows::find_account(std::string_view name) const {
  return find_in(account_ids_, name);
}
const AccountRow* SnapshotRows::account(AccountId id) const {
  const auto at = accounts_.find(id);
  return at == accounts_.end() ? nullptr : &at->second.row;
}
std::string_view SnapshotRows::account_name(AccountId id) const {
  const auto at = accounts_.find(id);
  return at == accounts_.end() ? std::string_view() : std::string_view(at->second.name);
}
std::optional<EscrowId> SnapshotRows::find_escrow(std::string_view key) const {
  const auto found = find_in(keys_, keyed_hash(key, secret_));
  return found && found->escrow ? std::optional(found->escrow) : std::nullopt;
}
std::optional<GroupId> SnapshotRows::find_group(std::string_view name) const {
  return find_in(group_ids_, name);
}
const GroupRow* SnapshotRows::group(GroupId id) const {
  const auto at = groups_.find(id);
  return at == groups_.end() ? nullptr : &at->second;
}
void SnapshotRows::group_escrows(GroupId, EscrowId, EscrowId, std::size_t, std::vector<EscrowId>&) const {
  HOLDFAST_ASSERT(false, "an audit lists no group");
}
std::optional<PlanId> SnapshotRows::find_latest_plan(std::string_view name) const {
  return find_in(latest_plans_, name);
}
const PlanRow* SnapshotRows::plan(PlanId id) const {
  const auto at = plans_.find(id);
  return at == plans_.end() ? nullptr : &at->second;
}
bool SnapshotRows::plan_pays_into(AccountId) const {
  HOLDFAST_ASSERT(false, "an audit closes no account");
  return false;
}
Amount SnapshotRows::currency_total(Currency currency) const {
  return clamped(find_in(totals_, currency).value_or(0));
}
bool SnapshotRows::key_used(std::string_view key) const {
  return keys_.contains(keyed_hash(key, secret_));
}
Result<PastCommand> SnapshotRows::past_command(std::string_view) const {
  HOLDFAST_ASSERT(false, "an audit repeats no command");
  return PastCommand();
}
AccountId SnapshotRows::next_account_id(std::size_t) const {
  return last_account_.next();
}
EscrowId SnapshotRows::next_escrow_id() const {
  return last_escrow_.next();
}
GroupId SnapshotRows::next_group_id() const {
  return groups_.empty() ? GroupId(1) : groups_.rbegin()->first.next();
}
PlanId SnapshotRows::next_plan_id() const {
  return plans_.empty() ? PlanId(1) : plans_.rbegin()->first.next();
}

}  // namespace holdfast::postgres
