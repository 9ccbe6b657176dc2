// Escrows, their histories and their dates.
#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "server/questions.h"
#include "text/explain.h"

namespace holdfast::server {

namespace {

Result<std::string> escrows(const Ledger& ledger, const Call& call) {
  EscrowFilter filter;
  for (const auto& [name, value] : {std::pair("group", &filter.group), std::pair("payer", &filter.payer),
                                    std::pair("beneficiary", &filter.beneficiary)}) {
    auto given = name_of(call, name);
    if (!given) return std::unexpected(std::move(given.error()));
    *value = std::move(*given);
  }
  if (const auto status = value_of(call, "status")) {
    filter.status = parse_escrow_status(*status);
    if (!filter.status) {
      return std::unexpected(invalid_query(
          "status",
          fmt::format(
              "the query's \"status\" must be one of LOCKED, FROZEN, RELEASED, REFUNDED, SPLIT, not {}",
              in_quotes(*status))));
    }
  }
  const auto wanted = numbered_page(call);
  if (!wanted) return std::unexpected(wanted.error());
  filter.limit = wanted->limit;
  filter.after = EscrowId(wanted->after);
  return page_of(ledger.escrows(filter));
}

Result<std::string> history(const Ledger& ledger, const Call& call) {
  const auto ref = escrow_ref(call.path[0]);
  const auto escrow = ledger.escrow(ref);
  if (!escrow) return std::unexpected(escrow.error());
  const auto lines = ledger.history(ref);
  if (!lines) return std::unexpected(lines.error());
  const auto amounts = text::explained_amounts(*escrow, *lines);
  json::Writer out;
  out.begin_object().name("escrow").raw(json::to_json(*escrow)).name("lines").begin_list();
  for (std::size_t i = 0; i < lines->size(); ++i) {
    auto line = json::to_json((*lines)[i]);
    line.pop_back();  // its closing brace: one field more
    json::Writer list;
    list.begin_list();
    for (const auto& each : amounts[i]) list.text(each);
    out.raw(fmt::format("{},\"explained\":{}}}", line, list.end_list().take()));
  }
  return out.end_list().end_object().take();
}

Result<std::string> due(const Ledger& ledger, const Call& call) {
  const auto limit = limit_of(call);
  if (!limit) return std::unexpected(limit.error());
  const auto until = time_of(call, "until");
  if (!until) return std::unexpected(until.error());
  const auto latest = parse_rfc3339("9999-12-31T23:59:59Z");
  const auto rows = ledger.due(*until ? **until : *latest, *limit);
  if (!rows) return std::unexpected(rows.error());
  json::Writer out;
  out.begin_object().name("rows").begin_list();
  for (const auto& row : *rows) {
    out.begin_object().name("escrow").number(row.escrow.value());
    out.name("due").text(row.release ? "release" : "refund").name("at").text(to_rfc3339(row.at)).end_object();
  }
  return out.end_list().name("next").null().end_object().take();
}

}  // namespace

void add_escrow_questions(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/escrows", {"group", "payer", "beneficiary", "status", "after", "limit"},
              [&ledger](const Call& call) { return escrows(ledger, call); });
  to.add_json("/v1/escrows/{escrow}", {},
              [&ledger](const Call& call) { return one(ledger.escrow(escrow_ref(call.path[0]))); });
  to.add_json("/v1/escrows/{escrow}/history", {},
              [&ledger](const Call& call) { return history(ledger, call); });
  to.add_json("/v1/due", {"until", "limit"}, [&ledger](const Call& call) { return due(ledger, call); });
}

}  // namespace holdfast::server
