#include "postgres/audit_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "ledger/postings.h"

namespace holdfast::postgres {
namespace {

using audit::Law;
using audit::Wide;

constexpr std::int64_t kAtATime = 20'000;
constexpr std::int64_t kListed = 3;

constexpr std::string_view kChunks =
    "select key, event from holdfast.later_chunks where ledger = (select $1::int)";
constexpr std::string_view kLines = R"(
select account, seq, available, held, available_after, held_after, available_escrows, held_escrows
from holdfast.lines where ledger = (select $1::int) and (account, seq) > ($2, $3) order by account, seq limit $4)";
constexpr std::string_view kPending = R"(
select account, event, available from holdfast.pending where ledger = (select $1::int)
union all select u.account, event, u.available from holdfast.pending_batches
  cross join lateral unnest(accounts, pending_batches.available) u(account, available)
  where ledger = (select $1::int)
order by account, event)";
constexpr std::string_view kEscrowEvents =
    "select escrow, event from holdfast.escrow_events where ledger = (select $1::int) order by escrow, event";
constexpr std::string_view kDueDates = R"(
select escrow, d.escrow is null from (select * from holdfast.due_dates where ledger = (select $1::int)) d
full join (select escrow, coalesce(release_at, refund_at) as at, release_at is not null as release
  from holdfast.escrows where ledger = (select $1::int) and not frozen and released + refunded < amount
    and (release_at is not null or refund_at is not null)) e using (escrow)
where d.at is distinct from e.at or d.release is distinct from e.release order by escrow limit $2)";
// An event is sealed, or waits to be: one of the two.
constexpr std::string_view kNeither = R"(
select event, u.event is not null, s.event is not null
from (select event from holdfast.events where ledger = (select $1::int)) e
full join (select event from holdfast.unsealed where ledger = (select $1::int)) u using (event)
full join (select event from holdfast.seals where ledger = (select $1::int)) s using (event)
where e.event is null or (u.event is null) = (s.event is null) order by event limit $2)";
constexpr std::string_view kKeys =
    "select key, event from holdfast.keys where ledger = (select $1::int) and key > $2 order by key limit $3";

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30, x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27, x *= 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t bits(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}
std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

/// True where no sum of its postings passes 64 bits, so that they can be made.
struct Summable {
  Wide gross = 0;

  void operator()(const Moved& body) { gross += body.amount.minor(); }
  void operator()(const Held& body) { gross += body.amount.minor(); }
  void operator()(const Released& body) {
    for (const auto& item : body.items) gross += item.amount.minor();
  }
  void operator()(const Refunded& body) {
    for (const auto& item : body.items) gross += item.amount.minor();
  }
  void operator()(const Resolved& body) {
    gross += Wide{body.to_payer.minor()} + body.to_beneficiary.minor();
  }
  template <class Other>
  void operator()(const Other&) {}
};
bool summable(const Entry& entry) {
  Summable sum;
  for_each_effect(entry, [&](const Entry& effect) { std::visit(sum, effect.body); });
  return sum.gross <= std::numeric_limits<std::int64_t>::max();
}

/// Escrows that an effect names, with what it made beside them.
template <class Touch>
struct TouchesOf {
  Touch touch;

  void operator()(const Held& body) const { touch(body.escrow); }
  void operator()(const Rescheduled& body) const { touch(body.escrow); }
  void operator()(const Frozen& body) const { touch(body.escrow); }
  void operator()(const Resolved& body) const { touch(body.escrow); }
  void operator()(const Released& body) const {
    for (const auto& item : body.items) touch(item.escrow);
  }
  void operator()(const Refunded& body) const {
    for (const auto& item : body.items) touch(item.escrow);
  }
  template <class Other>
  void operator()(const Other&) const {}
};

}  // namespace

std::string TableAudit::name(AccountId id) const {
  const auto name = rows_.account_name(id);
  return name.empty() ? fmt::format("number {}", id.value()) : std::string(name);
}

