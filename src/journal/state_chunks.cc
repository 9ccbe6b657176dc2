// The state as chunks of bytes, for snapshots: docs/journal_format.md gives every byte. What follows from
// other rows (lists, counts, totals, indexes of names and dates) is in none of them.
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/assert.h"
#include "journal/state_impl.h"

namespace holdfast::journal {
namespace {

// Rows of escrows are saved as they lie in memory.
static_assert(std::endian::native == std::endian::little);
static_assert(std::is_trivially_copyable_v<EscrowRow> && sizeof(EscrowRow) == 64);

/// Shows that a snapshot was made under another secret, whose hashes would find nothing.
constexpr std::string_view kSecretCheck = "holdfast snapshot";

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Numbers of a chunk's rows, up to the last one there is.
Range range_of(std::uint32_t index, unsigned shift, std::uint64_t last) {
  const std::uint64_t begin = std::uint64_t{index} << shift;
  const std::uint64_t end = std::min(begin + (std::uint64_t{1} << shift), last + 1);
  return {begin, std::max(begin, end)};
}

void save_about(const Tables& t, ByteWriter& out) {
  const Hash128 check = t.hash(kSecretCheck);
  out.u64_fixed(check.low);
  out.u64_fixed(check.high);
}

void save_rule(const FeeRule& rule, ByteWriter& out) {
  out.varint(rule.rate.billionths());
  out.zigzag(rule.fixed.minor());
  out.zigzag(rule.min.minor());
  out.u8(rule.max ? 1 : 0);
  if (rule.max) out.zigzag(rule.max->minor());
  out.text(rule.to);
}

void save_plans(const Tables& t, std::uint32_t index, ByteWriter& out) {
  const Range range = range_of(index, kPlanShift, t.last_plan.value());
  for (std::uint64_t number = range.begin; number < range.end; ++number) {
    const PlanRow* plan = t.plan(PlanId(static_cast<std::uint32_t>(number)));
    if (plan == nullptr) continue;
    out.varint(number);
    out.text(plan->name);
    out.varint(plan->version);
    out.text(plan->currency.code());
    save_rule(plan->commission, out);
    save_rule(plan->processor_fee, out);
    out.u8(static_cast<std::uint8_t>(plan->rounding));
    out.varint(plan->commission_account.value());
    out.varint(plan->fee_account.value());
  }
}

void save_groups(const Tables& t, std::uint32_t index, ByteWriter& out) {
  const Range range = range_of(index, kGroupShift, t.last_group.value());
  for (std::uint64_t number = range.begin; number < range.end; ++number) {
    const auto id = GroupId(static_cast<std::uint32_t>(number));
    const GroupSlot* group = t.group(id);
    if (group == nullptr) continue;
    out.varint(number);
    out.u8(group->row.open ? 1 : 0);
    out.text(t.group_names.name(id.value()));
  }
}

void save_accounts(const Tables& t, std::uint32_t index, ByteWriter& out) {
  const Range range = range_of(index, kAccountShift, t.last_account.value());
  for (std::uint64_t number = range.begin; number < range.end; ++number) {
    const auto id = AccountId(static_cast<std::uint32_t>(number));
    const AccountRow* row = t.account(id);
    if (row == nullptr) continue;
    out.varint(number);
    out.u8(static_cast<std::uint8_t>(row->kind));
    out.u8(row->open ? 1 : 0);
    out.text(row->currency.code());
    out.zigzag(row->available.minor());
    out.zigzag(row->held.minor());
    out.text(t.account_names.name(id.value()));
  }
}

void save_escrows(const Tables& t, std::uint32_t index, ByteWriter& out) {
  const Range range = range_of(index, kEscrowShift, t.last_escrow.value());
  const std::size_t count = range.end - range.begin;
  out.u32_fixed(static_cast<std::uint32_t>(count));
  if (count == 0) return;
  const std::span rows(t.escrows.find(range.begin), count);
  out.raw(std::as_bytes(rows));
  for (std::size_t i = 0; i < count; ++i) {
    if (rows[i].dated == 0) continue;
    out.varint(i);
    out.zigzag(t.dates[range.begin + i]);
  }
}

bool fits_amount(Amount amount) {
  return amount >= Amount() && amount <= kMaxAmount;
}

/// All that can be said of a row alone (law 2 and 3).
bool is_sound(const EscrowRow& row) {
  if (row.amount == Amount()) {
    static constexpr EscrowRow kNone{};
    return std::memcmp(&row, &kNone, sizeof row) == 0;
  }
  return fits_amount(row.amount) && fits_amount(row.released) && fits_amount(row.refunded) &&
         row.released + row.refunded <= row.amount && fits_amount(row.commission) &&
         fits_amount(row.processor_fee) && row.commission + row.processor_fee <= row.released && row.payer &&
         row.beneficiary && row.plan && row.unused == 0 && (row.frozen == 0 || row.locked() > Amount());
}

class ChunkLoader {
 public:
  ChunkLoader(Tables& tables, ByteReader& in, std::uint32_t index) : t_(tables), in_(in), index_(index) {}

