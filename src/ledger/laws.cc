// The auditor's report: what was checked of each law, or what was found against it.
#include "ledger/laws.h"

#include <fmt/format.h>

#include <algorithm>

#include "ledger/audit_rows.h"

namespace holdfast {
namespace {

using audit::grouped;
using audit::Law;

/// What stands in the report where nothing was found.
std::string kept(Law law, const audit::Books& books, Seq durable, const Digest& head) {
  const auto currencies = [&] {
    std::vector<Currency> seen;
    books.accounts.for_each_page([&](std::uint64_t first) {
      for (std::uint64_t i = 0; i < books.accounts.kPage; ++i) {
        const auto& account = books.accounts.find(first)[i];
        if (account.known && std::ranges::find(seen, account.currency) == seen.end()) {
          seen.push_back(account.currency);
        }
      }
    });
    return seen.size();
  };
  switch (law) {
    case Law::conservation:
      return fmt::format("{} events, {} currencies, every sum 0", grouped(books.events), currencies());
    case Law::escrow:
      return fmt::format(
          "{} escrows, amount = released + refunded + locked in each; {} accounts hold exactly "
          "what their escrows lock",
          grouped(books.escrows_known), grouped(books.accounts_known));
    case Law::split:
      return fmt::format("{} releases, commission + processor fee + net = released in each, none below 0",
                         grouped(books.parts_released));
    case Law::history:
      return fmt::format("{} accounts and {} escrows are what the events make them; the chain ends in {}",
                         grouped(books.accounts_known), grouped(books.escrows_known),
                         to_hex(head).substr(0, 16));
    case Law::all_or_nothing:
      return fmt::format("{} commands in {} events, each sums to 0 and fits the state before it",
                         grouped(books.effects), grouped(books.events));
    case Law::durable:
      return fmt::format("events and rows end at {}, as promised", grouped(durable.value()));
    case Law::once:
      return fmt::format("{} keys, each took effect once", grouped(books.keys.size()));
    case Law::exact:
      return fmt::format("{} amounts in range, sums taken in 128 bits, no bucket below 0 but external ones",
                         grouped(books.amounts));
    case Law::serial:
      return fmt::format("events 1 to {} without a gap, no time and no number goes back",
                         grouped(books.last.value()));
  }
  return {};
}

}  // namespace

struct Auditor::Books : audit::Books {};

Auditor::Auditor() : books_(std::make_unique<Books>()) {}
Auditor::~Auditor() = default;

void Auditor::event(const Event& event, std::span<const std::byte> bytes, const Digest* recorded_hash) {
  books_->event(event, bytes, recorded_hash);
}

void Auditor::begin() {
  comparison_ = std::make_unique<audit::Comparison>(*books_);
}

bool Auditor::compare(const Rows& rows, Seq durable) {
  return comparison_->step(rows, durable);
}

AuditReport Auditor::finish(const Rows& rows, Seq durable, const Digest& head) {
  begin();
  while (compare(rows, durable)) continue;
  return report(durable, head);
}

AuditReport Auditor::report(Seq durable, const Digest& head) {
  auto findings = comparison_->finish();
  if (head != books_->head) {
    findings.add(Law::history, fmt::format("the chain of the events ends in {}, the store's head is {}",
                                           to_hex(books_->head), to_hex(head)));
  }
  AuditReport report;
  report.ok = true;
  for (std::size_t i = 0; i < audit::kLawNames.size(); ++i) {
    const auto law = static_cast<Law>(i);
    const bool ok = findings.count(law) == 0;
    report.ok = report.ok && ok;
    report.checks.push_back(
        {std::string(audit::kLawNames[i]), ok, ok ? kept(law, *books_, durable, head) : findings.text(law)});
  }
  return report;
}

}  // namespace holdfast
