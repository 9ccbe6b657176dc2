#include "postgres/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"
#include "ledger/event_codec.h"
#include "ledger/footprint.h"

namespace holdfast::postgres {
namespace {

// Locks, in this order in every transaction: plans, groups, escrows, accounts, each in the order of its
// numbers.

// A name that is not there has no row to lock. Who may make one takes its stripe before his event's id is
// drawn, shared with others who do; who records that a name was not there (a skipped item, a savepoint's
// error) has the stripe alone. Without that an event could stand in the chain behind the making of what it
// says is not there. The first number tells Holdfast's advisory locks from the application's.
constexpr std::int64_t kStripeSpace = 0x486f6c64;
constexpr std::size_t kStripes = 64;
constexpr std::string_view kShareStripes =
    "select pg_advisory_xact_lock_shared($1::int, stripe::int) from unnest($2::bigint[]) stripe";
constexpr std::string_view kLockStripes =
    "select pg_advisory_xact_lock($1::int, stripe::int) from unnest($2::bigint[]) stripe";
constexpr std::string_view kAnyThere = R"(
select exists (select from holdfast.keys where ledger = (select $1::int) and key = any($2))
  or exists (select from holdfast.accounts where ledger = (select $1::int) and name = any($3))
  or exists (select from holdfast.groups where ledger = (select $1::int) and name = any($4))
  or exists (select from holdfast.fee_plans where ledger = (select $1::int) and name = any($5)))";

// Deposits of a currency are refused once there is too much of it. What other transactions deposit meanwhile
// is not seen, and does not matter while there is little: 2,048 of them at once would have to bring the most
// that shares the lock. Whoever brings more, or finds much, has it alone.
constexpr std::int64_t kDepositSpace = 0x486f6c65;
constexpr std::int64_t kMuchDeposited = std::int64_t{1} << 50;
constexpr Amount kMuchThere{std::int64_t{1} << 61};
constexpr std::string_view kShareDeposits = "select pg_advisory_xact_lock_shared($1::int, $2::int)";
constexpr std::string_view kLockDeposits = "select pg_advisory_xact_lock($1::int, $2::int)";

constexpr std::string_view kEscrowsOfKeys =
    "select key, escrow from holdfast.keys where ledger = (select $1::int) and key = any($2) and escrow is "
    "not null";

constexpr std::string_view kPastCommands = R"(
select k.key, e.event, e.at, e.entry, s.seq
from holdfast.keys k
join holdfast.events e on e.ledger = k.ledger and e.event = coalesce(
  (select max(c.event) from holdfast.later_chunks c where c.ledger = k.ledger and c.key = k.key), k.event)
left join holdfast.seals s on s.ledger = e.ledger and s.event = e.event
where k.ledger = (select $1::int) and k.key = any($2))";

constexpr std::string_view kSharePlans = R"(
select name, latest from holdfast.fee_plans where ledger = (select $1::int) and name = any($2) order by name for key share)";
constexpr std::string_view kLockPlans = R"(
select name, latest from holdfast.fee_plans where ledger = (select $1::int) and name = any($2) order by name for update)";

constexpr std::string_view kShareGroups = R"(
select "group", name, open from holdfast.groups where ledger = (select $1::int) and name = any($2) order by "group" for key share)";
constexpr std::string_view kLockGroups = R"(
select "group", name, open from holdfast.groups where ledger = (select $1::int) and name = any($2) order by "group" for update)";

#define ESCROW_COLUMNS                                                                                      \
  "e.escrow, e.payer, e.beneficiary, e.\"group\", e.plan, e.amount, e.released, e.refunded, e.commission, " \
  "e.processor_fee, e.frozen, e.release_at, e.refund_at, e.held_by, e.last_event from holdfast.escrows e "

constexpr std::string_view kEscrows =
    "select " ESCROW_COLUMNS
    "where e.ledger = (select $1::int) and e.escrow = any($2) order by e.escrow for update";
constexpr std::string_view kEscrowsByKeyToo =
    "select " ESCROW_COLUMNS
    "where e.ledger = (select $1::int) and e.escrow = any($2::bigint[] || array("
    "select k.escrow from holdfast.keys k where k.ledger = (select $1::int) and k.key = any($3) and k.escrow "
    "is not null)) "
    "order by e.escrow for update";
