// Compares the rows of a store, as they are after the last event, with the books that were rebuilt from the
// events, and asks of the rows alone what the laws say of them.
#include "ledger/audit_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdfast::audit {
namespace {

constexpr std::uint64_t kBeyond = 65'536;  // numbers looked at behind the last one that an event gave
constexpr std::size_t kAtOnce = 512;       // accounts, groups, plans and keys: some tens of microseconds

bool agrees(const EscrowRow& row, const EscrowBook& book) {
  return row.amount.minor() == book.amount && row.released.minor() == book.released &&
         row.refunded.minor() == book.refunded && row.commission.minor() == book.commission &&
         row.processor_fee.minor() == book.processor_fee && row.payer == book.payer &&
         row.beneficiary == book.beneficiary && row.group == book.group && row.plan == book.plan &&
         row.frozen == book.frozen;
}

std::int64_t minor(Amount value) {
  return value.minor();
}
std::int64_t minor(std::int64_t value) {
  return value;
}
template <class Escrow>
std::string described(const Escrow& escrow, Currency currency, const Books& books) {
  return fmt::format("{} of {} for {} (released {}, refunded {}, commission {}, fee {}, group {}, plan {}{})",
                     money(minor(escrow.amount), currency), books.name(escrow.payer),
                     books.name(escrow.beneficiary), minor(escrow.released), minor(escrow.refunded),
                     minor(escrow.commission), minor(escrow.processor_fee), escrow.group.value(),
                     escrow.plan.value(), escrow.frozen != 0 ? ", frozen" : "");
}

}  // namespace

Comparison::Comparison(Books& books) : books_(books), findings_(books.findings) {
  books_.add_up();
}

bool Comparison::step(const Rows& rows, Seq durable) {
  const auto next_part = [&](bool over) {
    if (!over) return;
    part_ = static_cast<Part>(static_cast<std::uint8_t>(part_) + 1);
    next_ = part_ == Part::keys ? 0 : 1;
  };
  switch (part_) {
    case Part::escrows:
      next_part(escrows(rows, durable));
      return true;
    case Part::accounts:
      next_part(accounts(rows));
      return true;
    case Part::groups:
      next_part(some(books_.last_group.value(), kAtOnce,
                     [&](std::uint64_t id) { group(GroupId(static_cast<std::uint32_t>(id)), rows); }));
      return true;
    case Part::plans:
      next_part(some(books_.last_plan.value(), kAtOnce,
                     [&](std::uint64_t id) { plan(PlanId(static_cast<std::uint32_t>(id)), rows); }));
      return true;
    case Part::keys:
      next_part(keys(rows));
      return true;
    case Part::end:
      end(rows, durable);
      part_ = Part::done;
      return false;
    case Part::done:
      return false;
  }
  return false;
}

template <class... Args>
void Comparison::wrong(Law law, fmt::format_string<Args...> format, Args&&... args) {
  findings_.add(law, fmt::format(format, std::forward<Args>(args)...));
}
/// Law 4: the rows are what the events make.
template <class A, class B>
void Comparison::same(const A& row, const B& book, std::string_view what, std::string_view of) {
  if (row != book) wrong(Law::history, "{} of {} is {}, the events make {}", what, of, row, book);
}

Currency Comparison::currency_of(AccountId id) const {
  const auto* account = books_.accounts.find(id.value());
  return account != nullptr ? account->currency : Currency();
}

EscrowSum Comparison::sum_of(Paged<EscrowSum> EscrowSums::* table, std::uint64_t id) const {
  EscrowSum sum;
  const EscrowSums* const tables[] = {&books_.of_escrows, &differing_};
  for (const auto* from : tables) {
    if (const auto* each = (from->*table).find(id)) {
      sum.locked += each->locked;
      sum.live += each->live;
    }
  }
  return sum;
}

template <class Visit>
bool Comparison::some(std::uint64_t last, std::size_t most, Visit&& visit) {
  for (; most > 0 && next_ <= last; --most) visit(next_++);
  return next_ > last;
}

bool Comparison::escrows(const Rows& rows, Seq durable) {
  std::array<EscrowId, kAtOnce> ids;
  std::array<const EscrowRow*, kAtOnce> found;
  static_assert(Paged<EscrowBook>::kPage % kAtOnce == 0);
  const auto page = next_ / Paged<EscrowBook>::kPage * Paged<EscrowBook>::kPage;
  const auto there = books_.escrows.next_page(page);
  if (!there) {
    last_escrow(rows);
    return true;
  }
  const auto first = *there == page ? next_ : *there;
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = EscrowId(first + i);
  const std::size_t skip = first == 0 ? 1 : 0;  // there is no escrow 0
  rows.escrows(std::span(ids).subspan(skip), std::span(found).subspan(skip));
  const auto* books = books_.escrows.find(first);
  for (std::size_t i = skip; i < ids.size(); ++i) escrow(ids[i], books[i], found[i], rows, durable);
  next_ = first + ids.size();
  return false;
}

