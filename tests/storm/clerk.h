// A caller who runs commands inside transactions of his own, beside a row of his own: an order, which has the
// ids of the events that came with it.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "tests/storm/person.h"

namespace holdfast::storm {

inline constexpr const char* kMakeOrders =
    "create table orders (number bigint primary key, events bigint[] not null default '{}')";

/// Sends his transaction again where it did not reach its end. Where COMMIT was not answered his order tells:
/// it cannot be placed twice.
class Clerk final : public Person {
 public:
  /// \param url    by way of the proxy
  /// \param first  the number of his first order; he has a million
  Clerk(std::string url, testing::SealOrder& order, sim::Prng prng, std::int64_t first)
      : url_(std::move(url)), order_(order), prng_(prng), next_order_(first) {}

  /// \pre they are commands
  void run(std::span<const Task> tasks, Progress& progress) override;
  /// Looks what became of transactions that he forgot, and that each order is there, or not, as he knows.
  void look_back(postgres::Session& session) override;
  [[nodiscard]] std::vector<Acknowledged> acknowledged() const override { return acknowledged_; }

 private:
  enum class End : std::uint8_t {
    committed,
    placed_before,  // an earlier attempt had been committed
    rolled_back,    // he wanted it so
    busy,           // others were in the way
    undone,         // an error, before COMMIT
    unknown,        // COMMIT was not answered
  };
  struct Answered {
    Command command;
    Result<Answer> answer;
    bool last = false;  // of its command
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
  };
  struct Attempt {
    std::int64_t order = 0;
    std::vector<Answered> answers;
  };

  void transaction(std::span<const Command> commands, Progress& progress);
  End attempt(std::span<const Command> commands, bool commits, Attempt& out, Progress& progress);
  End give(std::span<const Command> commands, Attempt& out, Progress& progress);
  /// \return the SQLSTATE; empty: it was done; `lost`: nobody knows
  std::string sql(const std::string& text);
  bool connect();
  void record(const Attempt& attempt);

  std::string url_;
  testing::SealOrder& order_;
  sim::Prng prng_;
  std::int64_t next_order_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, PQfinish};
  std::unique_ptr<Store> store_;
  std::vector<Acknowledged> acknowledged_;
  std::vector<Attempt> forgotten_;
  std::vector<std::int64_t> placed_;
  std::vector<std::int64_t> taken_back_;
};

}  // namespace holdfast::storm