// One more than a batch can have, so that it is seen to be too large.
constexpr std::string_view kEscrowsOfGroupsToo =
    "select " ESCROW_COLUMNS
    "where e.ledger = (select $1::int) and e.escrow = any($2::bigint[] || array("
    "select k.escrow from holdfast.keys k where k.ledger = (select $1::int) and k.key = any($3) and k.escrow "
    "is not null) || array("
    "select m.escrow from unnest($4::text[]) named(name) "
    "join holdfast.groups g on g.ledger = (select $1::int) and g.name = named.name cross join lateral ("
    "select escrow from holdfast.escrows where ledger = (select $1::int) and \"group\" = g.\"group\" and "
    "escrow > $5 "
    "and escrow <= $6 and released + refunded < amount order by escrow limit $7) m)) order by e.escrow for "
    "update";

// Accounts by name, and the external accounts of the currencies of some of them. A debit keeps other debits
// away, a credit only closing; closing keeps all away.
#define NAMED_ACCOUNTS                                                                                     \
  "select account, name, currency, kind, open from holdfast.accounts where ledger = (select $1::int) and " \
  "name = any($2) "                                                                                        \
  "order by account "
constexpr std::string_view kCloseAccounts = NAMED_ACCOUNTS "for update";
constexpr std::string_view kDebitAccounts = NAMED_ACCOUNTS "for no key update";
constexpr std::string_view kCreditAccounts = R"(
select account, name, currency, kind, open from holdfast.accounts
where ledger = (select $1::int) and name = any($2::text[] || array(
  select 'external:' || o.currency from holdfast.accounts o where o.ledger = (select $1::int) and o.name = any($3)))
order by account for key share)";

// What is sealed and what is pending, in one statement: sealing moves it from one to the other.
#define AVAILABLE_OF_A                                                                                  \
  "coalesce((select l.available_after from holdfast.lines l where l.ledger = a.ledger and l.account = " \
  "a.account "                                                                                          \
  "order by l.seq desc limit 1), 0) + coalesce((select sum(p.available) from holdfast.pending p "       \
  "where p.ledger = a.ledger and p.account = a.account), 0)"
constexpr std::string_view kAvailable =
    "select a.account, (" AVAILABLE_OF_A
    ")::bigint from holdfast.accounts a where a.ledger = (select $1::int) and a.name = any($2)";
// All money of a currency is a minus of its external accounts.
constexpr std::string_view kTotals = "select a.currency, (-sum(" AVAILABLE_OF_A
                                     "))::bigint from holdfast.accounts a where a.ledger = (select $1::int) "
                                     "and a.kind = 5 and a.currency = any($2::text[] || array("
                                     "select o.currency::text from holdfast.accounts o where o.ledger = "
                                     "(select $1::int) and o.name = any($3))) group by a.currency";

constexpr std::string_view kLiveOfClosed = R"(
select a.account,
  coalesce((select sum(e.amount - e.released - e.refunded) from holdfast.escrows e
    where e.ledger = a.ledger and e.payer = a.account), 0)::bigint,
  (select count(*) from holdfast.escrows e
    where e.ledger = a.ledger and e.beneficiary = a.account and e.released + e.refunded < e.amount)
from holdfast.accounts a where a.ledger = (select $1::int) and a.name = any($2))";

#define PLAN_COLUMNS                                                                                 \
  "v.plan, v.name, v.version, v.currency, v.commission_rate, v.commission_fixed, v.commission_min, " \
  "v.commission_max, v.commission_account, c.name, v.fee_rate, v.fee_fixed, v.fee_min, v.fee_max, "  \
  "v.fee_account, f.name, v.rounding "
#define PLAN_TABLES                                                                       \
  "from holdfast.fee_plan_versions v "                                                    \
  "join holdfast.accounts c on c.ledger = v.ledger and c.account = v.commission_account " \
  "join holdfast.accounts f on f.ledger = v.ledger and f.account = v.fee_account "
constexpr std::string_view kPlans =
    "select " PLAN_COLUMNS PLAN_TABLES "where v.ledger = (select $1::int) and v.plan = any($2)";
constexpr std::string_view kPlansPayingIntoClosed =
    "select " PLAN_COLUMNS
    ", (select count(*) from holdfast.escrows e where e.ledger = v.ledger and e.plan = v.plan "
    "and e.released + e.refunded < e.amount), l.latest " PLAN_TABLES
    "join holdfast.fee_plans l on l.ledger = v.ledger and l.name = v.name "
    "where v.ledger = (select $1::int) and (c.name = any($2) or f.name = any($2))";