Result<void> TableAudit::load_chunks() {
  snapshot_.ask(kChunks, {ledger_}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const RowReader row(rows, i, snapshot_, "a chunk");
      chunks_.insert({bits(row.integer(1)), keyed_hash(row.text(0), secret_)});
    }
  });
  return snapshot_.run();
}

void TableAudit::event(const StoredEvent& event) {
  columns(event);
  keys(event, event.entry);
  touches(event);
  if (summable(event.entry)) {
    buckets(event);
  } else {
    wrong(Law::exact, "event {}: its amounts sum to more than 64 bits hold", event.seq.value());
  }
  for_each_effect(event.entry, [&](const Entry& effect) {
    if (const auto* plan = std::get_if<FeePlanDefined>(&effect.body)) plans_.insert(plan->plan);
    const auto group = [&](const GroupUse& use) {
      if (use.group) groups_.insert(use.group);
    };
    if (const auto* held = std::get_if<Held>(&effect.body)) group(held->group);
    if (const auto* closed = std::get_if<GroupClosed>(&effect.body)) group(closed->group);
    if (const auto* released = std::get_if<Released>(&effect.body)) group(released->batch.group);
    if (const auto* refunded = std::get_if<Refunded>(&effect.body)) group(refunded->batch.group);
  });
}

void TableAudit::columns(const StoredEvent& event) {
  const auto& entry = event.entry;
  const auto same = [&](std::string_view column, std::string_view row, std::string_view made) {
    if (row != made) {
      wrong(Law::history, "event {} has {} \"{}\", its entry \"{}\"", event.seq.value(), column, row, made);
    }
  };
  same("op", event.op, op_name(entry.body));
  same("actor", event.actor, entry.actor);
  same("reason", event.reason, entry.reason);
  same("reference", event.reference, entry.reference);
  bool replays = false;
  for_each_replay(entry, [&](const Replayed&) { replays = true; });
  same("replays", event.replays ? "true" : "false", replays ? "true" : "false");
}

void TableAudit::keys(const StoredEvent& event, const Entry& entry) {
  if (std::holds_alternative<Replayed>(entry.body)) return;  // took none
  if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
    for (const auto& inner : atomic->entries) {
      if (inner) keys(event, *inner);
    }
  }
  if (!entry.key.empty()) key(event, entry);
}

void TableAudit::key(const StoredEvent& event, const Entry& entry) {
  auto* row = rows_.key(entry.key);
  if (row == nullptr) return;  // the auditor tells
  if (row->seen) {
    const Chunk later{event.id, keyed_hash(entry.key, secret_)};
    if (chunks_.erase(later) == 0) {
      wrong(Law::once, "key {} does not lead to event {}, a later chunk of its command", entry.key,
            event.seq.value());
    }
    return;
  }
  row->seen = true;
  ++keys_seen_;
  if (row->event != event.id) {
    wrong(Law::once, "key {} leads to the event with id {}, it took effect in event {} with id {}", entry.key,
          row->event, event.seq.value(), event.id);
  }
  if (!std::holds_alternative<Held>(entry.body) && row->escrow) {
    wrong(Law::once, "key {} leads to escrow {}, its command held none", entry.key, row->escrow.value());
  }
}

void TableAudit::touches(const StoredEvent& event) {
  const auto touched = [&](EscrowId escrow) { touch(event.id, escrow); };
  for_each_effect(event.entry, [&](const Entry& effect) {
    std::visit(TouchesOf<decltype(touched)>{touched}, effect.body);
  });
}

void TableAudit::touch(std::uint64_t event, EscrowId escrow) {
  auto& seen = touches_[escrow.value()];
  if (seen.held_by == 0) {
    seen.held_by = seen.last = event;
    ++escrows_held_;
  } else if (seen.last != event) {
    if (seen.last != seen.held_by) seen.between += mixed(seen.last);
    seen.last = event;
  }
}

