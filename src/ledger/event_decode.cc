// Reads the canonical bytes of events (docs/journal_format.md, "Events"). What decodes is exactly what the
// encoder would write for it: for every `b` that decodes, encode(decode(b)) == b. Keeps laws 4 and 8.
//
// The bytes may be anything: nothing is read outside them, and no count is believed beyond what the bytes
// left could hold.

#include "ledger/event_codec.h"
#include "ledger/event_reader.h"
#include "ledger/validate_text.h"
#include "ledger/varint.h"

namespace holdfast {
namespace {

template <class T>
T& reuse(Body& body) {
  if (auto* same = std::get_if<T>(&body)) return *same;
  return body.emplace<T>();
}

class Decoder : private wire::EventReader {
 public:
  using EventReader::error;
  using EventReader::EventReader;
  using EventReader::ok;

  void head(Seq& seq, Timestamp& at) {
    const auto version = in_.u8();
    if (in_.ok() && version > wire::kEncodingVersion) return newer("the version of its encoding");
    require(version == wire::kEncodingVersion, "the version of its encoding is 0");
    seq = id<Seq>(wire::kMaxLongId);
    at = time();
  }

  /// The rest of the bytes.
  void entry(Entry& into) {
    entry(into, 1);
    require(in_.left() == 0, "bytes are left over");
  }

 private:
  void dates(std::optional<Timestamp>& release_at, std::optional<Timestamp>& refund_at) {
    const auto which = in_.u8();
    require(which <= wire::kRefundAt, "an escrow has at most one date");
    release_at.reset(), refund_at.reset();
    if (which == wire::kReleaseAt) release_at = time();
    if (which == wire::kRefundAt) refund_at = time();
  }
  void group(GroupUse& into, std::uint64_t min = 0) {
    into.group = id<GroupId>(wire::kMaxShortId, min);
    into.opened_name.clear();
    if (!into.group) return;
    const auto opened = in_.text();
    require(opened.empty() || is_name(opened), "a name breaks the rule of names");
    into.opened_name.assign(opened);
  }

  void entry(Entry& into, std::size_t level) {
    const auto flags = in_.varint();
    if ((flags & ~wire::kEntryFlags) != 0) newer("a field of an entry");
    into.key.clear(), into.actor.clear(), into.reason.clear(), into.reference.clear(), into.request.clear();
    if ((flags & wire::kHasKey) != 0) text(into.key, is_key, "a key breaks the rule of keys");
    if ((flags & wire::kHasActor) != 0) name(into.actor);
    if ((flags & wire::kHasReason) != 0) {
      text(into.reason, is_reason, "a reason breaks the rule of reasons");
      require(!into.reason.empty(), "a reason that is said to follow is empty");
    }
    if ((flags & wire::kHasReference) != 0) {
      text(into.reference, is_reference, "a reference breaks the rule of references");
    }
    if ((flags & wire::kHasRequest) != 0) {
      require((flags & wire::kHasKey) != 0, "a request is remembered without a key");
      request(into.request);
    }
    body(into.body, level);
  }

  void request(std::vector<FieldDigest>& into) {
    const auto n = count(9);
    require(n >= 1 && n <= wire::kMaxRequestFields, "a request has 1 to 32 fields");
    int previous = -1;
    for (std::size_t i = 0; i < n && in_.ok(); ++i) {
      const auto field = in_.u8();
      require(field > previous, "a request is not ordered by field");
      previous = field;
      into.push_back({field, in_.u64_fixed()});
    }
  }