constexpr std::string_view kMoment =
    "select greatest(clock_timestamp(), at), pg_current_xact_id()::text::bigint from holdfast.ledgers where "
    "ledger = (select $1::int)";
constexpr std::string_view kDraw = "select nextval($1::text::regclass) from generate_series(1, $2)";

FeeRule rule_at(const ResultSet& rows, std::size_t row, std::size_t column) {
  FeeRule rule;
  rule.rate = Rate::from_billionths(static_cast<std::uint32_t>(rows.integer(row, column)));
  rule.fixed = Amount(rows.integer(row, column + 1));
  rule.min = Amount(rows.integer(row, column + 2));
  if (!rows.is_null(row, column + 3)) rule.max = Amount(rows.integer(row, column + 3));
  rule.to = rows.text(row, column + 5);
  return rule;
}

template <class Id>
Id id_at(const ResultSet& rows, std::size_t row, std::size_t column) {
  return Id(static_cast<typename Id::value_type>(rows.integer(row, column)));
}

Currency currency_at(const ResultSet& rows, std::size_t row, std::size_t column) {
  const auto currency = Currency::parse(rows.text(row, column));
  HOLDFAST_ASSERT(currency.has_value(), "the schema has currencies that this version knows");
  return *currency;
}

std::pair<PlanId, PlanRow> plan_at(const ResultSet& rows, std::size_t row) {
  PlanRow plan;
  plan.name = rows.text(row, 1);
  plan.version = static_cast<std::uint32_t>(rows.integer(row, 2));
  plan.currency = currency_at(rows, row, 3);
  plan.commission = rule_at(rows, row, 4);
  plan.commission_account = id_at<AccountId>(rows, row, 8);
  plan.processor_fee = rule_at(rows, row, 10);
  plan.fee_account = id_at<AccountId>(rows, row, 14);
  plan.rounding = static_cast<Rounding>(rows.integer(row, 16));
  return {id_at<PlanId>(rows, row, 0), std::move(plan)};
}

LoadedEscrow escrow_at(const ResultSet& rows, std::size_t i) {
  LoadedEscrow escrow;
  escrow.id = id_at<EscrowId>(rows, i, 0);
  auto& row = escrow.row;
  row.payer = id_at<AccountId>(rows, i, 1);
  row.beneficiary = id_at<AccountId>(rows, i, 2);
  if (!rows.is_null(i, 3)) row.group = id_at<GroupId>(rows, i, 3);
  row.plan = id_at<PlanId>(rows, i, 4);
  row.amount = Amount(rows.integer(i, 5));
  row.released = Amount(rows.integer(i, 6));
  row.refunded = Amount(rows.integer(i, 7));
  row.commission = Amount(rows.integer(i, 8));
  row.processor_fee = Amount(rows.integer(i, 9));
  row.frozen = rows.boolean(i, 10) ? 1 : 0;
  if (!rows.is_null(i, 11)) escrow.dates.release_at = rows.time(i, 11);
  if (!rows.is_null(i, 12)) escrow.dates.refund_at = rows.time(i, 12);
  row.dated = escrow.dates.release_at || escrow.dates.refund_at ? 1 : 0;
  escrow.held_by = static_cast<std::uint64_t>(rows.integer(i, 13));
  escrow.before = static_cast<std::uint64_t>(rows.integer(i, 14));
  escrow.plan_before = row.plan;
  escrow.frozen_before = row.frozen != 0;
  escrow.dates_before = escrow.dates;
  escrow.due_before = row.dated != 0 && row.frozen == 0 && row.locked() > Amount();
  return escrow;
}

/// Ids that the sequences gave.
struct Drawn {
  std::vector<AccountId> accounts;
  std::vector<EscrowId> escrows;
  std::vector<GroupId> groups;
  std::vector<PlanId> plans;
  std::vector<Seq> events;
};

template <class T>
void tidy(std::vector<T>& list) {
  std::ranges::sort(list);
  const auto rest = std::ranges::unique(list);
  list.erase(rest.begin(), rest.end());
}