  bool about() {
    const Hash128 check = t_.hash(kSecretCheck);
    return in_.u64_fixed() == check.low && in_.u64_fixed() == check.high && in_.left() == 0;
  }

  bool plans() {
    while (in_.ok() && in_.left() > 0) {
      PlanRow row;
      const auto number = next_number(kPlanShift);
      row.name = in_.text();
      row.version = static_cast<std::uint32_t>(in_.varint());
      row.currency = currency();
      const bool rules = rule(row.commission) && rule(row.processor_fee);
      row.rounding = static_cast<Rounding>(in_.u8());
      row.commission_account = AccountId(static_cast<std::uint32_t>(in_.varint()));
      row.fee_account = AccountId(static_cast<std::uint32_t>(in_.varint()));
      const PlanId id(static_cast<std::uint32_t>(number));
      if (!in_.ok() || number == 0 || !rules || !row.currency || number > kMaxPlan ||
          !is_name_size(row.name) || row.version == 0 || row.rounding < Rounding::half_up ||
          row.rounding > Rounding::up || t_.plan(id) != nullptr) {
        return false;
      }
      t_.make_plan(id) = std::move(row);
      t_.last_plan = std::max(t_.last_plan, id);
    }
    return in_.ok();
  }

  bool groups() {
    while (in_.ok() && in_.left() > 0) {
      const auto number = next_number(kGroupShift);
      const auto open = in_.u8();
      const auto name = in_.text();
      if (!in_.ok() || number == 0 || open > 1 || !is_name_size(name) || t_.group_names.exists(number))
        return false;
      const GroupId id(number);
      t_.make_group(id).row.open = open == 1;
      t_.group_names.put(number, name);
      t_.last_group = std::max(t_.last_group, id);
    }
    return in_.ok();
  }

  bool accounts() {
    while (in_.ok() && in_.left() > 0) {
      const auto number = next_number(kAccountShift);
      AccountRow row;
      row.kind = static_cast<AccountKind>(in_.u8());
      const auto open = in_.u8();
      row.open = open == 1;
      row.currency = currency();
      row.available = Amount(in_.zigzag());
      row.held = Amount(in_.zigzag());
      const auto name = in_.text();
      const bool external = row.kind == AccountKind::external;
      if (!in_.ok() || number == 0 || open > 1 || row.kind < AccountKind::user ||
          row.kind > AccountKind::external || !row.currency || !is_name_size(name) || row.held < Amount() ||
          (row.available < Amount() && !external) || t_.account_names.exists(number)) {
        return false;
      }
      const AccountId id(number);
      t_.make_account(id) = row;
      t_.account_names.put(number, name);
      t_.last_account = std::max(t_.last_account, id);
    }
    return in_.ok();
  }

  bool escrows() {
    const std::size_t count = in_.u32_fixed();
    const std::uint64_t base = std::uint64_t{index_} << kEscrowShift;
    if (!in_.ok() || count > (std::size_t{1} << kEscrowShift) || base + count > kMaxEscrow + 1) return false;
    const auto bytes = in_.raw(count * sizeof(EscrowRow));
    if (!in_.ok()) return false;
    if (count == 0) return in_.left() == 0;
    EscrowRow* const rows = &t_.make_escrow(EscrowId(base));
    std::memcpy(static_cast<void*>(rows), bytes.data(), bytes.size());
    std::size_t dated = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_sound(rows[i])) return false;
      dated += rows[i].dated;
      if (rows[i].amount != Amount()) t_.last_escrow = std::max(t_.last_escrow, EscrowId(base + i));
    }
    return dates(base, rows, count, dated);
  }

 private:
  static constexpr std::uint64_t kMaxNumber = 0xffff'ffff;
  static constexpr std::uint64_t kMaxPlan = 1 << 24;  // their table is not sparse

