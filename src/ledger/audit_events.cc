// Replays events one by one into the books, and notes every one that breaks a law or does not fit what was
// there before it. What does not fit is noted and left out, so that one wrong event is not reported again by
// all that follow.

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ledger/audit_books.h"
#include "ledger/event_codec.h"

namespace holdfast::audit {
namespace {

constexpr std::size_t kAhead = 16;  // items whose rows are fetched ahead

class Replay {
 public:
  Replay(Books& books, Seq seq) : books_(books), seq_(seq) {}

  void entry(const Entry& entry) {
    ++books_.effects;
    if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
      for (const auto& part : atomic->entries) {
        if (part) this->entry(*part);
      }
    } else {
      std::visit([&](const auto& body) { this->body(body); }, entry.body);
    }
    key(entry);
  }

  /// The sums of the event's postings stay within 64 bits, and its indexes within their tables.
  [[nodiscard]] bool sound() const { return sound_ && gross_ <= std::numeric_limits<std::int64_t>::max(); }

 private:
  template <class... Args>
  void wrong(Law law, fmt::format_string<Args...> format, Args&&... args) {
    books_.findings.add(
        law, fmt::format("event {}: {}", seq_.value(), fmt::format(format, std::forward<Args>(args)...)));
  }
  template <class... Args>
  void misfit(fmt::format_string<Args...> format, Args&&... args) {
    wrong(Law::all_or_nothing, format, std::forward<Args>(args)...);
  }
  std::string name(AccountId id) const { return books_.name(id); }

  // Law 7.
  void key(const Entry& entry) {
    if (entry.key.empty()) return;
    if (const auto* replayed = std::get_if<Replayed>(&entry.body)) {
      if (!books_.keys.contains(entry.key)) {
        wrong(Law::once, "key {} is answered from event {}, but had not taken effect", entry.key,
              replayed->original.value());
      }
      return;
    }
    const auto* held = std::get_if<Held>(&entry.body);
    const bool is_new = books_.keys.insert(entry.key, held != nullptr ? held->escrow : EscrowId());
    const auto* released = std::get_if<Released>(&entry.body);
    const auto* refunded = std::get_if<Refunded>(&entry.body);
    const auto* chunk = released != nullptr && released->batch.chunk   ? &*released->batch.chunk
                        : refunded != nullptr && refunded->batch.chunk ? &*refunded->batch.chunk
                                                                       : nullptr;
    const auto at = books_.unfinished.find(entry.key);
    const bool goes_on = chunk != nullptr && at != books_.unfinished.end() &&
                         at->second.refund == (refunded != nullptr) && at->second.limit == chunk->limit &&
                         at->second.done_through <= chunk->done_through;
    if (!is_new && !goes_on) wrong(Law::once, "key {} takes effect again", entry.key);
    if (chunk != nullptr && !chunk->last) {
      books_.unfinished[entry.key] = {refunded != nullptr, chunk->done_through, chunk->limit};
    } else if (at != books_.unfinished.end()) {
      books_.unfinished.erase(at);
    }
  }

  // Law 9: a number is given once. A store may draw numbers before it commits, so they need not grow.
  template <class Id>
  void given(Id id, bool before, Id& last, std::string_view what) {
    if (before) wrong(Law::serial, "{} number {} is given twice", what, id.value());
    last = std::max(last, id);
  }

  // Law 8.
  bool in_range(Amount amount, std::int64_t min) {
    ++books_.amounts;
    gross_ += amount.minor();
    if (amount.minor() >= min && amount <= kMaxAmount) return true;
    wrong(Law::exact, "the amount {} is not from {} to 2^53 - 1", amount.minor(), min);
    sound_ = false;
    return false;
  }

  void change(AccountId id, Bucket bucket, Currency currency, std::int64_t amount) {
    auto& account = books_.accounts[id.value()];
    if (amount == 0) return;
    if (!account.known) return misfit("it changes account number {}, which was never opened", id.value());
    if (!account.open) misfit("it changes account {}, which is closed", name(id));
    if (account.currency != currency) {
      misfit("it changes account {} by {}, whose currency is {}", name(id), money(amount, currency),
             account.currency.code());
    }
    auto& value = bucket == Bucket::available ? account.available : account.held;
    if (__builtin_add_overflow(value, amount, &value)) {
      wrong(Law::exact, "a bucket of account {} passes 2^63", name(id));
    }
    const bool external = account.kind == AccountKind::external;
    if (value < 0 && (!external || bucket == Bucket::held)) {
      wrong(Law::exact, "account {} has {} {}", name(id), money(value, currency), to_string(bucket));
    }
    if (!external) total(currency) += amount;
  }
  Wide& total(Currency currency) {
    if (currency.index() >= books_.totals.size()) books_.totals.resize(std::size_t{currency.index()} + 1);
    return books_.totals[currency.index()];
  }

