#include "postgres/sealer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/planted_bugs.h"
#include "ledger/event_codec.h"
#include "ledger/postings.h"
#include "postgres/replays.h"

namespace holdfast::postgres {
namespace {

// Bounds of one round, so that it takes neither long nor much memory. One event alone may be larger.
constexpr std::int64_t kMaxEvents = 4'096;
constexpr std::int64_t kMaxBytes = 8 << 20;

constexpr std::string_view kLockHead = R"(
select seq, at, hash, coalesce(pg_sequence_last_value($2::text::regclass), 0),
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
from holdfast.ledgers where ledger = (select $1::int) for update skip locked)";
// In a later statement than the lock, so that it sees what the sealer before did.
constexpr std::string_view kUnsealed = R"(
select event, at, replays, entry from (
  select u.event, e.at, e.replays, e.entry, sum(length(e.entry)) over (order by u.event) - length(e.entry) as before
  from (select event from holdfast.unsealed where ledger = (select $1::int) and event > $4 order by event limit $2) u
  left join lateral (select * from holdfast.events where ledger = (select $1::int) and event = u.event limit 1) e on true) q
where before is null or before < $3 order by event)";
constexpr std::string_view kSeqs = R"(
select s.event, s.seq from unnest($2::bigint[]) u(event) cross join lateral (
  select event, seq from holdfast.seals where ledger = (select $1::int) and event = u.event limit 1) s)";
constexpr std::string_view kSeal = R"(
insert into holdfast.seals (ledger, seq, event, at, hash)
select $1, * from unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[]))";
constexpr std::string_view kReplayingEntries = R"(
insert into holdfast.replaying_entries (ledger, seq, entry) select $1, * from unnest($2::bigint[], $3::bytea[]))";
constexpr std::string_view kNoLongerPending = R"(
delete from holdfast.pending where ctid = any(array(
  select p.ctid from unnest($2::bigint[], $3::bigint[]) d(account, event) cross join lateral (
    select ctid from holdfast.pending
    where ledger = (select $1::int) and account = d.account and event = d.event limit 1) p)))";
constexpr std::string_view kBatches = R"(
select b.event from unnest($2::bigint[]) u(event) cross join lateral (select event from holdfast.pending_batches
  where ledger = (select $1::int) and event = u.event limit 1) b)";
constexpr std::string_view kNoLongerBatches = R"(
delete from holdfast.pending_batches where ctid = any(array(
  select b.ctid from unnest($2::bigint[]) u(event) cross join lateral (select ctid from holdfast.pending_batches
    where ledger = (select $1::int) and event = u.event offset 0) b)))";
constexpr std::string_view kNoLongerUnsealed = R"(
delete from holdfast.unsealed where ctid = any(array(
  select u.ctid from unnest($2::bigint[]) d(event) cross join lateral (
    select ctid from holdfast.unsealed where ledger = (select $1::int) and event = d.event limit 1) u)))";
constexpr std::string_view kMoveHead =
    "update holdfast.ledgers set seq = $2, at = $3, hash = $4 where ledger = (select $1::int)";

constexpr std::string_view kSealed = R"(
select seq, at, hash, entry from (
  select s.seq, s.at, s.hash, coalesce(r.entry, e.entry) as entry,
    sum(length(coalesce(r.entry, e.entry))) over (order by s.seq rows between unbounded preceding and 1 preceding) as before
  from (select * from holdfast.seals where ledger = (select $1::int) and seq > $2 order by seq limit $3) s
  left join lateral (select * from holdfast.events where ledger = (select $1::int) and event = s.event limit 1) e on true
  left join lateral (
    select entry from holdfast.replaying_entries where e.replays and ledger = (select $1::int) and seq = s.seq limit 1) r
    on true) q
where before is null or before < $4 order by seq)";

Bytes bytes_of(const Digest& digest) {
  const auto bytes = std::as_bytes(std::span(digest));
  return {bytes.begin(), bytes.end()};
}
/// None where it is no hash.
std::optional<Digest> digest_at(const ResultSet& rows, std::size_t row, std::size_t column) {
  if (rows.is_null(row, column)) return std::nullopt;
  const auto bytes = rows.bytes(row, column);
  Digest digest{};
  if (bytes.size() != sizeof digest) return std::nullopt;
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(digest)).begin());
  return digest;
}

struct Unsealed {
  std::int64_t id = 0;
  Timestamp at;
  bool replays = false;
  Entry entry;
  Bytes bytes;  // of the entry
  std::vector<Posting> postings;
};

class Round {
 public:
  Round(Session& session, std::int64_t ledger, SealedThrough& through)
      : session_(session), ledger_(ledger), through_(through) {}

  std::expected<Sealed, SqlError> run() {
    auto sealed = attempt();
    if (!sealed) {
      pipeline_ = {};
      pipeline_.add("rollback");
      std::ignore = pipeline_.run(session_);  // the first error says what went wrong
    }
    return sealed;
  }