void Comparison::last_escrow(const Rows& rows) {
  const auto next = rows.next_escrow_id().value();
  const auto last = books_.last_escrow.value();
  for (auto id = last + 1; id < std::min(next, last + kBeyond); ++id) {
    if (books_.escrows.find(id) == nullptr && rows.escrow(EscrowId(id)) != nullptr) {
      wrong(Law::durable, "there is an escrow {}, which no event held", id);
    }
  }
  if (next <= last) wrong(Law::serial, "the next escrow would be {}, but {} was held", next, last);
}

void Comparison::escrow(EscrowId id, const EscrowBook& book, const EscrowRow* row, const Rows& rows,
                        Seq durable) {
  if (book.amount == 0) {
    if (row != nullptr) wrong(Law::durable, "there is an escrow {}, which no event held", id.value());
    return;
  }
  if (row == nullptr) {
    differing_.add(book, book.locked(), -1);
    return wrong(Law::durable, "escrow {} was held, but is not there", id.value());
  }
  const auto currency = currency_of(book.payer);
  const auto locked = Wide{row->amount.minor()} - row->released.minor() - row->refunded.minor();
  if (row->amount <= Amount() || row->released < Amount() || row->refunded < Amount() || locked < 0) {
    wrong(Law::escrow, "escrow {} of {} has {} released and {} refunded", id.value(),
          money(row->amount.minor(), currency), money(row->released.minor(), currency),
          money(row->refunded.minor(), currency));
  }
  const auto net = Wide{row->released.minor()} - row->commission.minor() - row->processor_fee.minor();
  if (row->commission < Amount() || row->processor_fee < Amount() || net < 0) {
    wrong(Law::split, "escrow {} has {} released as commission {}, processor fee {} and net {}", id.value(),
          money(row->released.minor(), currency), money(row->commission.minor(), currency),
          money(row->processor_fee.minor(), currency), money(net, currency));
  }
  if (row->last_seq > durable.value()) {
    wrong(Law::durable, "escrow {} was changed by event {}, but only {} are durable", id.value(),
          std::uint64_t{row->last_seq}, durable.value());
  }
  if (!agrees(*row, book) || (locked > 0 && digest_of(rows.dates(id)) != book.dates)) {
    wrong(Law::history, "escrow {} is {}, the events make it {}", id.value(),
          described(*row, currency, books_), described(book, currency, books_));
  }
  if (agrees(*row, book)) return;
  differing_.add(book, book.locked(), -1);
  differing_.add(*row, locked, 1);
}

bool Comparison::accounts(const Rows& rows) {
  const bool over = some(books_.last_account.value(), kAtOnce,
                         [&](std::uint64_t id) { account(AccountId(static_cast<std::uint32_t>(id)), rows); });
  if (over) last_account(rows);
  return over;
}

void Comparison::last_account(const Rows& rows) {
  const std::uint64_t next = rows.next_account_id(0).value();
  const std::uint64_t last = books_.last_account.value();
  for (auto id = last + 1; id < std::min(next, last + kBeyond); ++id) {
    account(AccountId(static_cast<std::uint32_t>(id)), rows);
  }
  if (next <= last) wrong(Law::serial, "the next account would be {}, but {} was opened", next, last);
}

void Comparison::account(AccountId id, const Rows& rows) {
  const auto* book = books_.accounts.find(id.value());
  const auto* row = rows.account(id);
  const bool known = book != nullptr && book->known;
  const auto add = [&](Currency currency, AccountKind kind, Wide sum) {
    auto& total = differs(currency);
    total.sum += sum;
    if (kind != AccountKind::external) total.inside += sum;
  };
  if (row != nullptr) add(row->currency, row->kind, Wide{row->available.minor()} + row->held.minor());
  if (known) add(book->currency, book->kind, -(Wide{book->available} + book->held));
  if (known && row != nullptr) {
    account(id, *book, *row, rows);
  } else if (known) {
    wrong(Law::durable, "account {} was opened, but is not there", name(id));
  } else if (row != nullptr) {
    wrong(Law::durable, "there is an account number {}, which no event opened", id.value());
  }
}

Comparison::Total& Comparison::differs(Currency currency) {
  if (currency.index() >= differs_.size()) differs_.resize(std::size_t{currency.index()} + 1);
  return differs_[currency.index()];
}

void Comparison::account(AccountId id, const AccountBook& book, const AccountRow& row, const Rows& rows) {
  const auto called = name(id);
  const auto bucket = [&](std::string_view what, Amount value, Wide made, Wide posted) {
    if (value.minor() != made || value.minor() != posted) {
      wrong(Law::history, "account {} has {} {}, the events make {}, their postings {}", called,
            money(value.minor(), book.currency), what, money(made, book.currency),
            money(posted, book.currency));
    }
    if (value < Amount() && (book.kind != AccountKind::external || what == "held")) {
      wrong(Law::exact, "account {} has {} {}", called, money(value.minor(), book.currency), what);
    }
  };
  bucket("available", row.available, book.available, book.posted_available);
  bucket("held", row.held, book.held, book.posted_held);
  const auto sum = sum_of(&EscrowSums::accounts, id.value());
  if (sum.locked != row.held.minor()) {
    wrong(Law::escrow, "account {} has {} held, its escrows lock {}", called,
          money(row.held.minor(), book.currency), money(sum.locked, book.currency));
  }
  same(std::int64_t{row.live_escrows}, sum.live, "the number of live escrows for", called);
  same(row.currency.code(), book.currency.code(), "the currency", called);
  same(to_string(row.kind), to_string(book.kind), "the kind", called);
  same(row.open, book.open, "being open", called);
  same(rows.account_name(id), called, "the name", called);
  same(rows.find_account(called).value_or(AccountId()).value(), id.value(), "the number", called);
}

