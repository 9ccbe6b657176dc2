// The fields of a request and their digests. The numbers are kept in events: append only, never renumber.
//
// A field's hash is that of its value as asked, in an encoding where no two values meet: integers as LEB128,
// texts and lists with their length in front, currencies by their code. Field 0 is the op.
#include "ledger/request.h"

#include <array>

#include "base/bytes.h"
#include "base/hash.h"

namespace holdfast {
namespace {

enum class Field : std::uint8_t {
  op = 0,
  account = 1,
  currency = 2,
  kind = 3,
  fee_plan = 4,
  commission = 5,
  processor_fee = 6,
  rounding = 7,
  amount = 8,
  external = 9,
  from = 10,
  to = 11,
  payer = 12,
  beneficiary = 13,
  group = 14,
  release_at = 15,
  refund_at = 16,
  escrow = 17,
  escrows = 18,
  mode = 19,
  chunk = 20,
  close = 21,
  to_payer = 22,
  to_beneficiary = 23,
  commands = 24,
  on_error = 25,
  reason = 26,
  reference = 27,
  expect = 28,
};

constexpr std::array<std::string_view, 29> kFieldNames = {
    "op",       "account",    "currency",       "kind",     "fee_plan", "commission", "processor_fee",
    "rounding", "amount",     "external",       "from",     "to",       "payer",      "beneficiary",
    "group",    "release_at", "refund_at",      "escrow",   "escrows",  "mode",       "chunk",
    "close",    "to_payer",   "to_beneficiary", "commands", "on_error", "reason",     "reference",
    "expect"};

// Fields are given in the order of their numbers.
class Digester {
 public:
  explicit Digester(std::vector<FieldDigest>& out) : out_(out) {}

  void operator()(const OpenAccount& op) {
    text(Field::account, op.account);
    currency(op.currency);
    if (op.kind != AccountKind::user) number(Field::kind, static_cast<std::uint64_t>(op.kind));
  }
  void operator()(const CloseAccount& op) { text(Field::account, op.account); }
  void operator()(const DefineFeePlan& op) {
    currency(op.currency);
    text(Field::fee_plan, op.fee_plan);
    rule(Field::commission, op.commission);
    rule(Field::processor_fee, op.processor_fee);
    if (op.rounding != Rounding::half_up) number(Field::rounding, static_cast<std::uint64_t>(op.rounding));
  }
  void operator()(const Deposit& op) { moved(op); }
  void operator()(const Withdraw& op) { moved(op); }
  void operator()(const Transfer& op) {
    amount(Field::amount, op.amount);
    text(Field::from, op.from);
    text(Field::to, op.to);
  }
  void operator()(const Hold& op) {
    text(Field::fee_plan, op.fee_plan);
    amount(Field::amount, op.amount);
    text(Field::payer, op.payer);
    text(Field::beneficiary, op.beneficiary);
    text(Field::group, op.group);
    dates(op);
  }
  void operator()(const Reschedule& op) {
    dates(op);
    escrow(op.escrow);
  }
  void operator()(const Release& op) {
    text(Field::fee_plan, op.fee_plan);
    batch(op);
  }
  void operator()(const Refund& op) { batch(op); }
  void operator()(const Freeze& op) { escrow(op.escrow); }
  void operator()(const Resolve& op) {
    escrow(op.escrow);
    amount(Field::to_payer, op.to_payer);
    amount(Field::to_beneficiary, op.to_beneficiary);
  }
  void operator()(const CloseGroup& op) { text(Field::group, op.group); }
  void operator()(const ReopenGroup& op) { text(Field::group, op.group); }
  void operator()(const Atomic& op) {
    if (!op.commands.empty()) commands(op.commands);
    if (op.continue_on_error) number(Field::on_error, 1);
  }

  void common(const Options& options) {
    text(Field::reason, options.reason);
    text(Field::reference, options.reference);
  }
  /// The last field: it came after those that every command may carry.
  void expect(const Operation& operation) {
    if (const auto* release = std::get_if<Release>(&operation)) expect(release->expect);
    if (const auto* refund = std::get_if<Refund>(&operation)) expect(refund->expect);
  }

  void op(std::string_view name) { text(Field::op, name); }