 private:
  std::expected<Sealed, SqlError> attempt() {
    bool locked = false;
    pipeline_.add("begin transaction isolation level read committed");
    pipeline_.add(kTransactionSettings, {std::string("0")});
    pipeline_.add(kLockHead, {ledger_, fmt::format("holdfast.events_of_{}", ledger_)},
                  [&](const ResultSet& rows) {
                    if (rows.rows() == 0) return;
                    locked = true;
                    seq_ = rows.integer(0, 0);
                    at_ = rows.time(0, 1);
                    if (const auto head = digest_at(rows, 0, 2)) {
                      head_ = *head;
                    } else {
                      corrupt_ = data_corrupted("the chain's head is no hash");
                    }
                    if (head_ != through_.head) through_ = {};
                    look_at_others(rows.integer(0, 3), rows.integer(0, 4), rows.integer(0, 5));
                  });
    const auto after = through_.id;
    const auto ask = [&](std::int64_t from) {
      pipeline_.add(kUnsealed, {ledger_, kMaxEvents, kMaxBytes, from},
                    [&](const ResultSet& rows) { read(rows); });
    };
    ask(after);
    if (auto done = pipeline_.run(session_); !done) return std::unexpected(done.error());
    if (locked && !corrupt_ && through_.id != after) {
      ask(through_.id);
      if (auto done = pipeline_.run(session_); !done) return std::unexpected(done.error());
    }
    if (corrupt_ && locked) return std::unexpected(*corrupt_);
    if (!locked || events_.empty()) {
      pipeline_.add("rollback");
      if (auto done = pipeline_.run(session_); !done) return std::unexpected(done.error());
      return Sealed{0, !locked};
    }
    look_up();
    if (auto done = pipeline_.run(session_); !done) return std::unexpected(done.error());
    number();
    if (corrupt_) return std::unexpected(*corrupt_);
    pipeline_.add(kMoveHead, {ledger_, seq_, at_, bytes_of(head_)});
    pipeline_.add("commit");
    if (auto done = pipeline_.run(session_); !done) return std::unexpected(done.error());
    note_sealed();
    return Sealed{events_.size(), false};
  }

  /// Who draws an event's id has a transaction's number by then. So whoever drew one that is drawn when a
  /// round begins has a number below the next one when a later round begins; and when all those have ended, a
  /// still later round sees what they left.
  /// \param drawn  the last id
  /// \param running, next  the first transaction that runs, the next that will begin
  void look_at_others(std::int64_t drawn, std::int64_t running, std::int64_t next) {
    if (through_.next == 0) {
      through_.next = drawn;
    } else if (through_.others == 0) {
      through_.others = next;
    } else {
      nothing_comes_ = running >= through_.others || planted(PlantedBug::seal_past_under_way);
    }
  }
  void note_sealed() {
    through_.head = head_;
    lines_.keep_balances(through_.balances);
    // Perhaps not all that is there was read.
    if (!nothing_comes_ || events_.back().id < through_.next) return;
    through_.id = through_.next;
    through_.next = through_.others = 0;
  }

