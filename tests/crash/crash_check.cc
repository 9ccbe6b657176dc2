#include "tests/crash/crash_check.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "journal/journal_store.h"

namespace holdfast::crash {

std::optional<Ledger> open(const std::string& path, bool create) {
  OpenOptions options;
  options.create = create;
  auto opened = Ledger::open(path, options);
  EXPECT_TRUE(opened.has_value()) << opened.error().message;
  return opened ? std::optional(std::move(*opened)) : std::nullopt;
}

std::optional<Ledger> open_small(const std::string& path) {
  journal::EngineOptions options;
  options.log.segment_bytes = kSegmentBytes;
  options.snapshot_every_bytes = kSnapshotEveryBytes;
  journal::OpenReport report;
  auto store = journal::open_journal_store(path, false, options, report);
  EXPECT_TRUE(store.has_value()) << store.error().message;
  return store ? std::optional<Ledger>(std::move(*store)) : std::nullopt;
}

void make_ledger(const std::string& path) {
  auto opened = open(path, true);
  ASSERT_TRUE(opened.has_value());
  stock(*opened);
}

void stock(Ledger& ledger) {
  const auto euro = *Currency::parse("EUR");
  for (int writer = 0; writer < kWriters; ++writer) {
    ASSERT_TRUE(ledger.open_account({user_of(writer), euro, AccountKind::user}).has_value());
  }
  ASSERT_TRUE(ledger.open_account({"shop", euro, AccountKind::beneficiary}).has_value());
  DefineFeePlan plan{"standard", euro, {}, {}, Rounding::half_up};
  plan.commission.rate = *Rate::parse("0.05");
  plan.processor_fee.rate = *Rate::parse("0.03");
  ASSERT_TRUE(ledger.define_fee_plan(plan).has_value());
}

void Acknowledged::take(const std::string& line) {
  int round = 0;
  int writer = 0;
  int n = 0;
  ASSERT_EQ(std::sscanf(line.c_str(), "r%d:w%d:%d", &round, &writer, &n), 3) << line;
  auto& count = counts_.at(static_cast<std::size_t>(writer));
  ASSERT_EQ(n, count) << "each writer's keys come in order";
  ++count;
}

Counts run_and_kill(Process& process, std::uint64_t wanted) {
  Acknowledged acknowledged;
  for (std::uint64_t i = 0; i < wanted; ++i) {
    const auto line = process.read_line();
    if (!line) {
      ADD_FAILURE() << "the writers ended by themselves";
      return acknowledged.counts();
    }
    acknowledged.take(*line);
  }
  EXPECT_TRUE(process.kill()) << "the writers were still at work";
  while (const auto line = process.read_line()) acknowledged.take(*line);
  return acknowledged.counts();
}

void expect_no_half(Ledger& ledger, int round, int writer, int n) {
  if (n % 4 != 1) return;
  const auto key = key_of(round, writer, n);
  const bool first = ledger.escrow({EscrowId(), first_escrow(key)}).has_value();
  const bool second = ledger.escrow({EscrowId(), second_escrow(key)}).has_value();
  EXPECT_EQ(first, second) << key;
}

void ask_again(Ledger& ledger, int round, const Counts& acknowledged) {
  for (int writer = 0; writer < kWriters; ++writer) {
    const int done = acknowledged.at(static_cast<std::size_t>(writer));
    expect_no_half(ledger, round, writer, done);
    for (int n = 0; n <= done; ++n) {
      const auto command = command_of(round, writer, n);
      const auto answer = ledger.execute(command);
      ASSERT_TRUE(answer.has_value()) << command.options.key << ": " << answer.error().message;
      if (n < done) {
        EXPECT_TRUE(answer->replayed) << command.options.key << " was acknowledged";
        continue;
      }
      const auto again = ledger.execute(command);
      ASSERT_TRUE(again.has_value());
      EXPECT_TRUE(again->replayed);
      EXPECT_EQ(again->seq, answer->seq);
    }
  }
}

void expect_sums(Ledger& ledger, const std::array<Sums, kWriters>& sums) {
  std::int64_t released = 0;
  for (int writer = 0; writer < kWriters; ++writer) {
    const auto& sum = sums.at(static_cast<std::size_t>(writer));
    const auto user = ledger.account(user_of(writer));
    ASSERT_TRUE(user.has_value());
    EXPECT_EQ(user->available.minor(), sum.user);
    EXPECT_EQ(user->held.minor(), sum.held);
    released += sum.released;
  }
  EXPECT_EQ(ledger.account("platform:commission")->available.minor(), released * kCommission);
  EXPECT_EQ(ledger.account("processor:fees")->available.minor(), released * kProcessorFee);
  EXPECT_EQ(ledger.account("shop")->available.minor(), released * (kAmount - kCommission - kProcessorFee));
}

void expect_lawful(Ledger& ledger) {
  const auto report = ledger.audit();
  ASSERT_TRUE(report.has_value()) << report.error().message;
  for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
}

}  // namespace holdfast::crash
