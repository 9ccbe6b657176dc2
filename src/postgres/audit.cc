// An audit of a ledger that goes on working: events and rows of one snapshot.
//
// The rows are what all committed events make, sealed or not. So those that are not sealed yet are taken into
// account as the sealer would number them: behind the last seal, in the order of their ids. The snapshot is
// held open until the end; meanwhile the server cannot reclaim old versions of rows.
#include <fmt/format.h>

#include "ledger/event_codec.h"
#include "ledger/laws.h"
#include "postgres/audit_tables.h"
#include "postgres/queries.h"

namespace holdfast::postgres {
namespace {

using audit::Law;

// A page of events: many small ones, or one however large.
constexpr std::int64_t kMaxEvents = 4'096;
constexpr std::int64_t kMaxBytes = 8 << 20;

constexpr std::string_view kHead = R"(
select seq, at, hash, (select count(*) from holdfast.unsealed where ledger = (select $1::int)),
  (select max(seq) from holdfast.seals where ledger = (select $1::int))
from holdfast.ledgers where ledger = (select $1::int))";
#define EVENT_PAGE(of)                                                                                  \
  "select * from (select s.seq, s.event, s.at, s.hash, e.at as own_at, e.op, e.actor, e.reason, "       \
  "e.reference, "                                                                                       \
  "e.replays, e.entry, r.entry as canonical, sum(coalesce(length(e.entry), 0)) over (order by s.place " \
  "rows between unbounded preceding and 1 preceding) as before from (" of                               \
  ") s "                                                                                                \
  "left join holdfast.events e on e.ledger = (select $1::int) and e.event = s.event "                   \
  "left join holdfast.replaying_entries r on r.ledger = (select $1::int) and r.seq = s.seq order by "   \
  "s.place) q "                                                                                         \
  "where before is null or before < $4"
constexpr std::string_view kSealed = EVENT_PAGE(
    "select seq, event, at, hash, seq as place from holdfast.seals where ledger = (select $1::int) and seq > "
    "$2 order by "
    "seq limit $3");
constexpr std::string_view kUnsealed = EVENT_PAGE(
    "select null::bigint as seq, event, null::timestamptz as at, null::bytea as hash, event as place "
    "from holdfast.unsealed where ledger = (select $1::int) and event > $2 order by event limit $3");
constexpr std::string_view kSeqs =
    "select event, seq from holdfast.seals where ledger = (select $1::int) and event = any($2::bigint[])";

struct ReadEvent {
  StoredEvent stored;
  std::optional<Timestamp> sealed_at;
  std::optional<Digest> hash;
  std::optional<Timestamp> own_at;
  std::optional<Bytes> entry;
  std::optional<Bytes> canonical;  // where it is kept because the entry replays others
};

HashSecret secret_of(const Digest& head) {
  HashSecret secret{};
  std::copy_n(head.begin(), secret.size(), secret.begin());
  return secret;
}

class Audit {
 public:
  Audit(Session& session, std::int64_t ledger, const std::function<void(Seq, Seq)>& progress,
        const std::stop_token& stop)
      : ledger_(ledger),
        progress_(progress),
        stop_(stop),
        snapshot_(session, [this](std::string what) { findings_.add(Law::history, std::move(what)); }),
        rows_(snapshot_, ledger, findings_) {}

  Result<AuditReport> run() {
    if (auto done = read_head(); !done) return std::unexpected(std::move(done.error()));
    const auto secret = secret_of(sha256(std::as_bytes(std::span(head_))));
    if (auto done = rows_.load_keys(secret); !done) return std::unexpected(std::move(done.error()));
    TableAudit tables(snapshot_, ledger_, rows_, findings_, secret);
    if (auto done = tables.load_chunks(); !done) return std::unexpected(std::move(done.error()));
    for (const auto sql : {kSealed, kUnsealed}) {
      if (auto done = events(sql, tables); !done) return std::unexpected(std::move(done.error()));
    }
    if (auto done = rows_.load([&](const auto& marks) { tables.escrow(marks); }); !done) {
      return std::unexpected(std::move(done.error()));
    }
    if (auto done = tables.compare(); !done) return std::unexpected(std::move(done.error()));
    // What it promises to be durable: all that was sealed, and all that waits to be.
    const Seq durable(head_seq_.value() + unsealed_);
    auto report = auditor_.finish(rows_, durable, unsealed_ == 0 ? head_ : chain_);
    if (rows_.failure()) return std::unexpected(*rows_.failure());
    if (auto done = snapshot_.end(); !done) return std::unexpected(std::move(done.error()));
    add_findings(report);
    if (progress_) progress_(seq_, seq_);
    return report;
  }

