// Keeps the order of events a true one where an event says what was not.
//
// Whatever is committed is sealed, in the order of numbers; so each event must have seen what those before it
// did. A number is drawn after the last lock, and what is locked stays as it is. But some of what a command
// reads nobody can lock: a name or a key that is not there, money that has not come. Another transaction may
// bring it, under a lower number, or under a higher one that is sealed first. Nothing that succeeds can rest
// on that, since names stay and credits only add; a failure that is recorded (a part that was rolled back, an
// item that was skipped) can. Such an event takes a new number, waits until every transaction that may have a
// lower one has ended, keeps the sealer away until it is committed, and looks again.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/planted_bugs.h"
#include "ledger/event_codec.h"
#include "postgres/replays.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {
namespace {

// One event at a time waits, or two would wait for each other. The first number tells Holdfast's advisory
// locks from the application's.
constexpr std::int64_t kOrderSpace = 0x486f6c64;
constexpr std::string_view kLockOrder = "select pg_advisory_xact_lock($1::int, $2::int)";

// Who draws a number keeps a lock on the sequence until his transaction ends. One that waits for its turn
// here will draw another.
constexpr std::string_view kInFlight = R"(
select l.virtualtransaction from pg_locks l
where l.locktype = 'relation' and l.relation = $1::text::regclass and l.granted
  and l.database = (select oid from pg_database where datname = current_database())
  and l.pid is distinct from pg_backend_pid()
  and not exists (select from pg_locks w where w.locktype = 'advisory' and w.database = l.database
    and w.classid = $2::bigint::oid and w.objid = $3::bigint::oid and w.objsubid = 2 and not w.granted
    and w.pid = l.pid))";

constexpr std::string_view kKeepSealerAway =
    "select from holdfast.ledgers where ledger = (select $1::int) for update";

constexpr std::string_view kAnyThere = R"(
select exists (select from holdfast.accounts where ledger = (select $1::int) and name = any($2))
  or exists (select from holdfast.groups where ledger = (select $1::int) and name = any($3))
  or exists (select from holdfast.fee_plans where ledger = (select $1::int) and name = any($4))
  or exists (select from holdfast.keys where ledger = (select $1::int) and key = any($5))
  or exists (select from holdfast.keys where ledger = (select $1::int) and key = any($6) and escrow is not null)
  or exists (select from holdfast.escrows where ledger = (select $1::int) and escrow = any($7::bigint[])))";

struct Absent {
  std::vector<std::string> accounts, groups, fee_plans, keys, escrow_keys;
  std::vector<std::int64_t> escrows;

  Absent(const Footprint& wanted, const WorkingSet& rows) {
    const auto keep = [](const std::vector<std::string>& names, std::vector<std::string>& into,
                         const auto& find) {
      std::ranges::copy_if(names, std::back_inserter(into), [&](const auto& name) { return !find(name); });
    };
    keep(wanted.accounts, accounts, [&](const auto& name) { return rows.find_account(name); });
    keep(wanted.groups, groups, [&](const auto& name) { return rows.find_group(name); });
    keep(wanted.fee_plans, fee_plans, [&](const auto& name) { return rows.find_latest_plan(name); });
    keep(wanted.escrow_keys, escrow_keys, [&](const auto& key) { return rows.find_escrow(key); });
    // A part that was rolled back leaves its key free.
    keep(wanted.keys, keys, [&](const auto& key) { return rows.key_used(key); });
    for (const auto id : wanted.escrows) {
      if (rows.escrow(id) == nullptr) escrows.push_back(static_cast<std::int64_t>(id.value()));
    }
  }
  [[nodiscard]] bool empty() const {
    return accounts.empty() && groups.empty() && fee_plans.empty() && keys.empty() && escrow_keys.empty() &&
           escrows.empty();
  }
};

bool has_failure(const Entry& entry) {
  const auto* atomic = std::get_if<AtomicDone>(&entry.body);
  return atomic != nullptr && std::ranges::any_of(atomic->entries, [](const auto& inner) {
           return !inner || has_failure(*inner);
         });
}

}  // namespace

bool Attempt::rests_on_others(const Entry& entry, const Footprint& wanted) const {
  if (planted(PlantedBug::failure_beside_others)) return false;
  return has_failure(entry) || !Absent(wanted, set_).empty();
}

std::expected<std::uint64_t, SqlError> Attempt::number_after_others() {
  if (!sees_commits_) {
    return std::unexpected(SqlError{"40001",
                                    "what the event would say was not there may have been made since the "
                                    "transaction's snapshot: it needs "
                                    "READ COMMITTED"});
  }
  const auto ledger = ledger_.number;
  std::vector<std::string> others;
  const auto ask = [&](std::vector<std::string>& into) {
    pipeline_.add(kInFlight, {fmt::format("holdfast.events_of_{}", ledger), kOrderSpace, ledger},
                  [&into](const ResultSet& rows) {
                    for (std::size_t i = 0; i < rows.rows(); ++i) into.emplace_back(rows.text(i, 0));
                  });
    return run_pipeline();
  };
  pipeline_.add(kLockOrder, {kOrderSpace, ledger});
  const auto number = draw_event();
  if (!number) return number;
  if (auto asked = ask(others); !asked) return std::unexpected(asked.error());
  const auto end = system_clock().monotonic() + lock_timeout_;
  while (!others.empty()) {
    if (lock_timeout_.count() > 0 && system_clock().monotonic() >= end) {
      return std::unexpected(SqlError{
          "55P03",
          "a transaction that was open before this command's event has not ended: the event says what "
          "was not there, and must know what that one did"});
    }
    pipeline_.add("select pg_sleep(0.005)");
    std::vector<std::string> still;
    if (auto asked = ask(still); !asked) return std::unexpected(asked.error());
    std::erase_if(others, [&](const auto& one) { return std::ranges::find(still, one) == still.end(); });
  }
  if (auto same = read_again(); !same) return std::unexpected(same.error());
  return number;
}

std::expected<void, SqlError> Attempt::read_again() {
  Absent absent(unlocked_, set_);
  bool changed = false;
  pipeline_.add(kKeepSealerAway, {ledger_.number});
  if (!absent.empty()) {
    pipeline_.add(
        kAnyThere,
        {ledger_.number, std::move(absent.accounts), std::move(absent.groups), std::move(absent.fee_plans),
         std::move(absent.keys), std::move(absent.escrow_keys), std::move(absent.escrows)},
        [&](const ResultSet& rows) { changed = rows.boolean(0, 0); });
  }
  sums_changed_ = false;
  read_sums(unlocked_);
  if (auto run = run_pipeline(); !run) return run;
  if (!changed && !sums_changed_) return {};
  return std::unexpected(SqlError{"40001", "what was not there came while the command was decided"});
}

void Attempt::renumber(Recorded& recorded, const Entry& entry, std::uint64_t to) {
  const auto from = std::exchange(recorded.event, to);
  set_.rename_event(from, to);
  if (!recorded.replays) return;
  auto renamed = entry;
  // Inside an atomic, its own event was replayed under the number that it had until now.
  for_each_replay(renamed, [&](Replayed& replay) {
    if (replay.original == Seq(from)) replay.original = Seq(to);
  });
  recorded.entry.clear();
  encode_entry(renamed, recorded.entry);
}

}  // namespace holdfast::postgres
