#include "ledger/event_views.h"

#include <algorithm>
#include <unordered_set>
#include <variant>

#include "ledger/postings.h"

namespace holdfast {
namespace {

constexpr std::size_t kListedEscrows = 1'000;

/// Escrows that the entry's effects name, in order; the same one more than once where several commands of an
/// atomic did something to it.
struct EscrowsOf {
  std::vector<EscrowId>& out;

  void operator()(const Held& body) const { out.push_back(body.escrow); }
  void operator()(const Rescheduled& body) const { out.push_back(body.escrow); }
  void operator()(const Frozen& body) const { out.push_back(body.escrow); }
  void operator()(const Resolved& body) const { out.push_back(body.escrow); }
  void operator()(const Released& body) const {
    for (const auto& item : body.items) out.push_back(item.escrow);
  }
  void operator()(const Refunded& body) const {
    for (const auto& item : body.items) out.push_back(item.escrow);
  }
  template <class Other>
  void operator()(const Other&) const {}
};

void list_escrows(const Entry& entry, EventView& view) {
  for_each_effect(entry, [&](const Entry& effect) { std::visit(EscrowsOf{view.escrows}, effect.body); });
  if (std::holds_alternative<AtomicDone>(entry.body)) {
    std::unordered_set<EscrowId> seen;
    std::erase_if(view.escrows, [&](EscrowId id) { return !seen.insert(id).second; });
  }
  view.escrow_count = view.escrows.size();
  if (view.escrows.size() > kListedEscrows) view.escrows.resize(kListedEscrows);
  view.escrows.shrink_to_fit();
}

/// Adds up what the entry's effects did, by currency.
struct SumsOf {
  EventView& view;

  void operator()(const Held& body) const { of(body.currency).held += body.amount; }
  void operator()(const Frozen&) const { ++view.froze; }
  void operator()(const Resolved& body) const {
    ++view.thawed;
    if (body.to_payer + body.to_beneficiary == Amount()) return;
    auto& sums = of(body.plan.currency);
    sums.refunded += body.to_payer;
    sums.released += body.to_beneficiary;
    sums.commission += body.commission;
    sums.processor_fee += body.processor_fee;
  }
  void operator()(const Released& body) const {
    for (const auto& item : body.items) {
      auto& sums = of(body.plans[item.plan_use].currency);
      sums.released += item.amount;
      sums.commission += item.commission;
      sums.processor_fee += item.processor_fee;
    }
  }
  void operator()(const Refunded& body) const {
    for (const auto& item : body.items) of(body.currencies[item.currency_use]).refunded += item.amount;
  }
  template <class Other>
  void operator()(const Other&) const {}

 private:
  [[nodiscard]] EventSums& of(Currency currency) const {
    const auto found = std::ranges::find(view.sums, currency, &EventSums::currency);
    if (found != view.sums.end()) return *found;
    view.sums.emplace_back().currency = currency;
    return view.sums.back();
  }
};

void add_up(const Entry& entry, EventView& view) {
  for_each_effect(entry, [&](const Entry& effect) { std::visit(SumsOf{view}, effect.body); });
  std::ranges::sort(view.sums, {}, [](const EventSums& sums) { return sums.currency.code(); });
}

/// Who asked, why and under which number: of the innermost command that says so.
struct Around {
  std::string_view actor;
  std::string_view reason;
  std::string_view reference;

  [[nodiscard]] Around inside(const Entry& entry) const {
    return {entry.actor.empty() ? actor : std::string_view(entry.actor),
            entry.reason.empty() ? reason : std::string_view(entry.reason),
            entry.reference.empty() ? reference : std::string_view(entry.reference)};
  }
};

/// Gives the lines of one command's effect on the escrow.
class LineMaker {
 public:
  LineMaker(const Event& event, EscrowId escrow, const Names& names, std::vector<EscrowHistoryLine>& out)
      : event_(event), escrow_(escrow), names_(names), out_(out) {}

