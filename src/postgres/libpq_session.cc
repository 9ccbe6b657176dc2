#include "postgres/libpq_session.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "postgres/binary_format.h"

namespace holdfast::postgres {
namespace {

constexpr int kBinary = 1;
constexpr int kConnectTimeoutS = 10;            // where nobody says another
constexpr std::size_t kParametersMax = 65'535;  // the protocol counts them in 16 bits

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, FreeResult>;

struct FreeConnection {
  void operator()(PGconn* connection) const {
    if (owned) PQfinish(connection);
  }
  bool owned = true;
};
using ConnectionPtr = std::unique_ptr<PGconn, FreeConnection>;

/// Lines joined to one, without the blanks that led or ended them.
std::string one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto first = part.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    part = part.substr(first, part.find_last_not_of(" \t\r") + 1 - first);
    if (!line.empty()) line += ' ';
    line += part;
  }
  return line;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : one_line(text);
}

/// The rows as libpq holds them; values are decoded when they are read.
class LibpqResult final : public ResultSet {
 public:
  explicit LibpqResult(ResultPtr result) : result_(std::move(result)) {}

  [[nodiscard]] std::size_t rows() const override {
    return static_cast<std::size_t>(PQntuples(result_.get()));
  }

  [[nodiscard]] std::size_t changed() const override {
    const std::string_view tag = PQcmdStatus(result_.get());
    const auto is = [&](std::string_view command) { return tag.starts_with(command); };
    if (!is("INSERT ") && !is("UPDATE ") && !is("DELETE ") && !is("MERGE ")) return 0;
    const std::string_view digits = PQcmdTuples(result_.get());
    std::size_t count = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), count);
    return count;
  }

  [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const override {
    check_place(row, column);
    return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
  }

  [[nodiscard]] bool boolean(std::size_t row, std::size_t column) const override {
    const auto value = raw(row, column, [](TypeId type) { return type == type_id::kBool; });
    return value.front() != std::byte{0};
  }

  [[nodiscard]] std::int64_t integer(std::size_t row, std::size_t column) const override {
    return read_integer(raw(row, column, [](TypeId type) {
      return type == type_id::kInt8 || type == type_id::kInt4 || type == type_id::kInt2;
    }));
  }

  [[nodiscard]] std::string_view text(std::size_t row, std::size_t column) const override {
    const auto value = raw(row, column, [](TypeId type) {
      return type == type_id::kText || type == type_id::kVarchar || type == type_id::kBpchar ||
             type == type_id::kName || type == type_id::kChar || type >= type_id::kFirstUserDefined;
    });
    return {reinterpret_cast<const char*>(value.data()), value.size()};
  }

  [[nodiscard]] std::span<const std::byte> bytes(std::size_t row, std::size_t column) const override {
    return raw(row, column, [](TypeId type) { return type == type_id::kBytea; });
  }

  [[nodiscard]] Timestamp time(std::size_t row, std::size_t column) const override {
    return read_time(raw(row, column, [](TypeId type) { return type == type_id::kTimestamptz; }));
  }

  [[nodiscard]] RowPlace place(std::size_t row, std::size_t column) const override {
    return read_place(raw(row, column, [](TypeId type) { return type == type_id::kTid; }));
  }

 private:
  void check_place(std::size_t row, std::size_t column) const {
    HOLDFAST_ASSERT(row < rows(), "a row that is there is read");
    HOLDFAST_ASSERT(column < static_cast<std::size_t>(PQnfields(result_.get())),
                    "a column that is there is read");
  }

  template <class IsOfType>
  [[nodiscard]] std::span<const std::byte> raw(std::size_t row, std::size_t column,
                                               IsOfType is_of_type) const {
    HOLDFAST_ASSERT(!is_null(row, column), "a value that is read is not null");
    const auto r = static_cast<int>(row);
    const auto c = static_cast<int>(column);
    HOLDFAST_ASSERT(is_of_type(PQftype(result_.get(), c)), "a column is read as the type that it has");
    return {reinterpret_cast<const std::byte*>(PQgetvalue(result_.get(), r, c)),
            static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
  }

  ResultPtr result_;
};

/// The values of one statement as libpq takes them: arrays of one length, pointers into `parameters`.
struct Parameters {
  explicit Parameters(const std::vector<Value>& values) {
    HOLDFAST_ASSERT(values.size() <= kParametersMax, "a statement has at most 65535 parameters");
    parameters.reserve(values.size());
    for (const auto& value : values) {
      const auto& [type, null, bytes] = parameters.emplace_back(to_parameter(value));
      HOLDFAST_ASSERT(std::in_range<int>(bytes.size()), "a parameter is smaller than 2 GiB");
      types.push_back(type);
      // A null pointer means a null: what is empty points elsewhere.
      const char* data = bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data());
      pointers.push_back(null ? nullptr : data);
      lengths.push_back(static_cast<int>(bytes.size()));
      formats.push_back(kBinary);
    }
  }
  std::vector<Parameter> parameters;
  std::vector<Oid> types;
  std::vector<const char*> pointers;
  std::vector<int> lengths;
  std::vector<int> formats;
};

