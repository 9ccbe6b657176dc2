#include "journal/state.h"

#include "base/assert.h"
#include "journal/state_impl.h"

namespace holdfast::journal {

State::State(const HashSecret& secret) : impl_(std::make_unique<Impl>(secret)) {
  auto& chunks = impl_->tables.chunks;
  chunks.ensure(ChunkKind::about, 0);
  for (std::size_t shard = 0; shard < impl_->tables.keys.shard_count(); ++shard) {
    chunks.ensure(ChunkKind::keys, shard);
  }
}

State::~State() = default;

void State::set_past_reader(PastReader reader) {
  impl_->past_reader = std::move(reader);
}

std::optional<AccountId> State::find_account(std::string_view name) const {
  const auto number = impl_->tables.account_names.find(name);
  return number ? std::optional(AccountId(*number)) : std::nullopt;
}

const AccountRow* State::account(AccountId id) const {
  return impl_->tables.account(id);
}

std::string_view State::account_name(AccountId id) const {
  return impl_->tables.account_names.name(id.value());
}

namespace {

KeyPlace place_of(std::uint64_t value) {
  if (value % 2 == 1) return {EscrowId(value >> 1), Seq()};
  return {EscrowId(), Seq(value >> 1)};
}

}  // namespace

std::optional<EscrowId> State::find_escrow(std::string_view key) const {
  const auto value = impl_->tables.keys.find(impl_->tables.hash(key));
  if (!value || !place_of(*value).escrow) return std::nullopt;
  return place_of(*value).escrow;
}

const EscrowRow* State::escrow(EscrowId id) const {
  return impl_->tables.escrow(id);
}

void State::escrows(std::span<const EscrowId> ids, std::span<const EscrowRow*> out) const {
  HOLDFAST_ASSERT(ids.size() == out.size(), "as many places as ids");
  constexpr std::size_t kAhead = 24;
  const auto& rows = impl_->tables.escrows;
  const std::size_t n = ids.size();
  for (std::size_t i = 0; i < std::min(n, kAhead); ++i) __builtin_prefetch(rows.find(ids[i].value()), 1);
  for (std::size_t i = 0; i < n; ++i) {
    if (i + kAhead < n) __builtin_prefetch(rows.find(ids[i + kAhead].value()), 1);
    out[i] = impl_->tables.escrow(ids[i]);
  }
}

Dates State::dates(EscrowId id) const {
  const EscrowRow* row = escrow(id);
  if (row == nullptr || row->dated == 0) return {};
  return unpack(impl_->tables.dates[id.value()]);
}

std::optional<GroupId> State::find_group(std::string_view name) const {
  const auto number = impl_->tables.group_names.find(name);
  return number ? std::optional(GroupId(*number)) : std::nullopt;
}

const GroupRow* State::group(GroupId id) const {
  const GroupSlot* slot = impl_->tables.group(id);
  return slot == nullptr ? nullptr : &slot->row;
}

std::string_view State::group_name(GroupId id) const {
  return impl_->tables.group_names.name(id.value());
}

std::optional<PlanId> State::find_latest_plan(std::string_view name) const {
  const auto it = impl_->tables.latest_plans.find(name);
  return it == impl_->tables.latest_plans.end() ? std::nullopt : std::optional(it->second);
}

const PlanRow* State::plan(PlanId id) const {
  return impl_->tables.plan(id);
}

bool State::plan_pays_into(AccountId id) const {
  const auto pays = [&](const PlanRow& plan) {
    return plan.commission_account == id || plan.fee_account == id;
  };
  for (const auto& plan : impl_->tables.plans) {
    if (plan && plan->live > 0 && pays(*plan)) return true;
  }
  for (const auto& [name, latest] : impl_->tables.latest_plans) {
    if (pays(*plan(latest))) return true;
  }
  return false;
}

Amount State::currency_total(Currency currency) const {
  const auto& sums = impl_->tables.currency_sums;
  return currency.index() < sums.size() ? sums[currency.index()].inside() : Amount();
}

bool State::key_used(std::string_view key) const {
  return impl_->tables.keys.find(impl_->tables.hash(key)).has_value();
}

Result<PastCommand> State::past_command(std::string_view key) const {
  const auto value = impl_->tables.keys.find(impl_->tables.hash(key));
  HOLDFAST_ASSERT(value.has_value(), "a past command is asked for only where the key is used");
  HOLDFAST_ASSERT(impl_->past_reader, "whoever opened the ledger supplies the reader of past commands");
  return impl_->past_reader(place_of(*value), key);
}

AccountId State::next_account_id(std::size_t ahead) const {
  return AccountId(impl_->tables.last_account.next().value() + static_cast<std::uint32_t>(ahead));
}
EscrowId State::next_escrow_id() const {
  return impl_->tables.last_escrow.next();
}
GroupId State::next_group_id() const {
  return impl_->tables.last_group.next();
}
PlanId State::next_plan_id() const {
  return impl_->tables.last_plan.next();
}

Seq State::applied() const {
  return impl_->tables.applied;
}
Timestamp State::last_at() const {
  return impl_->tables.last_at;
}

void State::set_applied(Seq seq, Timestamp at) {
  impl_->tables.applied = seq;
  impl_->tables.last_at = at;
}

EscrowId State::last_escrow() const {
  return impl_->tables.last_escrow;
}

std::uint64_t State::memory_bytes() const {
  return impl_->tables.memory_bytes() + impl_->undo.memory_bytes() + sizeof(Impl);
}

}  // namespace holdfast::journal
