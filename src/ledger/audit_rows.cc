// Compares the rows of a store, as they are after the last event, with the books that were rebuilt from the
// events, and asks of the rows alone what the laws say of them.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ledger/audit_books.h"

namespace holdfast::audit {
namespace {

constexpr std::uint64_t kBeyond = 65'536;  // numbers looked at behind the last one that an event gave

class Comparison {
 public:
  Comparison(const Books& books, const Rows& rows, Seq durable, Findings& findings)
      : books_(books), rows_(rows), durable_(durable), findings_(findings) {}

  void all() {
    escrows();  // first: what accounts, groups and plans are asked for is counted here
    accounts();
    groups();
    plans();
    keys();
    end();
  }

 private:
  struct Sums {
    Wide locked = 0;
    std::uint64_t live = 0;
  };

  template <class... Args>
  void wrong(Law law, fmt::format_string<Args...> format, Args&&... args) {
    findings_.add(law, fmt::format(format, std::forward<Args>(args)...));
  }
  /// Law 4: the rows are what the events make.
  template <class A, class B>
  void same(const A& row, const B& book, std::string_view what, std::string_view of) {
    if (row != book) wrong(Law::history, "{} of {} is {}, the events make {}", what, of, row, book);
  }
  std::string name(AccountId id) const { return books_.name(id); }
  Currency currency_of(AccountId id) const {
    const auto* account = books_.accounts.find(id.value());
    return account != nullptr ? account->currency : Currency();
  }

  void escrows() {
    std::array<EscrowId, Paged<EscrowBook>::kPage> ids;
    std::array<const EscrowRow*, Paged<EscrowBook>::kPage> found;
    books_.escrows.for_each_page([&](std::uint64_t first) {
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = EscrowId(first + i);
      const std::size_t skip = first == 0 ? 1 : 0;  // there is no escrow 0
      rows_.escrows(std::span(ids).subspan(skip), std::span(found).subspan(skip));
      const auto* books = books_.escrows.find(first);
      for (std::size_t i = skip; i < ids.size(); ++i) escrow(ids[i], books[i], found[i]);
    });
    const auto next = rows_.next_escrow_id().value();
    const auto last = books_.last_escrow.value();
    for (auto id = last + 1; id < std::min(next, last + kBeyond); ++id) {
      if (books_.escrows.find(id) == nullptr && rows_.escrow(EscrowId(id)) != nullptr) {
        wrong(Law::durable, "there is an escrow {}, which no event held", id);
      }
    }
    if (next <= last) wrong(Law::serial, "the next escrow would be {}, but {} was held", next, last);
  }

