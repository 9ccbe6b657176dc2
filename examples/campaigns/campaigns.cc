// Settles crowdfunding campaigns as they ended: funds the payers, holds every pledge, then closes each
// campaign: the successful are released under 5 % commission and 2.9 % for the processor, all others
// refunded. Ends with a report.
//
//   campaigns FILE.csv [--ledger DIR] [--program PATH]
//
// Every command carries a key made of the campaign's and the pledge's number, so running it again does
// nothing twice, and a run that was cut off goes on where it was.
#include <fmt/format.h>
#include <holdfast/holdfast.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "campaign_file.h"
#include "report.h"

namespace {

using campaigns::Campaign;
using campaigns::Sums;
using holdfast::Amount;
using holdfast::Answer;
using holdfast::Command;
using holdfast::Ledger;
using holdfast::Result;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kActor = "campaigns";

/// Progress of one phase: a bar that is drawn anew on a terminal, one line at the end anywhere.
class Phase {
 public:
  Phase(std::string_view name, std::uint64_t of) : name_(name), of_(of) {}

  void done(std::uint64_t n) {
    done_ += n;
    if (!terminal_ || Clock::now() - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = Clock::now();
    draw("\r");
  }
  void finish() {
    draw(terminal_ ? "\r" : "");
    fmt::print(stderr, "\n");
  }

 private:
  void draw(std::string_view start) const {
    constexpr std::uint64_t kWidth = 32;
    const auto full = of_ == 0 ? kWidth : done_ * kWidth / of_;
    std::string bar;
    for (std::uint64_t i = 0; i < kWidth; ++i) bar += i < full ? "█" : "·";
    const std::chrono::duration<double> taken = Clock::now() - begun_;
    const auto rate = static_cast<double>(done_) / std::max(taken.count(), 1e-9);
    fmt::print(stderr, "{}  {:<7} {} {:>9}  {:>6.1f} s  {:>10.0f}/s", start, name_, bar, done_, taken.count(),
               rate);
  }

  std::string name_;
  std::uint64_t of_ = 0;
  std::uint64_t done_ = 0;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point drawn_ = begun_;
};

/// Keeps many commands under way at once, so that they share syncs; remembers the first that failed.
class Pipeline {
 public:
  explicit Pipeline(Ledger& ledger) : ledger_(ledger) {}

  void submit(Command command, std::function<void(const Answer&)> use = {}) {
    {
      std::unique_lock hold(mutex_);
      changed_.wait(hold, [&] { return under_way_ < kWindow; });
      ++under_way_;
    }
    ledger_.submit(std::move(command), [this, use = std::move(use)](Result<Answer> answer) {
      const std::scoped_lock hold(mutex_);
      if (!answer) {
        if (!failed_) failed_ = answer.error();
      } else if (use) {
        use(*answer);
      }
      --under_way_;
      changed_.notify_all();
    });
  }
  /// Waits until all is answered.
  [[nodiscard]] Result<void> drain() {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [&] { return under_way_ == 0; });
    if (failed_) return std::unexpected(*failed_);
    return {};
  }

