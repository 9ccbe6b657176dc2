// Releases and refunds of many escrows, on the model's book.
#include <algorithm>

#include "base/assert.h"
#include "sim/model_step.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t kItemsShown = 100;

Amount narrow(Wide value) {
  HOLDFAST_ASSERT(value >= 0 && value <= (static_cast<Wide>(1) << 62), "an amount fits 62 bits");
  return Amount(static_cast<std::int64_t>(value));
}

std::vector<CodeCount> to_counts(const std::map<ErrorCode, std::uint64_t>& counts) {
  std::vector<CodeCount> out;
  out.reserve(counts.size());
  for (const auto& [code, count] : counts) out.push_back({code, count});
  return out;
}

}  // namespace

Expectation what_it_comes_to(const ModelBook& book, const Operation& operation) {
  auto copy = book;
  const Command command{operation, {}};
  const Path path;
  const GivenIds ids;
  std::uint64_t unknown = kFirstUnknownId;
  Outcome outcome;
  std::optional<ModelChunks> progress;
  do {
    ModelStep step(copy, command, path, ids, unknown);
    outcome = step.run(std::move(progress));
    progress = step.progress();
  } while (outcome.ok() && outcome.more);
  const auto* settled = std::get_if<Settlement>(&outcome.result);
  return outcome.ok() && settled != nullptr ? settled->totals : Expectation();
}

void ModelStep::operator()(const Release& op) {
  batch({op.escrows, op.group, op.mode, op.amount, op.chunk, op.close, true,
         op.fee_plan.empty() ? nullptr : &op.fee_plan, op.expect});
}

void ModelStep::operator()(const Refund& op) {
  batch({op.escrows, op.group, op.mode, op.amount, op.chunk, op.close, false, nullptr, op.expect});
}

void ModelStep::batch(const BatchRequest& request) {
  if (request.plan_name != nullptr && !book_.plans.contains(*request.plan_name)) {
    wrong(ErrorCode::fee_plan_not_found);
  }
  if (!ok()) return;
  const bool first_chunk = request.chunk && !progress_;
  auto items = request.group.empty() ? listed(request) : grouped(request);
  judge(items, request);

  std::vector<ItemError> bad;
  std::map<ErrorCode, std::uint64_t> counts;
  bool stops = false;
  for (const auto& item : items) {
    if (!item.bad) continue;
    const bool passed_over = !request.group.empty() && item.reason == ErrorCode::escrow_frozen;
    if (request.mode == BatchMode::atomic && passed_over) continue;
    stops = stops || request.mode == BatchMode::atomic;
  }
  for (const auto& item : items) {
    const bool passed_over = !request.group.empty() && item.reason == ErrorCode::escrow_frozen;
    if (!item.bad || (stops && passed_over)) continue;
    if (bad.size() < kItemsShown) bad.push_back({EscrowId(item.id), item.key, item.reason});
    ++counts[item.reason];
  }
  if (stops) {
    outcome_.codes = {bad.front().reason};
    outcome_.batch_error = true;
    outcome_.items = std::move(bad);
    outcome_.counts = to_counts(counts);
    return;
  }
  if (request.expect && (!request.chunk || first_chunk)) {
    auto expected = *request.expect;
    std::ranges::sort(expected, {}, [](const Total& total) { return std::string(total.currency.code()); });
    std::vector<Total> would;
    for (const auto& [code, total] : forecast(request)) would.push_back(total);
    if (would != expected) return wrong(ErrorCode::not_as_expected);
  }
  changed_ = changed_ || !bad.empty();  // a report of what was left out is kept, too
  std::map<std::string, Total> totals;
  for (const auto& item : items) {
    if (!item.bad) settle(item.id, request, totals);
  }
  if (!request.group.empty() && request.close && (!request.chunk || first_chunk)) {
    auto& open = book_.groups.try_emplace(request.group, true).first->second;
    changed_ = changed_ || open;
    open = false;
  }
  if (!request.chunk) return answer(request, totals, bad, counts);

  auto& chunks = *progress_;
  for (const auto& [code, total] : totals) {
    auto& sum = chunks.totals.try_emplace(code).first->second;
    sum.currency = total.currency;
    sum.escrows += total.escrows;
    sum.amount += total.amount;
    sum.commission += total.commission;
    sum.processor_fee += total.processor_fee;
    sum.net += total.net;
  }
  for (const auto& item : bad) {
    if (chunks.skipped.size() < kItemsShown) chunks.skipped.push_back(item);
  }
  for (const auto& [code, count] : counts) chunks.counts[code] += count;
  answer(request, chunks.totals, chunks.skipped, chunks.counts);
  changed_ = true;
  if (!outcome_.more) progress_.reset();
}

std::vector<ModelStep::Item> ModelStep::listed(const BatchRequest& request) const {
  std::vector<Item> items;
  for (std::size_t i = 0; i < request.escrows.size(); ++i) {
    const auto named = request.escrows[i];
    const std::string key(named.key);
    items.push_back({find(named.id, key), key, {}, false});
    if (items.back().id == 0 && named.id) {
      // No such escrow: reported with the id as asked.
      items.back() = {named.id.value(), {}, ErrorCode::escrow_not_found, true};
    }
  }
  return items;
}