  void escrow(EscrowId id, const EscrowBook& book, const EscrowRow* row) {
    if (book.amount == 0) {
      if (row != nullptr) wrong(Law::durable, "there is an escrow {}, which no event held", id.value());
      return;
    }
    if (row == nullptr) {
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
    if (row->last_seq > durable_.value()) {
      wrong(Law::durable, "escrow {} was changed by event {}, but only {} are durable", id.value(),
            std::uint64_t{row->last_seq}, durable_.value());
    }
    if (!agrees(*row, book) || (locked > 0 && !dates_agree(id, book))) {
      wrong(Law::history, "escrow {} is {}, the events make it {}", id.value(), described(*row, currency),
            described(book, currency));
    }
    payers_[row->payer.value()].locked += locked;
    if (locked > 0) {
      ++payers_[row->beneficiary.value()].live;
      ++groups_[row->group.value()].live;
      ++plans_[row->plan.value()].live;
    }
  }
  static bool agrees(const EscrowRow& row, const EscrowBook& book) {
    return row.amount.minor() == book.amount && row.released.minor() == book.released &&
           row.refunded.minor() == book.refunded && row.commission.minor() == book.commission &&
           row.processor_fee.minor() == book.processor_fee && row.payer == book.payer &&
           row.beneficiary == book.beneficiary && row.group == book.group && row.plan == book.plan &&
           row.frozen == book.frozen;
  }
  bool dates_agree(EscrowId id, const EscrowBook& book) const {
    return digest_of(rows_.dates(id)) == book.dates;
  }
  template <class Escrow>
  static std::int64_t minor(const Escrow& value) {
    if constexpr (std::is_same_v<Escrow, Amount>) {
      return value.minor();
    } else {
      return value;
    }
  }
  template <class Escrow>
  std::string described(const Escrow& escrow, Currency currency) const {
    return fmt::format(
        "{} of {} for {} (released {}, refunded {}, commission {}, fee {}, group {}, plan {}{})",
        money(minor(escrow.amount), currency), name(escrow.payer), name(escrow.beneficiary),
        minor(escrow.released), minor(escrow.refunded), minor(escrow.commission), minor(escrow.processor_fee),
        escrow.group.value(), escrow.plan.value(), escrow.frozen != 0 ? ", frozen" : "");
  }

  void accounts() {
    std::vector<Wide> sums;    // by currency index
    std::vector<Wide> inside;  // the same without external accounts
    const auto add = [](std::vector<Wide>& to, Currency currency, Wide value) {
      if (currency.index() >= to.size()) to.resize(std::size_t{currency.index()} + 1);
      to[currency.index()] += value;
    };
    const std::uint64_t next = rows_.next_account_id(0).value();
    const std::uint64_t last = books_.last_account.value();
    for (std::uint64_t id = 1; id < std::max(last + 1, std::min(next, last + kBeyond)); ++id) {
      const AccountId number(static_cast<std::uint32_t>(id));
      const auto* book = books_.accounts.find(id);
      const auto* row = rows_.account(number);
      const bool known = book != nullptr && book->known;
      if (row != nullptr) {
        const auto sum = Wide{row->available.minor()} + row->held.minor();
        add(sums, row->currency, sum);
        add(inside, row->currency, row->kind == AccountKind::external ? 0 : sum);
      }
      if (known && row != nullptr) {
        account(number, *book, *row);
      } else if (known) {
        wrong(Law::durable, "account {} was opened, but is not there", name(number));
      } else if (row != nullptr) {
        wrong(Law::durable, "there is an account number {}, which no event opened", id);
      }
    }
    if (next <= last) wrong(Law::serial, "the next account would be {}, but {} was opened", next, last);
    for (std::size_t index = 1; index < sums.size(); ++index) {
      const auto currency = Currency::from_index(static_cast<std::uint16_t>(index));
      conserved(currency, sums[index], inside[index]);
    }
  }
  void conserved(Currency currency, Wide sum, Wide inside) {
    if (sum != 0) {
      wrong(Law::conservation, "all buckets in {} sum to {}", currency.code(), money(sum, currency));
    }
    if (inside > Wide{kMaxCurrencyTotal.minor()} + kMaxAmount.minor()) {
      wrong(Law::exact, "{} are in the ledger, more than it may hold", money(inside, currency));
    }
    const auto total = rows_.currency_total(currency);
    if (inside != total.minor()) {
      wrong(Law::conservation, "the total kept for {} is {}, its accounts have {}", currency.code(),
            money(total.minor(), currency), money(inside, currency));
    }
  }
  void account(AccountId id, const AccountBook& book, const AccountRow& row) {
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
    const auto* sums = payers_.find(id.value());
    const auto locked = sums != nullptr ? sums->locked : 0;
    if (locked != row.held.minor()) {
      wrong(Law::escrow, "account {} has {} held, its escrows lock {}", called,
            money(row.held.minor(), book.currency), money(locked, book.currency));
    }
    same(row.live_escrows, sums != nullptr ? sums->live : 0, "the number of live escrows for", called);
    same(row.currency.code(), book.currency.code(), "the currency", called);
    same(to_string(row.kind), to_string(book.kind), "the kind", called);
    same(row.open, book.open, "being open", called);
    same(rows_.account_name(id), called, "the name", called);
    same(rows_.find_account(called).value_or(AccountId()).value(), id.value(), "the number", called);
  }

  void groups() {
    for (std::uint64_t id = 1; id <= books_.last_group.value(); ++id) {
      const auto* book = books_.groups.find(id);
      if (book == nullptr || !book->known) continue;
      const GroupId number(static_cast<std::uint32_t>(id));
      const auto* row = rows_.group(number);
      if (row == nullptr) {
        wrong(Law::durable, "group {} was opened, but is not there", book->name);
        continue;
      }
      const auto* sums = groups_.find(id);
      same(row->open, book->open, "being open", book->name);
      same(row->escrows, book->escrows, "the number of escrows", book->name);
      same(row->live, sums != nullptr ? sums->live : 0, "the number of live escrows", book->name);
      same(rows_.find_group(book->name).value_or(GroupId()).value(), id, "the number", book->name);
    }
  }

  void plans() {
    for (std::uint64_t id = 1; id <= books_.last_plan.value(); ++id) {
      const auto* book = books_.plans.find(id);
      if (book == nullptr || !book->defined) continue;
      const auto* row = rows_.plan(PlanId(static_cast<std::uint32_t>(id)));
      const auto& made = *book->defined;
      if (row == nullptr) {
        wrong(Law::durable, "fee plan {} version {} was defined, but is not there", made.name, made.version);
        continue;
      }
      if (row->name != made.name || row->version != made.version || row->currency != made.currency ||
          row->commission != made.commission || row->processor_fee != made.processor_fee ||
          row->rounding != made.rounding || row->commission_account != made.commission_account ||
          row->fee_account != made.fee_account) {
        wrong(Law::history, "fee plan {} version {} is not as it was defined", made.name, made.version);
      }
      const auto* sums = plans_.find(id);
      same(row->live, sums != nullptr ? sums->live : 0, "the number of live escrows under fee plan",
           made.name);
    }
    for (const auto& [name, id] : books_.latest_plans) {
      same(rows_.find_latest_plan(name).value_or(PlanId()).value(), id.value(), "the latest version", name);
    }
  }

  // Law 7.
  void keys() {
    books_.keys.for_each([&](const KeyBook::Record& record) {
      if (!rows_.key_used(record.key)) {
        wrong(Law::once, "key {} took effect, but would be taken again", record.key);
      }
      if (record.escrow && rows_.find_escrow(record.key) != record.escrow) {
        wrong(Law::once, "key {} does not lead to escrow {}, which was held under it", record.key,
              record.escrow.value());
      }
    });
  }

  // Law 6.
  void end() {
    if (books_.last != durable_) {
      wrong(Law::durable, "the events end at {}, promised to be durable are {}", books_.last.value(),
            durable_.value());
    }
  }

  const Books& books_;
  const Rows& rows_;
  Seq durable_;
  Findings& findings_;
  Paged<Sums> payers_;  // locked as payer, live as beneficiary
  Paged<Sums> groups_;
  Paged<Sums> plans_;
};

}  // namespace

void compare(const Books& books, const Rows& rows, Seq durable, Findings& findings) {
  Comparison(books, rows, durable, findings).all();
}

}  // namespace holdfast::audit