 private:
  static constexpr std::size_t kWindow = 8'192;
  Ledger& ledger_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t under_way_ = 0;
  std::optional<holdfast::Error> failed_;
};

struct Pledge {
  std::string key;
  std::string payer;
  const Campaign* campaign = nullptr;
  Amount amount;
};

/// A backer pledges about three times; which ones is a fixed shuffle.
std::vector<Pledge> pledges_of(const std::vector<Campaign>& all) {
  std::uint64_t count = 0;
  for (const auto& campaign : all) count += campaign.pledges;
  const std::uint64_t users = std::max<std::uint64_t>(1, count / 3);
  std::vector<Pledge> pledges;
  pledges.reserve(count);
  for (const auto& campaign : all) {
    for (const auto amount : campaigns::divide(campaign)) {
      const auto number = pledges.size() + 1;
      const auto user = number * 2'654'435'761U % users + 1;
      pledges.push_back({fmt::format("pledge:{}", number), fmt::format("user:{}", user), &campaign, amount});
    }
  }
  return pledges;
}

std::string name_of(const Campaign& campaign) {
  return "campaign:" + campaign.id;
}

Command make(holdfast::Operation operation, std::string key) {
  Command command{std::move(operation), {}};
  command.options.key = std::move(key);
  command.options.actor = kActor;
  return command;
}

std::set<holdfast::Currency> currencies_of(const std::vector<Campaign>& all) {
  std::set<holdfast::Currency> currencies;
  for (const auto& campaign : all) currencies.insert(campaign.currency);
  return currencies;
}

/// An account holds one currency, so with several each has a plan, and accounts for its fees, of its own.
std::string name_in(std::string_view name, holdfast::Currency currency, std::size_t currencies) {
  return currencies == 1 ? std::string(name) : fmt::format("{}:{}", name, currency.code());
}

Result<void> prepare(Ledger& ledger, const std::vector<Campaign>& all) {
  const auto currencies = currencies_of(all);
  for (const auto currency : currencies) {
    holdfast::DefineFeePlan plan;
    plan.fee_plan = name_in("standard", currency, currencies.size());
    plan.currency = currency;
    plan.commission.rate = *holdfast::Rate::parse("0.05");
    plan.processor_fee.rate = *holdfast::Rate::parse("0.029");
    plan.commission.to = name_in("platform:commission", currency, currencies.size());
    plan.processor_fee.to = name_in("processor:fees", currency, currencies.size());
    if (auto defined = ledger.define_fee_plan(plan); !defined) return std::unexpected(defined.error());
  }
  return {};
}

Result<void> fund(Ledger& ledger, const std::vector<Campaign>& all, const std::vector<Pledge>& pledges) {
  std::map<std::pair<std::string, holdfast::Currency>, Amount> owed;
  for (const auto& pledge : pledges) owed[{pledge.payer, pledge.campaign->currency}] += pledge.amount;
  Phase phase("fund", owed.size() + all.size());
  Pipeline pipeline(ledger);
  for (const auto& campaign : all) {
    pipeline.submit(
        {holdfast::OpenAccount{name_of(campaign), campaign.currency, holdfast::AccountKind::beneficiary},
         {}});
    phase.done(1);
  }
  for (const auto& [who, amount] : owed) {
    pipeline.submit({holdfast::OpenAccount{who.first, who.second, holdfast::AccountKind::user}, {}});
    pipeline.submit(make(holdfast::Deposit{who.first, amount, {}}, "fund:" + who.first));
    phase.done(1);
  }
  auto done = pipeline.drain();
  phase.finish();
  return done;
}

Result<void> hold(Ledger& ledger, const std::vector<Campaign>& all, const std::vector<Pledge>& pledges) {
  const auto currencies = currencies_of(all).size();
  Phase phase("hold", pledges.size());
  Pipeline pipeline(ledger);
  for (const auto& pledge : pledges) {
    holdfast::Hold hold;
    hold.payer = pledge.payer;
    hold.beneficiary = name_of(*pledge.campaign);
    hold.group = name_of(*pledge.campaign);
    hold.amount = pledge.amount;
    hold.fee_plan = name_in("standard", pledge.campaign->currency, currencies);
    pipeline.submit(make(std::move(hold), pledge.key));
    phase.done(1);
  }
  auto done = pipeline.drain();
  phase.finish();
  return done;
}

using Table = std::map<std::pair<holdfast::Currency, std::string>, Sums>;

/// Adds what the ledger says it moved for a campaign; the report is made of answers, not of what we expected.
void account_for(const Campaign& campaign, const Answer& answer, Sums& sums) {
  const auto& settlement = std::get<holdfast::Settlement>(answer.result);
  ++sums.campaigns;
  sums.raised += campaign.pledged;
  for (const auto& total : settlement.totals) {
    sums.pledges += total.escrows;
    if (campaign.successful) {
      sums.commission += total.commission;
      sums.fees += total.processor_fee;
      sums.net += total.net;
    } else {
      sums.refunded += total.amount;
    }
  }
}

Result<Table> close(Ledger& ledger, const std::vector<Campaign>& all) {
  Table table;
  Phase phase("close", all.size());
  Pipeline pipeline(ledger);
  for (const auto& campaign : all) {
    auto& sums = table[{campaign.currency, campaign.category}];
    const auto note = [&campaign, &sums](const Answer& answer) { account_for(campaign, answer, sums); };
    if (campaign.successful) {
      holdfast::Release release;
      release.group = name_of(campaign);
      release.close = true;
      pipeline.submit(make(std::move(release), "close:" + campaign.id), note);
    } else {
      holdfast::Refund refund;
      refund.group = name_of(campaign);
      refund.close = true;
      pipeline.submit(make(std::move(refund), "close:" + campaign.id), note);
    }
    phase.done(1);
  }
  auto done = pipeline.drain();
  phase.finish();
  if (!done) return std::unexpected(done.error());
  return table;
}

/// Prints trial balance and audit. False where something does not hold.
Result<bool> prove(Ledger& ledger, const Table& table) {
  bool ok = true;
  for (const auto& [key, sums] : table) {
    if (sums.raised != sums.commission + sums.fees + sums.net + sums.refunded) {
      fmt::print("{}: what was raised is not what was paid out and refunded\n", key.second);
      ok = false;
    }
  }
  const auto balances = ledger.trial_balance();
  if (!balances) return std::unexpected(balances.error());
  fmt::print("\nTrial balance\n");
  for (const auto& row : *balances) {
    const auto money = [&](Amount amount) { return holdfast::to_grouped(amount, row.currency); };
    fmt::print("  {}  available {}  held {}  commission {}\n       processor fees {}  external {}  sum {}\n",
               row.currency.code(), money(row.available), money(row.held), money(row.commission),
               money(row.processor_fee), money(row.external), money(row.sum));
    ok = ok && row.sum == Amount();
  }
  const auto audit = ledger.audit();
  if (!audit) return std::unexpected(audit.error());
  std::size_t held = 0;
  for (const auto& check : audit->checks) {
    held += check.ok ? 1U : 0U;
    if (!check.ok) fmt::print("  {}: BROKEN: {}\n", check.law, check.detail);
  }
  fmt::print("Audit: {} of {} laws hold.\n", held, audit->checks.size());
  return ok && audit->ok;
}

int report_failure(const holdfast::Error& error) {
  fmt::print(stderr, "campaigns: {}\n", error.message);
  return holdfast::is_rejection(error.code) ? 3 : 4;
}

struct Arguments {
  std::string file;
  std::string ledger = "./holdfast-data";
  std::string program = "holdfast";
};

std::optional<Arguments> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if ((word == "--ledger" || word == "--program") && i + 1 < argc) {
      (word == "--ledger" ? arguments.ledger : arguments.program) = argv[++i];
    } else if (arguments.file.empty() && !word.starts_with("-")) {
      arguments.file = word;
    } else {
      return std::nullopt;
    }
  }
  if (arguments.file.empty()) return std::nullopt;
  return arguments;
}