void Comparison::group(GroupId id, const Rows& rows) {
  const auto* book = books_.groups.find(id.value());
  if (book == nullptr || !book->known) return;
  const auto* row = rows.group(id);
  if (row == nullptr) return wrong(Law::durable, "group {} was opened, but is not there", book->name);
  const auto sum = sum_of(&EscrowSums::groups, id.value());
  same(row->open, book->open, "being open", book->name);
  same(row->escrows, book->escrows, "the number of escrows", book->name);
  same(static_cast<std::int64_t>(row->live), sum.live, "the number of live escrows", book->name);
  same(rows.find_group(book->name).value_or(GroupId()).value(), id.value(), "the number", book->name);
}

void Comparison::plan(PlanId id, const Rows& rows) {
  const auto* book = books_.plans.find(id.value());
  if (book == nullptr || !book->defined) return;
  const auto* row = rows.plan(id);
  const auto& made = *book->defined;
  if (row == nullptr) {
    return wrong(Law::durable, "fee plan {} version {} was defined, but is not there", made.name,
                 made.version);
  }
  if (row->name != made.name || row->version != made.version || row->currency != made.currency ||
      row->commission != made.commission || row->processor_fee != made.processor_fee ||
      row->rounding != made.rounding || row->commission_account != made.commission_account ||
      row->fee_account != made.fee_account) {
    wrong(Law::history, "fee plan {} version {} is not as it was defined", made.name, made.version);
  }
  const auto sum = sum_of(&EscrowSums::plans, id.value());
  same(static_cast<std::int64_t>(row->live), sum.live, "the number of live escrows under fee plan",
       made.name);
  const auto latest = books_.latest_plans.find(made.name);
  if (latest == books_.latest_plans.end() || latest->second != id) return;
  same(rows.find_latest_plan(made.name).value_or(PlanId()).value(), id.value(), "the latest version",
       made.name);
}

// Law 7.
bool Comparison::keys(const Rows& rows) {
  const auto next = books_.keys.visit(next_, kAtOnce, [&](const KeyBook::Record& record) {
    if (!rows.key_used(record.key)) {
      wrong(Law::once, "key {} took effect, but would be taken again", record.key);
    }
    if (record.escrow && rows.find_escrow(record.key) != record.escrow) {
      wrong(Law::once, "key {} does not lead to escrow {}, which was held under it", record.key,
            record.escrow.value());
    }
  });
  next_ = next.value_or(next_);
  return !next;
}

// Law 6, and what the store keeps as totals.
void Comparison::end(const Rows& rows, Seq durable) {
  if (books_.last != durable) {
    wrong(Law::durable, "the events end at {}, promised to be durable are {}", books_.last.value(),
          durable.value());
  }
  totals_.resize(std::max(differs_.size(), books_.totals.size()));
  for (std::size_t index = 1; index < totals_.size(); ++index) {
    totals_[index] = rows.currency_total(Currency::from_index(static_cast<std::uint16_t>(index))).minor();
  }
}

Findings Comparison::finish() {
  books_.accounts.for_each_page([&](std::uint64_t first) {
    const auto* page = books_.accounts.find(first);
    for (std::uint64_t i = 0; i < books_.accounts.kPage; ++i) {
      const auto& account = page[i];
      if (!account.known) continue;
      auto& total = differs(account.currency);
      const auto sum = Wide{account.available} + account.held;
      total.sum += sum;
      if (account.kind != AccountKind::external) total.inside += sum;
    }
  });
  totals_.resize(differs_.size());
  for (std::size_t index = 1; index < differs_.size(); ++index) {
    conserved(Currency::from_index(static_cast<std::uint16_t>(index)), differs_[index]);
  }
  return findings_;
}

void Comparison::conserved(Currency currency, const Total& total) {
  if (total.sum != 0) {
    wrong(Law::conservation, "all buckets in {} sum to {}", currency.code(), money(total.sum, currency));
  }
  if (total.inside > Wide{kMaxCurrencyTotal.minor()} + kMaxAmount.minor()) {
    wrong(Law::exact, "{} are in the ledger, more than it may hold", money(total.inside, currency));
  }
  const auto kept = totals_[currency.index()];
  if (total.inside != kept) {
    wrong(Law::conservation, "the total kept for {} is {}, its accounts have {}", currency.code(),
          money(kept, currency), money(total.inside, currency));
  }
}

}  // namespace holdfast::audit