/// The names that a command of this footprint may be the first to make.
std::vector<std::string_view> may_be_made(const Footprint& wanted) {
  std::vector<std::string_view> names(wanted.keys.begin(), wanted.keys.end());
  const auto add = [&](const std::vector<std::string>& more) {
    names.insert(names.end(), more.begin(), more.end());
  };
  if (wanted.new_ids.accounts > 0) add(wanted.accounts);
  if (wanted.new_ids.groups > 0) add(wanted.groups);
  if (wanted.new_ids.fee_plans > 0) add(wanted.fee_plans);
  return names;
}

/// Ascending, so that they are locked in one order.
std::vector<std::int64_t> stripes_of(std::int64_t ledger, const std::vector<std::string_view>& names) {
  std::vector<std::int64_t> stripes;
  stripes.reserve(names.size());
  for (const auto name : names) {
    // FNV-1a: the same in every process.
    std::uint32_t hash = 2'166'136'261;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619;
    stripes.push_back(ledger * static_cast<std::int64_t>(kStripes) + hash % kStripes);
  }
  tidy(stripes);
  return stripes;
}

std::optional<std::uint32_t> chunk_of(const Command& command) {
  if (const auto* release = std::get_if<Release>(&command.operation)) return release->chunk;
  if (const auto* refund = std::get_if<Refund>(&command.operation)) return refund->chunk;
  return std::nullopt;
}

std::vector<std::int64_t> numbers(const std::vector<EscrowId>& ids) {
  std::vector<std::int64_t> out;
  out.reserve(ids.size());
  for (const auto id : ids) out.push_back(static_cast<std::int64_t>(id.value()));
  return out;
}

std::vector<std::string> codes(const std::vector<Currency>& currencies) {
  std::vector<std::string> out;
  out.reserve(currencies.size());
  for (const auto currency : currencies) out.emplace_back(currency.code());
  return out;
}

bool has_replay(const Entry& entry) {
  if (std::holds_alternative<Replayed>(entry.body)) return true;
  const auto* atomic = std::get_if<AtomicDone>(&entry.body);
  return atomic != nullptr &&
         std::ranges::any_of(atomic->entries, [](const auto& inner) { return inner && has_replay(*inner); });
}

/// Inside a block, its own event was replayed under the number that it had until now.
void rename_replays(Entry& entry, std::uint64_t from, std::uint64_t to) {
  if (auto* replayed = std::get_if<Replayed>(&entry.body)) {
    if (replayed->original == Seq(from)) replayed->original = Seq(to);
  } else if (auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
    for (auto& inner : atomic->entries) {
      if (inner) rename_replays(*inner, from, to);
    }
  }
}

std::vector<std::string> without(const std::vector<std::string>& all, const std::vector<std::string>& taken) {
  std::vector<std::string> out;
  std::ranges::set_difference(all, taken, std::back_inserter(out));
  return out;
}

}  // namespace

/// What a footprint does not tell, and decides how rows are locked.
struct Attempt::Needs {
  bool defines_plan = false;
  bool changes_group = false;
  bool records_absence = false;  // perhaps: an event may say that a name was not there
  std::int64_t deposited = 0;    // in all, at most 2^62
  std::size_t chunks = 0;        // each reads the next escrow's id as the end of its set
  std::size_t events = 0;

  void operator()(const DefineFeePlan&) { defines_plan = true; }
  void operator()(const Deposit& op) {
    deposited = std::min(deposited + op.amount.minor(), std::int64_t{1} << 62);
  }
  void operator()(const Release& op) { batch(op); }
  void operator()(const Refund& op) { batch(op); }
  void operator()(const CloseGroup&) { changes_group = true; }
  void operator()(const ReopenGroup&) { changes_group = records_absence = true; }
  void operator()(const Atomic& op) {
    records_absence = records_absence || op.continue_on_error;
    for (const auto& inner : op.commands) std::visit(*this, inner.operation);
  }
  template <class Other>
  void operator()(const Other&) {}

 private:
  template <class Batch>
  void batch(const Batch& op) {
    records_absence = records_absence || op.mode == BatchMode::skip || !op.group.empty();
    if (op.group.empty()) return;
    changes_group = true;  // no hold may slip in between
    if (op.chunk) ++chunks;
  }
};

/// The part of a group that is loaded.
struct Attempt::Window {
  std::int64_t after = 0;
  std::int64_t up_to = std::numeric_limits<std::int64_t>::max();
  std::int64_t limit = kMaxGroupItems + 1;
};

