#include "ledger/testing/book.h"

#include <fmt/core.h>

#include "ledger/event_codec.h"
#include "ledger/postings.h"
#include "ledger/testing/guarded_rows.h"

namespace holdfast::testing {
namespace {

Bytes encoded(const Event& event) {
  Bytes out;
  encode_event(event.seq, event.at, event.entry, out);
  return out;
}

// Everything that rows hold, as text: to see that nothing changed.
std::string all_of(const MapRows& rows) {
  std::string out;
  for (const auto& [id, account] : rows.data().accounts) {
    out += fmt::format("{} {} {} {} {}\n", id.value(), account.name, account.row.available.minor(),
                       account.row.held.minor(), account.row.open);
  }
  for (const auto& [id, escrow] : rows.data().escrows) {
    const auto& row = escrow.row;
    const std::uint64_t frozen = row.frozen;
    const std::uint64_t seq = row.last_seq;
    out += fmt::format("{} {} {} {} {} {} {}\n", id.value(), escrow.key, row.released.minor(),
                       row.refunded.minor(), row.plan.value(), frozen, seq);
  }
  for (const auto& [id, group] : rows.data().groups)
    out += fmt::format("{} {}\n", group.name, group.row.open);
  for (const auto& [id, plan] : rows.data().plans) out += fmt::format("{} {}\n", plan.name, plan.version);
  for (const auto& [key, past] : rows.data().keys) out += fmt::format("{} {}\n", key, past.seq.value());
  return out;
}

}  // namespace

Result<CommandResult> Book::run(const Command& command) {
  GuardedRows guarded(rows, command);
  const Moment moment{Seq(events_.size() + 1), Timestamp{static_cast<std::int64_t>(events_.size()) * 1000}};
  recorded_ = replayed_ = false;
  const auto before = all_of(rows);
  auto decision = execute(command, guarded, moment, workspace_);
  EXPECT_EQ(guarded.strays(), std::vector<std::string>())
      << op_name(command.operation) << " left its footprint";
  EXPECT_EQ(rows.open_marks(), 0u);
  if (!decision || !std::holds_alternative<Accepted>(*decision)) {
    EXPECT_EQ(all_of(rows), before);
  }
  if (!decision) {
    EXPECT_FALSE(decision.error().message.empty());
    EXPECT_EQ(decision.error().message.find('\n'), std::string::npos);
    return std::unexpected(decision.error());
  }
  if (const auto* accepted = std::get_if<Accepted>(&*decision)) {
    record(*accepted->entry);
    return result_of(*accepted->entry);
  }
  if (const auto* first = std::get_if<FirstAnswer>(&*decision)) {
    replayed_ = true;
    return result_of(first->past.entry);
  }
  return std::get<Unrecorded>(*decision).result;
}

CommandResult Book::accept(const Command& command) {
  auto result = run(command);
  EXPECT_TRUE(result) << op_name(command.operation) << " was rejected: " << result.error().message;
  return result ? *result : CommandResult();
}

Settlement Book::settle(const Command& command) {
  const auto result = accept(command);
  const auto* settlement = std::get_if<Settlement>(&result);
  EXPECT_NE(settlement, nullptr);
  return settlement != nullptr ? *settlement : Settlement();
}

Error Book::reject(const Command& command) {
  const auto result = run(command);
  EXPECT_FALSE(result) << op_name(command.operation) << " was accepted";
  return result ? Error() : result.error();
}

Result<Decision> Book::block(const Options& options, const std::function<void(OpenAtomic&)>& body) {
  const Moment moment{Seq(events_.size() + 1), Timestamp{static_cast<std::int64_t>(events_.size()) * 1000}};
  OpenAtomic atomic(rows, moment, workspace_);
  body(atomic);
  auto decision = atomic.finish(options);
  if (decision && std::holds_alternative<Accepted>(*decision)) record(*std::get<Accepted>(*decision).entry);
  return decision;
}

void Book::record(const Entry& entry) {
  recorded_ = true;
  const auto seq = Seq(events_.size() + 1);
  events_.push_back({seq, Timestamp{static_cast<std::int64_t>(events_.size()) * 1000}, entry});
  const auto bytes = encoded(events_.back());
  Event decoded;
  const auto result = decode_event(bytes, decoded);
  EXPECT_TRUE(result) << op_name(entry.body) << ": " << result.error().message;
  if (result) {
    EXPECT_EQ(encoded(decoded), bytes);
  }
  rebuild(entry);
  check_laws();
}

void Book::rebuild(const Entry& entry) {
  std::vector<Posting> made;
  postings(entry, made);
  std::map<Currency, Amount> sums;
  for (const auto& posting : made) {
    EXPECT_NE(posting.amount, Amount());
    rebuilt_[{posting.account, posting.bucket}] += posting.amount;
    sums[posting.currency] += posting.amount;
  }
  for (const auto& [in, sum] : sums) EXPECT_EQ(sum.minor(), 0) << in.code();
}

std::size_t Book::posting_count(const Event& event) const {
  std::vector<Posting> made;
  postings(event.entry, made);
  return made.size();
}

void Book::check_laws() {
  std::map<AccountId, Amount> locked;
  for (const auto& [id, escrow] : rows.data().escrows) {
    const auto& row = escrow.row;
    EXPECT_GE(row.locked(), Amount());
    EXPECT_GE(row.released, Amount());
    EXPECT_GE(row.refunded, Amount());
    EXPECT_GE(row.released - row.commission - row.processor_fee, Amount());
    locked[row.payer] += row.locked();
  }
  std::map<Currency, Amount> sums;
  for (const auto& [id, account] : rows.data().accounts) {
    EXPECT_EQ(account.row.held, locked[id]) << account.name;
    EXPECT_EQ(account.row.available, (rebuilt_[{id, Bucket::available}])) << account.name;
    EXPECT_EQ(account.row.held, (rebuilt_[{id, Bucket::held}])) << account.name;
    if (account.row.kind != AccountKind::external) {
      EXPECT_GE(account.row.available, Amount()) << account.name;
    }
    sums[account.row.currency] += account.row.available + account.row.held;
  }
  for (const auto& [in, sum] : sums) EXPECT_EQ(sum.minor(), 0) << in.code();
}

std::int64_t Book::available(std::string_view account) const {
  return rows.account(rows.find_account(account).value())->available.minor();
}
std::int64_t Book::held(std::string_view account) const {
  return rows.account(rows.find_account(account).value())->held.minor();
}
const EscrowRow& Book::escrow(std::string_view key) const {
  return *rows.escrow(id(key));
}
bool Book::has_group(std::string_view name, bool open) const {
  const auto group = rows.find_group(name);
  return group && rows.group(*group)->open == open;
}

Market::Market() {
  book.accept(open("alice"));
  book.accept(open("bob"));
  book.accept(open("carol"));
  book.accept(open("shop", AccountKind::beneficiary));
  book.accept(plan("standard", "0.05", "0.03"));
  book.accept(deposit("d:alice", "alice", 100'000));
  book.accept(deposit("d:bob", "bob", 100'000));
}

std::string totals_text(const Settlement& settlement) {
  std::string out;
  for (const auto& total : settlement.totals) {
    out += fmt::format("{}{} {} of {}: {} / {} / {}", out.empty() ? "" : ", ", total.currency.code(),
                       total.escrows, total.amount.minor(), total.commission.minor(),
                       total.processor_fee.minor(), total.net.minor());
  }
  return out;
}

}  // namespace holdfast::testing