 private:
  Result<void> read_head() {
    bool there = false;
    snapshot_.ask(kHead, {ledger_}, [&](const ResultSet& rows) {
      if (rows.rows() == 0) return;
      there = true;
      const RowReader row(rows, 0, snapshot_, "the ledger");
      head_seq_ = row.id<Seq>(0);
      head_at_ = row.time(1);
      head_ = row.digest(2);
      unsealed_ = static_cast<std::uint64_t>(row.integer(3));
      if (row.id<Seq>(4) != head_seq_) {
        findings_.add(Law::durable, fmt::format("the ledger ends at event {}, the last that is sealed is {}",
                                                head_seq_.value(), row.id<Seq>(4).value()));
      }
    });
    if (auto done = snapshot_.run(); !done) return done;
    if (!there) return fail(ErrorCode::not_a_ledger, "the ledger is not there any more");
    return {};
  }

  Result<void> events(std::string_view sql, TableAudit& tables) {
    std::int64_t place = 0;
    if (sql == kUnsealed) end_sealed();
    while (true) {
      if (stop_.stop_requested()) return fail(ErrorCode::aborted, "the audit was told to stop");
      std::vector<ReadEvent> page;
      snapshot_.ask(sql, {ledger_, place, kMaxEvents, kMaxBytes}, [&](const ResultSet& rows) {
        for (std::size_t i = 0; i < rows.rows(); ++i) page.push_back(read(rows, i));
      });
      if (auto done = snapshot_.run(); !done) return done;
      if (page.empty()) return {};
      const auto& last = page.back().stored;
      place = sql == kSealed ? bigint(last.seq) : static_cast<std::int64_t>(last.id);
      if (auto done = look_up_replays(page); !done) return done;
      for (auto& event : page) take(event, tables);
      if (progress_) progress_(seq_, Seq(head_seq_.value() + unsealed_));
    }
  }

  ReadEvent read(const ResultSet& rows, std::size_t i) {
    const RowReader row(rows, i, snapshot_, "an event");
    const auto bytes = [&](std::size_t column) -> std::optional<Bytes> {
      if (row.is_null(column)) return std::nullopt;
      const auto from = rows.bytes(i, column);
      return Bytes(from.begin(), from.end());
    };
    ReadEvent event;
    auto& stored = event.stored;
    stored.seq = row.id<Seq>(0);
    stored.sealed = static_cast<bool>(stored.seq);
    stored.id = static_cast<std::uint64_t>(row.integer(1));
    event.sealed_at = row.optional_time(2);
    if (stored.sealed) event.hash = row.digest(3);
    event.own_at = row.optional_time(4);
    event.entry = bytes(10);
    event.canonical = bytes(11);
    if (!event.entry) return event;
    stored.op = row.text(5);
    stored.actor = row.optional_text(6);
    stored.reason = row.optional_text(7);
    stored.reference = row.optional_text(8);
    stored.replays = row.boolean(9);
    if (auto decoded = decode_entry(*event.entry, stored.entry); !decoded) {
      findings_.add(Law::history,
                    fmt::format("{} cannot be read: {}", called(stored), decoded.error().message));
      event.entry.reset();
    }
    return event;
  }

  static std::string called(const StoredEvent& event) {
    return event.sealed ? fmt::format("event {}", event.seq.value())
                        : fmt::format("the event with id {}, which is not sealed yet,", event.id);
  }

