#include "journal/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "ledger/event_codec.h"
#include "ledger/postings.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::journal {
namespace {

constexpr LedgerUuid kUuid = {1, 2, 3};
constexpr AccountId kExternal(1);
constexpr AccountId kCommission(2);
constexpr AccountId kFees(3);
constexpr AccountId kBeneficiary(4);
constexpr AccountId kFirstPayer(5);
constexpr std::uint32_t kPayers = 40;

Currency eur() {
  return *Currency::parse("EUR");
}
PlanUse standard() {
  return {PlanId(1), eur(), kCommission, kFees};
}
Result<void> ignore(const Event&, std::span<const std::byte>, const Digest*) {
  return {};
}

/// A journal of small segments and what it should answer, kept in the plainest way.
class Journal {
 public:
  Journal() {
    EXPECT_TRUE(Log::create(*files_, kUuid));
    LogReport report;
    auto opened = Log::recover(*files_, kUuid, {.segment_bytes = 64 * 1024}, Seq(), ignore, report);
    EXPECT_TRUE(opened) << opened.error().message;
    log_ = std::move(*opened);
  }

  /// The event goes into the open frame; `flush` writes it.
  Seq add(Body body, std::string reference = {}) {
    Entry entry;
    entry.reference = std::move(reference);
    entry.actor = "tester";
    entry.body = std::move(body);
    return add_entry(std::move(entry));
  }
  Seq add_entry(Entry entry) {
    const Seq seq(events_.size() + 1);
    const Timestamp at{1'000'000 + static_cast<std::int64_t>(seq.value())};
    Bytes bytes;
    encode_event(seq, at, entry, bytes);
    if (frame_.count == 0) frame_.first = seq, frame_.next_escrow = next_escrow_;
    for_each_effect(entry, [&](const Entry& effect) {
      if (const auto* held = std::get_if<Held>(&effect.body)) next_escrow_ = held->escrow.next();
    });
    ByteWriter writer(frame_.bytes);
    writer.varint(bytes.size());
    writer.raw(bytes);
    ++frame_.count;
    hashes_.push_back(chain(hasher_, hashes_.empty() ? Digest{} : hashes_.back(), bytes));
    events_.push_back({seq, at, std::move(entry)});
    return seq;
  }
  void flush() {
    if (frame_.count == 0) return;
    ASSERT_TRUE(log_->reserve(0, frame_.bytes.size()));
    const auto durable = log_->append(frame_);
    ASSERT_TRUE(durable) << durable.error().message;
    frame_.clear();
  }

  [[nodiscard]] EscrowId next_escrow() const { return next_escrow_; }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  [[nodiscard]] const Digest& hash(Seq seq) const { return hashes_[seq.value() - 1]; }
  [[nodiscard]] Log& log() { return *log_; }

  /// All lines of an account, from the events themselves.
  [[nodiscard]] std::vector<StatementLine> statement(AccountId account) const {
    std::vector<StatementLine> lines;
    std::map<Bucket, Amount> balances;
    std::vector<Posting> posted;
    for (const auto& event : events_) {
      postings(event.entry, posted);
      for (const auto& posting : posted) {
        if (posting.account != account) continue;
        balances[posting.bucket] += posting.amount;
        lines.push_back({event.seq, event.at, std::string(op_name(event.entry.body)), posting.bucket,
                         posting.amount, balances[posting.bucket], posting.escrows, event.entry.reference});
      }
    }
    return lines;
  }

