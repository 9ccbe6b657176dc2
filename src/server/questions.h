// What questions over HTTP share: reading a query's values, pages of rows, and answering on a worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/ledger.h"
#include "json/render.h"
#include "json/writer.h"
#include "server/routes.h"
#include "server/workers.h"

namespace holdfast::server {

inline constexpr std::size_t kMostRows = 1'000;  // of a page
inline constexpr std::size_t kUsualRows = 100;

/// `invalid_command` that names the field of the query.
[[nodiscard]] Error invalid_query(std::string field, std::string message);

/// A value of the query; none: not given.
[[nodiscard]] std::optional<std::string> value_of(const Call& call, const std::string& name);
/// The name of an account or a group; empty: not given. Errors: `invalid_command`.
[[nodiscard]] Result<std::string> name_of(const Call& call, const std::string& name);
/// A time, RFC 3339; none: not given. Errors: `invalid_command`.
[[nodiscard]] Result<std::optional<Timestamp>> time_of(const Call& call, const std::string& name);
/// `limit`, 1 to kMostRows. Errors: `invalid_command`.
[[nodiscard]] Result<std::size_t> limit_of(const Call& call);
/// Digits alone are an id, anything else a key.
[[nodiscard]] EscrowRef escrow_ref(const std::string& text);

/// Which page a query asks for: the rows after a number, or after a name.
struct NumberedPage {
  std::uint64_t after = 0;
  std::size_t limit = kUsualRows;
};
struct NamedPage {
  std::string after;
  std::size_t limit = kUsualRows;
};
/// `after` and `limit`. Errors: `invalid_command`.
[[nodiscard]] Result<NumberedPage> numbered_page(const Call& call);
[[nodiscard]] Result<NamedPage> named_page(const Call& call);

[[nodiscard]] http::Response json_of(std::string body);

inline void write_cursor(json::Writer& out, const std::string& cursor) {
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

/// The same for a list that is never long.
template <class Row>
Result<std::string> rows_of(const Result<std::vector<Row>>& rows) {
  if (!rows) return std::unexpected(rows.error());
  json::Writer out;
  out.begin_object().name("rows").begin_list();
  for (const auto& row : *rows) out.raw(json::to_json(row));
  return out.end_list().name("next").null().end_object().take();
}

template <class Row>
Result<std::string> one(const Result<Row>& row) {
  if (!row) return std::unexpected(row.error());
  return json::to_json(*row);
}

/// Routes as they are added. The ledger and the workers outlive them.
class Questions {
 public:
  Questions(const Ledger& ledger, Workers& workers) : ledger_(ledger), workers_(workers) {}

  /// `answer` runs on a worker.
  void add(std::string path, std::vector<std::string> query,
           std::function<Result<http::Response>(const Call&)> answer);
  /// The same for answers that are JSON.
  void add_json(std::string path, std::vector<std::string> query,
                std::function<Result<std::string>(const Call&)> answer);

  [[nodiscard]] std::vector<Route> take() { return std::move(routes_); }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] Workers& workers() const { return workers_; }

 private:
  const Ledger& ledger_;
  Workers& workers_;
  std::vector<Route> routes_;
};

/// The families of questions; `query_routes` has them all.
void add_account_questions(Questions& to);
void add_escrow_questions(Questions& to);
void add_group_questions(Questions& to);
void add_search(Questions& to);

}  // namespace holdfast::server
