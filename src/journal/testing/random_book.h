// A ledger that random commands are made for: State beside the plain maps of MapRows, which share no code
// with it, and every event that was recorded. For tests.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "journal/state.h"
#include "ledger/execute.h"
#include "ledger/testing/map_rows.h"

namespace holdfast::journal::testing {

using holdfast::testing::MapRows;

inline constexpr HashSecret kSecret = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

class RandomBook {
 public:
  explicit RandomBook(std::uint64_t seed) : random_(seed), state_(std::make_unique<State>(kSecret)) {
    state_->set_past_reader([this](KeyPlace, std::string_view key) { return model_.past_command(key); });
    open_all();
  }

  [[nodiscard]] State& state() { return *state_; }
  [[nodiscard]] const MapRows& model() const { return model_; }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  [[nodiscard]] std::uint64_t pick(std::uint64_t n) { return random_() % n; }

  /// One random command, with what it leads to. Many are refused: those are tests too.
  void step() { run(command(0)); }

  void run(const Command& command) {
    const Moment moment{state_->applied().next(),
                        Timestamp{1'000'000 + static_cast<std::int64_t>(events_.size())}};
    const auto decision = execute(command, *state_, moment, workspace_);
    if (!decision) return;
    const auto* accepted = std::get_if<Accepted>(&*decision);
    if (accepted == nullptr) return;
    apply_to_model(*accepted->entry, moment);
    events_.push_back({moment.seq, moment.at, *accepted->entry});
    state_->set_applied(moment.seq, moment.at);
  }

  /// A random command, undone: State has seen it between begin and rollback.
  void step_undone() {
    Command wrapped = command(0);
    wrapped.options.dry_run = true;
    wrapped.options.key.clear();
    run(wrapped);
  }

  Command command(int depth) {
    // Now and then one that was asked for before: it takes effect once.
    if (!asked_.empty() && pick(15) == 0) return asked_[pick(asked_.size())];
    Command command;
    if (pick(3) != 0) command.options.key = "k" + std::to_string(pick(4) == 0 ? pick(50) : next_key_++);
    switch (pick(depth == 0 ? 20 : 18)) {
      case 0:
        command.operation = OpenAccount{name("acc", 40), currency(), AccountKind::user};
        break;
      case 1:
        command.operation = Deposit{user(), amount(), {}}, need_key(command);
        break;
      case 2:
        command.operation = Withdraw{user(), amount(), {}}, need_key(command);
        break;
      case 3:
        command.operation = Transfer{user(), user(), amount()}, need_key(command);
        break;
      case 4:
      case 5:
      case 6:
      case 7:
        command.operation = hold(), need_key(command);
        break;
      case 8:
      case 9:
        command.operation = release(command);
        break;
      case 10:
        command.operation = refund(command);
        break;
      case 11:
        command.operation = Freeze{ref()};
        break;
      case 12:
      case 13:
        command.operation = Resolve{ref(), part(), part()}, need_key(command);
        break;
      case 14:
        command.operation = reschedule();
        break;
      case 15:
        command.operation = plan();
        break;
      case 16:
        group_open(command);
        break;
      case 17:
        command.operation = CloseAccount{name("acc", 40)};
        break;
      default:
        command.operation = atomic(depth);
        break;
    }
    if (depth > 0 && !command.options.key.empty()) asked_.push_back(command);
    return command;
  }

 private:
  void open_all() {
    for (const char* code : {"EUR", "JPY"}) {
      const Currency currency = Currency::parse(code).value();
      for (int i = 0; i < 5; ++i) {
        open(std::string("user:") + code + std::to_string(i), currency, AccountKind::user);
        open(std::string("shop:") + code + std::to_string(i), currency, AccountKind::beneficiary);
        Command deposit;
        deposit.operation = Deposit{std::string("user:") + code + std::to_string(i), Amount(1'000'000), {}};
        need_key(deposit);
        run(deposit);
      }
      DefineFeePlan plan;
      plan.fee_plan = std::string("plan:") + code;
      plan.currency = currency;
      plan.commission.rate = Rate::from_billionths(50'000'000);
      plan.commission.to = std::string("platform:") + code;
      plan.processor_fee.rate = Rate::from_billionths(30'000'000);
      plan.processor_fee.to = std::string("fees:") + code;
      run(Command{plan, {}});
    }
  }

  void open(std::string name, Currency currency, AccountKind kind) {
    run(Command{OpenAccount{std::move(name), currency, kind}, {}});
  }

  void apply_to_model(const Entry& entry, Moment moment) {
    if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
      for (const auto& inner : atomic->entries) {
        if (inner) apply_to_model(*inner, moment);
      }
    }
    if (std::holds_alternative<Replayed>(entry.body)) return;
    model_.apply(entry, moment.seq, moment.at);
  }

