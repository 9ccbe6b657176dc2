// What a transaction locks and reads, before it decides.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "ledger/event_codec.h"
#include "ledger/validate.h"
#include "postgres/load_statements.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {
namespace {

using namespace load_statements;

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
  escrow.place = rows.place(i, 15);
  escrow.plan_before = row.plan;
  escrow.frozen_before = row.frozen != 0;
  escrow.dates_before = escrow.dates;
  escrow.released_before = row.released;
  escrow.refunded_before = row.refunded;
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

std::optional<std::uint32_t> chunk_of(const Command& command) {
  if (const auto* release = std::get_if<Release>(&command.operation)) return release->chunk;
  if (const auto* refund = std::get_if<Refund>(&command.operation)) return refund->chunk;
  return std::nullopt;
}

bool expects(const Command& command) {
  const auto* release = std::get_if<Release>(&command.operation);
  const auto* refund = std::get_if<Refund>(&command.operation);
  return (release != nullptr && release->expect) || (refund != nullptr && refund->expect);
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

std::vector<std::string> without(const std::vector<std::string>& all, const std::vector<std::string>& taken) {
  std::vector<std::string> out;
  std::ranges::set_difference(all, taken, std::back_inserter(out));
  return out;
}

template <class T>
void append(std::vector<T>&& more, std::vector<T>& into) {
  if (into.empty()) {
    into = std::move(more);
  } else {
    into.insert(into.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    tidy(into);
  }
}

/// What tells how an event may rest on what nobody can lock.
void add_footprint(Footprint&& more, Footprint& into) {
  append(std::move(more.accounts), into.accounts);
  append(std::move(more.debited), into.debited);
  append(std::move(more.closed), into.closed);
  append(std::move(more.escrows), into.escrows);
  append(std::move(more.escrow_keys), into.escrow_keys);
  append(std::move(more.groups), into.groups);
  append(std::move(more.fee_plans), into.fee_plans);
  append(std::move(more.keys), into.keys);
}

}  // namespace

/// What a footprint does not tell.
struct Attempt::Needs {
  bool defines_plan = false;
  bool changes_group = false;
  std::int64_t deposited = 0;  // in all, at most 2^62
  std::size_t chunks = 0;      // each reads the next escrow's id as the end of its set
  std::size_t events = 0;

  void operator()(const DefineFeePlan&) { defines_plan = true; }
  void operator()(const Deposit& op) {
    deposited = std::min(deposited + op.amount.minor(), std::int64_t{1} << 62);
  }
  void operator()(const Release& op) { batch(op); }
  void operator()(const Refund& op) { batch(op); }
  void operator()(const CloseGroup&) { changes_group = true; }
  void operator()(const ReopenGroup&) { changes_group = true; }
  void operator()(const Atomic& op) {
    for (const auto& inner : op.commands) std::visit(*this, inner.operation);
  }
  template <class Other>
  void operator()(const Other&) {}

 private:
  template <class Batch>
  void batch(const Batch& op) {
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

std::expected<void, SqlError> Attempt::load(std::span<const Command* const> commands) {
  Needs needs;
  needs.events = commands.size();
  // What breaks the rules of a command reads nothing: its text may be one that PostgreSQL cannot take.
  std::vector<const Command*> valid;
  for (const auto* command : commands) {
    if (!validate(*command)) continue;
    valid.push_back(command);
    std::visit(needs, command->operation);
  }
  const auto wanted = footprint(valid);
  Window window;
  if (const auto chunk = valid.size() == 1 ? chunk_of(*valid.front()) : std::nullopt) {
    // It goes on where its last event stopped. That is known for certain once the group is locked, since each
    // event of the command locks it.
    lock_plans_and_groups(wanted, needs);
    look_up_keys(wanted.keys);
    if (auto run = run_pipeline(); !run) return run;
    const auto& key = valid.front()->options.key;
    const auto past = set_.key_used(key) ? set_.past_command(key) : Result<PastCommand>();
    const auto* progress = progress_of(past->entry);
    // Dry, all chunks are run at once; and what is expected of all is looked at before the first.
    const bool all = valid.front()->options.dry_run || (progress == nullptr && expects(*valid.front()));
    window.limit = all ? std::numeric_limits<std::int64_t>::max() : std::int64_t{*chunk} + 1;
    if (progress != nullptr) {
      window.after = static_cast<std::int64_t>(progress->done_through.value());
      window.up_to = static_cast<std::int64_t>(progress->limit.value());
    }
  }
  return load_rows(wanted, needs, window);
}

std::expected<void, SqlError> Attempt::begin_block(const Options& options,
                                                   std::chrono::milliseconds lock_timeout) {
  begin(lock_timeout);
  set_.load_later();
  if (!options.key.empty()) look_up_keys({options.key});
  Needs needs;
  needs.events = 1;  // a number until the end
  return load_rows({}, needs, {});
}

std::expected<void, SqlError> Attempt::look_up_again(const std::string& key) {
  look_up_keys({key});
  return run_pipeline();
}

std::expected<void, SqlError> Attempt::load_for_block(const Command& command) {
  Needs needs;
  if (!validate_inside(command, 1)) return {};
  std::visit(needs, command.operation);
  return load_rows(footprint(command), needs, {});
}

/// Everything that is read without a lock comes after the last lock, in statements of its own: whoever had
/// the lock before may have changed it. Keys too: the same command may have been waiting for itself.
std::expected<void, SqlError> Attempt::load_rows(Footprint wanted, const Needs& needs, const Window& window) {
  name_what_accounts_lead_to(wanted);
  lock_plans_and_groups(wanted, needs);
  lock_escrows(wanted, window);
  lock_accounts(wanted);

  const bool deposits = !wanted.totals_of.empty() || !wanted.currency_totals.empty();
  bool much_there = false;
  const auto read_totals = [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const Amount total(rows.integer(i, 1));
      much_there = much_there || total > kMuchThere;
      set_.set_total(currency_at(rows, i, 0), total);
    }
  };
  const auto add_totals = [&](std::string_view lock) {
    pipeline_.add(lock, {kDepositSpace, ledger_.number});
    pipeline_.add(kTotals, {ledger_.number, codes(wanted.currency_totals), wanted.totals_of}, read_totals);
  };
  if (deposits) add_totals(needs.deposited > kMuchDeposited ? kLockDeposits : kShareDeposits);

  look_up_keys(wanted.keys);
  read_sums(wanted);
  read_moment();
  Drawn drawn;
  draw("escrows", wanted.new_ids.escrows + needs.chunks, drawn.escrows);
  draw("events", needs.events, drawn.events);
  if (auto run = run_pipeline(); !run) return run;
  if (!sees_commits_ && (needs.changes_group || !wanted.closed.empty())) {
    return std::unexpected(SqlError{
        "40001",
        "closing an account or a group, or settling a whole group, needs a transaction at READ COMMITTED"});
  }
  if (much_there && needs.deposited <= kMuchDeposited) {
    add_totals(kLockDeposits);
    look_up_keys(wanted.keys);
    drawn.events.clear();
    draw("events", needs.events, drawn.events);
    if (auto run = run_pipeline(); !run) return run;
  }
  // Most names are there already: no number is wasted on them.
  draw("accounts", std::min(wanted.new_ids.accounts, missing_accounts(wanted)), drawn.accounts);
  draw("groups", std::min(wanted.new_ids.groups, missing_groups(wanted)), drawn.groups);
  draw("plans", wanted.new_ids.fee_plans, drawn.plans);
  if (!pipeline_.empty()) {
    if (auto run = run_pipeline(); !run) return run;
  }
  for (const auto event : drawn.events) event_ids_.push_back(event.value());
  add_footprint(std::move(wanted), unlocked_);
  set_.give_ids(drawn.accounts, drawn.escrows, drawn.groups, drawn.plans);
  return load_plans();
}

/// The tables do not know an account that a block has opened, and so not its currency.
void Attempt::name_what_accounts_lead_to(Footprint& wanted) const {
  const auto currency_of = [&](const std::string& name) -> std::optional<Currency> {
    const auto id = set_.find_account(name);
    return id ? std::optional(set_.account(*id)->currency) : std::nullopt;
  };
  for (const auto& name : wanted.external_of) {
    if (const auto currency = currency_of(name)) wanted.accounts.push_back(default_external(*currency));
  }
  for (const auto& name : wanted.totals_of) {
    if (const auto currency = currency_of(name)) wanted.currency_totals.push_back(*currency);
  }
  tidy(wanted.accounts);
  tidy(wanted.currency_totals);
}

void Attempt::lock_plans_and_groups(const Footprint& wanted, const Needs& needs) {
  if (!wanted.fee_plans.empty()) {
    pipeline_.add(needs.defines_plan ? kLockPlans : kSharePlans, {ledger_.number, wanted.fee_plans},
                  [this](const ResultSet& rows) {
                    for (std::size_t i = 0; i < rows.rows(); ++i) {
                      const auto latest = id_at<PlanId>(rows, i, 1);
                      set_.set_latest_plan(std::string(rows.text(i, 0)), latest);
                      plans_to_load_.push_back(latest);
                    }
                  });
  }
  if (!wanted.groups.empty()) {
    pipeline_.add(
        needs.changes_group && !planted(PlantedBug::close_beside_holds) ? kLockGroups : kShareGroups,
        {ledger_.number, wanted.groups}, [this](const ResultSet& rows) {
          for (std::size_t i = 0; i < rows.rows(); ++i) {
            set_.add_group(id_at<GroupId>(rows, i, 0), std::string(rows.text(i, 1)), rows.boolean(i, 2));
          }
        });
  }
}

void Attempt::lock_escrows(const Footprint& wanted, const Window& window) {
  const bool with_keys = !wanted.group_members.empty() || !wanted.escrow_keys.empty();
  const auto read = [this, with_keys](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      auto escrow = escrow_at(rows, i);
      auto& plans = plans_to_load_;
      if (plans.empty() || plans.back() != escrow.row.plan) plans.push_back(escrow.row.plan);
      if (with_keys && !rows.is_null(i, 16)) set_.add_escrow_key(std::string(rows.text(i, 16)), escrow.id);
      set_.add_escrow(std::move(escrow));
    }
  };
  const auto ledger = ledger_.number;
  if (!wanted.group_members.empty()) {
    pipeline_.add(kEscrowsOfGroupsToo,
                  {ledger, numbers(wanted.escrows), wanted.escrow_keys, wanted.group_members, window.after,
                   window.up_to, window.limit},
                  read);
  } else if (!wanted.escrow_keys.empty()) {
    pipeline_.add(kEscrowsByKeyToo, {ledger, numbers(wanted.escrows), wanted.escrow_keys}, read);
  } else if (!wanted.escrows.empty()) {
    pipeline_.add(planted(PlantedBug::escrow_without_lock) ? kEscrowsUnlocked : kEscrows,
                  {ledger, numbers(wanted.escrows)}, read);
  }
}

void Attempt::lock_accounts(const Footprint& wanted) {
  const auto read = [this](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      AccountRow row;
      row.currency = currency_at(rows, i, 2);
      row.kind = static_cast<AccountKind>(rows.integer(i, 3));
      row.open = rows.boolean(i, 4);
      set_.add_account(id_at<AccountId>(rows, i, 0), std::string(rows.text(i, 1)), row);
    }
  };
  const auto ledger = ledger_.number;
  if (!wanted.closed.empty()) pipeline_.add(kCloseAccounts, {ledger, wanted.closed}, read);
  const auto debited = without(wanted.debited, wanted.closed);
  if (!debited.empty() && planted(PlantedBug::debit_beside_debits)) {
    pipeline_.add(kCreditAccounts, {ledger, debited, std::vector<std::string>()}, read);
  } else if (!debited.empty()) {
    pipeline_.add(kDebitAccounts, {ledger, debited}, read);
  }
  const auto credited = without(without(wanted.accounts, wanted.closed), debited);
  if (!credited.empty() || !wanted.external_of.empty()) {
    pipeline_.add(kCreditAccounts, {ledger, credited, wanted.external_of}, read);
  }
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

/// Balances last: what is released or refunded while this reads leaves the live escrows first.
void Attempt::read_sums(const Footprint& wanted) {
  const auto& closed = wanted.closed;
  std::vector<std::string> balances;
  std::ranges::set_union(wanted.debited, closed, std::back_inserter(balances));
  if (!closed.empty()) {
    pipeline_.add(kLiveOfClosed, {ledger_.number, closed}, [this](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        sums_changed_ |= set_.set_live(id_at<AccountId>(rows, i, 0), Amount(rows.integer(i, 1)),
                                       static_cast<std::uint32_t>(rows.integer(i, 2)));
      }
    });
    pipeline_.add(kPlansPayingIntoClosed, {ledger_.number, closed}, [this](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        auto [id, plan] = plan_at(rows, i);
        const auto latest = id_at<PlanId>(rows, i, 18);
        sums_changed_ |= set_.set_latest_plan(plan.name, latest);
        set_.add_plan(id, std::move(plan));
        sums_changed_ |= set_.set_plan_live(id, static_cast<std::uint64_t>(rows.integer(i, 17)));
      }
    });
  }
  if (!balances.empty()) {
    pipeline_.add(kAvailable, {ledger_.number, balances}, [this, &wanted](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const auto id = id_at<AccountId>(rows, i, 0);
        const auto* account = set_.account(id);
        const bool had_some = account != nullptr && account->available != Amount();
        const bool changed = set_.set_available(id, Amount(rows.integer(i, 1)));
        // Against closing stands any amount. A fee account that every release credits would never be the
        // same.
        const bool debited = std::ranges::binary_search(wanted.debited, set_.account_name(id));
        const bool has_some = account != nullptr && account->available != Amount();
        sums_changed_ |= debited ? changed : had_some != has_some;
      }
    });
  }
}

void Attempt::read_moment() {
  pipeline_.add(kMoment, {ledger_.number}, [this](const ResultSet& rows) {
    at_ = rows.time(0, 0);
    trace_.transaction = rows.integer(0, 1);
    sees_commits_ = rows.boolean(0, 2);
  });
}

std::expected<std::uint64_t, SqlError> Attempt::draw_event() {
  std::vector<Seq> drawn;
  draw("events", 1, drawn);
  if (auto run = run_pipeline(); !run) return std::unexpected(run.error());
  return drawn.front().value();
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

std::expected<void, SqlError> Attempt::load_plans() {
  auto plans = std::exchange(plans_to_load_, {});
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
  return run_pipeline();
}

}  // namespace holdfast::postgres
