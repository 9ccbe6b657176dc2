// The auditor passes an honest ledger, and finds each violation that is planted into one, under the law that
// it breaks.
#include "ledger/laws.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "ledger/event_codec.h"
#include "ledger/execute.h"
#include "ledger/testing/map_rows.h"

namespace holdfast {
namespace {

using testing::MapRows;

Currency eur() {
  return *Currency::parse("EUR");
}

/// A ledger whose events and rows can be spoiled before they are audited.
struct Book {
  struct Recorded {
    Event event;
    Bytes bytes;
    Digest hash{};
  };

  MapRows rows;
  std::vector<Recorded> events;
  Workspace workspace;

  void run(Operation operation, Options options = {}) {
    const Command command{std::move(operation), std::move(options)};
    for (bool more = true; more;) {
      const Seq seq(events.size() + 1);
      const Timestamp at{static_cast<std::int64_t>(1'000'000 * seq.value())};
      const auto decision = execute(command, rows, {seq, at}, workspace);
      ASSERT_TRUE(decision) << decision.error().message;
      const auto* accepted = std::get_if<Accepted>(&*decision);
      if (accepted == nullptr) return;
      events.push_back({{seq, at, *accepted->entry}, {}, {}});
      encode_event(seq, at, *accepted->entry, events.back().bytes);
      const auto* released = std::get_if<Released>(&accepted->entry->body);
      more = released != nullptr && released->batch.chunk && !released->batch.chunk->last;
    }
    chain_up();
  }
  void chain_up() {
    Sha256 hasher;
    Digest head{};
    for (auto& recorded : events) head = recorded.hash = chain(hasher, head, recorded.bytes);
  }

  /// Only every other hash is recorded, as where a hash covers several events.
  [[nodiscard]] AuditReport audit() { return audit(Seq(events.size())); }
  [[nodiscard]] AuditReport audit(Seq durable) {
    Auditor auditor;
    for (const auto& recorded : events) {
      const bool covered = recorded.event.seq.value() % 2 == 0;
      auditor.event(recorded.event, recorded.bytes, covered ? &recorded.hash : nullptr);
    }
    return auditor.finish(rows, durable, events.back().hash);
  }