std::optional<PlanRow> PlanCache::find(PlanId id) const {
  const std::scoped_lock hold(mutex_);
  const auto at = rows_.find(id);
  return at == rows_.end() ? std::nullopt : std::optional(at->second);
}

void PlanCache::put(PlanId id, const PlanRow& row) {
  const std::scoped_lock hold(mutex_);
  rows_.try_emplace(id, row);
}

std::expected<Outcome, SqlError> Attempt::run(std::span<const Command* const> commands,
                                              std::chrono::milliseconds lock_timeout) {
  begin(lock_timeout);
  if (auto loaded = load(commands); !loaded) return std::unexpected(loaded.error());
  decide(commands);
  Pipeline writing;
  write(writing);
  writing.add("commit");
  trace_.commit_sent = true;
  if (auto written = writing.run(session_); !written) return std::unexpected(written.error());
  return take_outcome();
}

std::expected<Outcome, SqlError> Attempt::run_inside(std::span<const Command* const> commands) {
  if (auto loaded = load(commands); !loaded) return std::unexpected(loaded.error());
  decide(commands);
  Pipeline writing;
  write(writing);
  if (!writing.empty()) {
    if (auto written = writing.run(session_); !written) return std::unexpected(written.error());
  }
  return take_outcome();
}

void Attempt::begin(std::chrono::milliseconds lock_timeout) {
  pipeline_.add("begin transaction isolation level read committed");
  pipeline_.add(kTransactionSettings, {std::to_string(lock_timeout.count())});
}

std::expected<void, SqlError> Attempt::load(std::span<const Command* const> commands) {
  const auto wanted = footprint(commands);
  Needs needs;
  needs.events = commands.size();
  for (const auto* command : commands) std::visit(needs, command->operation);
  look_up_keys(wanted.keys);
  Window window;
  if (const auto chunk = commands.size() == 1 ? chunk_of(*commands.front()) : std::nullopt) {
    // It goes on where its last event stopped, which must be known first.
    if (auto run = run_pipeline(); !run) return run;
    window.limit = std::int64_t{*chunk} + 1;
    const auto& key = commands.front()->options.key;
    const auto past = set_.key_used(key) ? set_.past_command(key) : Result<PastCommand>();
    if (const auto* progress = progress_of(past->entry)) {
      window.after = static_cast<std::int64_t>(progress->done_through.value());
      window.up_to = static_cast<std::int64_t>(progress->limit.value());
    }
  }
  return load_rows(wanted, needs, window, {});
}

void Attempt::look_up_keys(const std::vector<std::string>& keys) {
  if (keys.empty()) return;
  pipeline_.add(kPastCommands, {ledger_.number, keys}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      PastCommand past;
      past.event_id = static_cast<std::uint64_t>(rows.integer(i, 1));
      past.seq = Seq(past.event_id);
      past.at = rows.time(i, 2);
      Entry entry;
      const std::string key(rows.text(i, 0));
      const auto decoded = decode_entry(rows.bytes(i, 3), entry);
      const auto* mine = decoded ? entry_with_key(entry, key) : nullptr;
      if (mine == nullptr) {
        corrupt_ =
            data_corrupted(fmt::format("event {} of key {}: {}", past.event_id, key,
                                       decoded ? "the key is not in it" : decoded.error().message.c_str()));
        return;
      }
      past.entry = *mine;
      if (!rows.is_null(i, 4)) sealed_[key] = id_at<Seq>(rows, i, 4);
      set_.add_past(key, past);
    }
  });
}

