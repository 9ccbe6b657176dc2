#include "postgres/importer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "ledger/event_codec.h"
#include "ledger/postings.h"
#include "postgres/import_statements.h"
#include "postgres/lines.h"
#include "postgres/replays.h"

namespace holdfast::postgres {
namespace {

using namespace import_statements;

/// Calls `visit(const Entry&)` for each entry whose key was taken by it.
template <class Visit>
void for_each_key(const Entry& entry, const Visit& visit) {
  if (std::holds_alternative<Replayed>(entry.body)) return;  // its key was taken before
  if (!entry.key.empty()) visit(entry);
  if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
    for (const auto& inner : atomic->entries) {
      if (inner) for_each_key(*inner, visit);
    }
  }
}

template <class Id>
std::int64_t number(Id id) {
  return static_cast<std::int64_t>(id.value());
}
std::optional<std::int64_t> maximum(const FeeRule& rule) {
  return rule.max ? std::optional(rule.max->minor()) : std::nullopt;
}
Value nullable(std::optional<std::int64_t> value) {
  if (value) return *value;
  return std::monostate();
}
Bytes bytes_of(const Digest& digest) {
  const auto bytes = std::as_bytes(std::span(digest));
  return {bytes.begin(), bytes.end()};
}

struct Escrow {
  const Held* held = nullptr;  // by an event of this batch
  std::string key;
  std::int64_t amount = 0, released = 0, refunded = 0, commission = 0, processor_fee = 0;
  std::int64_t held_by = 0, last_event = 0, plan = 0;
  bool frozen = false;
  std::optional<Timestamp> release_at, refund_at;

  [[nodiscard]] bool is_due() const {
    return (release_at || refund_at) && !frozen && released + refunded < amount;
  }
};

class Batch {
 public:
  Batch(Session& session, const LedgerRef& ledger, const Digest& head, std::span<const SourceEvent> events)
      : session_(session), ledger_(ledger.number), name_(ledger.name), head_(head), events_(events) {}

  Result<void> run() {
    auto done = attempt();
    if (!done) {
      const std::array<Statement, 1> rollback{{{"rollback"}}};
      std::ignore = session_.run(rollback);  // the first error says what went wrong
    }
    return done;
  }

 private:
  Result<void> attempt() {
    look_up();
    if (auto found = send(); !found) return found;
    for (const auto& one : events_) apply(one);
    if (refused_) return std::unexpected(*refused_);
    write();
    return send();
  }

  Result<void> send() {
    if (auto done = pipeline_.run(session_); !done) return std::unexpected(to_error(done.error()));
    if (refused_) return std::unexpected(*refused_);
    return {};
  }

  void refuse(std::uint64_t seq, std::string_view what) {
    if (!refused_) refused_ = fail(ErrorCode::corrupt, fmt::format("seq {}: {}", seq, what)).error();
  }

  /// Locks the head, and loads what the events change.
  void look_up() {
    pipeline_.add("begin transaction isolation level read committed");
    pipeline_.add(kTransactionSettings, {std::string("10000")});
    pipeline_.add(kLockHead, {ledger_}, [&](const ResultSet& rows) {
      const bool fits = rows.rows() == 1 && rows.integer(0, 0) + 1 == number(events_.front().event.seq) &&
                        std::ranges::equal(rows.bytes(0, 1), std::as_bytes(std::span(head_))) &&
                        !rows.boolean(0, 2);
      if (fits) {
        ahead_ = rows.integer(0, 3) - rows.integer(0, 0);
      } else {
        refused_ = fail(ErrorCode::busy,
                        fmt::format("ledger \"{}\" was written to by somebody else while events were copied "
                                    "into it: it is not a copy any more",
                                    name_))
                       .error();
      }
    });
    std::set<std::int64_t> held, touched, accounts, originals;
    std::vector<std::string> chunk_keys;
    std::vector<Posting> posted;
    for (const auto& one : events_) {
      for_each_effect(one.event.entry, [&](const Entry& effect) {
        for_each_escrow(effect.body, [&](EscrowId id) { touched.insert(number(id)); });
        if (const auto* hold = std::get_if<Held>(&effect.body)) held.insert(number(hold->escrow));
      });
      for_each_replay(one.event.entry,
                      [&](const Replayed& replay) { originals.insert(number(replay.original)); });
      if (progress_of(one.event.entry) != nullptr) chunk_keys.push_back(one.event.entry.key);
      postings(one.event.entry, posted);
      for (const auto& posting : posted) accounts.insert(number(posting.account));
    }
    std::vector<std::int64_t> before;
    std::ranges::set_difference(touched, held, std::back_inserter(before));
    if (!before.empty()) {
      pipeline_.add(kEscrows, {ledger_, std::move(before)},
                    [&](const ResultSet& rows) { read_escrows(rows); });
    }
    lines_.look_up(ledger_, {accounts.begin(), accounts.end()}, {}, pipeline_);
    if (!originals.empty()) {
      pipeline_.add(kEventsOfSeqs, {ledger_, std::vector<std::int64_t>(originals.begin(), originals.end())},
                    [&](const ResultSet& rows) {
                      for (std::size_t i = 0; i < rows.rows(); ++i)
                        originals_[rows.integer(i, 0)] = rows.integer(i, 1);
                    });
    }
    if (!chunk_keys.empty()) {
      pipeline_.add(kKeys, {ledger_, std::move(chunk_keys)}, [&](const ResultSet& rows) {
        for (std::size_t i = 0; i < rows.rows(); ++i) chunk_keys_.emplace(rows.text(i, 0));
      });
    }
  }