  static bool is_name_size(std::string_view name) {
    return !name.empty() && name.size() <= NameTable::kMaxName;
  }

  /// The next row's number; 0 where it is not of this chunk or not above the last.
  std::uint32_t next_number(unsigned shift) {
    const auto number = in_.varint();
    if (number <= last_number_ || number >> shift != index_ || number > kMaxNumber) return 0;
    last_number_ = number;
    return static_cast<std::uint32_t>(number);
  }

  Currency currency() {
    const auto code = in_.text();
    if (code == last_code_) return last_currency_;
    const auto parsed = Currency::parse(code);
    if (!parsed) return {};
    last_code_ = code;
    return last_currency_ = *parsed;
  }

  bool rule(FeeRule& rule) {
    const auto billionths = in_.varint();
    if (billionths > 1'000'000'000) return false;
    rule.rate = Rate::from_billionths(static_cast<std::uint32_t>(billionths));
    rule.fixed = Amount(in_.zigzag());
    rule.min = Amount(in_.zigzag());
    const auto has_max = in_.u8();
    if (has_max == 1) rule.max = Amount(in_.zigzag());
    rule.to = in_.text();
    return in_.ok() && has_max <= 1 && fits_amount(rule.fixed) && fits_amount(rule.min) &&
           (!rule.max || fits_amount(*rule.max));
  }

  bool dates(std::uint64_t base, const EscrowRow* rows, std::size_t count, std::size_t dated) {
    std::uint64_t least = 0;
    for (; dated > 0 && in_.ok(); --dated) {
      const auto i = in_.varint();
      const auto date = in_.zigzag();
      if (i < least || i >= count || rows[i].dated == 0 || date < 0 || date >= 2 * kMaxDateMicros)
        return false;
      t_.dates.make(base + i) = date;
      least = i + 1;
    }
    return in_.ok() && in_.left() == 0;
  }

  Tables& t_;
  ByteReader& in_;
  std::uint32_t index_;
  std::uint64_t last_number_ = 0;
  std::string last_code_;
  Currency last_currency_;
};

}  // namespace

std::size_t State::chunk_count() const {
  return impl_->tables.chunks.order().size();
}

void State::save_chunk(std::size_t index, Bytes& out) const {
  HOLDFAST_ASSERT(!impl_->undo.recording(), "a snapshot is made between commands");
  const Tables& t = impl_->tables;
  const ChunkRef chunk = t.chunks.order()[index];
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(chunk.kind));
  writer.u32_fixed(chunk.index);
  switch (chunk.kind) {
    case ChunkKind::about:
      return save_about(t, writer);
    case ChunkKind::keys:
      return t.keys.save_shard(chunk.index, writer);
    case ChunkKind::plans:
      return save_plans(t, chunk.index, writer);
    case ChunkKind::groups:
      return save_groups(t, chunk.index, writer);
    case ChunkKind::accounts:
      return save_accounts(t, chunk.index, writer);
    case ChunkKind::escrows:
      return save_escrows(t, chunk.index, writer);
  }
}

Result<void> State::load_chunk(std::span<const std::byte> bytes, Seq stamp) {
  Tables& t = impl_->tables;
  ByteReader in(bytes);
  const auto kind = static_cast<ChunkKind>(in.u8());
  const auto index = in.u32_fixed();
  ChunkLoader loader(t, in, index);
  bool good =
      in.ok() && stamp && static_cast<std::size_t>(kind) < kChunkKinds && !t.chunks.has(kind, index, Seq(1));
  switch (kind) {
    case ChunkKind::about:
      good = good && index == 0 && loader.about();
      break;
    case ChunkKind::keys:
      good = good && index < t.keys.shard_count() && t.keys.load_shard(index, in);
      break;
    case ChunkKind::plans:
      good = good && loader.plans();
      break;
    case ChunkKind::groups:
      good = good && loader.groups();
      break;
    case ChunkKind::accounts:
      good = good && loader.accounts();
      break;
    case ChunkKind::escrows:
      good = good && loader.escrows();
      break;
    default:
      good = false;
  }
  if (!good) {
    return fail(ErrorCode::corrupt,
                fmt::format("chunk {} of kind {} does not decode", index, static_cast<unsigned>(kind)));
  }
  t.chunks.set(kind, index, stamp);
  return {};
}

}  // namespace holdfast::journal
