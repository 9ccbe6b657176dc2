#include "sim/run_options.h"

#include <fmt/format.h>

#include "sim/prng.h"

namespace holdfast::sim {

RunOptions draw_options(std::uint64_t seed) {
  Prng prng(seed ^ 0x686f6c6466617374);
  RunOptions options;
  options.seed = seed;
  options.steps = 500 + prng.below(2'500);
  const auto rate = [&](std::uint64_t of_million) { return prng.one_in(2) ? 0 : 1 + prng.below(of_million); };
  options.disk.short_write = rate(200'000);
  options.disk.read_error = rate(1'000);
  options.disk.write_error = rate(4'000);
  options.disk.sync_error = rate(10'000);
  options.disk.directory_error = rate(8'000);
  options.disk.no_space = rate(60'000);
  if (prng.one_in(6)) options.disk.capacity_bytes = (std::uint64_t{512} + prng.below(2'048)) << 10;
  options.crash_of_million = prng.one_in(5) ? 0 : 1 + prng.below(10'000);
  options.clock_jump_of_million = rate(20'000);
  options.interleave_of_million = rate(400'000);
  options.flood_of_million = prng.one_in(10) ? 10'000 : 0;
  options.in_flight_max = 1 + prng.below(40);
  const auto ending = prng.below(4);
  options.rots = ending == 0;
  options.misdirects = ending == 1;
  options.engine.log.segment_bytes = std::uint64_t{4096} << (2 + prng.below(3));
  options.engine.group_bytes_max = std::size_t{64} << prng.below(10);
  options.engine.snapshot_every_bytes = std::uint64_t{256} << prng.below(8);
  return options;
}

std::string describe(const RunOptions& options) {
  const auto& disk = options.disk;
  return fmt::format(
      "steps {} in_flight {} crash {} jump {} interleave {} flood {} | short {} read {} write {} sync {} dir "
      "{} "
      "space {} capacity {} | segment {} group {} snapshot {}{}{}",
      options.steps, options.in_flight_max, options.crash_of_million, options.clock_jump_of_million,
      options.interleave_of_million, options.flood_of_million, disk.short_write, disk.read_error,
      disk.write_error, disk.sync_error, disk.directory_error, disk.no_space, disk.capacity_bytes,
      options.engine.log.segment_bytes, options.engine.group_bytes_max, options.engine.snapshot_every_bytes,
      options.rots ? " rots" : "", options.misdirects ? " misdirects" : "");
}

}  // namespace holdfast::sim
