// `copy`: a whole ledger from one store to another, event by event.
//
// Events keep their numbers, times and bytes, so the chain is the same one. What the target has must be a
// beginning of the source: then a copy that was cut off goes on where it stopped, and one that was complete
// takes what has come since. It ends where the source ended when it began.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "holdfast/ledger.h"
#include "holdfast/maintenance.h"
#include "journal/copy_target.h"
#include "ledger/event_codec.h"
#include "ledger/postings.h"
#include "postgres/importer.h"
#include "postgres/maintenance.h"
#include "service/url.h"

namespace holdfast {

namespace {

using Sink = journal::EventSink;
__extension__ using Wide = __int128;

struct Place {
  Seq seq;
  Digest hash{};
};

/// Where events come from.
class Source {
 public:
  explicit Source(std::string_view url) : url_(url) {}

  /// Where it ends now. In PostgreSQL what is committed is sealed first, if that may be done here.
  Result<Place> end() const {
    if (!is_postgres(url_)) {
      const auto ledger = Ledger::open(url_, {.read_only = true});
      if (!ledger) return std::unexpected(ledger.error());
      const auto status = ledger->status();
      if (!status) return std::unexpected(status.error());
      return at(status->seq);
    }
    auto opened = postgres::open_ledger(url_, false);
    if (!opened) return std::unexpected(std::move(opened.error()));
    const auto sealed = postgres::seal_all(*opened, {});
    if (!sealed && sealed.error().code != ErrorCode::read_only) return std::unexpected(sealed.error());
    const auto end = postgres::end_of(*opened);
    if (!end) return std::unexpected(end.error());
    return Place{end->seq, end->head};
  }

  /// The event of this number, as a place in the chain. None where the source is shorter.
  Result<Place> at(Seq seq) const {
    if (!seq) return Place{};
    std::optional<Place> found;
    const auto read =
        this->read(Seq(seq.value() - 1), seq,
                   [&](const Event&, std::span<const std::byte>, const Digest* hash) -> Result<void> {
                     found = Place{seq, *hash};
                     return {};
                   });
    if (!read) return std::unexpected(read.error());
    if (!found) return fail(ErrorCode::corrupt, fmt::format("the source has no seq {}", seq.value()));
    return *found;
  }

  /// Events with after < seq <= through, in order.
  Result<void> read(Seq after, Seq through, const Sink& sink) const {
    if (is_postgres(url_)) {
      auto opened = postgres::open_ledger(url_, false);
      if (!opened) return std::unexpected(std::move(opened.error()));
      return postgres::read_sealed(*opened, after, through, sink);
    }
    bool enough = false;
    const auto done = journal::read_events(
        std::filesystem::path(url_), after,
        [&](const Event& event, std::span<const std::byte> bytes, const Digest* hash) -> Result<void> {
          if (auto taken = sink(event, bytes, hash); !taken) return taken;
          if (event.seq < through) return {};
          enough = true;
          return fail(ErrorCode::aborted, "far enough");
        });
    if (!done && !enough) return std::unexpected(done.error());
    return {};
  }

 private:
  std::string_view url_;
};

/// Where events go to.
class Target {
 public:
  virtual ~Target() = default;
  [[nodiscard]] virtual Place end() const = 0;
  virtual Result<void> add(const Event& event, std::span<const std::byte> bytes, const Digest& hash) = 0;
  virtual Result<void> finish() = 0;
};

class JournalTarget final : public Target {
 public:
  explicit JournalTarget(std::unique_ptr<journal::CopyTarget> target) : target_(std::move(target)) {}
  [[nodiscard]] Place end() const override { return {target_->durable().seq, target_->durable().head}; }
  Result<void> add(const Event& event, std::span<const std::byte> bytes, const Digest&) override {
    return target_->add(event, bytes);
  }
  Result<void> finish() override { return target_->finish(); }

 private:
  std::unique_ptr<journal::CopyTarget> target_;
};

class PostgresTarget final : public Target {
 public:
  explicit PostgresTarget(postgres::OpenedLedger opened, Place end) : opened_(std::move(opened)), end_(end) {}
  [[nodiscard]] Place end() const override { return end_; }
  Result<void> add(const Event& event, std::span<const std::byte> bytes, const Digest& hash) override {
    batch_.push_back({event, Bytes(bytes.begin(), bytes.end()), hash});
    bytes_ += bytes.size();
    return batch_.size() < kMaxEvents && bytes_ < kMaxBytes ? Result<void>() : flush();
  }
  Result<void> finish() override { return flush(); }

 private:
  Result<void> flush() {
    if (batch_.empty()) return {};
    if (auto done = postgres::import_events(*opened_.session, opened_.ledger, end_.hash, batch_); !done)
      return done;
    end_ = {batch_.back().event.seq, batch_.back().hash};
    batch_.clear();
    bytes_ = 0;
    return {};
  }

