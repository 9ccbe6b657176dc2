// Writes the canonical bytes of events (docs/journal_format.md, "Events"). Keeps law 4: one event has one
// encoding, in every store and for ever.
//
// What the decoder would refuse is asserted here: an event that could not be read again must stop the process
// before it is durable, not after.

#include "base/assert.h"
#include "ledger/event_codec.h"
#include "ledger/event_wire.h"
#include "ledger/validate.h"
#include "ledger/validate_text.h"
#include "ledger/varint.h"

namespace holdfast {
namespace {

/// Collects small pieces on the stack, so that `out` grows by blocks and is never zeroed first.
class BlockWriter {
 public:
  explicit BlockWriter(Bytes& out) : out_(out) {}
  ~BlockWriter() { flush(); }
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  void u8(std::uint8_t value) { *room(1) = static_cast<std::byte>(value), ++used_; }
  void u64_fixed(std::uint64_t value) {
    std::memcpy(room(sizeof value), &value, sizeof value);
    used_ += sizeof value;
  }
  void varint(std::uint64_t value) { advance(wire::put_varint(room(wire::kMaxVarint), value)); }
  void zigzag(std::int64_t value) { varint(wire::zigzag_of(static_cast<std::uint64_t>(value))); }
  void raw(std::string_view text) {
    if (text.size() <= kBlock - used_) {
      if (!text.empty()) std::memcpy(block_ + used_, text.data(), text.size());
      used_ += text.size();
      return;
    }
    flush();
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void text(std::string_view value) { varint(value.size()), raw(value); }

  /// Where the next `n` bytes go, n <= kBlock; `advance` then says how far they came.
  [[nodiscard]] std::byte* room(std::size_t n) {
    if (kBlock - used_ < n) flush();
    return block_ + used_;
  }
  void advance(const std::byte* end) { used_ = static_cast<std::size_t>(end - block_); }

 private:
  static constexpr std::size_t kBlock = 4096;

  void flush() {
    out_.insert(out_.end(), block_, block_ + used_);
    used_ = 0;
  }

  Bytes& out_;
  std::size_t used_ = 0;
  std::byte block_[kBlock];
};

class Encoder {
 public:
  explicit Encoder(Bytes& out) : out_(out) {}

  void head(Seq seq, Timestamp at) {
    out_.u8(wire::kEncodingVersion);
    long_id(seq);
    out_.zigzag(at.micros);
  }
  void entry(const Entry& entry) { this->entry(entry, 1); }

 private:
  template <class Id>
  void long_id(Id id) {
    HOLDFAST_ASSERT(id && id.value() <= wire::kMaxLongId, "an event's ids are from 1 to 2^63 - 1");
    out_.varint(id.value());
  }
  template <class Id>
  void short_id(Id id) {
    HOLDFAST_ASSERT(id, "an event's ids are at least 1");
    out_.varint(id.value());
  }
  void currency(Currency currency) {
    HOLDFAST_ASSERT(currency, "an event's currencies are given");
    out_.raw(currency.code());
  }
  /// From 0 to `max`.
  void amount(Amount amount, Amount max = kMaxAmount) {
    HOLDFAST_ASSERT(amount >= Amount() && amount <= max, "an event's amounts are from 0 to 2^53 - 1");
    out_.varint(static_cast<std::uint64_t>(amount.minor()));
  }
  void positive(Amount amount) {
    HOLDFAST_ASSERT(amount > Amount(), "something moves");
    this->amount(amount);
  }
  void sum(Amount amount) { this->amount(amount, Amount(std::numeric_limits<std::int64_t>::max())); }
  void name(std::string_view name) {
    HOLDFAST_ASSERT(is_name(name), "names keep their rule");
    out_.text(name);
  }
  void key(std::string_view key) {
    HOLDFAST_ASSERT(is_key(key), "keys keep their rule");
    out_.text(key);
  }
  void dates(const std::optional<Timestamp>& release_at, const std::optional<Timestamp>& refund_at) {
    HOLDFAST_ASSERT(!release_at || !refund_at, "an escrow has at most one date");
    out_.u8(release_at ? wire::kReleaseAt : refund_at ? wire::kRefundAt : 0);
    if (release_at) out_.zigzag(release_at->micros);
    if (refund_at) out_.zigzag(refund_at->micros);
  }
  void group(const GroupUse& use) {
    out_.varint(use.group.value());
    if (!use.group) return;
    if (use.opened_name.empty()) {
      out_.varint(0);
    } else {
      name(use.opened_name);
    }
  }