  const AccountBook* open_account(AccountId id, Currency currency, std::string_view role) {
    const auto* account = books_.accounts.find(id.value());
    if (account == nullptr || !account->known) {
      misfit("its {} is account number {}, which was never opened", role, id.value());
      return nullptr;
    }
    if (!account->open) misfit("its {} {} is closed", role, name(id));
    if (account->currency != currency) {
      misfit("its {} {} is in {}, not in {}", role, name(id), account->currency.code(), currency.code());
    }
    return account;
  }

  void body(const AccountOpened& opened) {
    auto& account = books_.accounts[opened.account.value()];
    given(opened.account, account.known, books_.last_account, "account");
    if (account.known) return misfit("it opens account number {} again", opened.account.value());
    if (!books_.account_names.emplace(opened.name, opened.account).second) {
      misfit("it opens account {} a second time", opened.name);
    }
    books_.account_texts[opened.account.value()] = opened.name;
    account.currency = opened.currency;
    account.kind = opened.kind;
    account.known = account.open = true;
    ++books_.accounts_known;
  }
  void body(const AccountClosed& closed) {
    auto* account = books_.accounts.find(closed.account.value());
    if (account == nullptr || !account->known || !account->open) {
      return misfit("it closes account {}, which is not open", name(closed.account));
    }
    if (account->available != 0 || account->held != 0) {
      misfit("it closes account {}, which still has {}", name(closed.account),
             money(Wide{account->available} + account->held, account->currency));
    }
    account->open = false;
  }
  void body(const FeePlanDefined& plan) {
    for (const auto& opened : plan.opens) body(opened);
    auto& defined = books_.plans[plan.plan.value()].defined;
    given(plan.plan, defined.has_value(), books_.last_plan, "fee plan");
    open_account(plan.commission_account, plan.currency, "commission account");
    open_account(plan.fee_account, plan.currency, "fee account");
    auto& latest = books_.latest_plans[plan.name];
    const auto* before = latest ? books_.plans.find(latest.value()) : nullptr;
    const std::uint32_t version = before != nullptr && before->defined ? before->defined->version : 0;
    if (plan.version != version + 1) {
      misfit("it defines version {} of fee plan {} after version {}", plan.version, plan.name, version);
    }
    latest = plan.plan;
    defined = plan;
  }
  void body(const Moved& moved) {
    for (const auto& opened : moved.opens) body(opened);
    if (!in_range(moved.amount, 1)) return;
    const auto* from = open_account(moved.from, moved.currency, "source");
    const auto* to = open_account(moved.to, moved.currency, "destination");
    if (from == nullptr || to == nullptr) return;
    const bool from_outside = from->kind == AccountKind::external;
    const bool to_outside = to->kind == AccountKind::external;
    if ((moved.kind == Moved::Kind::deposit && (!from_outside || to_outside)) ||
        (moved.kind == Moved::Kind::withdraw && (from_outside || !to_outside))) {
      misfit("it moves {} from {} to {}, which are not on the sides they should be",
             money(moved.amount.minor(), moved.currency), name(moved.from), name(moved.to));
    }
    if (from_outside && !to_outside && total(moved.currency) > kMaxCurrencyTotal.minor()) {
      wrong(Law::exact, "it deposits although {} are in the ledger already",
            money(total(moved.currency), moved.currency));
    }
    change(moved.from, Bucket::available, moved.currency, -moved.amount.minor());
    change(moved.to, Bucket::available, moved.currency, moved.amount.minor());
  }