void TableAudit::escrow(const SnapshotRows::EscrowMarks& marks) {
  const auto* seen = touches_.find(marks.id.value());
  if (seen == nullptr || seen->held_by == 0) {
    wrong(Law::durable, "there is an escrow {}, which no event held", marks.id.value());
    return;
  }
  const auto same = [&](std::string_view what, std::uint64_t row, std::uint64_t made) {
    if (row != made) {
      wrong(Law::history, "escrow {} was {} the event with id {}, its row says {}", marks.id.value(), what,
            made, row);
    }
  };
  same("held by", marks.held_by, seen->held_by);
  same("last touched by", marks.last_event, seen->last);
  const auto* key = rows_.key(marks.key);
  if (key == nullptr || key->escrow != marks.id) {
    wrong(Law::once, "escrow {} has the key {}, which does not lead to it", marks.id.value(), marks.key);
  }
}

void TableAudit::buckets(const StoredEvent& event) {
  std::vector<Posting> posted;
  postings(event.entry, posted);
  for (std::size_t i = 0; i < posted.size();) {
    const auto account = posted[i].account;
    Line line{};
    line.seq = event.seq.value();
    for (; i < posted.size() && posted[i].account == account; ++i) {
      const bool held = posted[i].bucket == Bucket::held;
      (held ? line.held : line.available) = bits(posted[i].amount.minor());
      (held ? line.held_escrows : line.available_escrows) = posted[i].escrows;
    }
    if (event.sealed) {
      auto& lines = lines_[account];
      line.available_after = lines.available + line.available;
      line.held_after = lines.held + line.held;
      add(lines, line);
    } else if (line.available != 0) {
      pending_[{account, event.id}] = number(line.available);
    }
  }
}

void TableAudit::add(Lines& lines, const Line& line) const {
  struct {
    Hash128 before;
    Line line;
  } both{lines.digest, line};
  static_assert(sizeof both == sizeof(Hash128) + sizeof(Line));
  lines.digest = keyed_hash({reinterpret_cast<const char*>(&both), sizeof both}, secret_);
  lines.available = line.available_after;
  lines.held = line.held_after;
  ++lines.count;
}

Result<void> TableAudit::compare() {
  if (auto done = compare_lines(); !done) return done;
  ask_pending();
  ask_escrow_events();
  ask_due_dates();
  ask_events();
  if (auto done = snapshot_.run(); !done) return done;
  if (auto done = compare_keys(); !done) return done;
  compare_catalog();
  return {};
}

Result<void> TableAudit::compare_lines() {
  AccountId account;
  std::int64_t seq = 0;
  Lines found;
  bool told = false;
  for (bool more = true; more;) {
    snapshot_.ask(
        kLines, {ledger_, std::int64_t{account.value()}, seq, kAtATime}, [&](const ResultSet& rows) {
          for (std::size_t i = 0; i < rows.rows(); ++i) {
            const RowReader row(rows, i, snapshot_, "a line of a statement");
            if (const auto next = row.id<AccountId>(0); next != account) {
              if (account) end_account(account, found, told);
              account = next, found = {}, told = false;
            }
            seq = row.integer(1);
            const auto at = [&](std::size_t column) { return bits(row.integer(column)); };
            const Line line{at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
            if (!told && (line.available_after != found.available + line.available ||
                          line.held_after != found.held + line.held)) {
              told = true;
              wrong(
                  Law::history,
                  "after event {} the statement of account {} has {} available and {} held, {} and {} before",
                  seq, name(account), number(line.available_after), number(line.held_after),
                  number(found.available), number(found.held));
            }
            add(found, line);
          }
          more = rows.rows() == kAtATime;
        });
    if (auto done = snapshot_.run(); !done) return done;
  }
  if (account) end_account(account, found, told);
  for (const auto& [id, lines] : lines_) {
    wrong(Law::history, "account {} has no statement, {} events changed it", name(id), lines.count);
  }
  return {};
}

void TableAudit::end_account(AccountId id, const Lines& found, bool told) {
  const auto at = lines_.find(id);
  const auto made = at == lines_.end() ? Lines() : at->second;
  if (at != lines_.end()) lines_.erase(at);
  if (told || found.digest == made.digest) return;
  wrong(Law::history,
        "the statement of account {} is not what the events make: {} lines that end at {} available and {} "
        "held, the "
        "events make {} that end at {} and {}",
        name(id), found.count, number(found.available), number(found.held), made.count,
        number(made.available), number(made.held));
}

void TableAudit::ask_pending() {
  snapshot_.ask(kPending, {ledger_}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const RowReader row(rows, i, snapshot_, "what is pending");
      const std::pair place{row.id<AccountId>(0), bits(row.integer(1))};
      const auto at = pending_.find(place);
      const auto made = at == pending_.end() ? 0 : at->second;
      if (row.integer(2) != made) {
        wrong(Law::history, "{} are pending for account {} from the event with id {}, which makes {}",
              row.integer(2), name(place.first), place.second, made);
      }
      if (at != pending_.end()) pending_.erase(at);
    }
    for (const auto& [place, made] : pending_) {
      wrong(Law::history, "nothing is pending for account {} from the event with id {}, which makes {}",
            name(place.first), place.second, made);
    }
  });
}

