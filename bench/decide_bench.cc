// What deciding costs an item: batches of 8,192 releases in random order, on rows that are in cache and in
// plain arrays, so that only the core is measured and no store.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <numeric>
#include <random>

#include "base/assert.h"
#include "ledger/decide.h"
#include "ledger/execute.h"
#include "ledger/workspace.h"

namespace holdfast {
namespace {

// Escrows 1 to n of one payer; nothing else can be asked.
class ArrayRows final : public WorkingRows {
 public:
  ArrayRows(std::size_t escrows, std::uint32_t plans) : rows_(escrows), plans_(plans) {
    for (std::size_t i = 0; i < escrows; ++i) {
      rows_[i].amount = Amount(static_cast<std::int64_t>(1'000 + i * 7 % 100'000));
      rows_[i].payer = AccountId(1);
      rows_[i].beneficiary = AccountId(2);
      rows_[i].plan = PlanId(static_cast<std::uint32_t>(i % plans + 1));
    }
    for (auto& plan : plans_) {
      plan.currency = Currency::parse("EUR").value();
      plan.commission.rate = Rate::parse("0.05").value();
      plan.processor_fee.rate = Rate::parse("0.03").value();
      plan.commission_account = AccountId(3);
      plan.fee_account = AccountId(4);
    }
  }

  const EscrowRow* escrow(EscrowId id) const override {
    return id.value() - 1 < rows_.size() ? &rows_[id.value() - 1] : nullptr;
  }
  void escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const override {
    for (std::size_t i = 0; i < ids.size(); ++i) out[i] = escrow(ids[i]);
  }
  const PlanRow* plan(PlanId id) const override { return &plans_[id.value() - 1]; }
  bool key_used(std::string_view) const override { return false; }
  void apply(const Entry&, Seq, Timestamp) override {}
  void begin() override {}
  void commit() override {}
  void rollback() override {}

  std::optional<AccountId> find_account(std::string_view) const override { never(); }
  const AccountRow* account(AccountId) const override { never(); }
  std::string_view account_name(AccountId) const override { never(); }
  std::optional<EscrowId> find_escrow(std::string_view) const override { never(); }
  Dates dates(EscrowId) const override { never(); }
  std::optional<GroupId> find_group(std::string_view) const override { never(); }
  const GroupRow* group(GroupId) const override { never(); }
  void group_escrows(GroupId, EscrowId, EscrowId, std::size_t, std::vector<EscrowId>&) const override {
    never();
  }
  std::optional<PlanId> find_latest_plan(std::string_view) const override { never(); }
  bool plan_pays_into(AccountId) const override { never(); }
  Amount currency_total(Currency) const override { never(); }
  Result<PastCommand> past_command(std::string_view) const override { never(); }
  AccountId next_account_id(std::size_t) const override { never(); }
  EscrowId next_escrow_id() const override { never(); }
  GroupId next_group_id() const override { never(); }
  PlanId next_plan_id() const override { never(); }

 private:
  [[noreturn]] static void never() {
    HOLDFAST_ASSERT(false, "a release of ids asks for nothing else");
    std::abort();
  }
  std::vector<EscrowRow> rows_;
  std::vector<PlanRow> plans_;
};

Command release_in_random_order() {
  std::vector<EscrowId> ids(kMaxListItems);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = EscrowId(i + 1);
  std::mt19937 random(20261124);
  std::shuffle(ids.begin(), ids.end(), random);
  Release release;
  release.escrows = EscrowList(ids);
  return {std::move(release), {}};
}

void per_item(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kMaxListItems));
}

// The decision alone; the argument is the number of fee plans among the escrows.
void decide_alone(benchmark::State& state) {
  const ArrayRows rows(kMaxListItems, static_cast<std::uint32_t>(state.range(0)));
  const auto command = release_in_random_order();
  DecideMemory memory;
  Body body;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(command.operation, rows, nullptr, memory, body));
  }
  per_item(state);
}
BENCHMARK(decide_alone)->Arg(1)->Arg(8)->Arg(1'000);

// With validation, keys and the answer around it.
void execute_whole(benchmark::State& state) {
  ArrayRows rows(kMaxListItems, 1);
  const auto command = release_in_random_order();
  Workspace workspace;
  for (auto _ : state) {
    const auto decision = execute(command, rows, {Seq(1), {}}, workspace);
    benchmark::DoNotOptimize(result_of(*std::get<Accepted>(*decision).entry));
  }
  per_item(state);
}
BENCHMARK(execute_whole);

}  // namespace
}  // namespace holdfast

BENCHMARK_MAIN();
