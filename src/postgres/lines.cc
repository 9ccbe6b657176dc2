#include "postgres/lines.h"

#include <algorithm>
#include <utility>

namespace holdfast::postgres {
namespace {

constexpr std::string_view kBalances = R"(
select a.account, l.available_after, l.held_after from unnest($2::bigint[]) a(account)
cross join lateral (select available_after, held_after from holdfast.lines
  where ledger = (select $1::int) and account = a.account order by seq desc limit 1) l)";
// In the list of columns `unnest` gives a row after another; in the list of tables it would first be made
// whole, an array after another, which costs a fifth of all that a line costs.
constexpr std::string_view kLines = R"(
insert into holdfast.lines (ledger, account, seq, available, held, available_after, held_after, available_escrows,
  held_escrows)
select $1, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[]),
  unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]))";

}  // namespace

std::optional<LastBalance> LastBalances::find(std::int64_t account) const {
  for (const auto* generation : {&recent_, &older_}) {
    if (const auto found = generation->find(account); found != generation->end()) return found->second;
  }
  return std::nullopt;
}

// The older half goes at once, so that what is asked for again and again stays without a list of who came
// last.
void LastBalances::keep(std::int64_t account, const LastBalance& balance) {
  if (recent_.size() >= kKept && !recent_.contains(account)) {
    older_ = std::move(recent_);
    recent_.clear();
  }
  recent_[account] = balance;
  older_.erase(account);
}

void Lines::look_up(std::int64_t ledger, const std::vector<std::int64_t>& accounts, const LastBalances& known,
                    Pipeline& pipeline) {
  std::vector<std::int64_t> unknown;
  for (const auto account : accounts) {
    if (const auto balance = known.find(account)) {
      balances_[account] = *balance;
    } else {
      unknown.push_back(account);
    }
  }
  if (unknown.empty()) return;
  pipeline.add(kBalances, {ledger, std::move(unknown)}, [this](const ResultSet& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i)
      balances_[rows.integer(i, 0)] = {rows.integer(i, 1), rows.integer(i, 2)};
  });
}

std::optional<Lines::Change> Lines::add_first(std::int64_t seq, std::span<const Posting>& postings) {
  const auto id = postings.front().account;
  Line line;
  line.account = id.value();
  line.seq = seq;
  std::size_t count = 0;
  for (; count < postings.size() && postings[count].account == id; ++count) {
    const auto& posting = postings[count];
    const bool is_held = posting.bucket == Bucket::held;
    (is_held ? line.held : line.available) = posting.amount.minor();
    (is_held ? line.held_escrows : line.available_escrows) = posting.escrows;
  }
  auto& balance = balances_[line.account];
  if (__builtin_add_overflow(balance.available, line.available, &balance.available) ||
      __builtin_add_overflow(balance.held, line.held, &balance.held)) {
    return std::nullopt;
  }
  line.available_after = balance.available;
  line.held_after = balance.held;
  lines_.push_back(line);
  postings = postings.subspan(count);
  return Change{line.account, line.available, line.available_after};
}

// In the order of the index: lines of neighbours in it are inserted one after another, however many events
// they are of.
void Lines::write(std::int64_t ledger, Pipeline& pipeline) {
  if (lines_.empty()) return;
  std::ranges::sort(lines_, {}, [](const Line& line) { return std::pair(line.account, line.seq); });
  const auto column = [&](std::int64_t Line::* which) {
    std::vector<std::int64_t> values;
    values.reserve(lines_.size());
    for (const auto& line : lines_) values.push_back(line.*which);
    return values;
  };
  pipeline.add(kLines, {ledger, column(&Line::account), column(&Line::seq), column(&Line::available),
                        column(&Line::held), column(&Line::available_after), column(&Line::held_after),
                        column(&Line::available_escrows), column(&Line::held_escrows)});
  lines_.clear();
}

void Lines::keep_balances(LastBalances& known) const {
  for (const auto& [account, balance] : balances_) known.keep(account, balance);
}

}  // namespace holdfast::postgres