  void body(Body& into, std::size_t level) {
    switch (in_.u8()) {
      case wire::kKindOf<AccountOpened>:
        return body(reuse<AccountOpened>(into));
      case wire::kKindOf<AccountClosed>:
        return static_cast<void>(reuse<AccountClosed>(into).account = account());
      case wire::kKindOf<FeePlanDefined>:
        return body(reuse<FeePlanDefined>(into));
      case wire::kKindOf<Moved>:
        return body(reuse<Moved>(into));
      case wire::kKindOf<Held>:
        return body(reuse<Held>(into));
      case wire::kKindOf<Rescheduled>:
        return body(reuse<Rescheduled>(into));
      case wire::kKindOf<Released>:
        return body(reuse<Released>(into));
      case wire::kKindOf<Refunded>:
        return body(reuse<Refunded>(into));
      case wire::kKindOf<Frozen>:
        return body(reuse<Frozen>(into));
      case wire::kKindOf<Resolved>:
        return body(reuse<Resolved>(into));
      case wire::kKindOf<GroupClosed>:
        return group(reuse<GroupClosed>(into).group, 1);
      case wire::kKindOf<GroupReopened>:
        return group(reuse<GroupReopened>(into).group, 1);
      case wire::kKindOf<Unchanged>:
        return body(reuse<Unchanged>(into));
      case wire::kKindOf<Replayed>:
        return body(reuse<Replayed>(into));
      case wire::kKindOf<AtomicDone>:
        return atomic(reuse<AtomicDone>(into), level);
      default:
        return newer("the kind of its body");
    }
  }