/// How long a server may be silent before it is asked whether it is there: the connection's connect_timeout.
std::chrono::seconds patience_of(PGconn* connection) {
  constexpr int kLeast = 2;  // libpq's own least
  constexpr int kMost = 3'600;
  int seconds = 0;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(connection),
                                                                             PQconninfoFree);
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) == "connect_timeout" && option->val != nullptr)
      seconds = std::atoi(option->val);
  }
  return std::chrono::seconds(seconds <= 0 ? kConnectTimeoutS : std::clamp(seconds, kLeast, kMost));
}

/// Whether the server of `connection` lets anybody in, or at least says that it does not.
bool answers(const PGconn* connection, std::chrono::seconds timeout) {
  const auto seconds = std::to_string(timeout.count());
  const std::array<const char*, 7> keywords{"host",   "hostaddr",        "port", "user",
                                            "dbname", "connect_timeout", nullptr};
  const std::array<const char*, 7> values{PQhost(connection),
                                          PQhostaddr(connection),
                                          PQport(connection),
                                          PQuser(connection),
                                          PQdb(connection),
                                          seconds.c_str(),
                                          nullptr};
  return PQpingParams(keywords.data(), values.data(), 0) != PQPING_NO_RESPONSE;
}

class LibpqSession final : public Session {
 public:
  explicit LibpqSession(ConnectionPtr connection)
      : connection_(std::move(connection)), patience_(patience_of(connection_.get())) {}

  [[nodiscard]] std::expected<ResultSets, SqlError> run(std::span<const Statement> statements) override {
    if (connection_ == nullptr) return std::unexpected(lost());
    if (statements.empty()) return ResultSets{};
    if (!send(statements)) return std::unexpected(lost());
    return receive(statements.size());
  }

  [[nodiscard]] std::expected<void, SqlError> run_script(std::string_view sql) override {
    if (connection_ == nullptr) return std::unexpected(lost());
    // Several statements in one text go by the simple protocol only, which pipeline mode has not.
    if (PQexitPipelineMode(connection()) == 0) return std::unexpected(lost());
    const ResultPtr result(PQexec(connection(), std::string(sql).c_str()));
    if (PQstatus(connection()) == CONNECTION_BAD) return std::unexpected(lost());
    if (PQenterPipelineMode(connection()) == 0) return std::unexpected(lost());
    if (PQresultStatus(result.get()) != PGRES_FATAL_ERROR) return {};
    auto error = error_of(result.get());
    return std::unexpected(error.state.empty() ? lost() : std::move(error));
  }

 private:
  [[nodiscard]] PGconn* connection() const { return connection_.get(); }

  /// Queues all statements and what ends them. Nothing here waits for the server: what does not fit into the
  /// socket stays with libpq, because a server that cannot get rid of its results reads nothing.
  bool send(std::span<const Statement> statements) {
    for (const auto& statement : statements) {
      const Parameters values(statement.values);
      const std::string sql(statement.sql);
      if (PQsendQueryParams(connection(), sql.c_str(), static_cast<int>(values.types.size()),
                            values.types.data(), values.pointers.data(), values.lengths.data(),
                            values.formats.data(), kBinary) == 0) {
        return false;
      }
    }
    return PQpipelineSync(connection()) != 0;
  }