  template <class Visit>
  static void for_each_escrow(const Body& body, const Visit& visit) {
    if (const auto* one = std::get_if<Rescheduled>(&body)) visit(one->escrow);
    if (const auto* one = std::get_if<Frozen>(&body)) visit(one->escrow);
    if (const auto* one = std::get_if<Resolved>(&body)) visit(one->escrow);
    if (const auto* batch = std::get_if<Released>(&body)) {
      for (const auto& item : batch->items) visit(item.escrow);
    }
    if (const auto* batch = std::get_if<Refunded>(&body)) {
      for (const auto& item : batch->items) visit(item.escrow);
    }
  }

  void read_escrows(const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      auto& row = escrows_[rows.integer(i, 0)];
      row.amount = rows.integer(i, 1);
      row.released = rows.integer(i, 2);
      row.refunded = rows.integer(i, 3);
      row.commission = rows.integer(i, 4);
      row.processor_fee = rows.integer(i, 5);
      row.held_by = rows.integer(i, 6);
      row.last_event = rows.integer(i, 7);
      row.plan = rows.integer(i, 8);
      row.frozen = rows.boolean(i, 9);
      if (!rows.is_null(i, 10)) row.release_at = rows.time(i, 10);
      if (!rows.is_null(i, 11)) row.refund_at = rows.time(i, 11);
    }
  }

  void apply(const SourceEvent& one) {
    seq_ = number(one.event.seq);
    event_ = seq_ + ahead_;
    originals_[seq_] = event_;
    for_each_effect(one.event.entry, [&](const Entry& effect) {
      effect_ = &effect;
      std::visit([&](const auto& body) { apply(body); }, effect.body);
    });
    const bool is_chunk = progress_of(one.event.entry) != nullptr;
    for_each_key(one.event.entry, [&](const Entry& entry) {
      if (is_chunk && !chunk_keys_.insert(entry.key).second) {
        later_keys_.push_back(entry.key);
        later_events_.push_back(event_);
        return;
      }
      const auto* hold = std::get_if<Held>(&entry.body);
      keys_.push_back(entry.key);
      key_events_.push_back(event_);
      key_escrows_.push_back(hold != nullptr ? std::optional(number(hold->escrow)) : std::nullopt);
    });
    add_event(one);
    add_lines(one.event.entry);
  }

  void add_event(const SourceEvent& one) {
    const auto& entry = one.event.entry;
    Bytes head;
    encode_event_head(one.event.seq, one.event.at, head);
    Bytes body(one.bytes.begin() + static_cast<std::ptrdiff_t>(head.size()), one.bytes.end());
    seqs_.push_back(seq_);
    ids_.push_back(event_);
    times_.emplace_back(one.event.at);
    ops_.emplace_back(op_name(entry.body));
    actors_.push_back(entry.actor);
    reasons_.push_back(entry.reason);
    references_.push_back(entry.reference);
    hashes_.push_back(bytes_of(one.hash));
    replays_.push_back(false);
    for_each_replay(entry, [&](const Replayed&) { replays_.back() = true; });
    if (replays_.back()) {
      // Here an entry names the events that it replays by their ids.
      Entry by_id = entry;
      for_each_replay(by_id, [&](Replayed& replay) {
        const auto original = originals_.find(number(replay.original));
        if (original == originals_.end())
          return refuse(static_cast<std::uint64_t>(seq_), "it replays an event that is not there");
        replay.original = Seq(static_cast<std::uint64_t>(original->second));
      });
      replaying_.push_back(seq_);
      replaying_entries_.push_back(std::exchange(body, {}));
      encode_entry(by_id, body);
    }
    entries_.push_back(std::move(body));
  }