  void use(const GroupUse& use) {
    if (!use.group) return;
    auto& group = books_.groups[use.group.value()];
    if (use.opened_name.empty()) {
      if (!group.known) misfit("it names group number {}, which there is not", use.group.value());
      return;
    }
    given(use.group, group.known, books_.last_group, "group");
    if (group.known || !books_.group_names.emplace(use.opened_name, use.group).second) {
      misfit("it opens group {} a second time", use.opened_name);
    }
    group.name = use.opened_name;
    group.known = true;
  }
  const PlanBook* plan(PlanId id) {
    const auto* plan = books_.plans.find(id.value());
    if (plan != nullptr && plan->defined) return plan;
    misfit("it uses fee plan number {}, which was never defined", id.value());
    return nullptr;
  }
  bool plan_use(const PlanUse& use) {
    const auto* known = plan(use.plan);
    if (known == nullptr) return false;
    if (known->defined->currency == use.currency &&
        known->defined->commission_account == use.commission_account &&
        known->defined->fee_account == use.fee_account) {
      return true;
    }
    misfit("it pays the fees of plan {} version {} to other accounts than the plan names",
           known->defined->name, known->defined->version);
    return false;
  }

  void body(const Held& held) {
    use(held.group);
    auto& escrow = books_.escrows[held.escrow.value()];
    given(held.escrow, escrow.amount != 0, books_.last_escrow, "escrow");
    if (escrow.amount != 0) return misfit("it holds escrow {} a second time", held.escrow.value());
    if (!in_range(held.amount, 1)) return;
    open_account(held.payer, held.currency, "payer");
    open_account(held.beneficiary, held.currency, "beneficiary");
    const auto* under = plan(held.plan);
    if (under != nullptr && under->defined->currency != held.currency) {
      misfit("escrow {} is in {}, its fee plan in {}", held.escrow.value(), held.currency.code(),
             under->defined->currency.code());
    }
    if (held.group.group) {
      auto& group = books_.groups[held.group.group.value()];
      if (!group.open) misfit("it holds into group {}, which is closed", group.name);
      ++group.escrows;
    }
    escrow.amount = held.amount.minor();
    escrow.payer = held.payer;
    escrow.beneficiary = held.beneficiary;
    escrow.group = held.group.group;
    escrow.plan = held.plan;
    escrow.set_dates({held.release_at, held.refund_at});
    books_.add(escrow, 1);
    ++books_.escrows_known;
    change(held.payer, Bucket::available, held.currency, -held.amount.minor());
    change(held.payer, Bucket::held, held.currency, held.amount.minor());
  }

  /// The escrow where something is locked in it and its payer is the one named.
  EscrowBook* live(EscrowId id, AccountId payer) {
    auto* escrow = books_.escrows.find(id.value());
    if (escrow == nullptr || escrow->amount == 0) {
      misfit("it changes escrow {}, which was never held", id.value());
      return nullptr;
    }
    if (escrow->payer != payer) {
      misfit("it names {} as the payer of escrow {}, which is {}", name(payer), id.value(),
             name(escrow->payer));
      return nullptr;
    }
    if (escrow->locked() == 0) {
      misfit("it changes escrow {}, in which nothing is locked", id.value());
      return nullptr;
    }
    return escrow;
  }
  /// The same, and it can be settled by that much.
  EscrowBook* settled(EscrowId id, AccountId payer, Wide amount, Currency currency, bool frozen) {
    auto* escrow = live(id, payer);
    if (escrow == nullptr) return nullptr;
    if ((escrow->frozen != 0) != frozen) {
      misfit("escrow {} is {}frozen", id.value(), frozen ? "not " : "");
      return nullptr;
    }
    if (amount > escrow->locked()) {
      misfit("it takes {} out of escrow {}, in which {} are locked", money(amount, currency), id.value(),
             money(escrow->locked(), currency));
      return nullptr;
    }
    return escrow;
  }

  // Law 3.
  bool splits(EscrowId id, Amount amount, Amount commission, Amount processor_fee, Currency currency) {
    const auto net = Wide{amount.minor()} - commission.minor() - processor_fee.minor();
    if (commission >= Amount() && processor_fee >= Amount() && net >= 0) return true;
    wrong(Law::split, "escrow {} releases {} as commission {}, processor fee {} and net {}", id.value(),
          money(amount.minor(), currency), money(commission.minor(), currency),
          money(processor_fee.minor(), currency), money(net, currency));
    sound_ = false;
    return false;
  }
  void release(EscrowBook& escrow, EscrowId id, AccountId beneficiary, const PlanUse& use, Amount amount,
               Amount commission, Amount processor_fee) {
    if (escrow.beneficiary != beneficiary) {
      return misfit("it pays escrow {} to {}, whose beneficiary is {}", id.value(), name(beneficiary),
                    name(escrow.beneficiary));
    }
    if (escrow.plan != use.plan && escrow.released != 0) {
      misfit("it changes the fee plan of escrow {} after a part was released", id.value());
    }
    if (!splits(id, amount, commission, processor_fee, use.currency)) return;
    ++books_.parts_released;
    books_.add(escrow, -1);
    escrow.plan = use.plan;
    escrow.released += amount.minor();
    books_.add(escrow, 1);
    escrow.commission += commission.minor();
    escrow.processor_fee += processor_fee.minor();
    change(escrow.payer, Bucket::held, use.currency, -amount.minor());
    change(beneficiary, Bucket::available, use.currency,
           amount.minor() - commission.minor() - processor_fee.minor());
    change(use.commission_account, Bucket::available, use.currency, commission.minor());
    change(use.fee_account, Bucket::available, use.currency, processor_fee.minor());
  }
  void refund(EscrowBook& escrow, Amount amount, Currency currency) {
    books_.add(escrow, -1);
    escrow.refunded += amount.minor();
    books_.add(escrow, 1);
    change(escrow.payer, Bucket::held, currency, -amount.minor());
    change(escrow.payer, Bucket::available, currency, amount.minor());
  }

