#include "journal/history.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "journal/log_range.h"
#include "ledger/event_codec.h"

namespace holdfast::journal {
namespace {

// What one page may cost before it ends early: rows can stand for events of a million escrows.
constexpr std::uint64_t kStatementItems = 4'000'000;
constexpr std::size_t kEventPostings = 100'000;

void append_lines(const Event& event, AccountId account, const std::vector<Posting>& posted, Change& balance,
                  std::vector<StatementLine>& out) {
  const auto of_account = std::ranges::equal_range(posted, account, {}, &Posting::account);
  for (const auto& posting : of_account) {
    auto& bucket = posting.bucket == Bucket::available ? balance.available : balance.held;
    bucket += posting.amount;
    auto& line = out.emplace_back();
    line.seq = event.seq;
    line.at = event.at;
    line.op = op_name(event.entry.body);
    line.bucket = posting.bucket;
    line.amount = posting.amount;
    line.balance = bucket;
    line.escrows = posting.escrows;
    line.reference = event.entry.reference;
  }
}

}  // namespace

struct History::Impl {
  Impl(const Log& of, Directory* directory, Names given, IndexUse use)
      : log(of), names(std::move(given)), index(of, directory, use) {}

  /// Appends lines of `found` until there are `limit` or it was enough work. False where something is left.
  Result<bool> append_statement(AccountId account, const TouchIndex::Found& found, std::size_t limit,
                                std::uint64_t& work, Change& balance, std::vector<StatementLine>& rows);

  const Log& log;
  Names names;
  TouchIndex index;
};

History::History(const Log& log, Directory* index_directory, Names names, IndexUse use)
    : impl_(std::make_unique<Impl>(log, index_directory, std::move(names), use)) {}
History::~History() = default;

Result<bool> History::Impl::append_statement(AccountId account, const TouchIndex::Found& found,
                                             std::size_t limit, std::uint64_t& work, Change& balance,
                                             std::vector<StatementLine>& rows) {
  std::vector<Seq> seqs;
  std::vector<Change> changes;
  for (const auto& item : found.items) {
    if (item.change == Change{}) continue;  // no posting, so no line
    seqs.push_back(item.seq);
    changes.push_back(item.change);
  }
  std::size_t done = 0;
  std::vector<Posting> posted;
  auto read = read_events(log, seqs, [&](const Event& event) -> Result<Visit> {
    postings(event.entry, posted);
    auto expected = balance;
    expected += changes[done];
    append_lines(event, account, posted, balance, rows);
    if (balance != expected) {
      return fail(
          ErrorCode::corrupt,
          fmt::format("the index disagrees with the journal at seq {}; remove the directory `index`, it is "
                      "made again by itself",
                      event.seq.value()));
    }
    ++done;
    for (const auto& posting : posted) work += 1 + posting.escrows;
    return rows.size() >= limit || work >= kStatementItems ? Visit::enough : Visit::more;
  });
  if (!read) return std::unexpected(read.error());
  return done == seqs.size();
}

Result<StatementPage> History::statement(AccountId account, Seq after, std::size_t limit) const {
  StatementPage page;
  const auto through = impl_->log.durable().seq;
  Change balance;
  std::uint64_t work = 0;
  for (auto cursor = after; page.rows.size() < limit;) {
    // One more than fits tells whether the page is the last.
    const auto wanted = limit - page.rows.size() + 1;
    const auto found = impl_->index.find(account, cursor, through, wanted);
    if (!found) return std::unexpected(found.error());
    if (cursor == after) balance = found->before;
    if (found->items.empty()) return page;
    const auto all = impl_->append_statement(account, *found, limit, work, balance, page.rows);
    if (!all) return std::unexpected(all.error());
    if (*all && found->items.size() < wanted) return page;
    if (!*all) break;
    cursor = found->items.back().seq;
  }
  if (!page.rows.empty()) page.next = page.rows.back().seq;
  return page;
}

Result<EventPage> History::events(Seq after, std::size_t limit) const {
  EventPage page;
  const auto through = impl_->log.durable().seq;
  if (limit == 0) return page;
  std::size_t postings_shown = 0;
  auto read = read_range(
      impl_->log, after, through,
      [&](const Event& event, std::span<const std::byte>, const Digest* hash) -> Result<Visit> {
        HOLDFAST_ASSERT(hash != nullptr, "the journal gives the chain's hash at every event");
        page.rows.push_back(view_of(event, *hash, impl_->names));
        postings_shown += page.rows.back().postings.size();
        return page.rows.size() == limit || postings_shown >= kEventPostings ? Visit::enough : Visit::more;
      });
  if (!read) return std::unexpected(read.error());
  if (!page.rows.empty() && page.rows.back().seq < through) page.next = page.rows.back().seq;
  return page;
}

Result<std::vector<EscrowHistoryLine>> History::escrow(EscrowId escrow, AccountId payer, Seq last_seq) const {
  std::vector<EscrowHistoryLine> lines;
  const auto held = impl_->log.read_hold(escrow);
  if (!held) return std::unexpected(held.error());
  append_history(*held, escrow, impl_->names, lines);

  constexpr std::size_t kAtATime = 1'000;
  for (auto cursor = held->seq; cursor < last_seq;) {
    const auto found = impl_->index.find(payer, cursor, last_seq, kAtATime);
    if (!found) return std::unexpected(found.error());
    std::vector<Seq> seqs;
    for (const auto& item : found->items) seqs.push_back(item.seq);
    auto read = read_events(impl_->log, seqs, [&](const Event& event) -> Result<Visit> {
      append_history(event, escrow, impl_->names, lines);
      return Visit::more;
    });
    if (!read) return std::unexpected(read.error());
    if (seqs.size() < kAtATime) break;
    cursor = seqs.back();
  }
  return lines;
}

Result<bool> History::build_next_index() {
  return impl_->index.build_next();
}

}  // namespace holdfast::journal
