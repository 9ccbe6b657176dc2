// `holdfast bench`: how fast this machine settles, every answer durable.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <memory>

#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "json/writer.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

std::uint64_t whole(double value) {
  return static_cast<std::uint64_t>(std::llround(value));
}

/// The shape that is documented for programs; rates are of escrows, whatever was done with them.
std::string json_of(const BenchReport& report) {
  const auto& o = report.options;
  auto text = fmt::format(
      R"({{"operation":"{}","store":"{}","escrows":{},"batch":{},"clients":{},"order":"{}","releases_per_s":{},)"
      R"("p50_ms":{:.3f},"p99_ms":{:.3f},"p999_ms":{:.3f},)",
      o.operation, o.on_postgres() ? "postgres" : "journal", o.escrows, o.batch, o.clients,
      o.random_order ? "random" : "sequential", whole(report.items_per_s), report.p50_ms, report.p99_ms,
      report.p999_ms);
  // What is measured of files is not known of a server.
  text +=
      o.on_postgres()
          ? std::string(R"("bytes_per_release":null,"disk_limit_per_s":null,"share_of_disk_limit":null,)")
          : fmt::format(R"("bytes_per_release":{:.1f},"disk_limit_per_s":{},"share_of_disk_limit":{:.3f},)",
                        report.bytes_per_item, whole(report.disk_limit_per_s),
                        report.items_per_s / report.disk_limit_per_s);
  return text + fmt::format(R"("rss_bytes_per_escrow":{:.1f}}})", report.rss_bytes_per_escrow);
}

void print(Context& context, const BenchReport& report) {
  const auto& o = report.options;
  context.out.line(fmt::format("{} {} in commands of {}, {} order, {} clients that wait for each answer",
                               o.operation, counted(o.escrows, "escrow"), grouped(o.batch),
                               o.random_order ? "random" : "sequential", grouped(o.clients)));
  context.out.line(
      fmt::format("  rate     {:>14} escrows/s, each answer durable", grouped(whole(report.items_per_s))));
  context.out.line(fmt::format("  latency  {:>14} ms a command at p50, {:.3f} at p99, {:.3f} at p99.9",
                               fmt::format("{:.3f}", report.p50_ms), report.p99_ms, report.p999_ms));
  if (o.on_postgres()) return;
  context.out.line(
      fmt::format("  journal  {:>14} bytes an escrow", fmt::format("{:.1f}", report.bytes_per_item)));
  context.out.line(fmt::format(
      "  disk     {:>14} escrows/s, were the bytes only written and synced: {:.0f} %",
      grouped(whole(report.disk_limit_per_s)), 100 * report.items_per_s / report.disk_limit_per_s));
  context.out.line(
      fmt::format("  memory   {:>14} bytes an escrow", fmt::format("{:.1f}", report.rss_bytes_per_escrow)));
}

ExitCode bench(Context& context, BenchOptions options) {
  if (options.ledger.empty()) {
    options.ledger = context.ledger_url.starts_with("postgres")
                         ? context.ledger_url
                         : fmt::format("./holdfast-bench-{}", ::getpid());
  }
  std::unique_ptr<ProgressBar> bar;
  std::string shown;
  const auto report =
      run_bench(std::move(options), [&](std::string_view what, std::uint64_t done, std::uint64_t of) {
        if (what != shown) {
          shown = what;
          bar.reset();  // the last bar ends its line first
          bar = std::make_unique<ProgressBar>(context.terminal, shown, "commands");
        }
        bar->update(done, of);
      });
  bar.reset();
  if (!report) return context.failed(report.error());
  if (context.json) {
    context.out.line(json_of(*report));
  } else {
    print(context, *report);
  }
  return ExitCode::done;
}

}  // namespace

void add_bench_command(CLI::App& app, Context& context) {
  auto* command = add_command(
      app, help_group::kCare, "bench", "Measure how fast this machine settles, durably",
      "holdfast bench release --escrows 10000000 --batch 8192 --order random\n"
      "Makes a ledger of its own, and removes it at the end; with --ledger postgresql://… it fills\n"
      "an empty ledger there, and leaves it.");
  const auto options = std::make_shared<BenchOptions>();
  const auto order = std::make_shared<std::string>("random");
  command
      ->add_option("operation", options->operation, "hold, release or mixed (releases and refunds in turn)")
      ->check(CLI::IsMember({"hold", "release", "mixed"}))
      ->required();
  command->add_option("--escrows", options->escrows, "escrows in the ledger, all settled once")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  command->add_option("--batch", options->batch, "escrows a command")
      ->check(CLI::Range(std::size_t{1}, kMaxListItems));
  command
      ->add_option("--clients", options->clients, "callers at once (2 for batches, 64 for single commands)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'024}));
  command->add_option("--order", *order, "of the ids: random or sequential")
      ->check(CLI::IsMember({"random", "sequential"}));
  command->add_option("--dir", options->ledger, "where the ledger is made (./holdfast-bench-PID)");
  command->callback([&context, options, order] {
    options->random_order = *order == "random";
    context.exit = bench(context, *options);
  });
}

}  // namespace holdfast::cli
