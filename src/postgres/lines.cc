#include "postgres/lines.h"

#include <utility>

namespace holdfast::postgres {
namespace {

constexpr std::string_view kBalances = R"(
select a.account, l.available_after, l.held_after from unnest($2::bigint[]) a(account)
cross join lateral (select available_after, held_after from holdfast.lines
  where ledger = (select $1::int) and account = a.account order by seq desc limit 1) l)";
constexpr std::string_view kLines = R"(
insert into holdfast.lines (ledger, account, seq, available, held, available_after, held_after, available_escrows,
  held_escrows)
select $1, * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bigint[]))";

}  // namespace

void Lines::look_up(std::int64_t ledger, std::vector<std::int64_t> accounts, Pipeline& pipeline) {
  if (accounts.empty()) return;
  pipeline.add(kBalances, {ledger, std::move(accounts)}, [this](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i)
      balances_[rows.integer(i, 0)] = {rows.integer(i, 1), rows.integer(i, 2)};
  });
}

std::optional<Lines::Change> Lines::add_first(std::int64_t seq, std::span<const Posting>& postings) {
  const auto id = postings.front().account;
  std::int64_t available = 0;
  std::int64_t held = 0;
  std::int64_t available_escrows = 0;
  std::int64_t held_escrows = 0;
  std::size_t count = 0;
  for (; count < postings.size() && postings[count].account == id; ++count) {
    const auto& posting = postings[count];
    const bool is_held = posting.bucket == Bucket::held;
    (is_held ? held : available) = posting.amount.minor();
    (is_held ? held_escrows : available_escrows) = posting.escrows;
  }
  const std::int64_t account = id.value();
  auto& balance = balances_[account];
  if (__builtin_add_overflow(balance.available, available, &balance.available) ||
      __builtin_add_overflow(balance.held, held, &balance.held)) {
    return std::nullopt;
  }
  account_.push_back(account);
  seq_.push_back(seq);
  available_.push_back(available);
  held_.push_back(held);
  available_after_.push_back(balance.available);
  held_after_.push_back(balance.held);
  available_escrows_.push_back(available_escrows);
  held_escrows_.push_back(held_escrows);
  postings = postings.subspan(count);
  return Change{account, available, balance.available};
}

void Lines::write(std::int64_t ledger, Pipeline& pipeline) {
  if (account_.empty()) return;
  pipeline.add(kLines, {ledger, std::move(account_), std::move(seq_), std::move(available_), std::move(held_),
                        std::move(available_after_), std::move(held_after_), std::move(available_escrows_),
                        std::move(held_escrows_)});
}

}  // namespace holdfast::postgres