  void entry(const Entry& entry, std::size_t level) {
    HOLDFAST_ASSERT(!entry.key.empty() || entry.request.empty(), "a request is remembered by its key");
    const std::uint64_t flags =
        (entry.key.empty() ? 0 : wire::kHasKey) | (entry.actor.empty() ? 0 : wire::kHasActor) |
        (entry.reason.empty() ? 0 : wire::kHasReason) | (entry.reference.empty() ? 0 : wire::kHasReference) |
        (entry.request.empty() ? 0 : wire::kHasRequest);
    out_.varint(flags);
    HOLDFAST_ASSERT(is_reason(entry.reason), "reasons are up to 255 bytes of plain text");
    HOLDFAST_ASSERT(entry.reference.empty() || is_reference(entry.reference), "references keep their rule");
    if (!entry.key.empty()) key(entry.key);
    if (!entry.actor.empty()) name(entry.actor);
    if (!entry.reason.empty()) out_.text(entry.reason);
    if (!entry.reference.empty()) out_.text(entry.reference);
    if (!entry.request.empty()) request(entry.request);
    std::visit(
        [&]<class T>(const T& body) {
          out_.u8(wire::kKindOf<T>);
          if constexpr (std::is_same_v<T, AtomicDone>) {
            atomic(body, level);
          } else {
            this->body(body);
          }
        },
        entry.body);
  }

  void request(const std::vector<FieldDigest>& request) {
    HOLDFAST_ASSERT(request.size() <= wire::kMaxRequestFields, "a request has few fields");
    out_.varint(request.size());
    int previous = -1;
    for (const auto& digest : request) {
      HOLDFAST_ASSERT(digest.field > previous, "a request is ordered by field, each once");
      previous = digest.field;
      out_.u8(digest.field);
      out_.u64_fixed(digest.hash);
    }
  }

  void body(const AccountOpened& opened) {
    short_id(opened.account);
    name(opened.name);
    currency(opened.currency);
    out_.u8(static_cast<std::uint8_t>(opened.kind));
  }
  void opens(const std::vector<AccountOpened>& opens) {
    out_.varint(opens.size());
    for (const auto& opened : opens) body(opened);
  }
  void body(const AccountClosed& closed) { short_id(closed.account); }

  void rule(const FeeRule& rule) {
    out_.varint(rule.rate.billionths());
    amount(rule.fixed);
    amount(rule.min);
    out_.u8(rule.max ? 1 : 0);
    if (rule.max) amount(*rule.max);
    name(rule.to);
  }
  void body(const FeePlanDefined& plan) {
    HOLDFAST_ASSERT(plan.version > 0, "versions of a fee plan are counted from 1");
    short_id(plan.plan);
    name(plan.name);
    out_.varint(plan.version);
    currency(plan.currency);
    rule(plan.commission);
    rule(plan.processor_fee);
    out_.u8(static_cast<std::uint8_t>(plan.rounding));
    short_id(plan.commission_account);
    short_id(plan.fee_account);
    opens(plan.opens);
  }
  void body(const Moved& moved) {
    HOLDFAST_ASSERT(moved.from != moved.to, "money moves between two accounts");
    out_.u8(static_cast<std::uint8_t>(moved.kind));
    short_id(moved.from);
    short_id(moved.to);
    currency(moved.currency);
    positive(moved.amount);
    opens(moved.opens);
  }
  void body(const Held& held) {
    long_id(held.escrow);
    short_id(held.payer);
    short_id(held.beneficiary);
    group(held.group);
    short_id(held.plan);
    currency(held.currency);
    positive(held.amount);
    dates(held.release_at, held.refund_at);
  }
  void body(const Rescheduled& rescheduled) {
    long_id(rescheduled.escrow);
    short_id(rescheduled.payer);
    dates(rescheduled.release_at, rescheduled.refund_at);
  }
  void body(const Frozen& frozen) {
    long_id(frozen.escrow);
    short_id(frozen.payer);
  }
  void plan_use(const PlanUse& use) {
    short_id(use.plan);
    currency(use.currency);
    short_id(use.commission_account);
    short_id(use.fee_account);
  }
  void body(const Resolved& resolved) {
    HOLDFAST_ASSERT(resolved.commission + resolved.processor_fee <= resolved.to_beneficiary,
                    "fees are within what they are taken from");
    long_id(resolved.escrow);
    short_id(resolved.payer);
    short_id(resolved.beneficiary);
    plan_use(resolved.plan);
    amount(resolved.to_payer);
    amount(resolved.to_beneficiary);
    amount(resolved.commission);
    amount(resolved.processor_fee);
  }
  void named_group(const GroupUse& use) {
    HOLDFAST_ASSERT(use.group, "a group is closed or reopened");
    group(use);
  }
  void body(const GroupClosed& closed) { named_group(closed.group); }
  void body(const GroupReopened& reopened) { named_group(reopened.group); }
  void body(const Unchanged& unchanged) {
    HOLDFAST_ASSERT(unchanged.op < std::variant_size_v<Operation>, "an operation that there is");
    out_.u8(unchanged.op);
    out_.varint(unchanged.version);
  }
  void body(const Replayed& replayed) {
    long_id(replayed.original);
    result(replayed.result, 1);
  }

