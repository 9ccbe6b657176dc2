// Somebody with a database of his own: a connection by libpq, and another driver behind the public port.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "holdfast/holdfast.h"

namespace holdfast::testing {

class Caller {
 public:
  explicit Caller(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str()), PQfinish) {
    EXPECT_EQ(PQstatus(get()), CONNECTION_OK) << PQerrorMessage(get());
    PQsetNoticeProcessor(get(), [](void*, const char*) {}, nullptr);
  }

  [[nodiscard]] PGconn* get() const { return connection_.get(); }

  /// The SQLSTATE; empty where all went well.
  std::string try_sql(const std::string& sql) const {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(get(), sql.c_str()), PQclear);
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return state == nullptr ? "" : state;
  }
  void sql(const std::string& text) const {
    EXPECT_EQ(try_sql(text), "") << text << ": " << PQerrorMessage(get());
  }
  [[nodiscard]] std::string value(const std::string& sql) const {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(get(), sql.c_str()), PQclear);
    EXPECT_EQ(PQresultStatus(result.get()), PGRES_TUPLES_OK) << sql << ": " << PQerrorMessage(get());
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// A driver that sends one statement at a time, as a cursor does. Its n-th statement can be made to fail.
class Driver final : public PostgresSession {
 public:
  explicit Driver(const Caller& caller) : caller_(caller) {}

  void fail_at(std::size_t statement) {
    left_ = statement;
    failed_ = false;
  }
  [[nodiscard]] bool failed() const { return failed_; }

  std::expected<std::vector<PostgresRows>, PostgresError> run(
      std::span<const PostgresStatement> statements) override {
    std::vector<PostgresRows> all;
    for (const auto& statement : statements) {
      if (left_ > 0 && --left_ == 0) {
        failed_ = true;
        caller_.try_sql("select 1 / 0");
        return std::unexpected(PostgresError{"22012", "division by zero"});
      }
      auto rows = run_one(statement);
      if (!rows) return std::unexpected(rows.error());
      all.push_back(std::move(*rows));
    }
    return all;
  }

 private:
  std::expected<PostgresRows, PostgresError> run_one(const PostgresStatement& statement) const {
    std::vector<Oid> types;
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const auto& value : statement.values) {
      types.push_back(value.type);
      values.push_back(value.bytes ? value.bytes->data() : nullptr);
      lengths.push_back(value.bytes ? static_cast<int>(value.bytes->size()) : 0);
    }
    const std::vector<int> formats(values.size(), 1);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexecParams(caller_.get(), statement.sql.c_str(), static_cast<int>(values.size()), types.data(),
                     values.data(), lengths.data(), formats.data(), 1),
        PQclear);
    if (const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE); state != nullptr) {
      return std::unexpected(PostgresError{state, PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY)});
    }
    PostgresRows rows;
    for (int c = 0; c < PQnfields(result.get()); ++c) rows.types.push_back(PQftype(result.get(), c));
    for (int r = 0; r < PQntuples(result.get()); ++r) {
      for (int c = 0; c < PQnfields(result.get()); ++c) {
        auto& value = rows.values.emplace_back();
        if (PQgetisnull(result.get(), r, c) == 0) {
          value.emplace(PQgetvalue(result.get(), r, c),
                        static_cast<std::size_t>(PQgetlength(result.get(), r, c)));
        }
      }
    }
    return rows;
  }

  const Caller& caller_;
  std::size_t left_ = 0;
  bool failed_ = false;
};

}  // namespace holdfast::testing