 private:
  testing::TemporaryDirectory files_;
  std::unique_ptr<Log> log_;
  FramePayload frame_;
  EscrowId next_escrow_{1};
  std::vector<Event> events_;
  std::vector<Digest> hashes_;
  Sha256 hasher_;
};

Held hold(EscrowId escrow, AccountId payer, std::int64_t amount) {
  Held held;
  held.escrow = escrow;
  held.payer = payer;
  held.beneficiary = kBeneficiary;
  held.plan = PlanId(1);
  held.currency = eur();
  held.amount = Amount(amount);
  return held;
}

Released release(std::vector<std::pair<EscrowId, AccountId>> escrows, std::int64_t amount,
                 std::int64_t commission = 5, std::int64_t fee = 3) {
  Released released;
  released.plans = {standard()};
  for (const auto& [escrow, payer] : escrows) {
    released.items.push_back(
        {escrow, payer, kBeneficiary, 0, Amount(amount), Amount(commission), Amount(fee)});
  }
  return released;
}

/// Deposits, holds and releases of forty payers, in frames of some twenty events: every segment has all
/// accounts.
void fill(Journal& journal, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (std::uint32_t i = 0; i < kPayers; ++i) {
      const AccountId payer(kFirstPayer.value() + i);
      journal.add(Moved{Moved::Kind::deposit, kExternal, payer, eur(), Amount(1'000 + i), {}}, "in-1");
      const auto escrow = journal.next_escrow();
      journal.add(hold(escrow, payer, 500 + round));
      if (i % 3 == 0) journal.add(Frozen{escrow, payer});
      if (i % 2 == 1) journal.add(release({{escrow, payer}}, 500 + round));
      if (i % 8 == 7) journal.flush();
    }
  }
  journal.flush();
}

Names names() {
  Names names;
  names.account = [](AccountId id) { return "account-" + std::to_string(id.value()); };
  names.group = [](GroupId id) { return "group-" + std::to_string(id.value()); };
  names.plan = [](PlanId id) {
    FeePlanView view;
    view.fee_plan = "plan-" + std::to_string(id.value());
    return view;
  };
  return names;
}

void expect_same(const std::vector<StatementLine>& found, const std::vector<StatementLine>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto& a = found[i];
    const auto& b = expected[i];
    ASSERT_TRUE(a.seq == b.seq && a.at == b.at && a.op == b.op && a.bucket == b.bucket &&
                a.amount == b.amount && a.balance == b.balance && a.escrows == b.escrows &&
                a.reference == b.reference)
        << "line " << i << " at seq " << a.seq.value() << ", expected seq " << b.seq.value();
  }
}

/// All lines after `after`, page by page.
std::vector<StatementLine> all_pages(const History& history, AccountId account, std::size_t limit,
                                     Seq after = {}) {
  std::vector<StatementLine> lines;
  for (;;) {
    const auto page = history.statement(account, after, limit);
    EXPECT_TRUE(page) << page.error().message;
    if (!page) return lines;
    EXPECT_LE(page->rows.size(), limit + 1);
    lines.insert(lines.end(), page->rows.begin(), page->rows.end());
    if (!page->next) return lines;
    EXPECT_GT(*page->next, after);
    after = *page->next;
  }
}

std::vector<AccountId> some_accounts() {
  return {kExternal,   kCommission,   kFees,         kBeneficiary,
          kFirstPayer, AccountId(17), AccountId(44), AccountId(999)};
}

void expect_all_statements(const Journal& journal, const History& history, std::size_t limit) {
  for (const auto account : some_accounts()) {
    SCOPED_TRACE(account.value());
    expect_same(all_pages(history, account, limit), journal.statement(account));
  }
}

std::size_t index_files(const testing::TemporaryDirectory& directory) {
  const auto listed = directory->list();
  return listed ? listed->size() : 0;
}

TEST(History, StatementsOverManySegments) {
  Journal journal;
  fill(journal, 40);
  ASSERT_GE(journal.log().sealed_segments().size(), 3u);
  const testing::TemporaryDirectory index;
  const History history(journal.log(), &*index, names());
  for (const std::size_t limit : {1ul, 7ul, 10'000ul}) expect_all_statements(journal, history, limit);
  EXPECT_EQ(index_files(index), journal.log().sealed_segments().size());
}

TEST(History, AReaderNeedsNoIndex) {
  Journal journal;
  fill(journal, 40);
  const History history(journal.log(), nullptr, names());
  expect_all_statements(journal, history, 500);
}

TEST(History, AReaderUsesAnIndexAndWritesNone) {
  Journal journal;
  fill(journal, 40);
  const testing::TemporaryDirectory index;
  History reader(journal.log(), &*index, names(), IndexUse::read);
  expect_all_statements(journal, reader, 500);
  const auto built = reader.build_next_index();
  EXPECT_TRUE(built && !*built);
  EXPECT_EQ(index_files(index), 0u);

  History writer(journal.log(), &*index, names());
  const auto first = writer.build_next_index();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ(index_files(index), 1u);
  expect_all_statements(journal, reader, 500);
}

TEST(History, AStatementGoesOnFromAnySeq) {
  Journal journal;
  fill(journal, 20);
  const testing::TemporaryDirectory index;
  const History history(journal.log(), &*index, names());
  const auto whole = journal.statement(kFirstPayer);
  for (std::uint64_t after = 0; after <= journal.events().size() + 1; after += 97) {
    auto expected = whole;
    std::erase_if(expected, [&](const auto& line) { return line.seq <= Seq(after); });
    expect_same(all_pages(history, kFirstPayer, 10, Seq(after)), expected);
  }
}

TEST(History, APageNeverEndsBetweenTheLinesOfOneEvent) {
  Journal journal;
  fill(journal, 3);
  const History history(journal.log(), nullptr, names());
  Seq last;
  for (Seq after;;) {
    const auto page = history.statement(kFirstPayer, after, 1);
    ASSERT_TRUE(page);
    if (page->rows.empty()) break;
    EXPECT_GT(page->rows.front().seq, last);
    last = page->rows.back().seq;
    if (!page->next) break;
    after = *page->next;
  }
}

TEST(History, SeesWhatIsAppendedBetweenPages) {
  Journal journal;
  const testing::TemporaryDirectory index;
  History history(journal.log(), &*index, names());
  EXPECT_TRUE(all_pages(history, kCommission, 10).empty());
  // Asked while each segment grows, and again once it is sealed.
  for (int i = 0; i < 60; ++i) {
    fill(journal, 1);
    expect_same(all_pages(history, kCommission, 1'000), journal.statement(kCommission));
  }
  ASSERT_GE(journal.log().sealed_segments().size(), 3u);
  expect_all_statements(journal, history, 100);
}

TEST(History, IdleTimeBuildsEveryIndexOnce) {
  Journal journal;
  fill(journal, 40);
  const testing::TemporaryDirectory index;
  History history(journal.log(), &*index, names());
  std::size_t built = 0;
  for (;;) {
    const auto more = history.build_next_index();
    ASSERT_TRUE(more) << more.error().message;
    if (!*more) break;
    ++built;
  }
  EXPECT_EQ(built, journal.log().sealed_segments().size());
  // Another process finds them good.
  History again(journal.log(), &*index, names());
  const auto more = again.build_next_index();
  EXPECT_TRUE(more && !*more);
  expect_all_statements(journal, again, 100);
}

TEST(History, DamagedIndexesAreMadeAgain) {
  Journal journal;
  fill(journal, 40);
  const testing::TemporaryDirectory index;
  {
    History history(journal.log(), &*index, names());
    while (*history.build_next_index()) continue;
  }
  const auto listed = index->list();
  ASSERT_TRUE(listed && listed->size() >= 3);
  // One with rot in a page, one cut short, one gone; a build that a crash cut off lies around.
  const auto rotten = index->open((*listed)[0], OpenMode::read_write);
  ASSERT_TRUE(rotten);
  const std::array garbage = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff}};
  ASSERT_TRUE(write_all(**rotten, kIndexPageBytes + 100, garbage));
  const auto cut = index->open((*listed)[1], OpenMode::read_write);
  ASSERT_TRUE(cut && (*cut)->truncate(kIndexPageBytes));
  ASSERT_TRUE(index->remove((*listed)[2]));
  ASSERT_TRUE(index->open((*listed)[2] + ".tmp", OpenMode::create));

  const History history(journal.log(), &*index, names());
  expect_all_statements(journal, history, 100);
  EXPECT_EQ(*index->list(), *listed);
}

TEST(History, EventsWithHashesAndNames) {
  Journal journal;
  fill(journal, 5);
  const History history(journal.log(), nullptr, names());
  Seq expected(1);
  for (Seq after;;) {
    const auto page = history.events(after, 33);
    ASSERT_TRUE(page) << page.error().message;
    for (const auto& row : page->rows) {
      ASSERT_EQ(row.seq, expected);
      EXPECT_EQ(row.hash, journal.hash(row.seq));
      EXPECT_EQ(row.actor, "tester");
      expected = expected.next();
    }
    if (!page->next) break;
    after = *page->next;
  }
  EXPECT_EQ(expected.value(), journal.events().size() + 1);

  const auto page = history.events(Seq(1), 1);
  ASSERT_TRUE(page && page->rows.size() == 1);
  const auto& held = page->rows.front();
  EXPECT_EQ(held.op, "hold");
  EXPECT_EQ(held.escrows, std::vector{EscrowId(1)});
  ASSERT_EQ(held.postings.size(), 2u);
  EXPECT_EQ(held.postings[0].account, "account-5");
  EXPECT_EQ(held.postings[0].bucket, Bucket::available);
  EXPECT_EQ(held.postings[0].amount, Amount(-500));
  EXPECT_EQ(held.postings[1].bucket, Bucket::held);
  EXPECT_EQ(held.postings[1].amount, Amount(500));
}

TEST(History, AnEventListsAtMostAThousandEscrowsAndCountsAll) {
  Journal journal;
  std::vector<std::pair<EscrowId, AccountId>> all;
  for (std::uint64_t i = 1; i <= 1'500; ++i) {
    all.emplace_back(EscrowId(i), kFirstPayer);
    journal.add(hold(EscrowId(i), kFirstPayer, 100));
  }
  journal.add(release(all, 100));
  journal.flush();
  const History history(journal.log(), nullptr, names());
  const auto page = history.events(Seq(1'500), 10);
  ASSERT_TRUE(page && page->rows.size() == 1);
  EXPECT_EQ(page->rows[0].escrows.size(), 1'000u);
  EXPECT_EQ(page->rows[0].escrow_count, 1'500u);
  const auto lines = all_pages(history, kCommission, 10);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].amount, Amount(7'500));
  EXPECT_EQ(lines[0].escrows, 1'500u);
}

TEST(History, APageOfLargeEventsEndsEarlyAndGoesOn) {
  // Each event has 30,000 postings and more: nobody can ask for ten thousand of them at once.
  Journal journal;
  std::vector<std::pair<EscrowId, AccountId>> all;
  for (std::uint64_t i = 1; i <= 30'000; ++i) {
    all.emplace_back(EscrowId(i), AccountId(static_cast<std::uint32_t>(100 + i)));
  }
  for (int i = 0; i < 10; ++i) journal.add(release(all, 100));
  journal.flush();
  const History history(journal.log(), nullptr, names());
  Seq after;
  std::size_t pages = 0;
  for (;;) {
    const auto page = history.events(after, 10'000);
    ASSERT_TRUE(page);
    EXPECT_LE(page->rows.size(), 4u);
    EXPECT_EQ(page->rows.front().seq, after.next());
    ++pages;
    if (!page->next) break;
    after = *page->next;
  }
  EXPECT_EQ(pages, 3u);
}

TEST(History, AnIndexOfManyLargeEvents) {
  // More touches than are sorted at once: several sorted runs are merged into one index.
  Journal journal;
  std::vector<std::pair<EscrowId, AccountId>> all;
  for (std::uint64_t i = 1; i <= 30'000; ++i) {
    all.emplace_back(EscrowId(i), AccountId(static_cast<std::uint32_t>(100 + i % 25'000)));
  }
  for (int i = 0; i < 8; ++i) journal.add(release(all, 100));
  journal.flush();
  fill(journal, 1);
  ASSERT_GE(journal.log().sealed_segments().size(), 1u);
  const testing::TemporaryDirectory index;
  History history(journal.log(), &*index, names());
  const auto built = history.build_next_index();
  ASSERT_TRUE(built && *built);
  for (const auto account : {kCommission, AccountId(100), AccountId(150), AccountId(25'099)}) {
    expect_same(all_pages(history, account, 3), journal.statement(account));
  }
}

TEST(History, APageThatEndsWithTheLastLineIsTheLast) {
  Journal journal;
  fill(journal, 2);
  const History history(journal.log(), nullptr, names());
  const auto lines = journal.statement(kCommission);
  const auto whole = history.statement(kCommission, Seq(), lines.size());
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->rows.size(), lines.size());
  EXPECT_FALSE(whole->next);
  const auto most = history.statement(kCommission, Seq(), lines.size() - 1);
  ASSERT_TRUE(most);
  EXPECT_EQ(most->next, lines[lines.size() - 2].seq);
}

TEST(History, AnEscrowsLifeIsFoundThroughItsPayer) {
  Journal journal;
  fill(journal, 10);
  const auto escrow = journal.next_escrow();
  const auto held = journal.add(hold(escrow, kFirstPayer, 10'000), "order-1");
  fill(journal, 10);
  journal.add(Rescheduled{escrow, kFirstPayer, Timestamp{5'000'000}, {}});
  const auto other = journal.next_escrow();
  journal.add(hold(other, AccountId(6), 2'500));
  auto batch = release({{other, AccountId(6)}, {escrow, kFirstPayer}}, 2'500, 125, 75);
  batch.batch.group = {GroupId(9), "spring"};
  journal.add(batch);
  fill(journal, 10);
  const auto frozen = journal.add(Frozen{escrow, kFirstPayer});
  Entry resolve;
  resolve.reason = "half arrived";
  resolve.key = "resolve-1";
  resolve.body = Resolved{escrow,        kFirstPayer,   kBeneficiary, standard(),
                          Amount(2'000), Amount(3'000), Amount(150),  Amount(90)};
  const auto resolved = journal.add_entry(std::move(resolve));
  journal.flush();
  fill(journal, 1);

  const testing::TemporaryDirectory index;
  const History history(journal.log(), &*index, names());
  const auto lines = history.escrow(escrow, kFirstPayer, resolved);
  ASSERT_TRUE(lines) << lines.error().message;
  ASSERT_EQ(lines->size(), 6u);
  const auto& l = *lines;
  EXPECT_EQ(l[0].op, "hold");
  EXPECT_EQ(l[0].seq, held);
  EXPECT_EQ(l[0].reference, "order-1");
  EXPECT_EQ(l[0].amount, Amount(10'000));
  ASSERT_TRUE(l[0].plan);
  EXPECT_EQ(l[0].plan->fee_plan, "plan-1");
  EXPECT_EQ(l[1].op, "reschedule");
  EXPECT_EQ(l[2].op, "release");
  EXPECT_EQ(l[2].group, "group-9");
  EXPECT_EQ(l[2].others, 1u);
  EXPECT_EQ(l[2].amount, Amount(2'500));
  EXPECT_EQ(l[2].commission, Amount(125));
  EXPECT_EQ(l[2].processor_fee, Amount(75));
  EXPECT_EQ(l[2].net, Amount(2'300));
  EXPECT_TRUE(l[2].plan);
  EXPECT_EQ(l[3].op, "freeze");
  EXPECT_EQ(l[3].seq, frozen);
  EXPECT_EQ(l[4].op, "resolve");
  EXPECT_EQ(l[4].amount, Amount(2'000));
  EXPECT_FALSE(l[4].plan);
  EXPECT_EQ(l[5].op, "resolve");
  EXPECT_EQ(l[5].reason, "half arrived");
  EXPECT_EQ(l[5].amount, Amount(3'000));
  EXPECT_EQ(l[5].net, Amount(2'760));
  EXPECT_TRUE(l[5].plan);
}

TEST(History, CommandsOfAnAtomicAreToldApart) {
  // Held and refunded in one event: its postings cancel out, and yet the payer's history has it.
  Journal journal;
  fill(journal, 1);
  const auto escrow = journal.next_escrow();
  AtomicDone atomic;
  Entry held;
  held.key = "h-1";
  held.actor = "inner";
  held.body = hold(escrow, kFirstPayer, 700);
  Entry refunded;
  refunded.body = Refunded{{eur()}, {{escrow, kFirstPayer, 0, Amount(700)}}, {}};
  atomic.entries = {held, std::unexpected(Error{ErrorCode::group_closed, "closed", {}, {}, {}, {}}),
                    refunded};
  Entry whole;
  whole.actor = "outer";
  whole.reference = "basket-7";
  whole.body = std::move(atomic);
  const auto seq = journal.add_entry(std::move(whole));
  journal.add(Rescheduled{escrow, kFirstPayer, {}, {}});
  // Refunded again to the payer, who holds the same sum for another: that cancels out too.
  AtomicDone swap;
  Entry back;
  back.body = Refunded{{eur()}, {{escrow, kFirstPayer, 0, Amount(50)}}, {}};
  Entry again;
  again.key = "h-2";
  again.body = hold(journal.next_escrow(), kFirstPayer, 50);
  swap.entries = {back, again};
  Entry second;
  second.body = std::move(swap);
  const auto later = journal.add_entry(std::move(second));
  journal.flush();

  const History history(journal.log(), nullptr, names());
  const auto lines = history.escrow(escrow, kFirstPayer, later);
  ASSERT_TRUE(lines) << lines.error().message;
  ASSERT_EQ(lines->size(), 4u);
  EXPECT_EQ((*lines)[0].op, "hold");
  EXPECT_EQ((*lines)[0].actor, "inner");
  EXPECT_EQ((*lines)[0].reference, "basket-7");
  EXPECT_EQ((*lines)[1].op, "refund");
  EXPECT_EQ((*lines)[1].actor, "outer");
  EXPECT_EQ((*lines)[2].op, "reschedule");
  EXPECT_EQ((*lines)[3].seq, later);
  EXPECT_EQ((*lines)[3].amount, Amount(50));

  const auto page = history.events(Seq(seq.value() - 1), 1);
  ASSERT_TRUE(page && page->rows.size() == 1);
  EXPECT_EQ(page->rows[0].op, "atomic");
  EXPECT_EQ(page->rows[0].escrows, std::vector{escrow});
  EXPECT_EQ(page->rows[0].escrow_count, 1u);
  EXPECT_TRUE(page->rows[0].postings.empty());
  EXPECT_EQ(page->next, seq);
  const auto statement = all_pages(history, kFirstPayer, 100);
  EXPECT_TRUE(std::ranges::none_of(statement, [&](const auto& line) { return line.seq == seq; }));
}

}  // namespace
}  // namespace holdfast::journal