  void body(const Released& released) {
    out_.varint(released.plans.size());
    for (const auto& use : released.plans) plan_use(use);
    items(released);
    batch(released.batch);
  }
  void items(const Released& released) {
    out_.varint(released.items.size());
    std::uint64_t escrow = 0;
    std::uint64_t payer = 0;
    std::uint64_t beneficiary = 0;
    for (const auto& item : released.items) {
      HOLDFAST_ASSERT(item.escrow && item.escrow.value() <= wire::kMaxLongId && item.payer &&
                          item.beneficiary && item.plan_use < released.plans.size(),
                      "a released item names its escrow, accounts and plan");
      HOLDFAST_ASSERT(item.amount > Amount() && item.amount <= kMaxAmount && item.commission >= Amount() &&
                          item.processor_fee >= Amount() && item.net() >= Amount(),
                      "a released item splits without a rest below 0");
      auto* at = out_.room(wire::kMaxReleasedItem + wire::kMaxVarint);
      at = wire::put_varint(at, wire::zigzag_of(item.escrow.value() - escrow));
      at = wire::put_varint(at, wire::zigzag_of(item.payer.value() - payer));
      at = wire::put_varint(at, wire::zigzag_of(item.beneficiary.value() - beneficiary));
      at = wire::put_varint(at, item.plan_use);
      at = wire::put_varint(at, static_cast<std::uint64_t>(item.amount.minor()));
      at = wire::put_varint(at, static_cast<std::uint64_t>(item.commission.minor()));
      at = wire::put_varint(at, static_cast<std::uint64_t>(item.processor_fee.minor()));
      out_.advance(at);
      escrow = item.escrow.value(), payer = item.payer.value(), beneficiary = item.beneficiary.value();
    }
  }
  void body(const Refunded& refunded) {
    out_.varint(refunded.currencies.size());
    for (const auto& use : refunded.currencies) currency(use);
    items(refunded);
    batch(refunded.batch);
  }
  void items(const Refunded& refunded) {
    out_.varint(refunded.items.size());
    std::uint64_t escrow = 0;
    std::uint64_t payer = 0;
    for (const auto& item : refunded.items) {
      HOLDFAST_ASSERT(item.escrow && item.escrow.value() <= wire::kMaxLongId && item.payer &&
                          item.currency_use < refunded.currencies.size(),
                      "a refunded item names its escrow, payer and currency");
      HOLDFAST_ASSERT(item.amount > Amount() && item.amount <= kMaxAmount, "something is refunded");
      auto* at = out_.room(wire::kMaxRefundedItem + wire::kMaxVarint);
      at = wire::put_varint(at, wire::zigzag_of(item.escrow.value() - escrow));
      at = wire::put_varint(at, wire::zigzag_of(item.payer.value() - payer));
      at = wire::put_varint(at, item.currency_use);
      at = wire::put_varint(at, static_cast<std::uint64_t>(item.amount.minor()));
      out_.advance(at);
      escrow = item.escrow.value(), payer = item.payer.value();
    }
  }

