#include "server/queries_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "json/render.h"
#include "json/writer.h"
#include "server/problem.h"
#include "text/explain.h"
#include "text/text.h"

namespace holdfast::server {

namespace {

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kMostRows = 1'000;
constexpr std::size_t kWholePage = 10'000;  // of what is read through to its end
constexpr std::size_t kMostPages = 50;      // that one request reads

Error invalid(std::string field, std::string message) {
  auto error = fail(ErrorCode::invalid_command, std::move(message)).error();
  error.fields = {std::move(field)};
  return error;
}

/// A value of the query; empty: not given.
std::string value_of(const Call& call, const std::string& name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? std::string() : found->second;
}

Result<std::uint64_t> number_of(const Call& call, const std::string& name, std::uint64_t fallback,
                                std::uint64_t least, std::uint64_t most) {
  const auto text = value_of(call, name);
  if (text.empty()) return fallback;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return std::unexpected(
        invalid(name, fmt::format("the query's \"{}\" must be a whole number from {} to {}, not \"{}\"", name,
                                  least, most, text.substr(0, 60))));
  }
  return number;
}

Result<std::size_t> limit_of(const Call& call) {
  return number_of(call, "limit", kDefaultPage, 1, kMostRows);
}

Result<std::uint64_t> after_of(const Call& call) {
  return number_of(call, "after", 0, 0, static_cast<std::uint64_t>(kMaxAmount.minor()));
}

Result<std::optional<Timestamp>> time_of(const Call& call, const std::string& name) {
  const auto text = value_of(call, name);
  if (text.empty()) return std::optional<Timestamp>();
  const auto parsed = parse_rfc3339(text);
  if (!parsed) {
    return std::unexpected(
        invalid(name, fmt::format("the query's \"{}\": {}", name, parsed.error().message)));
  }
  return std::optional(*parsed);
}

/// Digits alone are an id, anything else a key.
EscrowRef escrow_ref(const std::string& text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size()) return {EscrowId(id), {}};
  return {EscrowId(), text};
}