Result<bool> settle(const Arguments& arguments) {
  const auto begun = Clock::now();
  const auto all = campaigns::read_campaigns(arguments.file);
  if (!all) return std::unexpected(all.error());
  const auto pledges = pledges_of(*all);
  fmt::print(stderr, "Settling {} campaigns ({} pledges) into {}\n", all->size(), pledges.size(),
             arguments.ledger);
  holdfast::OpenOptions options;
  options.create = true;
  options.on_note = [](const std::string& note) { fmt::print(stderr, "campaigns: {}\n", note); };
  auto ledger = Ledger::open(arguments.ledger, options);
  if (!ledger) return std::unexpected(ledger.error());
  if (auto done = prepare(*ledger, *all); !done) return std::unexpected(done.error());
  if (auto done = fund(*ledger, *all, pledges); !done) return std::unexpected(done.error());
  if (auto done = hold(*ledger, *all, pledges); !done) return std::unexpected(done.error());
  const auto table = close(*ledger, *all);
  if (!table) return std::unexpected(table.error());
  const std::chrono::duration<double> taken = Clock::now() - begun;

  campaigns::print_table(*table);
  auto proved = prove(*ledger, *table);
  fmt::print("From empty to settled: {:.1f} s, {:.0f} pledges a second, every answer durable.\n",
             taken.count(), static_cast<double>(pledges.size()) / std::max(taken.count(), 1e-9));
  const auto& look = all->front();
  fmt::print(
      "Look around:\n  {0} --ledger {1} escrows --group {2}\n  {0} --ledger {1} statement "
      "platform:commission\n"
      "  {0} --ledger {1} explain pledge:1\n",
      arguments.program, arguments.ledger, name_of(look));
  return proved;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse_arguments(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "usage: campaigns FILE.csv [--ledger DIR] [--program PATH]\n");
    return 2;
  }
  const auto done = settle(*arguments);
  if (!done) return report_failure(done.error());
  return *done ? 0 : 1;
}