  void code(ErrorCode code) {
    HOLDFAST_ASSERT(wire::is_known(code), "a code of the list in result.h");
    out_.u8(static_cast<std::uint8_t>(code));
  }
  void item_errors(const std::vector<ItemError>& items) {
    out_.varint(items.size());
    for (const auto& item : items) {
      out_.varint(item.escrow.value());
      out_.text(item.key);
      code(item.reason);
    }
  }
  void counts(const std::vector<CodeCount>& counts) {
    out_.varint(counts.size());
    for (const auto& count : counts) {
      code(count.code);
      out_.varint(count.count);
    }
  }
  void skips(const std::vector<ItemError>& first, const std::vector<CodeCount>& all) {
    HOLDFAST_ASSERT(first.size() <= wire::kMaxFirstSkips, "the first 100 skipped items are listed");
    for (const auto& item : first) {
      HOLDFAST_ASSERT(item.escrow.value() <= wire::kMaxLongId && (item.key.empty() || is_key(item.key)),
                      "a skipped item is named as the caller may name it");
    }
    for (const auto& each : all) HOLDFAST_ASSERT(each.count > 0, "only what occurred is counted");
    item_errors(first);
    counts(all);
  }
  void totals(const std::vector<Total>& totals) {
    out_.varint(totals.size());
    for (const auto& total : totals) {
      currency(total.currency);
      out_.varint(total.escrows);
      sum(total.amount);
      sum(total.commission);
      sum(total.processor_fee);
      sum(total.net);
    }
  }
  void batch(const BatchInfo& batch) {
    const bool last = batch.chunk && batch.chunk->last;
    out_.u8(static_cast<std::uint8_t>((batch.closes_group ? wire::kClosesGroup : 0) |
                                      (batch.chunk ? wire::kChunk : 0) | (last ? wire::kLastChunk : 0)));
    skips(batch.skips.first, batch.skips.counts);
    group(batch.group);
    if (!batch.chunk) return;
    HOLDFAST_ASSERT(batch.chunk->done_through.value() <= wire::kMaxLongId &&
                        batch.chunk->limit.value() <= wire::kMaxLongId,
                    "ids are at most 2^63 - 1");
    out_.varint(batch.chunk->done_through.value());
    out_.varint(batch.chunk->limit.value());
    totals(batch.chunk->totals);
    skips(batch.chunk->skips.first, batch.chunk->skips.counts);
  }

  void atomic(const AtomicDone& atomic, std::size_t level) {
    HOLDFAST_ASSERT(level <= wire::kMaxNesting, "atomics nest at most 16 deep");
    out_.varint(atomic.entries.size());
    for (const auto& part : atomic.entries) {
      out_.u8(part ? wire::kPartDone : wire::kPartFailed);
      if (part) {
        entry(*part, level + 1);
      } else {
        error(part.error());
      }
    }
  }
  /// May be of the caller's own making (a savepoint that he rolled back): nothing but its code is ours to
  /// ask.
  void error(const Error& error) {
    code(error.code);
    out_.text(error.message);
    item_errors(error.items);
    counts(error.counts);
    out_.varint(error.fields.size());
    for (const auto& field : error.fields) out_.text(field);
    out_.varint(error.path.size());
    for (const auto index : error.path) out_.varint(index);
  }

  void kind(wire::ResultKind kind) { out_.u8(static_cast<std::uint8_t>(kind)); }
  void result(const CommandResult& result, std::size_t level) {
    if (const auto* hold = std::get_if<HoldResult>(&result)) {
      kind(wire::ResultKind::hold);
      HOLDFAST_ASSERT(hold->escrow, "an event is no dry run");
      long_id(*hold->escrow);
    } else if (const auto* plan = std::get_if<PlanResult>(&result)) {
      kind(wire::ResultKind::plan);
      out_.varint(plan->version);
    } else if (const auto* settlement = std::get_if<Settlement>(&result)) {
      kind(wire::ResultKind::settlement);
      out_.u8(static_cast<std::uint8_t>(settlement->kind));
      totals(settlement->totals);
      skips(settlement->skipped, settlement->skipped_count);
      sum(settlement->to_payer);
    } else if (const auto* atomic = std::get_if<AtomicResult>(&result)) {
      HOLDFAST_ASSERT(level <= wire::kMaxNesting, "atomics nest at most 16 deep");
      kind(wire::ResultKind::atomic);
      out_.varint(atomic->results.size());
      for (const auto& part : atomic->results) {
        out_.u8(part ? wire::kPartDone : wire::kPartFailed);
        if (part) {
          this->result(*part, level + 1);
        } else {
          error(part.error());
        }
      }
    } else {
      kind(wire::ResultKind::nothing);
    }
  }

  BlockWriter out_;
};

}  // namespace

void encode_event(Seq seq, Timestamp at, const Entry& entry, Bytes& out) {
  Encoder encoder(out);
  encoder.head(seq, at);
  encoder.entry(entry);
}

void encode_event_head(Seq seq, Timestamp at, Bytes& out) {
  Encoder(out).head(seq, at);
}

void encode_entry(const Entry& entry, Bytes& out) {
  Encoder(out).entry(entry);
}

}  // namespace holdfast