/// \param plans  more that are to be known
std::expected<void, SqlError> Attempt::load_rows(const Footprint& wanted, const Needs& needs,
                                                 const Window& window, std::vector<PlanId> plans) {
  const auto ledger = ledger_.number;
  if (auto stripes = stripes_of(ledger, may_be_made(wanted)); !stripes.empty()) {
    pipeline_.add(kShareStripes, {kStripeSpace, std::move(stripes)});
  }
  if (!wanted.escrow_keys.empty()) {
    pipeline_.add(kEscrowsOfKeys, {ledger, wanted.escrow_keys}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        set_.add_escrow_key(std::string(rows.text(i, 0)), id_at<EscrowId>(rows, i, 1));
      }
    });
  }
  if (!wanted.fee_plans.empty()) {
    pipeline_.add(needs.defines_plan ? kLockPlans : kSharePlans, {ledger, wanted.fee_plans},
                  [&](const ResultSet& rows) {
                    for (std::size_t i = 0; i < rows.rows(); ++i) {
                      const auto latest = id_at<PlanId>(rows, i, 1);
                      set_.set_latest_plan(std::string(rows.text(i, 0)), latest);
                      plans.push_back(latest);
                    }
                  });
  }
  if (!wanted.groups.empty()) {
    pipeline_.add(needs.changes_group ? kLockGroups : kShareGroups, {ledger, wanted.groups},
                  [&](const ResultSet& rows) {
                    for (std::size_t i = 0; i < rows.rows(); ++i) {
                      set_.add_group(id_at<GroupId>(rows, i, 0), std::string(rows.text(i, 1)),
                                     rows.boolean(i, 2));
                    }
                  });
  }
  const auto read_escrows = [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      auto escrow = escrow_at(rows, i);
      if (plans.empty() || plans.back() != escrow.row.plan) plans.push_back(escrow.row.plan);
      set_.add_escrow(std::move(escrow));
    }
  };
  if (!wanted.group_members.empty()) {
    pipeline_.add(kEscrowsOfGroupsToo,
                  {ledger, numbers(wanted.escrows), wanted.escrow_keys, wanted.group_members, window.after,
                   window.up_to, window.limit},
                  read_escrows);
  } else if (!wanted.escrow_keys.empty()) {
    pipeline_.add(kEscrowsByKeyToo, {ledger, numbers(wanted.escrows), wanted.escrow_keys}, read_escrows);
  } else if (!wanted.escrows.empty()) {
    pipeline_.add(kEscrows, {ledger, numbers(wanted.escrows)}, read_escrows);
  }

  const auto read_accounts = [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      AccountRow row;
      row.currency = currency_at(rows, i, 2);
      row.kind = static_cast<AccountKind>(rows.integer(i, 3));
      row.open = rows.boolean(i, 4);
      set_.add_account(id_at<AccountId>(rows, i, 0), std::string(rows.text(i, 1)), row);
    }
  };
  if (!wanted.closed.empty()) pipeline_.add(kCloseAccounts, {ledger, wanted.closed}, read_accounts);
  const auto debited = without(wanted.debited, wanted.closed);
  if (!debited.empty()) pipeline_.add(kDebitAccounts, {ledger, debited}, read_accounts);
  const auto credited = without(without(wanted.accounts, wanted.closed), debited);
  if (!credited.empty() || !wanted.external_of.empty()) {
    pipeline_.add(kCreditAccounts, {ledger, credited, wanted.external_of}, read_accounts);
  }

  // After the last lock, in later statements: what is only right then.
  std::vector<std::string> balances;
  std::ranges::set_union(wanted.debited, wanted.closed, std::back_inserter(balances));
  if (!balances.empty()) {
    pipeline_.add(kAvailable, {ledger, balances}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        set_.set_available(id_at<AccountId>(rows, i, 0), Amount(rows.integer(i, 1)));
      }
    });
  }
  if (!wanted.closed.empty()) {
    pipeline_.add(kLiveOfClosed, {ledger, wanted.closed}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        set_.set_live(id_at<AccountId>(rows, i, 0), Amount(rows.integer(i, 1)),
                      static_cast<std::uint32_t>(rows.integer(i, 2)));
      }
    });
    pipeline_.add(kPlansPayingIntoClosed, {ledger, wanted.closed}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        auto [id, plan] = plan_at(rows, i);
        plan.live = static_cast<std::uint64_t>(rows.integer(i, 17));
        set_.set_latest_plan(plan.name, id_at<PlanId>(rows, i, 18));
        set_.add_plan(id, std::move(plan));
      }
    });
  }
  const bool deposits = !wanted.totals_of.empty() || !wanted.currency_totals.empty();
  bool much_there = false;
  const auto read_totals = [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const Amount total(rows.integer(i, 1));
      much_there = much_there || total > kMuchThere;
      set_.set_total(currency_at(rows, i, 0), total);
    }
  };
  if (deposits) {
    pipeline_.add(needs.deposited > kMuchDeposited ? kLockDeposits : kShareDeposits, {kDepositSpace, ledger});
    pipeline_.add(kTotals, {ledger, codes(wanted.currency_totals), wanted.totals_of}, read_totals);
  }
  pipeline_.add(kMoment, {ledger}, [&](const ResultSet& rows) {
    at_ = rows.time(0, 0);
    trace_.transaction = rows.integer(0, 1);
  });
  Drawn drawn;
  draw("escrows", wanted.new_ids.escrows + needs.chunks, drawn.escrows);
  if (!needs.records_absence) draw("events", needs.events, drawn.events);
  if (auto run = run_pipeline(); !run) return run;
  if (much_there && needs.deposited <= kMuchDeposited) {
    pipeline_.add(kLockDeposits, {kDepositSpace, ledger});
    pipeline_.add(kTotals, {ledger, codes(wanted.currency_totals), wanted.totals_of}, read_totals);
    if (needs.events > 0) {
      drawn.events.clear();
      draw("events", needs.events, drawn.events);
    }
    if (auto run = run_pipeline(); !run) return run;
  }
  if (needs.records_absence) {
    if (auto held = hold_absences(wanted); !held) return held;
    draw("events", needs.events, drawn.events);
  }
  // Most names are there already: no number is wasted on them.
  draw("accounts", std::min(wanted.new_ids.accounts, missing_accounts(wanted)), drawn.accounts);
  draw("groups", std::min(wanted.new_ids.groups, missing_groups(wanted)), drawn.groups);
  draw("plans", wanted.new_ids.fee_plans, drawn.plans);
  if (!pipeline_.empty()) {
    if (auto run = run_pipeline(); !run) return run;
  }
  for (const auto event : drawn.events) event_ids_.push_back(event.value());
  set_.give_ids(drawn.accounts, drawn.escrows, drawn.groups, drawn.plans);
  return load_plans(std::move(plans));
}