http::Response json_of(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

void write_cursor(json::Writer& out, const std::string& cursor) {
  out.text(cursor);
}
template <class Number>
void write_cursor(json::Writer& out, const Number& cursor) {
  out.number(cursor.value());
}

/// {"rows":[…],"next":CURSOR or null}
template <class Row, class Cursor>
Result<std::string> page_of(const Result<Page<Row, Cursor>>& page) {
  if (!page) return std::unexpected(page.error());
  json::Writer out;
  out.begin_object().name("rows").begin_list();
  for (const auto& row : page->rows) out.raw(json::to_json(row));
  out.end_list().name("next");
  page->next ? write_cursor(out, *page->next) : void(out.null());
  return out.end_object().take();
}

template <class Row>
std::string rows_of(const std::vector<Row>& rows) {
  json::Writer out;
  out.begin_object().name("rows").begin_list();
  for (const auto& row : rows) out.raw(json::to_json(row));
  return out.end_list().name("next").null().end_object().take();
}

template <class Row>
Result<std::string> one(const Result<Row>& row) {
  if (!row) return std::unexpected(row.error());
  return json::to_json(*row);
}

// ---- statements ---------------------------------------------------------------------------------

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
    return std::unexpected(invalid("to", "the query's \"to\" must be later than \"from\""));
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
  const auto limit = limit_of(call);
  if (!limit) return std::unexpected(limit.error());
  const auto after = after_of(call);
  if (!after) return std::unexpected(after.error());
  const auto period = period_of(call);
  if (!period) return std::unexpected(period.error());
  const auto start = statement_start(ledger, Seq(*after), *period);
  if (!start) return std::unexpected(start.error());
  auto page = ledger.statement({.account = call.path[0], .after = *start, .limit = *limit});
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
  StatementCsv(const Ledger& ledger, Workers& workers, AccountView account, Seq after, Period period)
      : ledger_(ledger),
        workers_(workers),
        account_(std::move(account)),
        after_(after),
        period_(std::move(period)) {}

  void next(std::function<void(std::optional<std::string>)> give) override {
    const auto shared = std::make_shared<decltype(give)>(std::move(give));
    const bool posted = workers_.post([self = shared_from_this(), shared] { (*shared)(self->read()); });
    // Without its last line the file is seen to be cut off: the chunks end, but the sums do not.
    if (!posted)
      (*shared)(std::string("# cut off: the server has too much to do, download it again\n")), done_ = true;
  }

 private:
  std::optional<std::string> read() {
    if (done_) return std::nullopt;
    std::string text;
    if (!std::exchange(begun_, true)) {
      text = "seq,at,op,bucket,amount,balance,currency,escrows,reference\r\n";
    }
    const auto page = ledger_.statement({.account = account_.account, .after = after_, .limit = kMostRows});
    if (!page) {
      done_ = true;
      return text + fmt::format("# cut off: {}\r\n", page.error().message);
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
    if (text.empty() && done_) return std::nullopt;
    return text.empty() ? std::string("\r\n") : text;
  }

  [[nodiscard]] std::string to_text(Amount amount) const { return to_decimal(amount, account_.currency); }

  const Ledger& ledger_;
  Workers& workers_;
  const AccountView account_;
  Seq after_;
  const Period period_;
  bool begun_ = false;
  bool done_ = false;
};

Result<http::Response> statement_csv(const Ledger& ledger, Workers& workers, const Call& call) {
  const auto account = ledger.account(call.path[0]);
  if (!account) return std::unexpected(account.error());
  const auto after = after_of(call);
  if (!after) return std::unexpected(after.error());
  const auto period = period_of(call);
  if (!period) return std::unexpected(period.error());
  const auto start = statement_start(ledger, Seq(*after), *period);
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
  if (!format.empty() && format != "csv" && format != "json") {
    return std::unexpected(invalid("format", "the query's \"format\" must be csv or json"));
  }
  const bool accepts_csv = call.request.head.field("accept").starts_with("text/csv");
  if (format == "csv" || (format.empty() && accepts_csv)) return statement_csv(ledger, workers, call);
  auto page = statement(ledger, call);
  if (!page) return std::unexpected(std::move(page.error()));
  return json_of(std::move(*page));
}

// ---- escrows and groups -------------------------------------------------------------------------

Result<std::string> escrows(const Ledger& ledger, const Call& call) {
  EscrowFilter filter;
  filter.group = value_of(call, "group");
  filter.payer = value_of(call, "payer");
  filter.beneficiary = value_of(call, "beneficiary");
  if (const auto status = value_of(call, "status"); !status.empty()) {
    filter.status = parse_escrow_status(status);
    if (!filter.status) {
      return std::unexpected(invalid(
          "status",
          fmt::format(
              "the query's \"status\" must be one of LOCKED, FROZEN, RELEASED, REFUNDED, SPLIT, not \"{}\"",
              status.substr(0, 60))));
    }
  }
  const auto limit = limit_of(call);
  if (!limit) return std::unexpected(limit.error());
  const auto after = after_of(call);
  if (!after) return std::unexpected(after.error());
  filter.limit = *limit;
  filter.after = EscrowId(*after);
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

// ---- search -------------------------------------------------------------------------------------

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
  if (wanted.empty()) return std::unexpected(invalid("q", "give what to look for as the query's \"q\""));
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

// ---- routes -------------------------------------------------------------------------------------

class Questions {
 public:
  Questions(const Ledger& ledger, Workers& workers) : ledger_(ledger), workers_(workers) {}

  /// `answer` runs on a worker.
  void add(std::string path, std::vector<std::string> query,
           std::function<Result<http::Response>(const Call&)> answer) {
    auto run = [&workers = workers_, answer = std::move(answer)](Call call, const http::Respond& respond) {
      const auto shared = std::make_shared<Call>(std::move(call));
      const bool posted = workers.post([shared, respond, answer] {
        auto answered = answer(*shared);
        respond(answered ? std::move(*answered) : problem(answered.error(), shared->request.head.id));
      });
      if (!posted) {
        respond(problem(Trouble::overloaded, "too many questions are under way: ask again in a moment",
                        shared->request.head.id));
      }
    };
    routes_.push_back(
        {.method = "GET", .path = std::move(path), .query = std::move(query), .run = std::move(run)});
  }
  /// The same for answers that are JSON.
  void add_json(std::string path, std::vector<std::string> query,
                std::function<Result<std::string>(const Call&)> answer) {
    add(std::move(path), std::move(query),
        [answer = std::move(answer)](const Call& call) -> Result<http::Response> {
          auto body = answer(call);
          if (!body) return std::unexpected(std::move(body.error()));
          return json_of(std::move(*body));
        });
  }

  [[nodiscard]] std::vector<Route> take() { return std::move(routes_); }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] Workers& workers() const { return workers_; }

 private:
  const Ledger& ledger_;
  Workers& workers_;
  std::vector<Route> routes_;
};

void add_account_questions(Questions& to) {
  const auto& ledger = to.ledger();
  auto& workers = to.workers();
  to.add_json("/v1/accounts", {"after", "limit"}, [&ledger](const Call& call) -> Result<std::string> {
    const auto limit = limit_of(call);
    if (!limit) return std::unexpected(limit.error());
    return page_of(ledger.accounts(value_of(call, "after"), *limit));
  });
  to.add_json("/v1/accounts/{account}", {},
              [&ledger](const Call& call) { return one(ledger.account(call.path[0])); });
  to.add("/v1/accounts/{account}/statement", {"after", "limit", "from", "to", "format"},
         [&ledger, &workers](const Call& call) { return statement_either(ledger, workers, call); });
}

void add_escrow_questions(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/escrows", {"group", "payer", "beneficiary", "status", "after", "limit"},
              [&ledger](const Call& call) { return escrows(ledger, call); });
  to.add_json("/v1/escrows/{escrow}", {},
              [&ledger](const Call& call) { return one(ledger.escrow(escrow_ref(call.path[0]))); });
  to.add_json("/v1/escrows/{escrow}/history", {},
              [&ledger](const Call& call) { return history(ledger, call); });
  to.add_json("/v1/groups", {"after", "limit"}, [&ledger](const Call& call) -> Result<std::string> {
    const auto limit = limit_of(call);
    if (!limit) return std::unexpected(limit.error());
    return page_of(ledger.groups(value_of(call, "after"), *limit));
  });
  to.add_json("/v1/groups/{group}", {},
              [&ledger](const Call& call) { return one(ledger.group(call.path[0])); });
  const auto sums = std::make_shared<GroupSums>(ledger);
  to.add_json("/v1/groups/{group}/summary", {},
              [sums](const Call& call) { return sums->summary(call.path[0]); });
}

void add_ledger_questions(Questions& to) {
  const auto& ledger = to.ledger();
  to.add_json("/v1/fee-plans", {}, [&ledger](const Call& /*call*/) -> Result<std::string> {
    const auto rows = ledger.fee_plans();
    if (!rows) return std::unexpected(rows.error());
    return rows_of(*rows);
  });
  to.add_json("/v1/trial-balance", {}, [&ledger](const Call& /*call*/) -> Result<std::string> {
    const auto rows = ledger.trial_balance();
    if (!rows) return std::unexpected(rows.error());
    return rows_of(*rows);
  });
  to.add_json("/v1/status", {}, [&ledger](const Call& /*call*/) { return one(ledger.status()); });
  to.add_json("/v1/due", {"until", "limit"}, [&ledger](const Call& call) { return due(ledger, call); });
  to.add_json("/v1/search", {"q"}, [&ledger](const Call& call) { return search(ledger, call); });
}

}  // namespace

std::vector<Route> query_routes(const Ledger& ledger, Workers& workers) {
  Questions questions(ledger, workers);
  add_account_questions(questions);
  add_escrow_questions(questions);
  add_ledger_questions(questions);
  return questions.take();
}

}  // namespace holdfast::server