  Result<void> look_up_replays(const std::vector<ReadEvent>& page) {
    std::vector<std::int64_t> originals;
    for (const auto& event : page) {
      for_each_replay(event.stored.entry, [&](const Replayed& replayed) {
        originals.push_back(static_cast<std::int64_t>(replayed.original.value()));
      });
    }
    if (originals.empty()) return {};
    snapshot_.ask(kSeqs, {ledger_, std::move(originals)}, [&](const ResultSet& rows) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const RowReader row(rows, i, snapshot_, "a seal");
        seqs_[static_cast<std::uint64_t>(row.integer(0))] = row.id<Seq>(1);
      }
    });
    return snapshot_.run();
  }

  /// Gives the event to both who audit.
  void take(ReadEvent& event, TableAudit& tables) {
    auto& stored = event.stored;
    if (!event.own_at) {
      findings_.add(Law::history, fmt::format("{} is not there", called(stored)));
      return;
    }
    const auto at = std::max(at_, *event.own_at);
    if (stored.sealed && event.sealed_at != at) {
      findings_.add(Law::history,
                    fmt::format("{} is of {}, its seal makes that {}", called(stored),
                                to_rfc3339(*event.own_at), to_rfc3339(event.sealed_at.value_or(at))));
    }
    at_ = event.sealed_at.value_or(at);
    if (!stored.sealed) stored.seq = seq_.next();
    seq_ = stored.seq;
    if (!event.entry) return;  // told already
    if (!stored.sealed) seqs_[stored.id] = stored.seq;

    Event in_chain{stored.seq, at_, stored.entry};
    auto bytes = canonical(event, in_chain.entry);
    hash(in_chain, bytes);
    auditor_.event(in_chain, bytes, event.hash ? &*event.hash : nullptr);
    tables.event(stored);
  }

  /// The entry as it stands in the chain: what it replays is named by seq.
  Bytes canonical(const ReadEvent& event, Entry& entry) {
    const auto& stored = event.stored;
    bool replays = false;
    for_each_replay(entry, [&](Replayed& replayed) {
      replays = true;
      const auto id = replayed.original.value();
      const auto at = seqs_.find(id);
      if (at == seqs_.end()) {
        findings_.add(Law::once, fmt::format("{} answers from the event with id {}, which is not there",
                                             called(stored), id));
      } else {
        replayed.original = at->second;
      }
    });
    Bytes made;
    if (replays) encode_entry(entry, made);
    const auto& own = replays ? made : *event.entry;
    if (!stored.sealed) return own;
    if (replays && !event.canonical) {
      findings_.add(Law::history,
                    fmt::format("{} has no entry in which replays are named by seq", called(stored)));
    } else if (event.canonical && *event.canonical != own) {
      findings_.add(Law::history, fmt::format("{} has two entries that differ", called(stored)));
    }
    return own;
  }

  void hash(const Event& event, Bytes& entry) {
    Bytes bytes;
    encode_event_head(event.seq, event.at, bytes);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
    entry = std::move(bytes);
    chain_ = chain(hasher_, chain_, entry);
  }

  /// What follows goes on from the head, whatever is wrong before it.
  void end_sealed() {
    if (head_at_ != at_ && seq_) {
      findings_.add(Law::history, fmt::format("the ledger ends at {}, its last event is of {}",
                                              to_rfc3339(head_at_), to_rfc3339(at_)));
    }
    if (chain_ != head_) {
      findings_.add(Law::history, fmt::format("the chain of the events ends in {}, the ledger's head is {}",
                                              to_hex(chain_), to_hex(head_)));
      chain_ = head_;
    }
  }

  void add_findings(AuditReport& report) const {
    for (std::size_t i = 0; i < audit::kLawNames.size(); ++i) {
      const auto law = static_cast<Law>(i);
      if (findings_.count(law) == 0) continue;
      report.ok = false;
      auto& check = report.checks[i];
      const auto text = findings_.text(law);
      check.detail = check.ok ? text : check.detail + "; in the tables " + text;
      check.ok = false;
    }
  }

  const std::int64_t ledger_;
  const std::function<void(Seq, Seq)>& progress_;
  const std::stop_token& stop_;
  audit::Findings findings_;
  Snapshot snapshot_;
  SnapshotRows rows_;
  Auditor auditor_;
  Seq head_seq_;
  Timestamp head_at_;
  Digest head_{};
  std::uint64_t unsealed_ = 0;
  Seq seq_;
  Timestamp at_{std::numeric_limits<std::int64_t>::min()};
  Digest chain_{};
  Sha256 hasher_;
  absl::flat_hash_map<std::uint64_t, Seq>
      seqs_;  // of events that others replay, and of those not sealed, by id
};

}  // namespace

Result<AuditReport> Queries::audit(const std::function<void(Seq done, Seq of)>& progress,
                                   const std::stop_token& stop) {
  return Audit(session_, ledger_.number, progress, stop).run();
}

}  // namespace holdfast::postgres