  void add_lines(const Entry& entry) {
    postings(entry, posted_);
    const auto beyond = lines_.add(seq_, posted_, [&](const Lines::Change& change) {
      if (change.available < 0) debits_[change.account] = change.available_after;
    });
    if (beyond)
      refuse(static_cast<std::uint64_t>(seq_), fmt::format("account {} goes beyond 64 bits", *beyond));
  }

  // What each kind of effect changes.
  void apply(const AccountOpened& opened) {
    account_ids_.push_back(number(opened.account));
    account_names_.push_back(opened.name);
    account_currencies_.emplace_back(opened.currency.code());
    account_kinds_.push_back(static_cast<std::int64_t>(opened.kind));
  }
  void apply(const AccountClosed& closed) { closed_accounts_.push_back(number(closed.account)); }
  void apply(const FeePlanDefined& defined) {
    for (const auto& opened : defined.opens) apply(opened);
    plans_.push_back(&defined);
  }
  void apply(const Moved& moved) {
    for (const auto& opened : moved.opens) apply(opened);
  }
  void apply(const Held& held) {
    use(held.group);
    auto& row = escrows_[number(held.escrow)];
    row.held = &held;
    row.key = effect_->key;
    row.amount = held.amount.minor();
    row.plan = number(held.plan);
    row.held_by = row.last_event = event_;
    row.release_at = held.release_at;
    row.refund_at = held.refund_at;
  }
  void apply(const Rescheduled& change) {
    touch(change.escrow, [&](Escrow& row) {
      row.release_at = change.release_at;
      row.refund_at = change.refund_at;
    });
  }
  void apply(const Released& batch) {
    for (const auto& item : batch.items) {
      touch(item.escrow, [&](Escrow& row) {
        row.released += item.amount.minor();
        row.commission += item.commission.minor();
        row.processor_fee += item.processor_fee.minor();
        row.plan = number(batch.plans.at(item.plan_use).plan);
      });
    }
    use(batch.batch.group);
    if (batch.batch.closes_group) groups_open_[number(batch.batch.group.group)] = false;
  }
  void apply(const Refunded& batch) {
    for (const auto& item : batch.items)
      touch(item.escrow, [&](Escrow& row) { row.refunded += item.amount.minor(); });
    use(batch.batch.group);
    if (batch.batch.closes_group) groups_open_[number(batch.batch.group.group)] = false;
  }
  void apply(const Frozen& change) {
    touch(change.escrow, [](Escrow& row) { row.frozen = true; });
  }
  void apply(const Resolved& change) {
    touch(change.escrow, [&](Escrow& row) {
      row.frozen = false;
      row.released += change.to_beneficiary.minor();
      row.refunded += change.to_payer.minor();
      row.commission += change.commission.minor();
      row.processor_fee += change.processor_fee.minor();
      row.plan = number(change.plan.plan);
    });
  }
  void apply(const GroupClosed& change) {
    use(change.group);
    groups_open_[number(change.group.group)] = false;
  }
  void apply(const GroupReopened& change) {
    use(change.group);
    groups_open_[number(change.group.group)] = true;
  }
  void apply(const Unchanged&) {}
  void apply(const Replayed&) {}
  void apply(const AtomicDone&) {}  // its parts are visited

  void use(const GroupUse& group) {
    if (group.opened_name.empty()) return;
    group_ids_.push_back(number(group.group));
    group_names_.push_back(group.opened_name);
  }

  template <class Change>
  void touch(EscrowId id, const Change& change) {
    const auto found = escrows_.find(number(id));
    if (found == escrows_.end())
      return refuse(static_cast<std::uint64_t>(seq_), fmt::format("escrow {} was never held", id.value()));
    auto& row = found->second;
    change(row);
    if (row.last_event == event_) return;
    if (row.last_event != row.held_by) {
      between_escrow_.push_back(number(id));
      between_event_.push_back(row.last_event);
    }
    row.last_event = event_;
  }