  static constexpr std::size_t kMaxEvents = 4'096;
  static constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
  postgres::OpenedLedger opened_;
  Place end_;
  std::vector<postgres::SourceEvent> batch_;
  std::size_t bytes_ = 0;
};

Result<std::unique_ptr<Target>> open_target(std::string_view url) {
  if (!is_postgres(url)) {
    auto target = journal::CopyTarget::open(std::filesystem::path(url));
    if (!target) return std::unexpected(target.error());
    return std::make_unique<JournalTarget>(std::move(*target));
  }
  auto opened = postgres::open_ledger(url, true);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const auto end = postgres::end_of(*opened);
  if (!end) return std::unexpected(end.error());
  if (end->unsealed > 0) {
    return fail(
        ErrorCode::not_a_ledger,
        fmt::format("the target has {} events of its own: a copy goes into a new ledger, or goes on with "
                    "what a copy of the same source left. Nothing was changed",
                    end->unsealed));
  }
  return std::make_unique<PostgresTarget>(std::move(*opened), Place{end->seq, end->head});
}

/// Whether what the target has is a beginning of the source.
Result<void> check_beginning(const Source& source, const Place& source_end, const Place& target_end) {
  const auto refused = [&](std::string_view why) {
    return fail(
        ErrorCode::not_a_ledger,
        fmt::format(
            "the target has {} events, which are not a beginning of the source: {}. A copy goes into a "
            "new ledger, or goes on with what a copy of the same source left. Nothing was changed",
            target_end.seq.value(), why));
  };
  if (target_end.seq > source_end.seq) return refused(fmt::format("that has {}", source_end.seq.value()));
  const auto there = source.at(target_end.seq);
  if (!there) return std::unexpected(there.error());
  if (there->hash != target_end.hash)
    return refused(fmt::format("at seq {} the chains differ", target_end.seq.value()));
  return {};
}

/// What the source's events make of its accounts.
struct Books {
  std::map<AccountId, std::string> names;
  std::map<AccountId, std::pair<Wide, Wide>> sums;
  std::map<std::string, Wide> currencies;

  void add(const Event& event) {
    std::vector<Posting> posted;
    postings(event.entry, posted);
    for (const auto& posting : posted) {
      auto& [available, held] = sums[posting.account];
      (posting.bucket == Bucket::held ? held : available) += posting.amount.minor();
      currencies[std::string(posting.currency.code())] += posting.amount.minor();
    }
    for_each_effect(event.entry, [&](const Entry& effect) {
      const auto name = [&](const AccountOpened& opened) { names[opened.account] = opened.name; };
      if (const auto* opened = std::get_if<AccountOpened>(&effect.body)) name(*opened);
      if (const auto* plan = std::get_if<FeePlanDefined>(&effect.body)) {
        for (const auto& opened : plan->opens) name(opened);
      }
      if (const auto* moved = std::get_if<Moved>(&effect.body)) {
        for (const auto& opened : moved->opens) name(opened);
      }
    });
  }
};

/// Reads the target whole: its chain, and whether its accounts are what the source's events make them.
Result<std::uint64_t> compare(const Source& source, std::string_view to, const Place& end) {
  const auto verified = verify(to);
  if (!verified) return std::unexpected(verified.error());
  if (verified->seq != end.seq || verified->head != to_hex(end.hash)) {
    return fail(ErrorCode::corrupt,
                fmt::format("the target ends at seq {} with hash {}, not at seq {} with {}",
                            verified->seq.value(), verified->head, end.seq.value(), to_hex(end.hash)));
  }
  Books books;
  const auto read = source.read(
      Seq(), end.seq, [&](const Event& event, std::span<const std::byte>, const Digest*) -> Result<void> {
        books.add(event);
        return {};
      });
  if (!read) return std::unexpected(read.error());
  const auto ledger = Ledger::open(to, {.read_only = true});
  if (!ledger) return std::unexpected(ledger.error());
  for (const auto& [id, name] : books.names) {
    const auto account = ledger->account(name);
    if (!account) return std::unexpected(account.error());
    const auto& [available, held] = books.sums[id];
    if (account->available.minor() != available || account->held.minor() != held)
      return fail(ErrorCode::corrupt, fmt::format("account {} has another balance in the target", name));
  }
  const auto trial = ledger->trial_balance();
  if (!trial) return std::unexpected(trial.error());
  for (const auto& row : *trial) {
    if (row.sum.minor() != books.currencies[std::string(row.currency.code())])
      return fail(ErrorCode::corrupt,
                  fmt::format("the trial balance of {} is another in the target", row.currency.code()));
  }
  return books.names.size();
}

}  // namespace

Result<CopyReport> copy(std::string_view from, std::string_view to, const Progress& progress) {
  if (from == to) return fail(ErrorCode::invalid_command, "the source and the target are the same ledger");
  const Source source(from);
  const auto end = source.end();
  if (!end) return std::unexpected(end.error());
  CopyReport report;
  {
    auto target = open_target(to);
    if (!target) return std::unexpected(target.error());
    const auto begin = (*target)->end();
    if (auto fits = check_beginning(source, *end, begin); !fits) return std::unexpected(fits.error());
    report.before = begin.seq.value();
    report.events = end->seq.value() - begin.seq.value();
    Sha256 hasher;
    auto place = begin;
    const Sink sink = [&](const Event& event, std::span<const std::byte> bytes,
                          const Digest* hash) -> Result<void> {
      place.hash = chain(hasher, place.hash, bytes);
      if (event.seq != place.seq.next() || place.hash != *hash)
        return fail(ErrorCode::corrupt,
                    fmt::format("the source's chain breaks at seq {}", event.seq.value()));
      place.seq = event.seq;
      if (progress) progress(event.seq.value(), end->seq.value());
      return (*target)->add(event, bytes, *hash);
    };
    if (report.events > 0) {
      if (auto read = source.read(begin.seq, end->seq, sink); !read) return std::unexpected(read.error());
    }
    if (auto finished = (*target)->finish(); !finished) return std::unexpected(finished.error());
  }
  const auto accounts = compare(source, to, *end);
  if (!accounts) return std::unexpected(accounts.error());
  report.accounts = *accounts;
  report.seq = end->seq;
  report.head = to_hex(end->hash);
  return report;
}

}  // namespace holdfast