/// Keeps names that were not found from being made before this is committed. One that was made since it was
/// looked up begins the attempt anew.
std::expected<void, SqlError> Attempt::hold_absences(const Footprint& wanted) {
  const auto absent = [](const std::vector<std::string>& names, const auto& find) {
    std::vector<std::string> out;
    std::ranges::copy_if(names, std::back_inserter(out), [&](const auto& name) { return !find(name); });
    return out;
  };
  const auto keys = absent(wanted.escrow_keys, [&](const auto& key) { return set_.find_escrow(key); });
  const auto accounts = absent(wanted.accounts, [&](const auto& name) { return set_.find_account(name); });
  const auto groups = absent(wanted.groups, [&](const auto& name) { return set_.find_group(name); });
  const auto plans = absent(wanted.fee_plans, [&](const auto& name) { return set_.find_latest_plan(name); });
  std::vector<std::string_view> names;
  for (const auto* some : {&keys, &accounts, &groups, &plans})
    names.insert(names.end(), some->begin(), some->end());
  if (names.empty()) return {};
  bool any_there = false;
  pipeline_.add(kLockStripes, {kStripeSpace, stripes_of(ledger_.number, names)});
  pipeline_.add(kAnyThere, {ledger_.number, keys, accounts, groups, plans},
                [&](const ResultSet& rows) { any_there = rows.boolean(0, 0); });
  if (auto run = run_pipeline(); !run) return run;
  if (any_there)
    return std::unexpected(SqlError{"40001", "a name was made by another transaction meanwhile"});
  return {};
}

template <class Id>
void Attempt::draw(std::string_view what, std::size_t count, std::vector<Id>& into) {
  if (count == 0) return;
  pipeline_.add(kDraw,
                {fmt::format("holdfast.{}_of_{}", what, ledger_.number), static_cast<std::int64_t>(count)},
                [&into](const ResultSet& rows) {
                  for (std::size_t i = 0; i < rows.rows(); ++i) into.push_back(id_at<Id>(rows, i, 0));
                });
}

std::size_t Attempt::missing_accounts(const Footprint& wanted) const {
  std::size_t missing = 0;
  for (const auto& name : wanted.accounts) missing += set_.find_account(name) ? 0 : 1;
  for (const auto& name : wanted.external_of) {
    const auto id = set_.find_account(name);
    if (id && !set_.find_account(default_external(set_.account(*id)->currency))) ++missing;
  }
  return missing;
}

std::size_t Attempt::missing_groups(const Footprint& wanted) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(wanted.groups, [&](const auto& name) { return !set_.find_group(name); }));
}