 private:
  template <class Move>
  void moved(const Move& op) {
    text(Field::account, op.account);
    amount(Field::amount, op.amount);
    text(Field::external, op.external);
  }
  template <class Dated>
  void dates(const Dated& op) {
    if (op.release_at) signed_number(Field::release_at, op.release_at->micros);
    if (op.refund_at) signed_number(Field::refund_at, op.refund_at->micros);
  }
  template <class Batch>
  void batch(const Batch& op) {
    if (op.amount) signed_number(Field::amount, op.amount->minor());
    text(Field::group, op.group);
    if (!op.escrows.empty()) escrows(op.escrows);
    if (op.mode != BatchMode::atomic) number(Field::mode, static_cast<std::uint64_t>(op.mode));
    if (op.chunk) number(Field::chunk, *op.chunk);
    if (op.close) number(Field::close, 1);
  }

  void expect(const std::optional<Expectation>& expectation) {
    if (!expectation) return;
    writer_.varint(expectation->size());
    for (const auto& total : *expectation) {
      writer_.text(total.currency ? total.currency.code() : std::string_view());
      writer_.varint(total.escrows);
      for (const auto sum : {total.amount, total.commission, total.processor_fee, total.net}) {
        writer_.zigzag(sum.minor());
      }
    }
    put(Field::expect);
  }

  void escrows(const EscrowList& list) {
    writer_.varint(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto item = list[i];
      reference(item.id, item.key);
    }
    put(Field::escrows);
  }
  void escrow(const EscrowRef& ref) {
    reference(ref.id, ref.key);
    put(Field::escrow);
  }
  // An id is never 0, so that 0 says that a key follows.
  void reference(EscrowId id, std::string_view key) {
    writer_.varint(id.value());
    if (!id) writer_.text(key);
  }

  void rule(Field field, const FeeRule& rule) {
    if (rule == FeeRule{}) return;
    writer_.varint(rule.rate.billionths());
    writer_.zigzag(rule.fixed.minor());
    writer_.zigzag(rule.min.minor());
    writer_.u8(rule.max ? 1 : 0);
    if (rule.max) writer_.zigzag(rule.max->minor());
    writer_.text(rule.to);
    put(field);
  }

  void commands(const std::vector<Command>& commands) {
    writer_.varint(commands.size());
    for (const auto& command : commands) {
      writer_.text(command.options.key);
      const auto request = request_of(command);
      writer_.varint(request.size());
      for (const auto& digest : request) {
        writer_.u8(digest.field);
        writer_.u64_fixed(digest.hash);
      }
    }
    put(Field::commands);
  }

  void currency(Currency currency) {
    if (currency) text(Field::currency, currency.code());
  }
  void amount(Field field, Amount amount) {
    if (amount != Amount()) signed_number(field, amount.minor());
  }
  void text(Field field, std::string_view value) {
    if (value.empty()) return;
    writer_.text(value);
    put(field);
  }
  void number(Field field, std::uint64_t value) {
    writer_.varint(value);
    put(field);
  }
  void signed_number(Field field, std::int64_t value) {
    writer_.zigzag(value);
    put(field);
  }
  void put(Field field) {
    const std::string_view bytes(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    out_.push_back({static_cast<std::uint8_t>(field), stable_hash(bytes)});
    bytes_.clear();
  }

  std::vector<FieldDigest>& out_;
  Bytes bytes_;
  ByteWriter writer_{bytes_};
};

}  // namespace

std::vector<FieldDigest> request_of(const Command& command) {
  std::vector<FieldDigest> out;
  Digester digest(out);
  digest.op(op_name(command.operation));
  std::visit(digest, command.operation);
  digest.common(command.options);
  digest.expect(command.operation);
  return out;
}

std::vector<std::string> differing_fields(const std::vector<FieldDigest>& a,
                                          const std::vector<FieldDigest>& b) {
  std::vector<std::string> names;
  const auto differs = [&](std::uint8_t field) {
    names.emplace_back(field < kFieldNames.size() ? kFieldNames[field] : "unknown");
  };
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() || y != b.end()) {
    if (y == b.end() || (x != a.end() && x->field < y->field)) {
      differs((x++)->field);
    } else if (x == a.end() || y->field < x->field) {
      differs((y++)->field);
    } else {
      if (x->hash != y->hash) differs(x->field);
      ++x, ++y;
    }
  }
  return names;
}

}  // namespace holdfast
