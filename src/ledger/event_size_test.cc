// The space reserved for a command holds the largest event that it can lead to.
#include <gtest/gtest.h>

#include <limits>

#include "ledger/event_codec.h"

namespace holdfast {
namespace {

const std::string kName(128, 'n');
const std::string kKey(255, 'k');
const AccountId kAccount(std::numeric_limits<std::uint32_t>::max());
const GroupId kGroup(std::numeric_limits<std::uint32_t>::max());
const PlanId kPlan(std::numeric_limits<std::uint32_t>::max());
constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max();
const EscrowId kEscrow(kLongest);
const Timestamp kLate{std::numeric_limits<std::int64_t>::max()};
const Amount kMaxSum(std::numeric_limits<std::int64_t>::max());

Currency eur() {
  return *Currency::parse("EUR");
}

std::vector<FieldDigest> request() {
  std::vector<FieldDigest> request;
  for (std::uint8_t field = 1; field <= 32; ++field) request.push_back({field, ~std::uint64_t{0}});
  return request;
}

/// The largest that may stand around a body.
Entry around(Body body, const Options& options) {
  return {options.key,
          options.actor,
          options.reason,
          options.reference,
          options.key.empty() ? std::vector<FieldDigest>() : request(),
          std::move(body)};
}
Options long_options() {
  return {kKey, kName, std::string(255, 'r'), kKey, false};
}

std::size_t written(const Entry& entry) {
  Bytes bytes;
  encode_event(Seq(kLongest), kLate, entry, bytes);
  return bytes.size();
}

/// With long options and with none.
void expect_bound(const Operation& operation, const Body& body, std::size_t group_items = 0) {
  for (const auto& options : {Options(), long_options()}) {
    const auto most = written(around(body, options));
    const auto bound = max_encoded_size({operation, options}, group_items);
    EXPECT_LE(most, bound) << op_name(operation);
    Atomic atomic;
    atomic.commands.push_back({operation, options});
    AtomicDone done;
    done.entries.emplace_back(around(body, options));
    EXPECT_LE(written(around(done, options)), max_encoded_size({atomic, options}, group_items))
        << op_name(operation) << " in an atomic";
  }
}

AccountOpened opened() {
  return {kAccount, kName, eur(), AccountKind::external};
}
GroupUse group() {
  return {kGroup, kName};
}
PlanUse plan_use() {
  return {kPlan, eur(), kAccount, kAccount};
}
FeeRule rule() {
  return {Rate::from_billionths(1'000'000'000), kMaxAmount, kMaxAmount, kMaxAmount, kName};
}

std::vector<ItemError> item_errors(std::size_t n) {
  return std::vector<ItemError>(n, {kEscrow, kKey, ErrorCode::aborted});
}
std::vector<CodeCount> counts() {
  return std::vector<CodeCount>(31, {ErrorCode::aborted, std::numeric_limits<std::uint64_t>::max()});
}
std::vector<Total> totals(std::size_t n) {
  return std::vector<Total>(n, {eur(), kLongest, kMaxSum, kMaxSum, kMaxSum, kMaxSum});
}

/// Ids as far apart as they can be, and a plan of its own for each item.
Released released(std::size_t n, std::size_t skipped, bool chunk) {
  Released released;
  for (std::size_t i = 0; i < n; ++i) {
    const bool far = i % 2 == 0;
    released.plans.push_back(plan_use());
    released.items.push_back({far ? kEscrow : EscrowId(1), far ? kAccount : AccountId(1),
                              far ? kAccount : AccountId(1), static_cast<std::uint32_t>(i), kMaxAmount,
                              kMaxAmount, Amount()});
  }
  released.batch = {{item_errors(skipped), counts()}, group(), true, {}};
  if (chunk) {
    released.batch.chunk = ChunkProgress{kEscrow, kEscrow, true, totals(256), {item_errors(100), counts()}};
  }
  return released;
}
Refunded refunded(std::size_t n, std::size_t skipped, bool chunk) {
  const auto like = released(n, skipped, chunk);
  Refunded refunded;
  for (const auto& item : like.items) {
    refunded.currencies.push_back(eur());
    refunded.items.push_back({item.escrow, item.payer, item.plan_use, item.amount});
  }
  refunded.batch = like.batch;
  return refunded;
}

TEST(MaxEncodedSize, BoundsEverySmallCommand) {
  expect_bound(OpenAccount{kName, eur(), AccountKind::user}, opened());
  expect_bound(OpenAccount{"a", eur(), AccountKind::user}, Unchanged{14, ~std::uint32_t{0}});
  expect_bound(CloseAccount{kName}, AccountClosed{kAccount});
  expect_bound(DefineFeePlan{kName, eur(), rule(), rule(), Rounding::up},
               FeePlanDefined{kPlan,
                              kName,
                              ~std::uint32_t{0},
                              eur(),
                              rule(),
                              rule(),
                              Rounding::up,
                              kAccount,
                              kAccount,
                              {opened(), opened()}});
  const Moved moved{Moved::Kind::withdraw, kAccount, AccountId(1U << 31), eur(), kMaxAmount, {opened()}};
  expect_bound(Deposit{"a", kMaxAmount, ""}, moved);
  expect_bound(Withdraw{"a", kMaxAmount, ""}, moved);
  expect_bound(Transfer{"a", "b", kMaxAmount}, moved);
  expect_bound(Hold{"a", "b", kMaxAmount, "p", kName, kLate, {}},
               Held{kEscrow, kAccount, kAccount, group(), kPlan, eur(), kMaxAmount, kLate, {}});
  expect_bound(Reschedule{{kEscrow, ""}, {}, kLate}, Rescheduled{kEscrow, kAccount, {}, kLate});
  expect_bound(Freeze{{kEscrow, ""}}, Frozen{kEscrow, kAccount});
  expect_bound(Resolve{{kEscrow, ""}, kMaxAmount, kMaxAmount},
               Resolved{kEscrow, kAccount, kAccount, plan_use(), kMaxAmount, kMaxAmount, kMaxAmount, {}});
  expect_bound(CloseGroup{kName}, GroupClosed{group()});
  expect_bound(ReopenGroup{kName}, GroupReopened{group()});
}

TEST(MaxEncodedSize, BoundsEveryBatch) {
  for (const std::size_t n : {1, 2, 7, 100, 150}) {
    Release list;
    for (std::size_t i = 0; i < n; ++i) list.escrows.add(EscrowId(i + 1));
    auto all = released(n, 0, false);
    all.batch = BatchInfo();
    expect_bound(list, all);
    list.mode = BatchMode::skip;
    all = released(n, std::min<std::size_t>(n, 100), false);
    all.batch.group = GroupUse();
    expect_bound(list, all);

    Release of_group;
    of_group.group = kName;
    expect_bound(of_group, released(n, 100, false), n);
    of_group.chunk = 70;
    expect_bound(of_group, released(std::min<std::size_t>(n, 70), 100, true), n);

    Refund refund;
    refund.group = kName;
    expect_bound(refund, refunded(n, 100, false), n);
    refund.chunk = 1'000'000;
    expect_bound(refund, refunded(n, 100, true), n);
  }
}

TEST(MaxEncodedSize, BoundsReplaysAndRolledBackSavepoints) {
  Release release;
  release.mode = BatchMode::skip;
  for (std::uint64_t i = 0; i < 300; ++i) release.escrows.add(EscrowId(i + 1));
  const Settlement settlement{Settlement::Kind::release, totals(256), item_errors(100), counts(), kMaxSum};
  const Error error{ErrorCode::aborted,
                    std::string(1'024, 'm'),
                    item_errors(100),
                    counts(),
                    std::vector<std::string>(28, "processor_fee"),
                    std::vector<std::uint32_t>(16, ~std::uint32_t{0})};

  Atomic savepoint;
  savepoint.continue_on_error = true;
  savepoint.commands.push_back({release, {}});
  Atomic inner;
  inner.commands.push_back({savepoint, {}});
  inner.commands.push_back({OpenAccount{"a", eur(), AccountKind::user}, {}});
  AtomicResult first_answer;
  first_answer.results.emplace_back(std::unexpected(error));
  first_answer.results.emplace_back(Nothing{});

  Atomic atomic;
  AtomicDone done;
  atomic.commands.push_back({release, long_options()});
  done.entries.emplace_back(around(Replayed{Seq(kLongest), settlement}, long_options()));
  atomic.commands.push_back({savepoint, {}});
  done.entries.emplace_back(std::unexpected(error));
  atomic.commands.push_back({inner, long_options()});
  done.entries.emplace_back(around(Replayed{Seq(kLongest), first_answer}, long_options()));

  EXPECT_LE(written(around(done, long_options())), max_encoded_size({atomic, long_options()}, 0));

  AtomicDone failed;
  failed.entries.emplace_back(std::unexpected(error));
  EXPECT_LE(written(around(failed, {})) - written(around(AtomicDone(), {})), max_encoded_size(error));
}

TEST(MaxEncodedSize, IsToldQuicklyForDeepAtomics) {
  Command command{OpenAccount{"a", eur(), AccountKind::user}, long_options()};
  for (std::size_t level = 0; level < kMaxAtomicDepth; ++level) {
    Atomic outer;
    outer.continue_on_error = true;
    outer.commands.push_back(std::move(command));
    command = Command{std::move(outer), long_options()};
  }
  EXPECT_LT(max_encoded_size(command, 0), 1'000'000U);
}

TEST(MaxEncodedSize, ASmallReleaseReservesLittle) {
  Release release;
  release.escrows.add(EscrowId(1));
  EXPECT_LT(max_encoded_size({release, {}}, 0), 200U);
}

}  // namespace
}  // namespace holdfast