  void need_key(Command& command) {
    if (command.options.key.empty()) command.options.key = "k" + std::to_string(next_key_++);
  }
  std::string name(const char* stem, std::uint64_t n) {
    return std::string(stem) + ":" + std::to_string(pick(n));
  }
  Currency currency() { return Currency::parse(code()).value(); }
  std::string code() { return pick(3) == 0 ? "JPY" : "EUR"; }
  std::string user() { return "user:" + code() + std::to_string(pick(5)); }
  Amount amount() { return Amount(1 + static_cast<std::int64_t>(pick(9'000))); }
  Amount part() { return Amount(pick(3) == 0 ? 0 : static_cast<std::int64_t>(pick(3'000))); }
  std::string plan_name(const std::string& code) { return "plan:" + code; }
  EscrowId some_escrow() { return EscrowId(1 + pick(state_->last_escrow().value() + 1)); }
  EscrowRef ref() { return {some_escrow(), {}}; }
  std::optional<Timestamp> date() { return Timestamp{static_cast<std::int64_t>(pick(1'000'000))}; }

  Operation hold() {
    const auto in = code();
    Hold hold;
    hold.payer = "user:" + in + std::to_string(pick(5));
    hold.beneficiary = "shop:" + in + std::to_string(pick(5));
    hold.amount = amount();
    hold.fee_plan = plan_name(in);
    if (pick(3) != 0) hold.group = name("group", 6);
    if (pick(3) == 0) hold.release_at = date();
    if (!hold.release_at && pick(3) == 0) hold.refund_at = date();
    return hold;
  }
  template <class Batch>
  void select(Command& command, Batch& batch) {
    if (pick(4) == 0) {
      batch.group = name("group", 6);
      batch.close = pick(4) == 0;
      if (pick(3) == 0) {
        need_key(command);
        batch.chunk = static_cast<std::uint32_t>(1 + pick(4));
        batch.mode = BatchMode::skip;
      }
      return;
    }
    const auto n = 1 + pick(5);
    for (std::uint64_t i = 0; i < n; ++i) batch.escrows.add(some_escrow());
    batch.mode = pick(3) == 0 ? BatchMode::atomic : BatchMode::skip;
    if (n == 1 && pick(2) == 0) {
      need_key(command);
      batch.amount = amount();
    }
  }
  Operation release(Command& command) {
    Release release;
    select(command, release);
    if (pick(4) == 0) release.fee_plan = plan_name(code());
    return release;
  }
  Operation refund(Command& command) {
    Refund refund;
    select(command, refund);
    return refund;
  }
  Operation reschedule() {
    Reschedule reschedule;
    reschedule.escrow = ref();
    const auto kind = pick(3);
    if (kind == 0) reschedule.release_at = date();
    if (kind == 1) reschedule.refund_at = date();
    return reschedule;
  }
  Operation plan() {
    DefineFeePlan plan;
    const auto in = code();
    plan.fee_plan = pick(2) == 0 ? plan_name(in) : "other:" + in;
    plan.currency = Currency::parse(in).value();
    plan.commission.rate = Rate::from_billionths(static_cast<std::uint32_t>(pick(100)) * 1'000'000);
    plan.commission.to = "platform:" + in + std::to_string(pick(3));
    plan.processor_fee.to = "fees:" + in;
    return plan;
  }
  void group_open(Command& command) {
    if (pick(2) == 0) {
      command.operation = CloseGroup{name("group", 6)};
    } else {
      command.operation = ReopenGroup{name("group", 6)};
    }
  }
  Operation atomic(int depth) {
    Atomic atomic;
    atomic.continue_on_error = depth > 0 && pick(2) == 0;
    const auto n = 1 + pick(4);
    for (std::uint64_t i = 0; i < n; ++i) {
      // A savepoint in every other place, so that much of what was done is taken back.
      if (depth < 3 && pick(2) == 0) {
        Command nested;
        nested.operation = this->atomic(depth + 1);
        atomic.commands.push_back(std::move(nested));
      } else {
        atomic.commands.push_back(command(depth + 1));
      }
      clear_chunk(atomic.commands.back());
    }
    return atomic;
  }
  static void clear_chunk(Command& command) {
    if (auto* release = std::get_if<Release>(&command.operation)) release->chunk.reset();
    if (auto* refund = std::get_if<Refund>(&command.operation)) refund->chunk.reset();
  }

  std::mt19937_64 random_;
  std::unique_ptr<State> state_;
  MapRows model_;
  std::vector<Event> events_;
  Workspace workspace_;
  std::vector<Command> asked_;
  std::uint64_t next_key_ = 100;
};

}  // namespace holdfast::journal::testing
