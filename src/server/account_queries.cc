// Accounts, and their statements: a page of lines, or all of a period as CSV.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "server/questions.h"

namespace holdfast::server {

namespace {

struct Period {
  std::optional<Timestamp> from;
  std::optional<Timestamp> to;  // not included

  [[nodiscard]] bool has(Timestamp at) const { return (!from || at >= *from) && (!to || at < *to); }
};

Result<Period> period_of(const Call& call) {
  const auto from = time_of(call, "from");
  if (!from) return std::unexpected(from.error());
  const auto to = time_of(call, "to");
  if (!to) return std::unexpected(to.error());
  if (*from && *to && **from >= **to) {
    return std::unexpected(invalid_query("to", "the query's \"to\" must be later than \"from\""));
  }
  return Period{*from, *to};
}

/// The last event before `at`. Times never go back along the chain, so that halving finds it.
Result<Seq> last_before(const Ledger& ledger, Timestamp at) {
  const auto status = ledger.status();
  if (!status) return std::unexpected(status.error());
  std::uint64_t low = 0;  // is before
  std::uint64_t high = status->seq.value() + 1;
  while (high - low > 1) {
    const auto middle = low + (high - low) / 2;
    const auto page = ledger.events(Seq(middle - 1), 1);
    if (!page) return std::unexpected(page.error());
    const bool before = !page->rows.empty() && page->rows.front().at < at;
    (before ? low : high) = middle;
  }
  return Seq(low);
}

/// The seq to go on after: what the caller asks for, or where the period begins.
Result<Seq> statement_start(const Ledger& ledger, Seq after, const Period& period) {
  if (!period.from) return after;
  const auto before = last_before(ledger, *period.from);
  if (!before) return before;
  return std::max(after, *before);
}

Result<std::string> statement(const Ledger& ledger, const Call& call) {
  const auto wanted = numbered_page(call);
  if (!wanted) return std::unexpected(wanted.error());
  const auto period = period_of(call);
  if (!period) return std::unexpected(period.error());
  const auto start = statement_start(ledger, Seq(wanted->after), *period);
  if (!start) return std::unexpected(start.error());
  auto page = ledger.statement({.account = call.path[0], .after = *start, .limit = wanted->limit});
  if (page) {
    const auto past = std::ranges::find_if(
        page->rows, [&](const StatementLine& line) { return period->to && line.at >= *period->to; });
    if (past != page->rows.end()) page->next.reset();
    page->rows.erase(past, page->rows.end());
  }
  return page_of(page);
}

/// A field of a CSV line (RFC 4180); what a spreadsheet would take for a formula is marked as text.
std::string csv_field(std::string_view text) {
  std::string field(text);
  if (!field.empty() && std::string_view("=+-@\t").find(field.front()) != std::string_view::npos) {
    field.insert(field.begin(), '\'');
  }
  if (field.find_first_of("\",\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// The statement's lines of the whole period, a page a piece.
class StatementCsv final : public http::BodySource, public std::enable_shared_from_this<StatementCsv> {
 public:
  using Give = std::function<void(std::optional<std::string>)>;

  StatementCsv(const Ledger& ledger, Workers& workers, AccountView account, Seq after, Period period)
      : ledger_(ledger),
        workers_(workers),
        account_(std::move(account)),
        after_(after),
        period_(std::move(period)) {}

  /// What cannot be read, or has no room in the queue, lets go of `give`: the download is cut off.
  void next(Give give) override {
    const auto shared = std::make_shared<Give>(std::move(give));
    if (workers_.post([self = shared_from_this(), shared] { self->read(*shared); })) return;
    why_ = "the server had more questions to answer than it has room for";
  }
  [[nodiscard]] std::string why() const override { return why_; }

 private:
  void read(const Give& give) {
    if (done_) return give(std::nullopt);
    std::string text;
    if (!std::exchange(begun_, true)) {
      text = "seq,at,op,bucket,amount,balance,currency,escrows,reference\r\n";
    }
    const auto page = ledger_.statement({.account = account_.account, .after = after_, .limit = kMostRows});
    if (!page) {
      why_ = page.error().message;
      return;
    }
    for (const auto& line : page->rows) {
      if (period_.to && line.at >= *period_.to) {
        done_ = true;
        break;
      }
      text += fmt::format("{},{},{},{},{},{},{},{},{}\r\n", line.seq.value(), to_rfc3339(line.at), line.op,
                          to_string(line.bucket), to_text(line.amount), to_text(line.balance),
                          account_.currency.code(), line.escrows, csv_field(line.reference));
    }
    done_ = done_ || !page->next;
    if (page->next) after_ = *page->next;
    if (text.empty()) return done_ ? give(std::nullopt) : read(give);
    give(std::move(text));
  }

  [[nodiscard]] std::string to_text(Amount amount) const { return to_decimal(amount, account_.currency); }

  const Ledger& ledger_;
  Workers& workers_;
  const AccountView account_;
  Seq after_;
  const Period period_;
  bool begun_ = false;
  bool done_ = false;
  std::string why_;  // it cannot go on; written before it lets go of what it owes
};

Result<http::Response> statement_csv(const Ledger& ledger, Workers& workers, const Call& call) {
  const auto account = ledger.account(call.path[0]);
  if (!account) return std::unexpected(account.error());
  const auto wanted = numbered_page(call);
  if (!wanted) return std::unexpected(wanted.error());
  const auto period = period_of(call);
  if (!period) return std::unexpected(period.error());
  const auto start = statement_start(ledger, Seq(wanted->after), *period);
  if (!start) return std::unexpected(start.error());
  http::Response response;
  response.content_type = "text/csv; charset=utf-8";
  auto name = account->account;
  std::ranges::replace_if(name, [](char c) { return c == ':' || c == '/'; }, '-');
  response.fields.emplace_back("Content-Disposition",
                               fmt::format("attachment; filename=\"statement-{}.csv\"", name));
  response.source = std::make_shared<StatementCsv>(ledger, workers, *account, *start, *period);
  return response;
}

Result<http::Response> statement_either(const Ledger& ledger, Workers& workers, const Call& call) {
  const auto format = value_of(call, "format");
  if (format && format != "csv" && format != "json") {
    return std::unexpected(invalid_query("format", "the query's \"format\" must be csv or json"));
  }
  const bool accepts_csv = call.request.head.field("accept").starts_with("text/csv");
  if (format == "csv" || (!format && accepts_csv)) return statement_csv(ledger, workers, call);
  auto page = statement(ledger, call);
  if (!page) return std::unexpected(std::move(page.error()));
  return json_of(std::move(*page));
}

}  // namespace

void add_account_questions(Questions& to) {
  const auto& ledger = to.ledger();
  auto& workers = to.workers();
  to.add_json("/v1/accounts", {"after", "limit"}, [&ledger](const Call& call) -> Result<std::string> {
    const auto wanted = named_page(call);
    if (!wanted) return std::unexpected(wanted.error());
    return page_of(ledger.accounts(wanted->after, wanted->limit));
  });
  to.add_json("/v1/accounts/{account}", {},
              [&ledger](const Call& call) { return one(ledger.account(call.path[0])); });
  to.add("/v1/accounts/{account}/statement", {"after", "limit", "from", "to", "format"},
         [&ledger, &workers](const Call& call) { return statement_either(ledger, workers, call); });
}

}  // namespace holdfast::server