std::vector<ModelStep::Item> ModelStep::grouped(const BatchRequest& request) {
  const bool chunked = request.chunk.has_value();
  if (chunked && !progress_) {
    progress_.emplace();
    progress_->limit = book_.last_escrow;
  }
  const auto after = chunked ? progress_->done_through : 0;
  std::vector<Item> items;
  for (const auto& [id, escrow] : book_.escrows) {
    if (escrow.group != request.group || escrow.locked() == 0 || id <= after) continue;
    if (chunked && id > progress_->limit) continue;
    if (chunked && items.size() == *request.chunk) {
      outcome_.more = true;
      break;
    }
    items.push_back({id, {}, {}, false});
  }
  if (chunked && !items.empty()) progress_->done_through = items.back().id;
  return items;
}

void ModelStep::judge(std::vector<Item>& items, const BatchRequest& request) const {
  std::set<std::uint64_t> seen;
  for (auto& item : items) {
    const auto reject = [&](ErrorCode code) { item.bad = true, item.reason = code; };
    if (item.bad) continue;
    if (item.id == 0) {
      reject(ErrorCode::escrow_not_found);
      continue;
    }
    if (!seen.insert(item.id).second) {
      reject(ErrorCode::duplicate_item);
      continue;
    }
    const auto& escrow = book_.escrows.at(item.id);
    const Wide part = request.amount ? request.amount->minor() : escrow.locked();
    if (escrow.frozen) {
      reject(ErrorCode::escrow_frozen);
    } else if (escrow.locked() == 0) {
      reject(ErrorCode::escrow_not_locked);
    } else if (const auto problem = plan_problem(escrow, part, request)) {
      reject(*problem);
    } else if (part > escrow.locked()) {
      reject(ErrorCode::amount_out_of_range);
    }
  }
}

std::optional<ErrorCode> ModelStep::plan_problem(const ModelEscrow& escrow, Wide part,
                                                 const BatchRequest& request) const {
  if (request.plan_name == nullptr) return std::nullopt;
  const auto& versions = book_.plans.at(*request.plan_name);
  if (escrow.plan == *request.plan_name && escrow.plan_version == versions.size()) return std::nullopt;
  const auto& plan = versions.back();
  if (escrow.released > 0) return ErrorCode::fee_plan_fixed;
  if (plan.currency != escrow.currency) return ErrorCode::currency_mismatch;
  if (part != escrow.locked()) return std::nullopt;
  const auto fees = model_whole_fees(part, plan);
  if (fees.commission + fees.processor_fee > part) return ErrorCode::fees_exceed_amount;
  return std::nullopt;
}

std::map<std::string, Total> ModelStep::forecast(const BatchRequest& request) const {
  auto book = book_;
  ModelStep trial(book, command_, path_, ids_, next_unknown_id_);
  std::vector<Item> items;
  if (request.group.empty()) {
    items = listed(request);
  } else {
    for (const auto& [id, escrow] : book_.escrows) {
      if (escrow.group == request.group && escrow.locked() != 0) items.push_back({id, {}, {}, false});
    }
  }
  judge(items, request);
  std::map<std::string, Total> totals;
  for (const auto& item : items) {
    if (!item.bad) trial.settle(item.id, request, totals);
  }
  return totals;
}

void ModelStep::settle(std::uint64_t id, const BatchRequest& request, std::map<std::string, Total>& totals) {
  auto& escrow = book_.escrows.at(id);
  const Wide part = request.amount ? request.amount->minor() : escrow.locked();
  auto& total = totals.try_emplace(std::string(escrow.currency.code())).first->second;
  total.currency = escrow.currency;
  ++total.escrows;
  if (request.release) {
    if (request.plan_name != nullptr) {
      escrow.plan = *request.plan_name;
      escrow.plan_version = static_cast<std::uint32_t>(book_.plans.at(escrow.plan).size());
    }
    pay_out(escrow, part, total);
  } else {
    pay_back(escrow, part);
    total.amount += narrow(part);
  }
  changed_ = true;
}

void ModelStep::pay_out(ModelEscrow& escrow, Wide part, Total& total) {
  const auto& plan = book_.plans.at(escrow.plan)[escrow.plan_version - 1];
  const auto fees = model_part_fees(part, escrow, plan);
  const auto net = part - fees.commission - fees.processor_fee;
  book_.accounts.at(escrow.payer).held -= part;
  book_.accounts.at(escrow.beneficiary).available += net;
  book_.accounts.at(plan.commission.to).available += fees.commission;
  book_.accounts.at(plan.processor_fee.to).available += fees.processor_fee;
  escrow.released += part;
  escrow.commission += fees.commission;
  escrow.processor_fee += fees.processor_fee;
  total.amount += narrow(part);
  total.commission += narrow(fees.commission);
  total.processor_fee += narrow(fees.processor_fee);
  total.net += narrow(net);
}

void ModelStep::pay_back(ModelEscrow& escrow, Wide part) {
  auto& payer = book_.accounts.at(escrow.payer);
  payer.held -= part;
  payer.available += part;
  escrow.refunded += part;
}

void ModelStep::answer(const BatchRequest& request, const std::map<std::string, Total>& totals,
                       const std::vector<ItemError>& skipped,
                       const std::map<ErrorCode, std::uint64_t>& counts) {
  Settlement settlement;
  settlement.kind = request.release ? Settlement::Kind::release : Settlement::Kind::refund;
  for (const auto& [code, total] : totals) settlement.totals.push_back(total);
  settlement.skipped = skipped;
  settlement.skipped_count = to_counts(counts);
  outcome_.result = std::move(settlement);
}

}  // namespace holdfast::sim
