// A small shop's ledger for tests of the public library, and all that it knows as text, to compare before and
// after.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include "holdfast/holdfast.h"
#include "journal/journal_store.h"
#include "ledger/testing/commands.h"

namespace holdfast::testing {

template <class T>
[[nodiscard]] std::string why(const Result<T>& result) {
  return result ? "it succeeded"
                : fmt::format("{}: {}", to_string(result.error().code), result.error().message);
}

/// The value, or the test ends here and says why.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(why(result));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The error that a call has to end with.
template <class T>
Error must_fail(Result<T> result) {
  if (result) throw std::runtime_error("it should have been refused");
  return std::move(result.error());
}

/// Segments of 256 KiB, so that a test writes several.
inline journal::EngineOptions small_options() {
  journal::EngineOptions options;
  options.log.segment_bytes = 256 << 10;
  return options;
}

/// Opens the ledger, made where it is not there.
inline Ledger open_ledger(const std::filesystem::path& path, journal::EngineOptions options = small_options(),
                          journal::OpenReport* report = nullptr) {
  journal::OpenReport ignored;
  return Ledger(
      must(journal::open_journal_store(path, true, std::move(options), report ? *report : ignored)));
}
inline Ledger open_reader(const std::filesystem::path& path) {
  OpenOptions options;
  options.read_only = true;
  return must(Ledger::open(path.string(), std::move(options)));
}

inline Answer run(Ledger& ledger, const Command& command) {
  return must(ledger.execute(command));
}
inline EscrowId run_hold(Ledger& ledger, const Command& command) {
  return *std::get<HoldResult>(run(ledger, command).result).escrow;
}
inline Settlement settle(Ledger& ledger, const Command& command) {
  return std::get<Settlement>(run(ledger, command).result);
}

/// Alice and Bob with 1,000.00 EUR each, a shop, and the plan `standard`: 5 % commission, 3 % for the
/// processor.
inline void stock(Ledger& ledger) {
  run(ledger, plan("standard", "0.05", "0.03"));
  run(ledger, open("alice"));
  run(ledger, open("bob"));
  run(ledger, open("shop", AccountKind::beneficiary));
  run(ledger, deposit("fund:alice", "alice", 100'000));
  run(ledger, deposit("fund:bob", "bob", 100'000));
}

inline std::int64_t available(const Ledger& ledger, std::string_view account) {
  return must(ledger.account(account)).available.minor();
}
inline std::int64_t held(const Ledger& ledger, std::string_view account) {
  return must(ledger.account(account)).held.minor();
}
inline EscrowStatus status(const Ledger& ledger, std::string key) {
  return must(ledger.escrow({EscrowId(), std::move(key)})).status;
}

/// `EUR 1 of 10000: 500 / 300 / 9200`: commission, processor fee, net.
inline std::string split(const Settlement& settlement) {
  std::string text;
  for (const auto& total : settlement.totals) {
    text += fmt::format("{}{} {} of {}: {} / {} / {}", text.empty() ? "" : "; ", total.currency.code(),
                        total.escrows, total.amount.minor(), total.commission.minor(),
                        total.processor_fee.minor(), total.net.minor());
  }
  return text;
}

/// What breaks a law; empty where all hold.
inline std::string broken_laws(const Ledger& ledger) {
  const auto report = must(ledger.audit());
  std::string text;
  for (const auto& check : report.checks) {
    if (!check.ok) text += fmt::format("{}: {}\n", check.law, check.detail);
  }
  if (report.checks.empty() || report.ok != text.empty()) text += "the report contradicts itself\n";
  return text;
}

inline std::string optional_time(std::optional<Timestamp> at) {
  return at ? to_rfc3339(*at) : "-";
}

/// Everything that the queries tell: two ledgers with the same text are the same to their callers.
inline std::string everything(const Ledger& ledger) {
  const auto status = must(ledger.status());
  std::string text = fmt::format("seq {} head {} escrows {} accounts {}\n", status.seq.value(), status.head,
                                 status.escrows, status.accounts);
  for (const auto& a : must(ledger.accounts("", kMaxPage)).rows) {
    text += fmt::format("{} {} {} {} {} {}\n", a.account, a.currency.code(), to_string(a.kind),
                        a.available.minor(), a.held.minor(), a.open);
    StatementQuery query{.account = a.account, .after = {}, .limit = kMaxPage};
    for (const auto& line : must(ledger.statement(query)).rows) {
      text += fmt::format("  {} {} {} {} {} {} {} {}\n", line.seq.value(), to_rfc3339(line.at), line.op,
                          to_string(line.bucket), line.amount.minor(), line.balance.minor(), line.escrows,
                          line.reference);
    }
  }
  EscrowFilter all;
  all.limit = kMaxPage;
  for (const auto& e : must(ledger.escrows(all)).rows) {
    text +=
        fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", e.escrow.value(), e.key,
                    e.payer, e.beneficiary, e.group, e.amount.minor(), e.released.minor(), e.refunded.minor(),
                    e.locked.minor(), to_string(e.status), e.fee_plan, e.fee_plan_version,
                    e.commission.minor(), e.processor_fee.minor(), e.net.minor(), to_rfc3339(e.held_at),
                    optional_time(e.closed_at), optional_time(e.release_at), optional_time(e.refund_at));
  }
  for (const auto& g : must(ledger.groups("", kMaxPage)).rows)
    text += fmt::format("{} {} {} {}\n", g.group, g.open, g.escrows, g.live);
  for (const auto& p : must(ledger.fee_plans()))
    text += fmt::format("{} {} {} {}\n", p.fee_plan, p.version, p.commission.rate.to_text(),
                        p.processor_fee.rate.to_text());
  for (const auto& t : must(ledger.trial_balance()))
    text += fmt::format("{} {} {} {} {} {} {}\n", t.currency.code(), t.available.minor(), t.held.minor(),
                        t.external.minor(), t.commission.minor(), t.processor_fee.minor(), t.sum.minor());
  return text;
}

}  // namespace holdfast::testing