  void read(const ResultSet& rows) {
    events_.clear();
    events_.resize(rows.rows());
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      auto& one = events_[i];
      one.id = rows.integer(i, 0);
      if (rows.is_null(i, 1) || rows.is_null(i, 3)) {
        corrupt_ = data_corrupted(fmt::format("event {} is to be sealed and is not there", one.id));
        return;
      }
      one.at = rows.time(i, 1);
      one.replays = rows.boolean(i, 2);
      const auto bytes = rows.bytes(i, 3);
      one.bytes.assign(bytes.begin(), bytes.end());
      if (const auto decoded = decode_entry(bytes, one.entry); !decoded) {
        corrupt_ = data_corrupted(fmt::format("event {}: {}", one.id, decoded.error().message));
        return;
      }
      postings(one.entry, one.postings);
    }
  }

  /// What the lines go on from, the seqs of events that are replayed, and where what is pending stands.
  void look_up() {
    std::vector<std::int64_t> originals;
    std::vector<std::int64_t> accounts;
    std::vector<std::int64_t> ids;
    for (const auto& one : events_) {
      ids.push_back(one.id);
      if (one.replays) {
        for_each_replay(one.entry, [&](const Replayed& replay) {
          originals.push_back(static_cast<std::int64_t>(replay.original.value()));
        });
      }
      for (const auto& posting : one.postings) accounts.push_back(posting.account.value());
    }
    if (!originals.empty()) {
      pipeline_.add(kSeqs, {ledger_, std::move(originals)}, [&](const ResultSet& rows) {
        for (std::size_t i = 0; i < rows.rows(); ++i) seqs_[rows.integer(i, 0)] = rows.integer(i, 1);
      });
    }
    pipeline_.add(kBatches, {ledger_, std::move(ids)}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) batches_.insert(rows.integer(i, 0));
    });
    std::ranges::sort(accounts);
    const auto rest = std::ranges::unique(accounts);
    accounts.erase(rest.begin(), rest.end());
    lines_.look_up(ledger_, accounts, through_.balances, pipeline_);
  }

  void number() {
    std::vector<std::int64_t> seqs, ids, replaying;
    std::vector<std::optional<Timestamp>> times;
    std::vector<Bytes> hashes, replaying_entries;
    Sha256 hasher;
    Bytes bytes;
    for (auto& one : events_) {
      ++seq_;
      at_ = std::max(at_, one.at);
      seqs_[one.id] = seq_;
      if (one.replays) {
        for_each_replay(one.entry, [&](Replayed& replay) {
          const auto original = seqs_.find(static_cast<std::int64_t>(replay.original.value()));
          if (original == seqs_.end()) {
            corrupt_ = data_corrupted(fmt::format("event {} replays event {}, which is not sealed", one.id,
                                                  replay.original.value()));
            return;
          }
          replay.original = Seq(static_cast<std::uint64_t>(original->second));
        });
        if (corrupt_) return;
        one.bytes.clear();
        encode_entry(one.entry, one.bytes);
        replaying.push_back(seq_);
        replaying_entries.push_back(one.bytes);
      }
      bytes.clear();
      encode_event_head(Seq(static_cast<std::uint64_t>(seq_)), at_, bytes);
      bytes.insert(bytes.end(), one.bytes.begin(), one.bytes.end());
      head_ = chain(hasher, head_, bytes);
      seqs.push_back(seq_);
      ids.push_back(one.id);
      times.emplace_back(at_);
      hashes.push_back(bytes_of(head_));
      add_lines(one);
      if (corrupt_) return;
    }
    pipeline_.add(kSeal, {ledger_, std::move(seqs), ids, std::move(times), std::move(hashes)});
    if (!replaying.empty()) {
      pipeline_.add(kReplayingEntries, {ledger_, std::move(replaying), std::move(replaying_entries)});
    }
    lines_.write(ledger_, pipeline_);
    if (!pending_account_.empty()) {
      pipeline_.add(kNoLongerPending, {ledger_, std::move(pending_account_), std::move(pending_event_)});
    }
    if (!batches_.empty()) {
      pipeline_.add(kNoLongerBatches, {ledger_, std::vector(batches_.begin(), batches_.end())});
    }
    pipeline_.add(kNoLongerUnsealed, {ledger_, std::move(ids)});
  }

  void add_lines(const Unsealed& one) {
    const bool batch = batches_.contains(one.id);
    const auto beyond = lines_.add(seq_, one.postings, [&](const Lines::Change& change) {
      if (change.available == 0 || batch) return;
      pending_account_.push_back(change.account);
      pending_event_.push_back(one.id);
    });
    if (beyond)
      corrupt_ = data_corrupted(fmt::format("event {} takes account {} beyond 64 bits", one.id, *beyond));
  }

  Session& session_;
  std::int64_t ledger_;
  SealedThrough& through_;
  bool nothing_comes_ = false;
  Pipeline pipeline_;
  std::int64_t seq_ = 0;
  Timestamp at_;
  Digest head_{};
  std::vector<Unsealed> events_;
  std::optional<SqlError> corrupt_;
  std::unordered_map<std::int64_t, std::int64_t> seqs_;  // by event id
  Lines lines_;
  std::set<std::int64_t> batches_;  // events with what is pending in rows of many accounts
  std::vector<std::int64_t> pending_account_, pending_event_;
};

}  // namespace

std::expected<Sealed, SqlError> seal(Session& session, const LedgerRef& ledger, SealedThrough& through) {
  return Round(session, ledger.number, through).run();
}

std::expected<std::vector<SealedEvent>, SqlError> sealed_events(Session& session, const LedgerRef& ledger,
                                                                Seq after, std::size_t limit) {
  std::vector<SealedEvent> events;
  std::optional<SqlError> corrupt;
  Pipeline pipeline;
  pipeline.add(
      kSealed,
      {ledger.number, static_cast<std::int64_t>(after.value()), static_cast<std::int64_t>(limit), kMaxBytes},
      [&](const ResultSet& rows) {
        events.resize(rows.rows());
        for (std::size_t i = 0; i < rows.rows(); ++i) {
          auto& one = events[i];
          one.seq = Seq(static_cast<std::uint64_t>(rows.integer(i, 0)));
          const auto hash = digest_at(rows, i, 2);
          if (!hash || rows.is_null(i, 3)) {
            corrupt = data_corrupted(fmt::format("seq {} was sealed, and {} is not there", one.seq.value(),
                                                 hash ? "its event" : "its hash"));
            return;
          }
          one.hash = *hash;
          encode_event_head(one.seq, rows.time(i, 1), one.bytes);
          const auto entry = rows.bytes(i, 3);
          one.bytes.insert(one.bytes.end(), entry.begin(), entry.end());
        }
      });
  if (auto done = pipeline.run(session); !done) return std::unexpected(done.error());
  if (corrupt) return std::unexpected(*corrupt);
  return events;
}

}  // namespace holdfast::postgres