  /// Writes what is queued and reads what comes, by turns, up to the sync that ends the statements.
  std::expected<ResultSets, SqlError> receive(std::size_t statements) {
    ResultSets results;
    results.reserve(statements);
    std::optional<SqlError> error;
    while (true) {
      const int unsent = PQflush(connection());
      while (PQisBusy(connection()) == 0) {
        ResultPtr result(PQgetResult(connection()));
        if (PQstatus(connection()) == CONNECTION_BAD) return std::unexpected(lost());
        if (result == nullptr) continue;  // the end of one statement's results
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_PIPELINE_SYNC) {
          if (error) return std::unexpected(std::move(*error));
          HOLDFAST_ASSERT(results.size() == statements, "each statement has one result");
          return results;
        }
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
          results.push_back(std::make_unique<LibpqResult>(std::move(result)));
        } else if (!error && status != PGRES_PIPELINE_ABORTED) {
          error = error_of(result.get());
          if (error->state.empty())
            return std::unexpected(lost());  // libpq's own, or a COPY: no way on from there
        }
      }
      if (!wait(unsent > 0) || PQconsumeInput(connection()) == 0) return std::unexpected(lost());
    }
  }

  /// Waits until there is something to read, or room to write where `to_write`. A statement may take long: a
  /// server that is silent is asked by another connection whether it is there, again and again. False: it is
  /// not.
  bool wait(bool to_write) {
    pollfd socket{.fd = PQsocket(connection()), .events = POLLIN, .revents = 0};
    if (to_write) socket.events |= POLLOUT;
    while (true) {
      const int ready = ::poll(&socket, 1, static_cast<int>(patience_.count()) * 1'000);
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
      if (ready < 0 || answers(connection(), patience_)) continue;
      silence_ =
          fmt::format("the server said nothing for {} s, and takes no new connection", patience_.count());
      ::shutdown(socket.fd, SHUT_RDWR);  // whose connection it is sees that it is lost
      return false;
    }
  }

  static SqlError error_of(const PGresult* result) {
    return {.state = field(result, PG_DIAG_SQLSTATE),
            .message = field(result, PG_DIAG_MESSAGE_PRIMARY),
            .constraint = field(result, PG_DIAG_CONSTRAINT_NAME)};
  }

  /// Gives the connection up: nobody knows what the server did.
  SqlError lost() {
    if (connection_ != nullptr) {
      if (!silence_.empty()) PQconsumeInput(connection());
      lost_because_ = silence_.empty() ? one_line(PQerrorMessage(connection())) : silence_;
    }
    connection_.reset();
    return {.state = {}, .message = lost_because_};
  }

  ConnectionPtr connection_;  // null once it is lost
  std::chrono::seconds patience_;
  std::string silence_;
  std::string lost_because_;
};

/// The caller's connection, in pipeline mode only as long as a run takes.
class BorrowedSession final : public Session {
 public:
  explicit BorrowedSession(PGconn* connection)
      : connection_(connection), inner_(ConnectionPtr(connection, FreeConnection{.owned = false})) {}

  [[nodiscard]] std::expected<ResultSets, SqlError> run(std::span<const Statement> statements) override {
    if (statements.empty()) return ResultSets{};
    if (auto ready = check(statements.front()); !ready) return std::unexpected(std::move(ready.error()));
    const int nonblocking = PQisnonblocking(connection_);
    if (PQsetnonblocking(connection_, 1) != 0 || PQenterPipelineMode(connection_) == 0) {
      return std::unexpected(SqlError{"55000", one_line(PQerrorMessage(connection_))});
    }
    auto results = inner_.run(statements);
    if (PQstatus(connection_) == CONNECTION_BAD) return results;
    const bool left = PQexitPipelineMode(connection_) != 0;
    HOLDFAST_ASSERT(left || !results, "nothing is under way after a run");
    PQsetnonblocking(connection_, nonblocking);
    return results;
  }
  [[nodiscard]] std::expected<void, SqlError> run_script(std::string_view) override {
    return std::unexpected(SqlError{"0A000", "a script is nothing for a caller's session"});
  }

 private:
  [[nodiscard]] std::expected<void, SqlError> check(const Statement& first) const {
    if (PQstatus(connection_) == CONNECTION_BAD)
      return std::unexpected(SqlError{{}, one_line(PQerrorMessage(connection_))});
    if (PQpipelineStatus(connection_) != PQ_PIPELINE_OFF) {
      return std::unexpected(SqlError{
          "55000", "the connection is in pipeline mode: read its results and leave that mode first"});
    }
    switch (PQtransactionStatus(connection_)) {
      case PQTRANS_INTRANS:
        return {};
      case PQTRANS_IDLE:
        return std::unexpected(SqlError{"25P01", "no transaction is open"});
      case PQTRANS_INERROR:
        if (first.sql.starts_with("rollback")) return {};  // to a savepoint: the way out
        return std::unexpected(SqlError{"25P02", "the transaction has failed"});
      case PQTRANS_ACTIVE:
      case PQTRANS_UNKNOWN:
        break;
    }
    return std::unexpected(
        SqlError{"55000", "a command of your own is under way on the connection: read its results first"});
  }