  void run(const Entry& entry, const Around& outer) {
    around_ = outer.inside(entry);
    if (const auto* atomic = std::get_if<AtomicDone>(&entry.body)) {
      const auto around = around_;
      for (const auto& inner : atomic->entries) {
        if (inner) run(*inner, around);
      }
      return;
    }
    op_ = op_name(entry.body);
    std::visit(*this, entry.body);
  }

  void operator()(const Held& body) const {
    if (body.escrow != escrow_) return;
    auto& line = add(body.amount);
    line.plan = names_.plan(body.plan);
  }
  void operator()(const Rescheduled& body) const {
    if (body.escrow == escrow_) add(Amount());
  }
  void operator()(const Frozen& body) const {
    if (body.escrow == escrow_) add(Amount());
  }
  void operator()(const Released& body) const {
    const auto item = std::ranges::find(body.items, escrow_, &ReleasedItem::escrow);
    if (item == body.items.end()) return;
    auto& line = add(item->amount);
    split(line, item->commission, item->processor_fee, body.plans[item->plan_use].plan);
    batch(line, body.batch, body.items.size());
  }
  void operator()(const Refunded& body) const {
    const auto item = std::ranges::find(body.items, escrow_, &RefundedItem::escrow);
    if (item == body.items.end()) return;
    batch(add(item->amount), body.batch, body.items.size());
  }
  void operator()(const Resolved& body) const {
    if (body.escrow != escrow_) return;
    const auto lifted_only = body.to_payer == Amount() && body.to_beneficiary == Amount();
    if (body.to_payer != Amount() || lifted_only) add(body.to_payer);
    if (body.to_beneficiary == Amount()) return;
    split(add(body.to_beneficiary), body.commission, body.processor_fee, body.plan.plan);
  }
  template <class Other>
  void operator()(const Other&) const {}

 private:
  EscrowHistoryLine& add(Amount amount) const {
    auto& line = out_.emplace_back();
    line.seq = event_.seq;
    line.at = event_.at;
    line.op = op_;
    line.actor = around_.actor;
    line.reason = around_.reason;
    line.reference = around_.reference;
    line.amount = amount;
    return line;
  }
  void split(EscrowHistoryLine& line, Amount commission, Amount processor_fee, PlanId plan) const {
    line.commission = commission;
    line.processor_fee = processor_fee;
    line.net = line.amount - commission - processor_fee;
    line.plan = names_.plan(plan);
  }
  void batch(EscrowHistoryLine& line, const BatchInfo& info, std::size_t items) const {
    if (info.group.group) line.group = names_.group(info.group.group);
    line.others = items - 1;
  }

  const Event& event_;
  EscrowId escrow_;
  const Names& names_;
  std::vector<EscrowHistoryLine>& out_;
  Around around_;
  std::string_view op_;
};

}  // namespace

FeePlanView view_of(const PlanRow& plan) {
  return {plan.name, plan.version, plan.currency, plan.commission, plan.processor_fee, plan.rounding};
}

EventView view_of(const Event& event, const Digest& hash, const Names& names) {
  const auto& entry = event.entry;
  EventView view;
  view.seq = event.seq;
  view.at = event.at;
  view.op = op_name(entry.body);
  view.actor = entry.actor;
  view.key = entry.key;
  view.reason = entry.reason;
  view.reference = entry.reference;
  view.result = result_of(entry);
  view.hash = hash;
  list_escrows(entry, view);
  add_up(entry, view);

  std::vector<Posting> posted;
  postings(entry, posted);
  view.postings.reserve(posted.size());
  for (const auto& posting : posted) {
    view.postings.push_back(
        {names.account(posting.account), posting.bucket, posting.amount, posting.currency});
  }
  return view;
}

void append_history(const Event& event, EscrowId escrow, const Names& names,
                    std::vector<EscrowHistoryLine>& out) {
  LineMaker(event, escrow, names, out).run(event.entry, {});
}

}  // namespace holdfast