std::expected<void, SqlError> Attempt::run_pipeline() {
  if (auto run = pipeline_.run(session_); !run) return run;
  if (corrupt_) return std::unexpected(*corrupt_);
  return {};
}

std::expected<void, SqlError> Attempt::load_plans(std::vector<PlanId> plans) {
  tidy(plans);
  std::vector<std::int64_t> missing;
  for (const auto id : plans) {
    if (set_.plan(id) != nullptr) continue;
    if (auto known = plans_.find(id)) {
      set_.add_plan(id, std::move(*known));
    } else {
      missing.push_back(id.value());
    }
  }
  if (missing.empty()) return {};
  pipeline_.add(kPlans, {ledger_.number, missing}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      auto [id, plan] = plan_at(rows, i);
      plans_.put(id, plan);
      set_.add_plan(id, std::move(plan));
    }
  });
  return pipeline_.run(session_);
}

void Attempt::decide(std::span<const Command* const> commands) {
  outcome_.answers.reserve(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) outcome_.answers.push_back(decide_one(*commands[i], i));
  outcome_.events = recorded_.size();
  if (!recorded_.empty()) trace_.event = recorded_.front().event;
}

Result<StoreAnswer> Attempt::decide_one(const Command& command, std::size_t index) {
  const auto event = event_ids_[index];
  auto decision = execute(command, set_, {Seq(event), at_}, workspace_);
  if (!decision) return std::unexpected(std::move(decision.error()));
  if (const auto* accepted = std::get_if<Accepted>(&*decision)) {
    record(event, *accepted->entry);
    set_.note_event(event, at_, *accepted->entry);
  }
  return answer_to(*decision, command.options, event);
}

StoreAnswer Attempt::answer_to(Decision& decision, const Options& options, std::uint64_t event) {
  StoreAnswer answer;
  if (const auto* first = std::get_if<FirstAnswer>(&decision)) {
    const auto& past = first->past;
    const auto sealed = sealed_.find(options.key);
    answer.answer = {past.event_id, sealed == sealed_.end() ? std::nullopt : std::optional(sealed->second),
                     past.at, true, result_of(past.entry)};
  } else if (auto* nothing = std::get_if<Unrecorded>(&decision)) {
    answer.answer = {{}, {}, at_, false, std::move(nothing->result)};
  } else {
    const auto& entry = *std::get<Accepted>(decision).entry;
    const auto* progress = progress_of(entry);
    answer.more = progress != nullptr && !progress->last;
    answer.answer = {event, {}, at_, false, result_of(entry)};
  }
  return answer;
}

void Attempt::record(std::uint64_t event, const Entry& entry) {
  Recorded recorded{.event = event,
                    .op = std::string(op_name(entry.body)),
                    .actor = entry.actor,
                    .reason = entry.reason,
                    .reference = entry.reference,
                    .replays = has_replay(entry),
                    .entry = {}};
  encode_entry(entry, recorded.entry);
  recorded_.push_back(std::move(recorded));
}

std::expected<void, SqlError> Attempt::begin_block(const Options& options,
                                                   std::chrono::milliseconds lock_timeout) {
  begin(lock_timeout);
  if (!options.key.empty()) look_up_keys({options.key});
  Needs needs;
  needs.events = 1;  // a number until the end
  return load_rows({}, needs, {}, {});
}

std::expected<void, SqlError> Attempt::load_for_block(const Command& command) {
  const auto wanted = footprint(command);
  Needs needs;
  std::visit(needs, command.operation);
  look_up_keys(wanted.keys);
  return load_rows(wanted, needs, {}, {});
}

std::expected<void, SqlError> Attempt::commit_block(const Entry* entry) {
  if (entry != nullptr) {
    // Drawn after the block's last lock and read.
    const auto until_now = event_ids_.front();
    event_ids_.clear();
    Needs needs;
    needs.events = 1;
    if (auto drawn = load_rows({}, needs, {}, {}); !drawn) return drawn;
    const auto event = event_ids_.front();
    set_.rename_event(until_now, event);
    auto renamed = *entry;
    rename_replays(renamed, until_now, event);
    record(event, renamed);
    trace_.event = event;
  }
  Pipeline writing;
  write(writing);
  writing.add("commit");
  trace_.commit_sent = true;
  return writing.run(session_);
}

}  // namespace holdfast::postgres