void TableAudit::ask_escrow_events() {
  snapshot_.ask(kEscrowEvents, {ledger_}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const RowReader row(rows, i, snapshot_, "an event of an escrow");
      touches_[bits(row.integer(0))].between -= mixed(bits(row.integer(1)));
    }
    touches_.for_each_page([&](std::uint64_t first) {
      const auto* page = touches_.find(first);
      for (std::uint64_t i = 0; i < touches_.kPage; ++i) {
        if (page[i].between != 0) {
          wrong(Law::history, "the events kept of escrow {} are not those that touched it", first + i);
        }
      }
    });
  });
}

void TableAudit::ask_due_dates() {
  snapshot_.ask(kDueDates, {ledger_, kListed + 1}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      wrong(Law::history, "escrow {} is {} among the dates to come", rows.integer(i, 0),
            rows.boolean(i, 1) ? "not" : "not as it should be");
    }
  });
}

void TableAudit::ask_events() {
  snapshot_.ask(kNeither, {ledger_, kListed + 1}, [&](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const bool waits = rows.boolean(i, 1);
      const bool sealed = rows.boolean(i, 2);
      wrong(Law::durable, "the event with id {} {}", rows.integer(i, 0),
            waits && sealed ? "is sealed, and waits to be"
            : waits         ? "waits to be sealed, but is not there"
            : sealed        ? "is sealed, but is not there"
                            : "is not sealed, and does not wait to be");
    }
  });
}

Result<void> TableAudit::compare_keys() {
  for (const auto& chunk : chunks_) {
    wrong(Law::once, "a key is kept for the event with id {}, a later chunk that does not have it",
          chunk.event);
  }
  if (keys_seen_ == rows_.keys()) return {};
  // Only now are the texts of those that no event has looked for.
  std::string after;
  for (bool more = true; more;) {
    snapshot_.ask(kKeys, {ledger_, after, kAtATime}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        after = rows.text(i, 0);
        const auto* key = rows_.key(after);
        if (key != nullptr && !key->seen) {
          wrong(Law::once, "key {} is kept for the event with id {}, but took effect in none", after,
                rows.integer(i, 1));
        }
      }
      more = rows.rows() == kAtATime;
    });
    if (auto done = snapshot_.run(); !done) return done;
  }
  return {};
}

void TableAudit::compare_catalog() {
  for (const auto& [id, name] : rows_.group_names()) {
    if (!groups_.contains(id)) wrong(Law::durable, "there is a group {}, which no event named", name);
  }
  for (const auto& [id, plan] : rows_.plans()) {
    if (!plans_.contains(id)) {
      wrong(Law::durable, "there is a version {} of fee plan {}, which no event defined", plan.version,
            plan.name);
    }
  }
}

}  // namespace holdfast::postgres
