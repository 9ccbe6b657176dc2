#include "sim/workload.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"

namespace holdfast::sim {
namespace {

constexpr std::int64_t kMaxMinor = (std::int64_t{1} << 53) - 1;

Currency parsed(std::string_view code) {
  auto currency = Currency::parse(code);
  HOLDFAST_ASSERT(currency.has_value(), "a currency of the table");
  return *currency;
}

bool needs_key(const Operation& operation) {
  const auto partial = [&](const auto* batch) { return batch != nullptr && (batch->amount || batch->chunk); };
  return std::holds_alternative<Deposit>(operation) || std::holds_alternative<Withdraw>(operation) ||
         std::holds_alternative<Transfer>(operation) || std::holds_alternative<Hold>(operation) ||
         std::holds_alternative<Resolve>(operation) || partial(std::get_if<Release>(&operation)) ||
         partial(std::get_if<Refund>(&operation));
}

}  // namespace

Workload::Workload(Prng prng, std::string name)
    : prng_(prng), name_(std::move(name)), small_amounts_of_million_(prng_.below(500'000)) {
  for (auto& drawn : weights_) {
    constexpr std::array<std::uint32_t, 6> kChoices = {0, 1, 2, 4, 8, 16};
    drawn = prng_.pick(kChoices);
  }
  weight(Kind::deposit) += 2;
  weight(Kind::hold) += 8;
  weight(Kind::close_account) /= 4;
  weight(Kind::fee_plan) /= 4;
}

std::vector<Command> Workload::opening() {
  std::vector<Command> out;
  const auto add = [&](Operation operation) {
    const bool keyed = needs_key(operation);
    out.push_back({std::move(operation), options(keyed)});
    out.back().options.dry_run = false;
  };
  const auto eur = parsed("EUR");
  const auto jpy = parsed("JPY");
  for (int i = 0; i < 4; ++i) add(OpenAccount{fmt::format("user:{}", i), eur, AccountKind::user});
  add(OpenAccount{"user:4", jpy, AccountKind::user});
  for (int i = 0; i < 2; ++i) add(OpenAccount{fmt::format("shop:{}", i), eur, AccountKind::beneficiary});
  add(OpenAccount{"shop:2", jpy, AccountKind::beneficiary});
  add(OpenAccount{"bank:0", eur, AccountKind::external});
  add(OpenAccount{"jpy:fees", jpy, AccountKind::platform});
  DefineFeePlan standard{"plan:0", eur, {}, {}, Rounding::half_up};
  standard.commission.rate = Rate::from_billionths(50'000'000);
  standard.processor_fee.rate = Rate::from_billionths(30'000'000);
  add(standard);
  DefineFeePlan yen{"plan:3", jpy, {}, {}, Rounding::half_even};
  yen.commission.rate = Rate::from_billionths(29'000'000);
  yen.commission.to = yen.processor_fee.to = "jpy:fees";
  add(yen);
  for (int i = 0; i < 5; ++i) add(Deposit{fmt::format("user:{}", i), Amount(1'000'000), {}});
  return out;
}

Command Workload::next(const ModelBook& book) {
  if (!asked_.empty() && prng_.one_in(12)) {
    auto repeated = again(prng_.pick(asked_));
    if (prng_.one_in(3)) {
      // The same key with other content.
      repeated.options.reference = fmt::format("{}r{}", name_, ++counter_);
      if (auto* deposit = std::get_if<Deposit>(&repeated.operation)) deposit->amount = amount();
      if (auto* held = std::get_if<Hold>(&repeated.operation)) held->beneficiary = shop();
    }
    return repeated;
  }
  auto made = command(book, 0);
  if (!made.options.key.empty()) {
    if (asked_.size() < 64) {
      asked_.push_back(made);
    } else {
      asked_[prng_.below(64)] = made;
    }
  }
  return made;
}

Command Workload::again(Command command) {
  if (prng_.one_in(4)) command.options.actor = fmt::format("actor:{}", prng_.below(3));
  return command;
}

Command Workload::flood() {
  Atomic atomic;
  for (int i = 0; i < 520; ++i) {
    atomic.commands.push_back({Deposit{"user:0", Amount(kMaxMinor), {}}, options(true)});
    atomic.commands.back().options.dry_run = false;
    atomic.commands.back().options.key =
        fmt::format("{}flood{}", name_, ++counter_);  // one without a key would refuse them all
  }
  auto made = Command{std::move(atomic), options(true)};
  made.options.dry_run = false;
  return made;
}

Block Workload::next_block(const ModelBook& book) {
  Block block;
  block.options = options(false);
  block.options.dry_run = false;
  block.commits = !prng_.one_in(5);
  int open = 0;
  for (auto left = 1 + prng_.below(6); left > 0; --left) {
    const auto draw = prng_.below(8);
    if (draw == 0) {
      block.steps.push_back({Block::Step::Kind::savepoint, {}});
      ++open;
    } else if (draw == 1 && open > 0) {
      block.steps.push_back(
          {prng_.one_in(2) ? Block::Step::Kind::release_savepoint : Block::Step::Kind::rollback_savepoint,
           {}});
      --open;
    }
    block.steps.push_back({Block::Step::Kind::execute, command(book, 1)});
  }
  for (; open > 0; --open) block.steps.push_back({Block::Step::Kind::release_savepoint, {}});
  return block;
}

Command Workload::command(const ModelBook& book, int depth) {
  Command made;
  if (depth > 0 && !asked_.empty() && prng_.one_in(10)) {
    made = prng_.pick(asked_);
    made.options.dry_run = false;
    return made;
  }
  made.operation = operation(book, depth);
  made.options = options(needs_key(made.operation));
  if (depth > 0) made.options.dry_run = false;
  return made;
}

Options Workload::options(bool needs_key) {
  Options options;
  const auto number = ++counter_;
  if (needs_key ? !prng_.one_in(100) : prng_.one_in(3)) options.key = fmt::format("{}k{}", name_, number);
  if (prng_.one_in(3)) options.actor = fmt::format("actor:{}", prng_.below(3));
  if (prng_.one_in(8)) options.reason = fmt::format("because of {}, naïve 🙂", prng_.below(9));
  options.reference = fmt::format("{}r{}", name_, number);
  options.dry_run = prng_.one_in(25);
  return options;
}

Operation Workload::operation(const ModelBook& book, int depth) {
  auto kind = static_cast<Kind>(prng_.weighted(weights_));
  if (depth >= 3 && kind == Kind::atomic) kind = Kind::hold;
  switch (kind) {
    case Kind::open_account:
      return open_account();
    case Kind::close_account:
      return CloseAccount{any_account()};
    case Kind::fee_plan:
      return fee_plan();
    case Kind::deposit:
    case Kind::withdraw: {
      constexpr std::array<std::string_view, 5> kExternals = {"", "", "", "bank:0", "user:1"};
      const std::string external(prng_.pick(kExternals));
      const auto account = prng_.one_in(10) ? any_account() : user();
      if (kind == Kind::deposit) return Deposit{account, amount(), external};
      return Withdraw{account, amount(), external};
    }
    case Kind::transfer:
      return Transfer{prng_.one_in(8) ? any_account() : user(), any_account(), amount()};
    case Kind::hold:
      return hold(book);
    case Kind::reschedule: {
      Reschedule op{escrow(book, true), {}, {}};
      (prng_.one_in(2) ? op.release_at : op.refund_at) = date();
      return op;
    }
    case Kind::release: {
      Release op;
      fill_batch(op, book, depth);
      if (prng_.one_in(5)) op.fee_plan = plan_name();
      if (prng_.one_in(4)) expect(op, book);
      return op;
    }
    case Kind::refund: {
      Refund op;
      fill_batch(op, book, depth);
      if (prng_.one_in(4)) expect(op, book);
      return op;
    }
    case Kind::freeze:
      return Freeze{escrow(book, true)};
    case Kind::resolve:
      return resolve(book);
    case Kind::close_group:
      return CloseGroup{group()};
    case Kind::reopen_group:
      return ReopenGroup{group()};
    case Kind::atomic:
      return nested(book, depth);
  }
  std::unreachable();
}

Operation Workload::open_account() {
  constexpr std::array<AccountKind, 5> kAccountKinds = {AccountKind::user, AccountKind::beneficiary,
                                                        AccountKind::platform, AccountKind::fees,
                                                        AccountKind::external};
  auto name = prng_.one_in(3) ? any_account() : fmt::format("extra:{}", prng_.below(20));
  return OpenAccount{std::move(name), currency(), prng_.pick(kAccountKinds)};
}

FeeRule Workload::rule() {
  constexpr std::array<std::uint32_t, 7> kRates = {0,           50'000'000, 30'000'000,   29'000'000,
                                                   333'333'333, 1,          1'000'000'000};
  constexpr std::array<std::int64_t, 5> kFixed = {0, 0, 0, 20, 35};
  FeeRule rule;
  rule.rate = Rate::from_billionths(prng_.pick(kRates));
  rule.fixed = Amount(prng_.pick(kFixed));
  if (prng_.one_in(4)) rule.min = Amount(prng_.between(0, 60));
  if (prng_.one_in(4)) rule.max = Amount(prng_.between(30, 500));
  if (prng_.one_in(6)) rule.to = prng_.one_in(2) ? "jpy:fees" : any_account();
  return rule;
}

Operation Workload::fee_plan() {
  constexpr std::array<Rounding, 4> kRoundings = {Rounding::half_up, Rounding::half_even, Rounding::down,
                                                  Rounding::up};
  DefineFeePlan op{plan_name(), currency(), rule(), rule(), prng_.pick(kRoundings)};
  if (prng_.one_in(2)) op.currency = parsed("EUR");
  return op;
}

Operation Workload::hold(const ModelBook& book) {
  Hold op;
  op.payer = user();
  op.beneficiary = prng_.one_in(20) ? any_account() : shop();
  // Mostly a payer and a beneficiary that fit: else almost every hold would be refused.
  if (op.payer == "user:4" && !prng_.one_in(10)) op.beneficiary = "shop:2";
  if (op.payer != "user:4" && op.beneficiary == "shop:2" && !prng_.one_in(10)) op.beneficiary = "shop:0";
  op.amount = amount();
  op.fee_plan = op.payer == "user:4" && !prng_.one_in(10) ? "plan:3" : plan_name();
  if (op.fee_plan == "plan:3" && op.payer != "user:4" && !prng_.one_in(10)) op.fee_plan = "plan:0";
  if (!book.plans.contains(op.fee_plan) && !prng_.one_in(10)) op.fee_plan = "plan:0";
  if (!prng_.one_in(3)) op.group = group();
  if (prng_.one_in(4)) op.release_at = date();
  if (prng_.one_in(4) && !op.release_at) op.refund_at = date();
  return op;
}

Operation Workload::resolve(const ModelBook& book) {
  Resolve op;
  std::vector<std::uint64_t> frozen;
  for (const auto& [id, escrow] : book.escrows) {
    if (escrow.frozen && id < kFirstUnknownId) frozen.push_back(id);
  }
  op.escrow =
      frozen.empty() || prng_.one_in(10) ? escrow(book, true) : EscrowRef{EscrowId(prng_.pick(frozen)), {}};
  const auto found = book.escrows.find(op.escrow.id.value());
  const auto locked = found == book.escrows.end() ? 100 : static_cast<std::int64_t>(found->second.locked());
  const auto draw = prng_.below(6);
  op.to_payer = Amount(draw == 0 ? 0 : prng_.between(0, locked));
  const auto rest = locked - op.to_payer.minor();
  op.to_beneficiary = Amount(draw <= 1 ? 0 : draw == 2 ? rest : prng_.between(0, rest + (draw == 3 ? 5 : 0)));
  return op;
}

Operation Workload::nested(const ModelBook& book, int depth) {
  Atomic atomic;
  atomic.continue_on_error = depth > 0 && !prng_.one_in(3);
  for (auto left = 1 + prng_.below(5); left > 0; --left) atomic.commands.push_back(command(book, depth + 1));
  return atomic;
}

template <class Batch>
void Workload::fill_batch(Batch& batch, const ModelBook& book, int depth) {
  batch.mode = prng_.one_in(2) ? BatchMode::skip : BatchMode::atomic;
  if (prng_.one_in(3)) {
    batch.group = group();
    batch.close = prng_.one_in(3);
    if (depth == 0 && prng_.one_in(2)) {
      batch.mode = BatchMode::skip;
      batch.chunk = static_cast<std::uint32_t>(1 + prng_.below(4));
    }
    return;
  }
  if (prng_.one_in(4)) {
    const auto ref = escrow(book, true);
    ref.key.empty() ? batch.escrows.add(ref.id) : batch.escrows.add(ref.key);
    const auto found = book.escrows.find(ref.id.value());
    const auto locked = found == book.escrows.end() ? 50 : static_cast<std::int64_t>(found->second.locked());
    batch.amount = Amount(prng_.one_in(8) ? locked + 1 : locked > 0 ? prng_.between(1, locked) : 1);
    return;
  }
  const auto bad = prng_.one_in(2);
  for (auto left = 1 + prng_.below(12); left > 0; --left) {
    const auto ref = escrow(book, !bad);
    ref.key.empty() ? batch.escrows.add(ref.id) : batch.escrows.add(ref.key);
  }
}

template <class Batch>
void Workload::expect(Batch& batch, const ModelBook& book) {
  auto totals = what_it_comes_to(book, batch);
  if (prng_.one_in(4)) {
    if (totals.empty()) {
      totals.push_back({currency(), 1, Amount(100), {}, {}, {}});
      if (std::is_same_v<Batch, Release>) totals.back().net = Amount(100);
    } else if (prng_.one_in(3)) {
      totals.pop_back();
    } else if (prng_.one_in(2)) {
      ++totals.back().escrows;
    } else {
      totals.back().amount += Amount(1);
      if (std::is_same_v<Batch, Release>) totals.back().net += Amount(1);
    }
  }
  if (prng_.one_in(60)) totals.push_back({currency(), 0, {}, {}, {}, {}});  // of a form that is wrong
  batch.expect = std::move(totals);
}

Amount Workload::amount() {
  if (prng_.one_in(60)) {
    constexpr std::array<std::int64_t, 4> kEdges = {0, -1, kMaxMinor, kMaxMinor + 1};
    return Amount(prng_.pick(kEdges));
  }
  if (prng_.chance(small_amounts_of_million_)) return Amount(prng_.between(1, 100));
  return Amount(prng_.between(1, prng_.one_in(10) ? 500'000 : 10'000));
}

EscrowRef Workload::escrow(const ModelBook& book, bool prefer_live) {
  if (book.escrows.empty() || prng_.one_in(30)) return {EscrowId(1 + prng_.below(1'000'000)), {}};
  for (int tries = 0;; ++tries) {
    auto at = book.escrows.lower_bound(1 + prng_.below(book.last_escrow + 1));
    if (at == book.escrows.end()) at = book.escrows.begin();
    const auto& [id, escrow] = *at;
    if (id >= kFirstUnknownId) return {EscrowId(7), {}};
    if (prefer_live && escrow.locked() == 0 && tries < 8) continue;
    if (prng_.one_in(4)) return {EscrowId(), escrow.key};
    return {EscrowId(id), {}};
  }
}

std::string Workload::user() {
  return fmt::format("user:{}", prng_.below(5));
}
std::string Workload::shop() {
  return fmt::format("shop:{}", prng_.below(3));
}
std::string Workload::any_account() {
  constexpr std::array<std::string_view, 8> kOthers = {"platform:commission",
                                                       "processor:fees",
                                                       "bank:0",
                                                       "external:EUR",
                                                       "jpy:fees",
                                                       "nobody",
                                                       "extra:1",
                                                       "extra:2"};
  const auto draw = prng_.below(4);
  return draw == 0 ? std::string(prng_.pick(kOthers)) : draw == 1 ? shop() : user();
}
std::string Workload::group() {
  return fmt::format("group:{}", prng_.below(4));
}
std::string Workload::plan_name() {
  return fmt::format("plan:{}", prng_.one_in(2) ? 0 : prng_.below(5));
}
Currency Workload::currency() {
  return parsed(prng_.one_in(4) ? "JPY" : "EUR");
}
std::optional<Timestamp> Workload::date() {
  if (prng_.one_in(6)) return std::nullopt;
  return Timestamp{1'764'000'000'000'000 + prng_.between(-1'000'000'000, 1'000'000'000)};
}

}  // namespace holdfast::sim
