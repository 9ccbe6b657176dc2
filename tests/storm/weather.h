// The faults of a round, one after another while people work. All that it takes away it gives back before it
// returns.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/prng.h"
#include "tests/storm/faults.h"
#include "tests/storm/person.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_server.h"

namespace holdfast::storm {

class Weather {
 public:
  /// \param proxy     of the stores
  /// \param callers   the callers' proxy
  /// \param database  of the server
  /// \param store     for commands that need room
  Weather(testing::PostgresServer& server, testing::CuttingProxy& proxy, testing::CuttingProxy& callers,
          std::string database, Store& store, testing::SealOrder& order, sim::Prng prng)
      : server_(server),
        proxy_(proxy),
        callers_(callers),
        database_(std::move(database)),
        store_(store),
        order_(order),
        prng_(prng) {}

  /// \param faults    of the round; what is armed and not met comes again in the next
  /// \param commands  of the round: the faults are spread over them
  void run(std::vector<Fault> faults, Progress& progress, std::size_t commands);

 private:
  void inject(Fault fault, Progress& progress);
  void arm(Fault fault, testing::CuttingProxy& proxy);
  void disarm(std::optional<Fault>& armed, testing::CuttingProxy& proxy, Progress& progress);
  void end_sessions() const;
  void fill_tables(Progress& progress);
  void fill_log();

  testing::PostgresServer& server_;
  testing::CuttingProxy& proxy_;
  testing::CuttingProxy& callers_;
  std::string database_;
  Store& store_;
  testing::SealOrder& order_;
  sim::Prng prng_;
  std::optional<Fault> armed_;          // at the stores' proxy
  std::optional<Fault> armed_callers_;  // at the callers'
  std::vector<Fault> unmet_;
  std::uint64_t bulk_ = 0;
};

}  // namespace holdfast::storm