  void body(const Rescheduled& rescheduled) {
    auto* escrow = live(rescheduled.escrow, rescheduled.payer);
    if (escrow != nullptr) escrow->set_dates({rescheduled.release_at, rescheduled.refund_at});
  }
  void body(const Frozen& frozen) {
    auto* escrow = live(frozen.escrow, frozen.payer);
    if (escrow == nullptr) return;
    if (escrow->frozen != 0) misfit("it freezes escrow {}, which is frozen", frozen.escrow.value());
    escrow->frozen = 1;
  }
  void body(const Resolved& resolved) {
    const bool in_ranges = in_range(resolved.to_payer, 0) && in_range(resolved.to_beneficiary, 0);
    if (!in_ranges || !plan_use(resolved.plan)) return;
    const auto currency = resolved.plan.currency;
    const auto sum = Wide{resolved.to_payer.minor()} + resolved.to_beneficiary.minor();
    auto* escrow = settled(resolved.escrow, resolved.payer, sum, currency, true);
    if (escrow == nullptr) return;
    escrow->frozen = 0;
    if (resolved.to_payer > Amount()) refund(*escrow, resolved.to_payer, currency);
    if (resolved.to_beneficiary > Amount()) {
      release(*escrow, resolved.escrow, resolved.beneficiary, resolved.plan, resolved.to_beneficiary,
              resolved.commission, resolved.processor_fee);
    }
  }

  // Inlined by force: g++ 12 takes a function that only fetches for one without effect, and drops the call.
  template <class Item>
  [[gnu::always_inline]] inline void fetch_ahead(const std::vector<Item>& items, std::size_t i) {
    if (i + kAhead >= items.size()) return;
    const auto& item = items[i + kAhead];
    __builtin_prefetch(books_.escrows.find(item.escrow.value()));
    __builtin_prefetch(books_.accounts.find(item.payer.value()));
    if constexpr (std::is_same_v<Item, ReleasedItem>) {
      __builtin_prefetch(books_.accounts.find(item.beneficiary.value()));
    }
  }
  void in_group(const EscrowBook& escrow, EscrowId id, const BatchInfo& batch) {
    if (batch.group.group && escrow.group != batch.group.group) {
      misfit("escrow {} is not in the group of its batch", id.value());
    }
  }
  void body(const Released& released) {
    batch(released.batch);
    std::vector<bool> fits;
    fits.reserve(released.plans.size());
    for (const auto& use : released.plans) fits.push_back(plan_use(use));
    for (std::size_t i = 0; i < released.items.size(); ++i) {
      fetch_ahead(released.items, i);
      const auto& item = released.items[i];
      if (item.plan_use >= released.plans.size()) {
        sound_ = false;
        misfit("escrow {} has no fee plan", item.escrow.value());
        continue;
      }
      const auto& use = released.plans[item.plan_use];
      if (!in_range(item.amount, 1) || !fits[item.plan_use]) continue;
      auto* escrow = settled(item.escrow, item.payer, item.amount.minor(), use.currency, false);
      if (escrow == nullptr) continue;
      in_group(*escrow, item.escrow, released.batch);
      release(*escrow, item.escrow, item.beneficiary, use, item.amount, item.commission, item.processor_fee);
    }
  }
  void body(const Refunded& refunded) {
    batch(refunded.batch);
    for (std::size_t i = 0; i < refunded.items.size(); ++i) {
      fetch_ahead(refunded.items, i);
      const auto& item = refunded.items[i];
      if (item.currency_use >= refunded.currencies.size()) {
        sound_ = false;
        misfit("escrow {} has no currency", item.escrow.value());
        continue;
      }
      const auto currency = refunded.currencies[item.currency_use];
      if (!in_range(item.amount, 1)) continue;
      auto* escrow = settled(item.escrow, item.payer, item.amount.minor(), currency, false);
      if (escrow == nullptr) continue;
      in_group(*escrow, item.escrow, refunded.batch);
      refund(*escrow, item.amount, currency);
    }
  }
  void batch(const BatchInfo& batch) {
    use(batch.group);
    if (!batch.closes_group) return;
    if (!batch.group.group) return misfit("it closes a group that it does not name");
    books_.groups[batch.group.group.value()].open = false;
  }
  void body(const GroupClosed& closed) {
    use(closed.group);
    auto& group = books_.groups[closed.group.group.value()];
    if (!group.open) misfit("it closes group {}, which is closed", group.name);
    group.open = false;
  }
  void body(const GroupReopened& reopened) {
    use(reopened.group);
    auto& group = books_.groups[reopened.group.group.value()];
    if (group.open) misfit("it reopens group {}, which is open", group.name);
    group.open = true;
  }
  void body(const Unchanged&) {}
  void body(const Replayed& replayed) {
    if (replayed.original > seq_) {
      wrong(Law::once, "it answers from event {}, which comes later", replayed.original.value());
    }
  }
  void body(const AtomicDone&) {}  // its parts are replayed one by one