  template <class T>
  T& body(std::size_t seq) {
    return std::get<T>(events.at(seq - 1).event.entry.body);
  }
  MapRows::Data& data() { return const_cast<MapRows::Data&>(rows.data()); }
  AccountRow& account(const std::string& name) { return data().accounts.at(*rows.find_account(name)).row; }
  EscrowRow& escrow(std::uint64_t id) { return data().escrows.at(EscrowId(id)).row; }
};

EscrowRef ref(std::uint64_t id) {
  return {EscrowId(id), {}};
}
EscrowList ids(const std::vector<std::uint64_t>& ids) {
  EscrowList list;
  for (const auto id : ids) list.add(EscrowId(id));
  return list;
}
Options keyed(std::string key) {
  Options options;
  options.key = std::move(key);
  return options;
}

constexpr std::size_t kReleaseSeq = 12;  // of escrows 1 and 2
constexpr std::size_t kDepositSeq = 4;

/// Escrows: 1 and 2 released, 3 refunded, 4 frozen and resolved in part, 5 frozen, 6 locked; then an atomic.
void fill(Book& book) {
  book.run(OpenAccount{"alice", eur(), AccountKind::user});
  book.run(OpenAccount{"bob", eur(), AccountKind::beneficiary});
  FeeRule commission;
  commission.rate = *Rate::parse("0.05");
  FeeRule fee;
  fee.rate = *Rate::parse("0.03");
  book.run(DefineFeePlan{"standard", eur(), commission, fee, Rounding::half_up});
  book.run(Deposit{"alice", Amount(100'000), ""}, keyed("deposit-1"));
  for (int i = 1; i <= 6; ++i) {
    Hold hold{"alice", "bob", Amount(1'000 * i), "standard", i <= 3 ? "campaign" : "", {}, {}};
    if (i == 6) hold.refund_at = Timestamp{5'000'000'000};
    book.run(hold, keyed("order-" + std::to_string(i)));
  }
  book.run(Freeze{ref(4)});
  Release release;
  release.escrows = ids({2, 1});
  book.run(release, keyed("release-1"));
  ASSERT_EQ(book.events.size(), kReleaseSeq);
  Refund refund;
  refund.group = "campaign";
  refund.close = true;
  book.run(refund);
  book.run(Resolve{ref(4), Amount(500), Amount(700)}, keyed("resolve-4"));
  book.run(Freeze{ref(5)});
  book.run(OpenAccount{"yen", *Currency::parse("JPY"), AccountKind::user}, keyed("open-yen"));
  book.run(OpenAccount{"yen", *Currency::parse("JPY"), AccountKind::user}, keyed("open-yen-again"));
  Atomic atomic;
  atomic.commands.push_back({Transfer{"alice", "bob", Amount(5)}, keyed("inner")});
  atomic.commands.push_back({Transfer{"alice", "bob", Amount(5)}, keyed("inner")});
  Atomic savepoint;
  savepoint.continue_on_error = true;
  savepoint.commands.push_back({Transfer{"bob", "alice", Amount(7)}, keyed("rolled-back")});
  savepoint.commands.push_back({Transfer{"bob", "nobody", Amount(7)}, keyed("to-nobody")});
  atomic.commands.push_back({savepoint, {}});
  book.run(atomic, keyed("outer"));
  book.run(Transfer{"bob", "alice", Amount(7)}, keyed("rolled-back"));
  book.run(Withdraw{"bob", Amount(100), ""}, keyed("withdraw-1"));
}

const LawCheck& check(const AuditReport& report, std::string_view law) {
  for (const auto& each : report.checks) {
    if (each.law == law) return each;
  }
  static const LawCheck none;
  return none;
}

std::string described(const AuditReport& report) {
  std::string text;
  for (const auto& each : report.checks)
    text += each.law + (each.ok ? " ok: " : " BROKEN: ") + each.detail + "\n";
  return text;
}

/// The law is broken, and its detail says so.
void expect_broken(const AuditReport& report, std::string_view law, std::string_view detail) {
  EXPECT_FALSE(report.ok);
  EXPECT_FALSE(check(report, law).ok) << described(report);
  EXPECT_NE(check(report, law).detail.find(detail), std::string::npos) << described(report);
}
/// No other law is.
void expect_only(const AuditReport& report, std::string_view law) {
  for (const auto& each : report.checks) EXPECT_EQ(each.ok, each.law != law) << described(report);
}

class Laws : public ::testing::Test {
 protected:
  void SetUp() override { fill(book); }
  Book book;
};

TEST_F(Laws, AreKeptByAnHonestLedger) {
  const auto report = book.audit();
  EXPECT_TRUE(report.ok) << described(report);
  std::vector<std::string> laws;
  for (const auto& each : report.checks) laws.push_back(each.law);
  EXPECT_EQ(laws, (std::vector<std::string>{"conservation", "escrow", "split", "history", "all_or_nothing",
                                            "durable", "once", "exact", "serial"}));
  EXPECT_EQ(check(report, "conservation").detail, "20 events, 2 currencies, every sum 0");
  EXPECT_EQ(check(report, "once").detail, "15 keys, each took effect once");
}

TEST_F(Laws, AreKeptByAnEmptyLedger) {
  Auditor auditor;
  const auto report = auditor.finish(MapRows(), Seq(), Digest{});
  EXPECT_TRUE(report.ok) << described(report);
}

TEST_F(Laws, ConservationIsBrokenByMoneyFromNowhere) {
  book.account("bob").available += Amount(1);
  expect_broken(book.audit(), "conservation", "all buckets in EUR sum to 0.01 EUR");
}

TEST_F(Laws, EscrowIsBrokenByReleasingMoreThanThereWas) {
  book.escrow(1).released += Amount(1);
  expect_broken(book.audit(), "escrow", "escrow 1 of 10.00 EUR has 10.01 EUR released and 0.00 EUR refunded");
}

TEST_F(Laws, EscrowIsBrokenByAnAccountThatHoldsOtherThanItsEscrowsLock) {
  book.account("alice").held -= Amount(1);
  book.account("alice").available += Amount(1);
  expect_broken(book.audit(), "escrow", "account alice has 137.99 EUR held, its escrows lock 138.00 EUR");
}

TEST_F(Laws, SplitIsBrokenByFeesAboveTheAmount) {
  book.body<Released>(kReleaseSeq).items[0].commission = Amount(1'941);
  expect_broken(book.audit(), "split",
                "event 12: escrow 2 releases 20.00 EUR as commission 19.41 EUR, processor fee 0.60 EUR and "
                "net -0.01 EUR");
}

TEST_F(Laws, SplitIsBrokenByARowWhoseFeesExceedWhatWasReleased) {
  book.escrow(2).commission = Amount(1'941);
  expect_broken(book.audit(), "split", "escrow 2 has 20.00 EUR released");
}

TEST_F(Laws, HistoryIsBrokenByABucketThatTheEventsDoNotMake) {
  book.account("bob").available += Amount(1);
  book.account("alice").available -= Amount(1);
  const auto report = book.audit();
  expect_broken(report, "history", "account bob has");
  expect_only(report, "history");
}

TEST_F(Laws, HistoryIsBrokenByAChangedEscrow) {
  for (const auto& spoil : std::vector<std::function<void(EscrowRow&)>>{
           [](EscrowRow& row) { row.frozen = 0; }, [](EscrowRow& row) { row.beneficiary = row.payer; },
           [](EscrowRow& row) { row.group = GroupId(1); }}) {
    Book spoilt;
    fill(spoilt);
    spoil(spoilt.escrow(5));
    expect_broken(spoilt.audit(), "history", "escrow 5 is 50.00 EUR of alice");
  }
  book.data().escrows.at(EscrowId(6)).dates.refund_at->micros += 1;
  expect_broken(book.audit(), "history", "escrow 6 is");
}

TEST_F(Laws, HistoryIsBrokenByAChangedByte) {
  book.events[6].bytes.back() ^= std::byte{1};
  const auto report = book.audit();
  expect_broken(report, "history", "after event 8 the chain is");
  expect_only(report, "history");
}

TEST_F(Laws, HistoryIsBrokenByAnotherHead) {
  Auditor auditor;
  for (const auto& recorded : book.events) auditor.event(recorded.event, recorded.bytes, nullptr);
  const auto report = auditor.finish(book.rows, Seq(book.events.size()), Digest{});
  expect_broken(report, "history", "the store's head is 0000");
  expect_only(report, "history");
}

TEST_F(Laws, HistoryIsBrokenByAChangedFeePlanOrGroup) {
  book.data().plans.begin()->second.commission.fixed = Amount(1);
  book.data().groups.begin()->second.row.open = true;
  const auto report = book.audit();
  expect_broken(report, "history", "fee plan standard version 1 is not as it was defined");
  expect_broken(report, "history", "being open of campaign is true, the events make false");
}

/// Compares in parts while commands go on: before each part a hold, and a release of what was held before.
AuditReport audit_in_parts(Book& book) {
  Auditor auditor;
  std::size_t given = 0;
  const auto catch_up = [&] {
    for (; given < book.events.size(); ++given) {
      auditor.event(book.events[given].event, book.events[given].bytes, nullptr);
    }
  };
  catch_up();
  auditor.begin();
  std::string before;
  for (bool more = true; more;) {
    const auto key = "between-" + std::to_string(given);
    book.run(Hold{"alice", "bob", Amount(100), "standard", "while", {}, {}}, keyed(key));
    if (!before.empty()) {
      Release release;
      release.escrows.add(std::string(before));
      book.run(release);
    }
    before = key;
    catch_up();
    more = auditor.compare(book.rows, Seq(book.events.size()));
  }
  EXPECT_GT(given, 30U);
  return auditor.report(Seq(book.events.size()), book.events.back().hash);
}

TEST_F(Laws, AreKeptWhileCommandsGoOn) {
  const auto report = audit_in_parts(book);
  for (const auto& check : report.checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
}

TEST_F(Laws, AreBrokenWhileCommandsGoOn) {
  book.account("bob").available += Amount(7);
  book.escrow(6).amount += Amount(5);
  ++book.account("bob").live_escrows;
  book.data().groups.begin()->second.row.live += 1;
  const auto report = audit_in_parts(book);
  expect_broken(report, "conservation", "all buckets in EUR sum to 0.07 EUR");
  expect_broken(report, "history", "escrow 6 is 60.05 EUR");
  expect_broken(report, "escrow", "account alice has");
  Book other;
  fill(other);
  other.data().groups.begin()->second.row.live += 1;
  expect_only(audit_in_parts(other), "history");
}

TEST_F(Laws, AllOrNothingIsBrokenByAnEventThatDoesNotFitTheStateBefore) {
  const auto spoilt = [](const std::function<void(Released&)>& spoil) {
    Book other;
    fill(other);
    spoil(other.body<Released>(kReleaseSeq));
    return other.audit();
  };
  expect_broken(spoilt([](Released& body) { body.items[0].amount += Amount(1); }), "all_or_nothing",
                "event 12: it takes 20.01 EUR out of escrow 2, in which 20.00 EUR are locked");
  expect_broken(spoilt([](Released& body) { body.items.push_back(body.items[0]); }), "all_or_nothing",
                "event 12: it changes escrow 2, in which nothing is locked");
  expect_broken(spoilt([](Released& body) { body.items[0].escrow = EscrowId(4); }), "all_or_nothing",
                "event 12: escrow 4 is frozen");
  expect_broken(spoilt([](Released& body) { body.items[0].escrow = EscrowId(99); }), "all_or_nothing",
                "event 12: it changes escrow 99, which was never held");
  expect_broken(spoilt([](Released& body) { body.items[0].payer = body.items[0].beneficiary; }),
                "all_or_nothing", "event 12: it names bob as the payer of escrow 2, which is alice");
  expect_broken(spoilt([](Released& body) { body.items[0].beneficiary = body.items[0].payer; }),
                "all_or_nothing", "event 12: it pays escrow 2 to alice, whose beneficiary is bob");
  expect_broken(spoilt([](Released& body) { body.plans[0].fee_account = AccountId(1); }), "all_or_nothing",
                "event 12: it pays the fees of plan standard version 1 to other accounts");
  expect_broken(spoilt([](Released& body) { body.items[0].plan_use = 7; }), "all_or_nothing",
                "event 12: escrow 2 has no fee plan");
}

TEST_F(Laws, DurableIsBrokenByALostEvent) {
  expect_broken(book.audit(Seq(book.events.size() + 1)), "durable",
                "the events end at 20, promised to be durable are 21");
  book.data().escrows.erase(EscrowId(3));
  expect_broken(book.audit(), "durable", "escrow 3 was held, but is not there");
}

TEST_F(Laws, DurableIsBrokenByRowsAheadOfTheEvents) {
  book.run(Hold{"alice", "bob", Amount(10), "standard", "", {}, {}}, keyed("ahead"));
  book.events.pop_back();
  expect_broken(book.audit(), "durable", "there is an escrow 7, which no event held");
  book.escrow(1).last_seq = 21;
  expect_broken(book.audit(), "durable", "escrow 1 was changed by event 21, but only 20 are durable");
}

TEST_F(Laws, OnceIsBrokenByAKeyThatTakesEffectAgain) {
  book.events[kReleaseSeq - 1].event.entry.key = "deposit-1";
  expect_broken(book.audit(), "once", "event 12: key deposit-1 takes effect again");
}

TEST_F(Laws, OnceIsBrokenByAForgottenKey) {
  book.data().keys.erase("inner");
  const auto report = book.audit();
  expect_broken(report, "once", "key inner took effect, but would be taken again");
  expect_only(report, "once");
}

TEST_F(Laws, OnceIsBrokenByAKeyThatLeadsToAnotherEscrow) {
  book.data().escrows.at(EscrowId(6)).key = "other";
  expect_broken(book.audit(), "once", "key order-6 does not lead to escrow 6, which was held under it");
}

TEST_F(Laws, ExactIsBrokenByAnAmountOutOfRange) {
  book.body<Moved>(kDepositSeq).amount = Amount(kMaxAmount.minor() + 1);
  expect_broken(book.audit(), "exact", "event 4: the amount 9007199254740992 is not from 1 to 2^53 - 1");
}

TEST_F(Laws, ExactIsBrokenByAnAccountBelowZero) {
  book.body<Moved>(kDepositSeq).amount = Amount(1'500);
  expect_broken(book.audit(), "exact", "event 6: account alice has -15.00 EUR available");
}

TEST_F(Laws, ExactIsBrokenByADepositBeyondTheLimit) {
  Book full;
  full.run(OpenAccount{"alice", eur(), AccountKind::user});
  for (int i = 0; i <= 512; ++i) full.run(Deposit{"alice", kMaxAmount, ""}, keyed("d" + std::to_string(i)));
  EXPECT_TRUE(full.audit().ok);
  auto again = full.events.back();
  again.event.seq = Seq(full.events.size() + 1);
  again.event.entry.key = "beyond";
  full.events.push_back(again);
  expect_broken(full.audit(), "exact", "it deposits although 46,");
}

TEST_F(Laws, SerialIsBrokenByAGap) {
  book.events.erase(book.events.begin() + 10);  // a freeze
  expect_broken(book.audit(Seq(20)), "serial", "event 12 comes after event 10");
}

TEST_F(Laws, SerialIsBrokenByTimeThatGoesBack) {
  auto& recorded = book.events[9];
  recorded.event.at.micros -= 2'000'000;
  recorded.bytes.clear();
  encode_event(recorded.event.seq, recorded.event.at, recorded.event.entry, recorded.bytes);
  book.chain_up();
  const auto report = book.audit();
  expect_broken(report, "serial", "event 10 is of 1970-01-01T00:00:08.000000Z, before 1970-01-01T00:00:09");
  expect_only(report, "serial");
}

TEST_F(Laws, SerialIsKeptByNumbersThatDoNotGrow) {
  book.body<Held>(9).escrow = EscrowId(6);
  book.body<Held>(10).escrow = EscrowId(5);
  EXPECT_TRUE(check(book.audit(), "serial").ok);
}

TEST_F(Laws, SerialIsBrokenByAnEscrowNumberThatIsGivenTwice) {
  book.body<Held>(6).escrow = EscrowId(1);
  expect_broken(book.audit(), "serial", "event 6: escrow number 1 is given twice");
}

TEST(ChunkedKeys, RepeatUntilTheLastChunk) {
  Book book;
  fill(book);
  for (int i = 0; i < 5; ++i) {
    book.run(Hold{"alice", "bob", Amount(999), "standard", "big", {}, {}}, keyed("big-" + std::to_string(i)));
  }
  Release release;
  release.group = "big";
  release.mode = BatchMode::skip;
  release.chunk = 2;
  const auto before = book.events.size();
  book.run(release, keyed("chunked"));
  ASSERT_GE(book.events.size(), before + 3);
  EXPECT_TRUE(book.audit().ok) << described(book.audit());

  auto again = book.events.back();
  again.event.seq = Seq(book.events.size() + 1);
  std::get<Released>(again.event.entry.body).items.clear();
  book.events.push_back(again);
  expect_broken(book.audit(), "once", "key chunked takes effect again");
}

TEST(ManyEscrows, AreAuditedInAnyOrder) {
  Book book;
  fill(book);
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const auto kind = random() % 4;
    const auto id = static_cast<std::uint64_t>(7 + random() % 40);
    const auto* row = book.rows.escrow(EscrowId(id));
    const bool live = row != nullptr && row->locked() > Amount();
    if (kind <= 1 || !live) {
      book.run(Hold{"alice",
                    "bob",
                    Amount(1 + static_cast<std::int64_t>(random() % 90)),
                    "standard",
                    random() % 2 == 0 ? "g" : "",
                    {},
                    {}},
               keyed("r" + std::to_string(round)));
    } else if (row->frozen != 0) {
      book.run(Resolve{ref(id), Amount(0), row->locked()}, keyed("s" + std::to_string(round)));
    } else if (kind == 2) {
      Release release;
      release.escrows = ids({id});
      release.amount = Amount(1 + static_cast<std::int64_t>(random()) % row->locked().minor());
      book.run(release, keyed("p" + std::to_string(round)));
    } else {
      book.run(Freeze{ref(id)});
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_TRUE(book.audit().ok) << described(book.audit());
}

}  // namespace
}  // namespace holdfast
