// The figures that others have, as Prometheus' families. The names are those that
// packaging/prometheus/alerts.yml and packaging/grafana/holdfast.json use.
#include <algorithm>

#include "server/health_api.h"
#include "server/metric_families.h"

namespace holdfast::server {

namespace {

using Families = Metrics::Families;

std::int64_t age_micros(Timestamp now, Timestamp at) {
  return std::max<std::int64_t>(now.micros - at.micros, 0);
}

void add_server(Families& families, const HealthParts& parts) {
  gauge(families, "holdfast_info", "1, with the version and the store.")
      .add(std::uint64_t{1}, {{"version", parts.version}, {"store", parts.store}});
  const auto uptime = parts.clock.monotonic() - parts.started;
  gauge(families, "holdfast_uptime_seconds", "Since the server started.")
      .add_micros(std::chrono::duration_cast<std::chrono::microseconds>(uptime).count());
  gauge(families, "holdfast_resident_bytes", "What the process takes of the memory.").add(resident_bytes());
  const auto traffic = parts.traffic ? parts.traffic() : Traffic();
  gauge(families, "holdfast_http_connections", "Connections that are open.").add(traffic.connections);
  gauge(families, "holdfast_http_in_flight", "Requests that are being answered.").add(traffic.in_flight);
  gauge(families, "holdfast_workers_queue", "Questions that wait for a thread.").add(traffic.queue);
  gauge(families, "holdfast_commands_stopped", "1: a broken law was found, and no command is taken.")
      .add(std::uint64_t{parts.gate.closed() ? 1U : 0U});
  gauge(families, "holdfast_keys_file_ok", "0: the file of keys cannot be read, the keys stay as they were.")
      .add(std::uint64_t{parts.keys.problem() ? 0U : 1U});
}

void add_groups(Families& families, const GroupStatus& groups) {
  histogram(families, "holdfast_group_events",
            "Events that were written and synced together (journal store).")
      .add_octaves(groups.sizes, groups.events, false);
  histogram(families, "holdfast_group_sync_seconds", "Writing and syncing a group (journal store).")
      .add_octaves(groups.sync_micros, groups.sync_ns / 1'000, true);
  gauge(families, "holdfast_queue", "Commands and questions that nobody has decided yet (journal store).")
      .add(groups.waiting);
}

void add_ledger(Families& families, const PulseView& pulse, Timestamp now) {
  gauge(families, "holdfast_ledger_ok", "0: the ledger does not tell how it stands.")
      .add(std::uint64_t{pulse.failure ? 0U : 1U});
  if (!pulse.status) return;
  const auto& status = *pulse.status;
  gauge(families, "holdfast_seq", "The last durable event.").add(status.seq.value());
  gauge(families, "holdfast_state_bytes", "What the state takes of the memory (journal store).")
      .add(status.memory_bytes);
  gauge(families, "holdfast_journal_bytes", "The journal on disk (journal store).").add(status.journal_bytes);
  counter(families, "holdfast_scrub_passes_total", "Readings of the whole journal that were completed.")
      .add(status.scrub.passes);
  gauge(families, "holdfast_scrub_ok", "0: rot was found in the journal.")
      .add(std::uint64_t{status.scrub.failure.empty() ? 1U : 0U});
  gauge(families, "holdfast_unsealed_events", "Events that have no seq yet (PostgreSQL store).")
      .add(status.unsealed);
  gauge(families, "holdfast_unsealed_age_seconds", "Since the oldest of them happened; 0: there is none.")
      .add_micros(status.unsealed_since ? age_micros(now, *status.unsealed_since) : 0);
  gauge(families, "holdfast_sealing_ok", "0: the last try to seal failed.")
      .add(std::uint64_t{status.sealing_failure.empty() ? 1U : 0U});
  counter(families, "holdfast_store_retries_total", "Transactions that were tried again (PostgreSQL store).")
      .add(status.retries.conflicts, {{"cause", "conflict"}})
      .add(status.retries.lock_timeouts, {{"cause", "lock_timeout"}})
      .add(status.retries.raced_names, {{"cause", "raced_name"}})
      .add(status.retries.reconnects, {{"cause", "reconnect"}});
  counter(families, "holdfast_store_given_up_total", "Commands that were answered `busy` after the last try.")
      .add(status.retries.given_up);
  add_groups(families, status.groups);
}

void add_amounts(Families& families, const std::vector<TrialBalance>& balances, const BooksView& books) {
  auto amounts = gauge(families, "holdfast_amount_minor", "What is where, in minor units.");
  for (const auto& row : balances) {
    const auto add = [&](std::string_view place, Amount amount) {
      amounts.add(amount.minor(), {{"currency", row.currency.code()}, {"place", place}});
    };
    add("available", row.available);
    add("held", row.held);
    add("external", row.external);
    add("commission", row.commission);
    add("processor_fee", row.processor_fee);
  }
  auto sums =
      gauge(families, "holdfast_trial_balance_minor", "The sum of all buckets: 0, or a law is broken.");
  for (const auto& row : balances) sums.add(row.sum.minor(), {{"currency", row.currency.code()}});
  auto settled =
      counter(families, "holdfast_settled_minor_total", "What was released and refunded, in minor units.");
  for (const auto& row : books.sums) {
    settled.add(row.released.minor(), {{"currency", row.currency.code()}, {"how", "released"}});
    settled.add(row.refunded.minor(), {{"currency", row.currency.code()}, {"how", "refunded"}});
  }
  auto fees = counter(families, "holdfast_fees_minor_total", "What releases took, in minor units.");
  for (const auto& row : books.sums) {
    fees.add(row.commission.minor(), {{"currency", row.currency.code()}, {"to", "commission"}});
    fees.add(row.processor_fee.minor(), {{"currency", row.currency.code()}, {"to", "processor"}});
  }
  gauge(families, "holdfast_frozen_escrows", "Escrows that are frozen.").add(books.frozen);
  gauge(families, "holdfast_events_checked", "The last event that was checked as it came.")
      .add(books.seq.value());
  gauge(families, "holdfast_events_wrong", "Events that are not as they should be.")
      .add(static_cast<std::uint64_t>(books.wrong.size()));
}

void add_audit(Families& families, const AuditView& audit, Timestamp now) {
  gauge(families, "holdfast_audit_running", "1: an audit reads the history.")
      .add(std::uint64_t{audit.running ? 1U : 0U});
  auto laws = gauge(families, "holdfast_law_ok", "0: the last audit found it broken.");
  if (audit.report) {
    for (const auto& check : audit.report->checks)
      laws.add(std::uint64_t{check.ok ? 1U : 0U}, {{"law", check.law}});
  }
  gauge(families, "holdfast_audit_failed", "1: the last audit did not come to its end.")
      .add(std::uint64_t{audit.failure ? 1U : 0U});
  auto age = gauge(families, "holdfast_audit_age_seconds", "Since the last audit that came to its end.");
  auto took = gauge(families, "holdfast_audit_seconds", "How long it took.");
  if (!audit.report) return;
  age.add_micros(age_micros(now, audit.at));
  took.add_micros(std::chrono::duration_cast<std::chrono::microseconds>(audit.took).count());
}

void add_due(Families& families, const DueView& due, Timestamp now) {
  gauge(families, "holdfast_due_waiting", "Escrows whose date has come and that are not settled.")
      .add(due.waiting);
  gauge(families, "holdfast_due_stuck", "Escrows whose date cannot be carried out.")
      .add(static_cast<std::uint64_t>(due.stuck.size()));
  const bool late = due.next_at && *due.next_at < now;
  gauge(families, "holdfast_due_late_seconds",
        "Since the earliest date that has come and is not carried out.")
      .add_micros(late ? age_micros(now, *due.next_at) : 0);
  gauge(families, "holdfast_due_ok", "0: dates cannot be carried out at the moment.")
      .add(std::uint64_t{due.failure ? 0U : 1U});
  counter(families, "holdfast_due_settled_total", "Dates that were carried out.")
      .add(due.released, {{"how", "released"}})
      .add(due.refunded, {{"how", "refunded"}});
}

}  // namespace

void add_health_metrics(Metrics& metrics, const HealthParts& parts) {
  metrics.add_source([parts](Families& families) {
    const auto now = parts.clock.wall();
    const auto pulse = parts.pulse.view();
    add_server(families, parts);
    add_ledger(families, pulse, now);
    add_amounts(families, pulse.balances, parts.books.view());
    add_audit(families, parts.audit.view(), now);
    add_due(families, parts.due.view(), now);
  });
}

}  // namespace holdfast::server