  void body(AccountOpened& into) {
    into.account = account();
    name(into.name);
    into.currency = currency();
    into.kind = number(AccountKind::user, AccountKind::external, "an account's kind is unknown");
  }
  void opens(std::vector<AccountOpened>& into) {
    into.resize(count(wire::kMinOpened));
    for (auto& opened : into) {
      if (!in_.ok()) return;
      body(opened);
    }
  }
  void rule(FeeRule& into) {
    const auto billionths = in_.varint();
    require(billionths <= 1'000'000'000, "a rate is above 1");
    into.rate = in_.ok() ? Rate::from_billionths(static_cast<std::uint32_t>(billionths)) : Rate();
    into.fixed = amount();
    into.min = amount();
    into.max.reset();
    if (flag()) into.max = amount();
    name(into.to);
  }
  void body(FeePlanDefined& into) {
    into.plan = plan();
    name(into.name);
    into.version = u32(1);
    into.currency = currency();
    rule(into.commission);
    rule(into.processor_fee);
    into.rounding = number(Rounding::half_up, Rounding::up, "a rounding is unknown");
    into.commission_account = account();
    into.fee_account = account();
    opens(into.opens);
  }
  void body(Moved& into) {
    into.kind = number(Moved::Kind::deposit, Moved::Kind::transfer, "a kind of move is unknown");
    into.from = account();
    into.to = account();
    require(into.from != into.to, "money moves from an account to itself");
    into.currency = currency();
    into.amount = amount(1);
    opens(into.opens);
  }
  void body(Held& into) {
    into.escrow = escrow();
    into.payer = account();
    into.beneficiary = account();
    group(into.group);
    into.plan = plan();
    into.currency = currency();
    into.amount = amount(1);
    dates(into.release_at, into.refund_at);
  }
  void body(Rescheduled& into) {
    into.escrow = escrow();
    into.payer = account();
    dates(into.release_at, into.refund_at);
  }
  void body(Frozen& into) {
    into.escrow = escrow();
    into.payer = account();
  }
  void plan_use(PlanUse& into) {
    into.plan = plan();
    into.currency = currency();
    into.commission_account = account();
    into.fee_account = account();
  }
  void body(Resolved& into) {
    into.escrow = escrow();
    into.payer = account();
    into.beneficiary = account();
    plan_use(into.plan);
    into.to_payer = amount();
    into.to_beneficiary = amount();
    into.commission = amount();
    into.processor_fee = amount();
    if (in_.ok()) fees_within(into.to_beneficiary, into.commission, into.processor_fee);
  }
  void fees_within(Amount amount, Amount commission, Amount processor_fee) {
    require(commission + processor_fee <= amount, "fees exceed the amount they are taken from");
  }
  void body(Unchanged& into) {
    into.op = in_.u8();
    require(into.op < std::variant_size_v<Operation>, "an operation is unknown");
    into.version = u32();
  }
  void body(Replayed& into) {
    into.original = id<Seq>(wire::kMaxLongId);
    result(into.result, 1);
  }

  void body(Released& into) {
    into.plans.resize(count(wire::kMinPlanUse));
    for (auto& use : into.plans) {
      if (!in_.ok()) return;
      plan_use(use);
    }
    into.items.resize(count(wire::kMinReleasedItem));
    items(into.items, into.plans.size());
    batch(into.batch);
  }
  void body(Refunded& into) {
    into.currencies.resize(count(3));
    for (auto& use : into.currencies) {
      if (!in_.ok()) return;
      use = currency();
    }
    into.items.resize(count(wire::kMinRefundedItem));
    items(into.items, into.currencies.size());
    batch(into.batch);
  }

  /// Most items are read by `fast_items`; what it will not judge (the end of the bytes, large numbers,
  /// anything wrong) is read one by one, with every check and its message.
  template <class Item>
  void items(std::vector<Item>& items, std::size_t uses) {
    Item previous;
    for (std::size_t done = 0; done < items.size() && in_.ok();) {
      done = fast_items(items, done, uses, previous);
      if (done == items.size()) return;
      slow_item(items[done], previous, uses);
      previous = items[done++];
    }
  }
  template <class Id>
  Id near(Id previous, std::uint64_t max) {
    const auto value = previous.value() + wire::unzigzag(in_.varint());
    require(value - 1 < max, "an item's id is out of range");
    return Id(static_cast<typename Id::value_type>(value));
  }
  std::uint32_t index(std::size_t uses) {
    const auto value = in_.varint();
    require(value < uses, "an item's index is out of range");
    return static_cast<std::uint32_t>(value);
  }
  void slow_item(ReleasedItem& into, const ReleasedItem& previous, std::size_t uses) {
    into.escrow = near(previous.escrow, wire::kMaxLongId);
    into.payer = near(previous.payer, wire::kMaxShortId);
    into.beneficiary = near(previous.beneficiary, wire::kMaxShortId);
    into.plan_use = index(uses);
    into.amount = amount(1);
    into.commission = amount();
    into.processor_fee = amount();
    if (in_.ok()) fees_within(into.amount, into.commission, into.processor_fee);
  }
  void slow_item(RefundedItem& into, const RefundedItem& previous, std::size_t uses) {
    into.escrow = near(previous.escrow, wire::kMaxLongId);
    into.payer = near(previous.payer, wire::kMaxShortId);
    into.currency_use = index(uses);
    into.amount = amount(1);
  }

  /// Items from `done` on, as far as they are plain; `previous` becomes the last one read.
  std::size_t fast_items(std::vector<ReleasedItem>& items, std::size_t done, std::size_t uses,
                         ReleasedItem& previous) {
    constexpr std::size_t kReach = std::size_t{7} * 8;  // seven integers, each read as eight bytes
    constexpr auto kMax = static_cast<std::uint64_t>(kMaxAmount.minor());
    const std::byte* at = bytes_.data() + in_.position();
    const std::byte* const begin = at;
    const std::byte* const end = bytes_.data() + bytes_.size();
    std::uint64_t escrow = previous.escrow.value();
    std::uint64_t payer = previous.payer.value();
    std::uint64_t beneficiary = previous.beneficiary.value();
    const auto first = done;
    const std::byte* good = at;
    for (; done < items.size() && static_cast<std::size_t>(end - at) >= kReach; ++done, good = at) {
      bool bad = false;
      escrow += wire::unzigzag(wire::get_varint(at, bad));
      payer += wire::unzigzag(wire::get_varint(at, bad));
      beneficiary += wire::unzigzag(wire::get_varint(at, bad));
      const auto use = wire::get_varint(at, bad);
      const auto amount = wire::get_varint(at, bad);
      const auto commission = wire::get_varint(at, bad);
      const auto fee = wire::get_varint(at, bad);
      bad |= (escrow - 1 >= wire::kMaxLongId) | (payer - 1 >= wire::kMaxShortId) |
             (beneficiary - 1 >= wire::kMaxShortId) | (use >= uses);
      bad |= (amount - 1 >= kMax) | (commission + fee > amount);
      if (bad) break;
      auto& item = items[done];
      item.escrow = EscrowId(escrow);
      item.payer = AccountId(static_cast<std::uint32_t>(payer));
      item.beneficiary = AccountId(static_cast<std::uint32_t>(beneficiary));
      item.plan_use = static_cast<std::uint32_t>(use);
      item.amount = Amount(static_cast<std::int64_t>(amount));
      item.commission = Amount(static_cast<std::int64_t>(commission));
      item.processor_fee = Amount(static_cast<std::int64_t>(fee));
    }
    in_.raw(static_cast<std::size_t>(good - begin));
    if (done > first) previous = items[done - 1];
    return done;
  }
  std::size_t fast_items(std::vector<RefundedItem>& items, std::size_t done, std::size_t uses,
                         RefundedItem& previous) {
    constexpr std::size_t kReach = std::size_t{4} * 8;
    constexpr auto kMax = static_cast<std::uint64_t>(kMaxAmount.minor());
    const std::byte* at = bytes_.data() + in_.position();
    const std::byte* const begin = at;
    const std::byte* const end = bytes_.data() + bytes_.size();
    std::uint64_t escrow = previous.escrow.value();
    std::uint64_t payer = previous.payer.value();
    const auto first = done;
    const std::byte* good = at;
    for (; done < items.size() && static_cast<std::size_t>(end - at) >= kReach; ++done, good = at) {
      bool bad = false;
      escrow += wire::unzigzag(wire::get_varint(at, bad));
      payer += wire::unzigzag(wire::get_varint(at, bad));
      const auto use = wire::get_varint(at, bad);
      const auto amount = wire::get_varint(at, bad);
      bad |= (escrow - 1 >= wire::kMaxLongId) | (payer - 1 >= wire::kMaxShortId) | (use >= uses) |
             (amount - 1 >= kMax);
      if (bad) break;
      auto& item = items[done];
      item.escrow = EscrowId(escrow);
      item.payer = AccountId(static_cast<std::uint32_t>(payer));
      item.currency_use = static_cast<std::uint32_t>(use);
      item.amount = Amount(static_cast<std::int64_t>(amount));
    }
    in_.raw(static_cast<std::size_t>(good - begin));
    if (done > first) previous = items[done - 1];
    return done;
  }

  void item_errors(std::vector<ItemError>& into) {
    into.resize(count(wire::kMinItemError));
    for (auto& item : into) {
      if (!in_.ok()) return;
      item.escrow = EscrowId(in_.varint());
      any_text(item.key);
      item.reason = code();
    }
  }
  void counts(std::vector<CodeCount>& into) {
    into.resize(count(wire::kMinCodeCount));
    for (auto& each : into) {
      if (!in_.ok()) return;
      each.code = code();
      each.count = in_.varint();
    }
  }
  void skips(std::vector<ItemError>& first, std::vector<CodeCount>& all) {
    item_errors(first);
    require(first.size() <= wire::kMaxFirstSkips, "more than 100 skipped items are listed");
    for (const auto& item : first) {
      require(item.escrow.value() <= wire::kMaxLongId, "an id is out of range");
      require(item.key.empty() || is_key(item.key), "a key breaks the rule of keys");
    }
    counts(all);
    for (const auto& each : all) require(each.count > 0, "a count of skipped items is 0");
  }
  void totals(std::vector<Total>& into) {
    into.resize(count(wire::kMinTotal));
    for (auto& total : into) {
      if (!in_.ok()) return;
      total.currency = currency();
      total.escrows = in_.varint();
      total.amount = sum();
      total.commission = sum();
      total.processor_fee = sum();
      total.net = sum();
    }
  }
  void batch(BatchInfo& into) {
    const auto flags = in_.u8();
    if ((flags & ~wire::kBatchFlags) != 0) newer("a field of a batch");
    skips(into.skips.first, into.skips.counts);
    group(into.group);
    into.closes_group = (flags & wire::kClosesGroup) != 0;
    require((flags & wire::kLastChunk) == 0 || (flags & wire::kChunk) != 0, "a last chunk is no chunk");
    if ((flags & wire::kChunk) == 0) return into.chunk.reset();
    if (!into.chunk) into.chunk.emplace();
    into.chunk->last = (flags & wire::kLastChunk) != 0;
    into.chunk->done_through = id<EscrowId>(wire::kMaxLongId, 0);
    into.chunk->limit = id<EscrowId>(wire::kMaxLongId, 0);
    totals(into.chunk->totals);
    skips(into.chunk->skips.first, into.chunk->skips.counts);
  }

  /// True: a part that was done; false: one that failed.
  bool part() {
    const auto tag = in_.u8();
    require(tag == wire::kPartDone || tag == wire::kPartFailed,
            "a part of an atomic is neither done nor failed");
    return tag == wire::kPartDone;
  }
  void atomic(AtomicDone& into, std::size_t level) {
    require(level <= wire::kMaxNesting, "atomics nest more than 16 deep");
    const auto n = count(wire::kMinPart);
    for (std::size_t i = 0; i < n && in_.ok(); ++i) {
      if (i == into.entries.size()) into.entries.emplace_back();
      auto& each = into.entries[i];
      if (part()) {
        if (!each) each = Entry();
        entry(*each, level + 1);
      } else {
        if (each) each = std::unexpected(Error());
        failure(each.error());
      }
    }
    if (in_.ok()) into.entries.resize(n);
  }
  void failure(Error& into) {
    into.code = code();
    any_text(into.message);
    item_errors(into.items);
    counts(into.counts);
    into.fields.resize(count(1));
    for (auto& field : into.fields) any_text(field);
    into.path.resize(count(1));
    for (auto& index : into.path) index = u32();
  }

  void result(CommandResult& into, std::size_t level) {
    switch (static_cast<wire::ResultKind>(in_.u8())) {
      case wire::ResultKind::nothing:
        into.emplace<Nothing>();
        return;
      case wire::ResultKind::hold:
        into = HoldResult{escrow()};
        return;
      case wire::ResultKind::plan:
        into = PlanResult{u32()};
        return;
      case wire::ResultKind::settlement: {
        auto& settlement = into.emplace<Settlement>();
        settlement.kind =
            number(Settlement::Kind::release, Settlement::Kind::resolve, "a kind of settlement is unknown");
        totals(settlement.totals);
        skips(settlement.skipped, settlement.skipped_count);
        settlement.to_payer = sum();
        return;
      }
      case wire::ResultKind::atomic:
        return result(into.emplace<AtomicResult>(), level);
      default:
        return newer("the kind of a result");
    }
  }
  void result(AtomicResult& into, std::size_t level) {
    require(level <= wire::kMaxNesting, "atomics nest more than 16 deep");
    const auto n = count(2);
    for (std::size_t i = 0; i < n && in_.ok(); ++i) {
      auto& each = into.results.emplace_back();
      if (part()) {
        result(*each, level + 1);
      } else {
        each = std::unexpected(Error());
        failure(each.error());
      }
    }
  }
};

}  // namespace

Result<void> decode_event(std::span<const std::byte> bytes, Event& into) {
  into.seq = Seq();
  Decoder decoder(bytes);
  decoder.head(into.seq, into.at);
  decoder.entry(into.entry);
  if (!decoder.ok()) return decoder.error(into.seq);
  return {};
}

Result<void> decode_entry(std::span<const std::byte> bytes, Entry& into) {
  Decoder decoder(bytes);
  decoder.entry(into);
  if (!decoder.ok()) return decoder.error("an entry");
  return {};
}

Result<EventHead> decode_event_head(std::span<const std::byte> bytes) {
  EventHead head;
  Decoder decoder(bytes);
  decoder.head(head.seq, head.at);
  if (!decoder.ok()) return decoder.error(head.seq);
  return head;
}

Digest chain(Sha256& hasher, const Digest& previous, std::span<const std::byte> event_bytes) {
  hasher.begin();
  hasher.update(std::as_bytes(std::span(previous)));
  hasher.update(event_bytes);
  return hasher.finish();
}

}  // namespace holdfast