  void write() {
    write_names();
    write_escrows();
    if (!keys_.empty())
      pipeline_.add(kTakeKeys, {ledger_, std::move(keys_), std::move(key_events_), std::move(key_escrows_)});
    if (!later_keys_.empty())
      pipeline_.add(kLaterChunks, {ledger_, std::move(later_keys_), std::move(later_events_)});
    const auto& last = events_.back();
    pipeline_.add(kSeals, {ledger_, std::move(seqs_), ids_, times_, std::move(hashes_)});
    pipeline_.add(kEvents,
                  {ledger_, std::move(ids_), std::move(times_), std::move(ops_), std::move(actors_),
                   std::move(reasons_), std::move(references_), std::move(replays_), std::move(entries_)});
    if (!replaying_.empty())
      pipeline_.add(kReplayingEntries, {ledger_, std::move(replaying_), std::move(replaying_entries_)});
    lines_.write(ledger_, pipeline_);
    if (!debits_.empty()) {
      std::vector<std::int64_t> ids, left;
      for (const auto& [id, amount] : debits_) ids.push_back(id), left.push_back(amount);
      pipeline_.add(kDebits, {ledger_, std::move(ids), std::move(left)});
    }
    pipeline_.add(kMoveHead, {ledger_, number(last.event.seq), last.event.at, bytes_of(last.hash)});
    move_sequence("events", event_);
    for (const auto& [name, value] : highest_) move_sequence(name, value);
    pipeline_.add("commit");
  }

  void write_names() {
    for (const auto id : account_ids_) reach("accounts", id);
    for (const auto id : group_ids_) reach("groups", id);
    if (!account_ids_.empty()) {
      pipeline_.add(kOpenAccounts, {ledger_, std::move(account_ids_), std::move(account_names_),
                                    std::move(account_currencies_), std::move(account_kinds_)});
    }
    if (!closed_accounts_.empty()) pipeline_.add(kCloseAccounts, {ledger_, std::move(closed_accounts_)});
    for (const auto* plan : plans_) {
      reach("plans", number(plan->plan));
      const auto& c = plan->commission;
      const auto& f = plan->processor_fee;
      pipeline_.add(kPlan,
                    {ledger_, number(plan->plan), plan->name, std::int64_t{plan->version},
                     std::string(plan->currency.code()), std::int64_t{c.rate.billionths()}, c.fixed.minor(),
                     c.min.minor(), nullable(maximum(c)), number(plan->commission_account),
                     std::int64_t{f.rate.billionths()}, f.fixed.minor(), f.min.minor(), nullable(maximum(f)),
                     number(plan->fee_account), static_cast<std::int64_t>(plan->rounding)});
      pipeline_.add(kLatestPlan, {ledger_, plan->name, number(plan->plan)});
    }
    if (!group_ids_.empty())
      pipeline_.add(kOpenGroups, {ledger_, std::move(group_ids_), std::move(group_names_)});
    if (!groups_open_.empty()) {
      std::vector<std::int64_t> ids;
      std::vector<bool> open;
      for (const auto& [id, is_open] : groups_open_) ids.push_back(id), open.push_back(is_open);
      pipeline_.add(kChangeGroups, {ledger_, std::move(ids), std::move(open)});
    }
  }

