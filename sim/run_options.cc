#include "sim/run_options.h"

#include <fmt/format.h>

#include <array>

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
  options.disk.sync_error = rate(30'000);
  options.disk.directory_error = rate(8'000);
  options.disk.call_error = rate(1'500);
  options.disk.interrupted = prng.one_in(2) ? 0 : 500'000;
  options.disk.no_space = rate(60'000);
  if (prng.one_in(6)) options.disk.capacity_bytes = (std::uint64_t{512} + prng.below(2'048)) << 10;
  options.crash_of_million = prng.one_in(5) ? 0 : 1 + prng.below(10'000);
  options.clock_jump_of_million = rate(20'000);
  options.interleave_of_million = rate(400'000);
  options.flood_of_million = prng.one_in(10) ? 10'000 : 0;
  options.clients = 1 + prng.below(40);
  options.lost_answer_of_million = rate(100'000);
  options.patience_steps = prng.one_in(2) ? 1'000'000 : 2 + prng.below(60);
  // Most runs are seconds of a busy server, some are days in which dates come.
  constexpr std::array<std::int64_t, 4> kPaces = {5'000, 5'000, 1'000'000, 60'000'000};
  options.pace_micros = prng.pick(kPaces);
  const auto weight = [&](std::uint32_t usual) {
    return prng.one_in(4) ? usual : static_cast<std::uint32_t>(prng.below(2 * std::uint64_t{usual} + 1));
  };
  options.weights = {8,         1 + weight(6), 1 + weight(4),           weight(3),
                     weight(1), weight(1),     prng.one_in(4) ? 1U : 0U};
  const auto ending = prng.below(4);
  options.rots = ending <= 1;
  options.misdirects = ending == 2;
  options.engine.log.segment_bytes = std::uint64_t{4096} << (2 + prng.below(3));
  options.engine.group_bytes_max = std::size_t{64} << prng.below(10);
  options.engine.snapshot_every_bytes = std::uint64_t{256} << prng.below(8);
  return options;
}

void switch_off_faults(RunOptions& options) {
  options.disk = {};
  options.crash_of_million = options.clock_jump_of_million = options.lost_answer_of_million = 0;
  options.rots = options.misdirects = false;
}

std::string describe(const RunOptions& options) {
  const auto& disk = options.disk;
  const auto& weights = options.weights;
  return fmt::format(
      "steps {} clients {} patience {} lost answers {} crash {} jump {} pace {} interleave {} flood {} | "
      "submit {} decide "
      "{} sync {} maintain {} due {} beside {} scrub {} | short {} read {} write {} sync {} dir {} call {} "
      "EINTR {} "
      "space {} capacity {} | segment {} group {} snapshot {}{}{}",
      options.steps, options.clients, options.patience_steps, options.lost_answer_of_million,
      options.crash_of_million, options.clock_jump_of_million, options.pace_micros,
      options.interleave_of_million, options.flood_of_million, weights.submit, weights.decide, weights.sync,
      weights.maintain, weights.settle_due, weights.look_from_beside, weights.scrub, disk.short_write,
      disk.read_error, disk.write_error, disk.sync_error, disk.directory_error, disk.call_error,
      disk.interrupted, disk.no_space, disk.capacity_bytes, options.engine.log.segment_bytes,
      options.engine.group_bytes_max, options.engine.snapshot_every_bytes, options.rots ? " rots" : "",
      options.misdirects ? " misdirects" : "");
}

}  // namespace holdfast::sim
