// Statements that are sent together, each with what is to be done with its rows.
#pragma once

#include <functional>
#include <utility>

#include "postgres/session.h"

namespace holdfast::postgres {

class Pipeline {
 public:
  using Read = std::function<void(const ResultSet&)>;

  void add(std::string_view sql, std::vector<Value> values = {}, Read read = {}) {
    statements_.push_back({sql, std::move(values)});
    reads_.push_back(std::move(read));
  }
  [[nodiscard]] bool empty() const { return statements_.empty(); }

  /// Sends all, reads the results in order, and is empty again. After an error nothing was read.
  [[nodiscard]] std::expected<void, SqlError> run(Session& session) {
    const auto statements = std::exchange(statements_, {});
    const auto reads = std::exchange(reads_, {});
    auto results = session.run(statements);
    if (!results) return std::unexpected(std::move(results.error()));
    for (std::size_t i = 0; i < reads.size(); ++i) {
      if (reads[i]) reads[i](*(*results)[i]);
    }
    return {};
  }

 private:
  std::vector<Statement> statements_;
  std::vector<Read> reads_;
};

}  // namespace holdfast::postgres