  PGconn* connection_;
  LibpqSession inner_;
};

/// What is wrong with `conninfo` as a text. libpq's own message would quote it, and a password with it.
Result<void> check_conninfo(const std::string& conninfo) {
  const bool is_uri = conninfo.starts_with("postgresql://") || conninfo.starts_with("postgres://");
  if (!is_uri && conninfo.find('=') == std::string::npos) return {};  // a database's name
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree);
  if (options == nullptr) {
    return fail(
        ErrorCode::storage_failed,
        "the connection text is neither a URI (postgresql://user@host/database) nor key=value pairs that "
        "libpq knows. It is not repeated here, because it may hold a password");
  }
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    const std::string_view keyword = option->keyword;
    const std::string_view value = option->val == nullptr ? "" : option->val;
    const bool split_host =
        keyword == "host" && !value.starts_with('/') && value.find('@') != std::string_view::npos;
    const bool no_port =
        keyword == "port" && value.find_first_not_of("0123456789,") != std::string_view::npos;
    if (is_uri && (split_host || no_port)) {
      return fail(ErrorCode::storage_failed,
                  "the connection URI has a \":\" or \"@\" where a password may have been cut: write it as "
                  "postgresql://user:password@host:port/database, with %3A for \":\" and %40 for \"@\" in "
                  "the password");
    }
  }
  return {};
}

/// The server and database that were tried, by what libpq made of the text and the environment.
std::string place_of(const PGconn* connection) {
  const auto or_none = [](const char* text) { return std::string_view(text == nullptr ? "" : text); };
  return fmt::format("database {} at {}, port {}", in_quotes(or_none(PQdb(connection))),
                     in_quotes(or_none(PQhost(connection))), or_none(PQport(connection)));
}

/// What to do about a connection that was refused, where that is plain.
std::string_view hint_for(std::string_view message) {
  const auto says = [&](std::string_view text) { return message.find(text) != std::string_view::npos; };
  if (says("database \"") && says("does not exist")) return ". Make it with: createdb --encoding=UTF8 NAME";
  if (says("password authentication failed") || says("no password supplied"))
    return ". Give the password in ~/.pgpass, in PGPASSWORD, or in the url";
  return "";
}

void ignore_notice(void*, const char*) {}

}  // namespace

Result<std::unique_ptr<Session>> connect(const std::string& conninfo) {
  if (auto good = check_conninfo(conninfo); !good) return std::unexpected(good.error());
  // What stands before dbname can be overridden by `conninfo`, which is expanded there; what follows it
  // cannot.
  const std::array<const char*, 9> keywords{
      "connect_timeout",  "keepalives_idle",  "keepalives_interval",
      "keepalives_count", "tcp_user_timeout", "fallback_application_name",
      "dbname",           "client_encoding",  nullptr};
  const auto connect_timeout = std::to_string(kConnectTimeoutS);
  const std::array<const char*, 9> values{connect_timeout.c_str(), "30",   "20",   "3", "90000", "holdfast",
                                          conninfo.c_str(),        "UTF8", nullptr};
  ConnectionPtr connection(PQconnectdbParams(keywords.data(), values.data(), 1));
  HOLDFAST_ASSERT(connection != nullptr, "there is memory for a connection");
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    const auto why = one_line(PQerrorMessage(connection.get()));
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot connect to {}: {}{}", place_of(connection.get()), why, hint_for(why)));
  }
  PQsetNoticeProcessor(connection.get(), ignore_notice, nullptr);
  if (PQsetnonblocking(connection.get(), 1) != 0 || PQenterPipelineMode(connection.get()) == 0) {
    return fail(ErrorCode::storage_failed,
                fmt::format("cannot use the connection to {}: {}", place_of(connection.get()),
                            one_line(PQerrorMessage(connection.get()))));
  }
  return std::make_unique<LibpqSession>(std::move(connection));
}

std::unique_ptr<Session> borrow(pg_conn* connection) {
  return std::make_unique<BorrowedSession>(connection);
}

}  // namespace holdfast::postgres