  Books& books_;
  Seq seq_;
  Wide gross_ = 0;
  bool sound_ = true;
};

}  // namespace

void Books::event(const Event& event, std::span<const std::byte> bytes, const Digest* recorded_hash) {
  const auto seq = event.seq.value();
  if (seq != last.value() + 1) {
    findings.add(Law::serial, fmt::format("event {} comes after event {}", seq, last.value()));
  }
  if (event.at < last_at && events > 0) {
    findings.add(Law::serial, fmt::format("event {} is of {}, before {} of the event before it", seq,
                                          to_rfc3339(event.at), to_rfc3339(last_at)));
  }
  const auto front = decode_event_head(bytes);
  if (!front || front->seq != event.seq || front->at != event.at) {
    findings.add(Law::history, fmt::format("the bytes of event {} are those of another", seq));
  }
  head = chain(hasher, head, bytes);
  if (events == 0) {
    // Texts of keys are found by a hash that differs from ledger to ledger.
    HashSecret secret{};
    std::copy_n(head.begin(), secret.size(), secret.begin());
    keys.set_secret(secret);
  }
  if (recorded_hash != nullptr && *recorded_hash != head) {
    findings.add(Law::history, fmt::format("after event {} the chain is {}, recorded is {}", seq,
                                           to_hex(head), to_hex(*recorded_hash)));
    head = *recorded_hash;  // so that a later break is seen as one of its own
  }
  ++events;
  last = std::max(last, event.seq);
  last_at = std::max(last_at, event.at);

  Replay replay(*this, event.seq);
  replay.entry(event.entry);
  if (replay.sound()) post(event);
}

void Books::post(const Event& event) {
  holdfast::postings(event.entry, postings);
  std::vector<std::pair<Currency, Wide>> sums;
  for (std::size_t i = 0; i < postings.size(); ++i) {
    const auto& posting = postings[i];
    if (i + kAhead < postings.size()) __builtin_prefetch(accounts.find(postings[i + kAhead].account.value()));
    auto& account = accounts[posting.account.value()];
    auto& value = posting.bucket == Bucket::available ? account.posted_available : account.posted_held;
    if (__builtin_add_overflow(value, posting.amount.minor(), &value)) {
      findings.add(Law::exact, fmt::format("event {}: a bucket of account {} passes 2^63", event.seq.value(),
                                           name(posting.account)));
    }
    auto at = std::ranges::find(sums, posting.currency, &std::pair<Currency, Wide>::first);
    if (at == sums.end()) at = sums.insert(at, {posting.currency, 0});
    at->second += posting.amount.minor();
  }
  for (const auto& [currency, sum] : sums) {
    if (sum != 0) {
      findings.add(Law::all_or_nothing,
                   fmt::format("event {}: its postings in {} sum to {}", event.seq.value(), currency.code(),
                               money(sum, currency)));
    }
  }
}

}  // namespace holdfast::audit