  void write_escrows() {
    std::vector<std::int64_t> held, payers, beneficiaries, amounts, held_by, changed, due;
    std::vector<std::optional<std::int64_t>> groups;
    std::vector<std::string> keys;
    std::vector<std::optional<Timestamp>> dates;
    std::vector<bool> due_release;
    Columns fresh, rest;
    for (const auto& [id, row] : escrows_) {
      if (row.held != nullptr) {
        reach("escrows", id);
        held.push_back(id);
        keys.push_back(row.key);
        payers.push_back(number(row.held->payer));
        beneficiaries.push_back(number(row.held->beneficiary));
        groups.push_back(row.held->group.group ? std::optional(number(row.held->group.group)) : std::nullopt);
        amounts.push_back(row.amount);
        held_by.push_back(row.held_by);
      } else {
        changed.push_back(id);
      }
      (row.held != nullptr ? fresh : rest).add(row);
      if (row.is_due()) {
        due.push_back(id);
        dates.push_back(row.release_at ? row.release_at : row.refund_at);
        due_release.push_back(row.release_at.has_value());
      }
    }
    if (!held.empty()) {
      auto& c = fresh;
      pipeline_.add(kHoldEscrows,
                    {ledger_, std::move(held), std::move(keys), std::move(payers), std::move(beneficiaries),
                     std::move(groups), std::move(amounts), std::move(held_by), std::move(c.released),
                     std::move(c.refunded), std::move(c.commission), std::move(c.processor_fee),
                     std::move(c.last_event), std::move(c.plan), std::move(c.frozen), std::move(c.release_at),
                     std::move(c.refund_at)});
    }
    if (!changed.empty()) {
      auto& c = rest;
      pipeline_.add(kClearDates, {ledger_, changed});
      pipeline_.add(kChangeEscrows, {ledger_, std::move(changed), std::move(c.released),
                                     std::move(c.refunded), std::move(c.commission),
                                     std::move(c.processor_fee), std::move(c.last_event), std::move(c.plan),
                                     std::move(c.frozen), std::move(c.release_at), std::move(c.refund_at)});
    }
    if (!between_escrow_.empty())
      pipeline_.add(kEscrowEvents, {ledger_, std::move(between_escrow_), std::move(between_event_)});
    if (!due.empty())
      pipeline_.add(kSetDates, {ledger_, std::move(due), std::move(dates), std::move(due_release)});
  }

  void reach(std::string_view what, std::int64_t value) {
    auto& highest = highest_[what];
    highest = std::max(highest, value);
  }
  void move_sequence(std::string_view what, std::int64_t value) {
    pipeline_.add(kMoveSequence, {std::to_string(ledger_), std::string(what), value});
  }

  struct Columns {
    std::vector<std::int64_t> released, refunded, commission, processor_fee, last_event, plan;
    std::vector<bool> frozen;
    std::vector<std::optional<Timestamp>> release_at, refund_at;

    void add(const Escrow& row) {
      released.push_back(row.released);
      refunded.push_back(row.refunded);
      commission.push_back(row.commission);
      processor_fee.push_back(row.processor_fee);
      last_event.push_back(row.last_event);
      plan.push_back(row.plan);
      frozen.push_back(row.frozen);
      release_at.push_back(row.release_at);
      refund_at.push_back(row.refund_at);
    }
  };
  Session& session_;
  const std::int64_t ledger_;
  const std::string& name_;
  const Digest& head_;
  const std::span<const SourceEvent> events_;
  Pipeline pipeline_;
  std::optional<Error> refused_;

  std::int64_t ahead_ = 0;         // by how much an event's id is above its seq
  std::int64_t event_ = 0;         // the id of the event that is applied
  std::int64_t seq_ = 0;           // of the event that is applied
  const Entry* effect_ = nullptr;  // the part of it
  std::vector<Posting> posted_;
  std::map<std::int64_t, Escrow> escrows_;
  std::unordered_map<std::int64_t, std::int64_t> originals_;  // events by their seqs
  std::map<std::int64_t, std::int64_t> debits_;
  std::set<std::string, std::less<>> chunk_keys_;

  std::vector<std::int64_t> account_ids_, account_kinds_, closed_accounts_, group_ids_;
  std::vector<std::string> account_names_, account_currencies_, group_names_;
  std::map<std::int64_t, bool> groups_open_;
  std::vector<const FeePlanDefined*> plans_;
  std::vector<std::int64_t> between_escrow_, between_event_;
  std::vector<std::string> keys_, later_keys_;
  std::vector<std::int64_t> key_events_, later_events_;
  std::vector<std::optional<std::int64_t>> key_escrows_;
  std::vector<std::int64_t> seqs_, ids_, replaying_;
  std::vector<std::optional<Timestamp>> times_;
  std::vector<std::string> ops_, actors_, reasons_, references_;
  std::vector<bool> replays_;
  std::vector<Bytes> hashes_, entries_, replaying_entries_;
  Lines lines_;
  std::map<std::string_view, std::int64_t> highest_;
};

}  // namespace

Result<void> import_events(Session& session, const LedgerRef& ledger, const Digest& head,
                           std::span<const SourceEvent> events) {
  return Batch(session, ledger, head, events).run();
}

}  // namespace holdfast::postgres
