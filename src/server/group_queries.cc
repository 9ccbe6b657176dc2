// Groups, and what each has in sum.
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "server/questions.h"

namespace holdfast::server {

namespace {

constexpr std::size_t kWholePage = 10'000;  // of what is read through to its end
constexpr std::size_t kMostPages = 50;      // that one request reads

/// What a group has, by currency and by how its escrows stand.
struct GroupTotal {
  std::uint64_t escrows = 0;
  Amount amount, locked, frozen, released, refunded, commission, processor_fee, net;
  std::uint64_t locked_escrows = 0, frozen_escrows = 0, released_escrows = 0, refunded_escrows = 0,
                split_escrows = 0;

  void add(const EscrowView& escrow) {
    ++escrows;
    amount += escrow.amount;
    released += escrow.released;
    refunded += escrow.refunded;
    commission += escrow.commission;
    processor_fee += escrow.processor_fee;
    net += escrow.net;
    (escrow.status == EscrowStatus::frozen ? frozen : locked) += escrow.locked;
    switch (escrow.status) {
      case EscrowStatus::locked:
        ++locked_escrows;
        break;
      case EscrowStatus::frozen:
        ++frozen_escrows;
        break;
      case EscrowStatus::released:
        ++released_escrows;
        break;
      case EscrowStatus::refunded:
        ++refunded_escrows;
        break;
      case EscrowStatus::split:
        ++split_escrows;
        break;
    }
  }

  void write(json::Writer& out, std::string_view currency) const {
    out.begin_object().name("currency").text(currency).name("escrows").number(escrows);
    const std::pair<std::string_view, Amount> amounts[] = {
        {"amount", amount},     {"locked", locked},
        {"frozen", frozen},     {"released", released},
        {"refunded", refunded}, {"commission", commission},
        {"net", net},           {"processor_fee", processor_fee}};
    for (const auto& [name, value] : amounts) out.name(name).number(value.minor());
    out.name("locked_escrows").number(locked_escrows).name("frozen_escrows").number(frozen_escrows);
    out.name("released_escrows").number(released_escrows).name("refunded_escrows").number(refunded_escrows);
    out.name("split_escrows").number(split_escrows).end_object();
  }
};

/// Sums of groups. A large group is read over several requests: each goes on where the one before stopped, as
/// long as nothing happened in the ledger; what was finished is kept until something does.
class GroupSums {
 public:
  explicit GroupSums(const Ledger& ledger) : ledger_(ledger) {}

  Result<std::string> summary(const std::string& group) {
    const auto view = ledger_.group(group);
    if (!view) return std::unexpected(view.error());
    const auto status = ledger_.status();
    if (!status) return std::unexpected(status.error());
    auto sums = take(group, status->seq);
    EscrowFilter filter;
    filter.group = group;
    filter.limit = kWholePage;
    for (std::size_t i = 0; i < kMostPages && !sums.complete; ++i) {
      filter.after = sums.after;
      const auto page = ledger_.escrows(filter);
      if (!page) return std::unexpected(page.error());
      for (const auto& escrow : page->rows) sums.totals[std::string(escrow.currency.code())].add(escrow);
      sums.complete = !page->next;
      if (page->next) sums.after = *page->next;
    }
    json::Writer out;
    out.begin_object().name("group").text(group).name("open").boolean(view->open);
    out.name("complete").boolean(sums.complete).name("totals").begin_list();
    for (const auto& [currency, total] : sums.totals) total.write(out, currency);
    keep(group, std::move(sums));
    return out.end_list().end_object().take();
  }

 private:
  struct Sums {
    Seq seq;  // of the ledger, when it was begun
    EscrowId after;
    bool complete = false;
    std::map<std::string, GroupTotal> totals;
  };
  static constexpr std::size_t kKept = 1'000;

  Sums take(const std::string& group, Seq seq) {
    const std::scoped_lock hold(mutex_);
    const auto found = kept_.find(group);
    if (found == kept_.end() || found->second.seq != seq) return Sums{.seq = seq, .after = {}, .totals = {}};
    return found->second;
  }
  void keep(const std::string& group, Sums sums) {
    const std::scoped_lock hold(mutex_);
    if (kept_.size() >= kKept && !kept_.contains(group)) kept_.erase(kept_.begin());
    kept_.insert_or_assign(group, std::move(sums));
  }

  const Ledger& ledger_;
  std::mutex mutex_;
  std::map<std::string, Sums> kept_;
};

}  // namespace

void add_group_questions(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/groups", {"after", "limit"}, [&ledger](const Call& call) -> Result<std::string> {
    const auto wanted = named_page(call);
    if (!wanted) return std::unexpected(wanted.error());
    return page_of(ledger.groups(wanted->after, wanted->limit));
  });
  to.add_json("/v1/groups/{group}", {},
              [&ledger](const Call& call) { return one(ledger.group(call.path[0])); });
  const auto sums = std::make_shared<GroupSums>(ledger);
  to.add_json("/v1/groups/{group}/summary", {},
              [sums](const Call& call) { return sums->summary(call.path[0]); });
}

}  // namespace holdfast::server
