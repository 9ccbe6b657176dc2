// The session over libpq, PostgreSQL's own client library.
//
// A run is one round trip: its statements go out in pipeline mode while their results come in, as binary
// values. Nothing is kept in the server's session (no prepared statements, no settings), so that a pooler
// which gives each transaction another connection (pgbouncer in transaction mode) works.
#pragma once

#include <memory>
#include <string>

#include "postgres/session.h"

struct pg_conn;  // libpq's PGconn

namespace holdfast::postgres {

/// Connects to the server that `conninfo` names: a URI (`postgresql://user@host/database`), `key=value`
/// pairs, or the name of a database. What it leaves out comes from the environment (PGHOST, PGPASSWORD, …) as
/// for psql; without any it waits 10 s for the connection (`connect_timeout`). A server that says nothing for
/// as long while a statement runs is asked by a second connection whether it is there; where it does not
/// answer that either, the connection is lost. Where only this one connection is dead, that is noticed within
/// 90 s (`tcp_user_timeout`). `storage_failed` where it cannot connect, with host and database named and
/// never a password.
[[nodiscard]] Result<std::unique_ptr<Session>> connect(const std::string& conninfo);

/// A session over a connection that the caller keeps, and uses himself between the runs: it is left as it
/// was, but for what the statements did. Outside of a transaction, in one that failed (but for a rollback),
/// in pipeline mode, and while a command of the caller's is under way a run is refused with 25P01, 25P02 or
/// 55000, and nothing is sent.
/// \pre it outlives the session
[[nodiscard]] std::unique_ptr<Session> borrow(pg_conn* connection);

}  // namespace holdfast::postgres
