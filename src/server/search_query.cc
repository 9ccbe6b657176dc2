// What a person types into the console's search.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "ledger/validate.h"
#include "server/questions.h"
#include "text/text.h"

namespace holdfast::server {

namespace {

struct Found {
  std::string_view kind;
  std::string id;
  std::string label;
};

/// What the ledger finds, into one list. What is not there is not found; an error of the ledger ends it.
class Search {
 public:
  Search(const Ledger& ledger, std::string wanted) : ledger_(ledger), wanted_(std::move(wanted)) {}

  Result<std::string> run() {
    const auto ref = escrow_ref(wanted_);
    escrow(ref);
    if (is_name(wanted_)) {
      accounts();
      groups();
    }
    if (ref.key.empty() && ref.id) event(Seq(ref.id.value()));
    if (error_) return std::unexpected(std::move(*error_));
    json::Writer out;
    out.begin_object().name("rows").begin_list();
    for (const auto& [kind, id, label] : found_) {
      out.begin_object().name("kind").text(kind).name("id").text(id).name("label").text(label).end_object();
    }
    return out.end_list().name("next").null().end_object().take();
  }

 private:
  static constexpr std::size_t kMostFound = 10;

  /// Whether there is something to look at.
  template <class Answer>
  bool there(const Result<Answer>& answer) {
    if (!answer && !is_rejection(answer.error().code) && !error_) error_ = answer.error();
    return answer.has_value();
  }

  void escrow(const EscrowRef& ref) {
    const auto escrow = ledger_.escrow(ref);
    if (!there(escrow)) return;
    found_.push_back({"escrow", fmt::format("{}", escrow->escrow.value()),
                      fmt::format("{} {} {}", escrow->key.empty() ? "escrow" : escrow->key,
                                  text::money(escrow->amount, escrow->currency), to_string(escrow->status))});
  }

  void accounts() {
    named("account", ledger_.account(wanted_), ledger_.accounts(wanted_, kMostFound), &AccountView::account,
          [](const AccountView& row) {
            return fmt::format("{}, {} available", to_string(row.kind),
                               text::money(row.available, row.currency));
          });
  }

  void groups() {
    named("group", ledger_.group(wanted_), ledger_.groups(wanted_, kMostFound), &GroupView::group,
          [](const GroupView& row) {
            return fmt::format("{}, {} of {} live", row.open ? "open" : "closed", row.live, row.escrows);
          });
  }

  /// A name itself, and then those that come after it and begin with it.
  template <class Row, class Label>
  void named(std::string_view kind, const Result<Row>& exact, const Result<Page<Row, std::string>>& page,
             std::string Row::* name, Label label) {
    if (there(exact)) found_.push_back({kind, *exact.*name, label(*exact)});
    if (!there(page)) return;
    for (const auto& row : page->rows) {
      if (!(row.*name).starts_with(wanted_)) break;
      found_.push_back({kind, row.*name, label(row)});
    }
  }

  void event(Seq seq) {
    const auto page = ledger_.events(Seq(seq.value() - 1), 1);
    if (!there(page) || page->rows.empty()) return;
    const auto& event = page->rows.front();
    found_.push_back({"event", fmt::format("{}", event.seq.value()),
                      fmt::format("{} {}", event.op, text::when(event.at))});
  }

  const Ledger& ledger_;
  const std::string wanted_;
  std::vector<Found> found_;
  std::optional<Error> error_;
};

/// An escrow by its id or key, accounts and groups by how their names begin, an event by its seq. What is not
/// of a form that could be one of them is not found; it is no error.
Result<std::string> search(const Ledger& ledger, const Call& call) {
  const auto wanted = value_of(call, "q");
  if (!wanted || wanted->empty()) {
    return std::unexpected(invalid_query("q", "give what to look for as the query's \"q\""));
  }
  return Search(ledger, *wanted).run();
}

}  // namespace

void add_search(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/search", {"q"}, [&ledger](const Call& call) { return search(ledger, call); });
}

}  // namespace holdfast::server
