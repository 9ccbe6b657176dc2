// What a person types into the console's search.
#include <fmt/format.h>

#include "server/questions.h"
#include "text/text.h"

namespace holdfast::server {

namespace {

struct Found {
  std::string_view kind;
  std::string id;
  std::string label;
};

/// An escrow by its id or key, accounts and groups by how their names begin, an event by its seq. What is not
/// of a form that could be one of them is not found; it is no error.
Result<std::string> search(const Ledger& ledger, const Call& call) {
  constexpr std::size_t kMostFound = 10;
  const auto wanted = value_of(call, "q");
  if (wanted.empty())
    return std::unexpected(invalid_query("q", "give what to look for as the query's \"q\""));
  std::vector<Found> found;
  const auto ref = escrow_ref(wanted);
  if (const auto escrow = ledger.escrow(ref)) {
    found.push_back({"escrow", fmt::format("{}", escrow->escrow.value()),
                     fmt::format("{} {} {}", escrow->key.empty() ? "escrow" : escrow->key,
                                 text::money(escrow->amount, escrow->currency), to_string(escrow->status))});
  } else if (!is_rejection(escrow.error().code)) {
    return std::unexpected(escrow.error());
  }
  // A name itself, and then those that come after it and begin with it.
  const auto collect = [&](std::string_view kind, const auto& exact, const auto& page, auto name,
                           auto label) {
    if (exact) found.push_back({kind, name(*exact), label(*exact)});
    if (!page) return;
    for (const auto& row : page->rows) {
      if (!name(row).starts_with(wanted)) break;
      found.push_back({kind, name(row), label(row)});
    }
  };
  collect(
      "account", ledger.account(wanted), ledger.accounts(wanted, kMostFound),
      [](const AccountView& row) { return row.account; },
      [](const AccountView& row) {
        return fmt::format("{}, {} available", to_string(row.kind), text::money(row.available, row.currency));
      });
  collect(
      "group", ledger.group(wanted), ledger.groups(wanted, kMostFound),
      [](const GroupView& row) { return row.group; },
      [](const GroupView& row) {
        return fmt::format("{}, {} of {} live", row.open ? "open" : "closed", row.live, row.escrows);
      });
  if (ref.key.empty() && ref.id) {
    const auto page = ledger.events(Seq(ref.id.value() - 1), 1);
    if (page && !page->rows.empty()) {
      const auto& event = page->rows.front();
      found.push_back({"event", fmt::format("{}", event.seq.value()),
                       fmt::format("{} {}", event.op, text::when(event.at))});
    }
  }
  json::Writer out;
  out.begin_object().name("rows").begin_list();
  for (const auto& [kind, id, label] : found) {
    out.begin_object().name("kind").text(kind).name("id").text(id).name("label").text(label).end_object();
  }
  return out.end_list().name("next").null().end_object().take();
}

}  // namespace

void add_search(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/search", {"q"}, [&ledger](const Call& call) { return search(ledger, call); });
}

}  // namespace holdfast::server
