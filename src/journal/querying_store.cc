// The questions that a journal store answers.
#include "journal/querying_store.h"

#include <algorithm>

#include "base/hash.h"
#include "journal/views.h"
#include "ledger/laws.h"
#include "ledger/query_checks.h"

namespace holdfast::journal {

namespace {

/// Escrows looked at for one page: bounds the work where a status filter finds few.
constexpr std::size_t kPageWork = 100'000;

std::optional<EscrowId> find(const State& state, const EscrowRef& ref) {
  if (!ref.key.empty()) return state.find_escrow(ref.key);
  return state.escrow(ref.id) == nullptr ? std::nullopt : std::optional(ref.id);
}

/// The list that a filter names. nullopt: its owner is not there.
struct ListChoice {
  ListKind kind = ListKind::all;
  std::uint32_t owner = 0;
};
Result<ListChoice> choose_list(const State& state, const EscrowFilter& filter) {
  if (!filter.group.empty()) {
    const auto id = state.find_group(filter.group);
    if (!id) return no_group(filter.group);
    return ListChoice{ListKind::group, id->value()};
  }
  const auto& name = filter.payer.empty() ? filter.beneficiary : filter.payer;
  if (name.empty()) return ListChoice{};
  const auto id = state.find_account(name);
  if (!id) return no_account(name);
  return ListChoice{filter.payer.empty() ? ListKind::beneficiary : ListKind::payer, id->value()};
}

}  // namespace

Result<AccountView> QueryingStore::account(std::string_view name) {
  std::optional<AccountView> view;
  auto read = read_state([&](const State& state) {
    if (const auto id = state.find_account(name)) view = view_of(state, *id);
  });
  if (!read) return std::unexpected(read.error());
  if (!view) return no_account(name);
  return std::move(*view);
}

Result<Page<AccountView, std::string>> QueryingStore::accounts(std::string_view after, std::size_t limit) {
  if (auto fits = check_limit(limit); !fits) return std::unexpected(fits.error());
  Page<AccountView, std::string> page;
  auto read = read_state([&](const State& state) {
    for (const auto id : state.accounts_by_name(after, limit)) page.rows.push_back(view_of(state, id));
  });
  if (!read) return std::unexpected(read.error());
  if (page.rows.size() == limit) page.next = page.rows.back().account;
  return page;
}

Result<EscrowView> QueryingStore::escrow(const EscrowRef& ref) {
  std::optional<EscrowSketch> sketch;
  auto read = read_state([&](const State& state) {
    if (const auto id = find(state, ref)) sketch = sketch_of(state, *id);
  });
  if (!read) return std::unexpected(read.error());
  if (!sketch) return no_escrow(ref);
  if (auto done = complete(journal_log(), std::span(&*sketch, 1)); !done)
    return std::unexpected(done.error());
  return std::move(sketch->view);
}

Result<EscrowPage> QueryingStore::escrows(const EscrowFilter& filter) {
  if (auto fits = check_filter(filter); !fits) return std::unexpected(fits.error());
  std::vector<EscrowSketch> sketches;
  EscrowPage page;
  Result<ListChoice> choice;
  auto read = read_state([&](const State& state) {
    choice = choose_list(state, filter);
    if (!choice) return;
    const auto list =
        state.list(choice->kind, choice->owner, filter.status, filter.after, filter.limit, kPageWork);
    for (const auto id : list.ids) sketches.push_back(sketch_of(state, id));
    page.next = list.next;
  });
  if (!read) return std::unexpected(read.error());
  if (!choice) return std::unexpected(choice.error());
  if (auto done = complete(journal_log(), sketches); !done) return std::unexpected(done.error());
  page.rows.reserve(sketches.size());
  for (auto& sketch : sketches) page.rows.push_back(std::move(sketch.view));
  return page;
}

Result<std::vector<EscrowHistoryLine>> QueryingStore::history(const EscrowRef& ref) {
  std::optional<EscrowSketch> sketch;
  auto read = read_state([&](const State& state) {
    if (const auto id = find(state, ref)) sketch = sketch_of(state, *id);
  });
  if (!read) return std::unexpected(read.error());
  if (!sketch) return no_escrow(ref);
  return journal_history().escrow(sketch->view.escrow, sketch->payer, sketch->last_seq);
}

Result<GroupView> QueryingStore::group(std::string_view name) {
  std::optional<GroupView> view;
  auto read = read_state([&](const State& state) {
    if (const auto id = state.find_group(name)) view = view_of(state, *id);
  });
  if (!read) return std::unexpected(read.error());
  if (!view) return no_group(name);
  return std::move(*view);
}

Result<GroupSummary> QueryingStore::group_summary(std::string_view name) {
  GroupSummary summary;
  Result<std::vector<GroupTotal>> totals = no_group(name);
  auto read = read_state([&](const State& state) {
    const auto id = state.find_group(name);
    if (!id) return;
    summary.group = view_of(state, *id);
    totals = state.group_totals(*id);
  });
  if (!read) return std::unexpected(read.error());
  if (!totals) return std::unexpected(totals.error());
  summary.totals = std::move(*totals);
  return summary;
}

Result<Page<GroupView, std::string>> QueryingStore::groups(std::string_view after, std::size_t limit) {
  if (auto fits = check_limit(limit); !fits) return std::unexpected(fits.error());
  Page<GroupView, std::string> page;
  auto read = read_state([&](const State& state) {
    for (const auto id : state.groups_by_name(after, limit)) page.rows.push_back(view_of(state, id));
  });
  if (!read) return std::unexpected(read.error());
  if (page.rows.size() == limit) page.next = page.rows.back().group;
  return page;
}

Result<std::vector<FeePlanView>> QueryingStore::fee_plans() {
  std::vector<FeePlanView> plans;
  auto read = read_state([&](const State& state) {
    for (PlanId id(1); id < state.next_plan_id(); id = id.next()) {
      if (const auto* plan = state.plan(id)) plans.push_back(view_of(*plan));
    }
  });
  if (!read) return std::unexpected(read.error());
  std::sort(plans.begin(), plans.end(), [](const FeePlanView& a, const FeePlanView& b) {
    return std::tie(a.fee_plan, a.version) < std::tie(b.fee_plan, b.version);
  });
  return plans;
}

Result<StatementPage> QueryingStore::statement(const StatementQuery& query) {
  if (auto fits = check_limit(query.limit); !fits) return std::unexpected(fits.error());
  std::optional<AccountId> id;
  auto read = read_state([&](const State& state) { id = state.find_account(query.account); });
  if (!read) return std::unexpected(read.error());
  if (!id) return no_account(query.account);
  return journal_history().statement(*id, query.after, query.limit);
}

Result<EventPage> QueryingStore::events(Seq after, std::size_t limit) {
  if (auto fits = check_limit(limit); !fits) return std::unexpected(fits.error());
  return journal_history().events(after, limit);
}

Result<std::vector<TrialBalance>> QueryingStore::trial_balance() {
  std::vector<TrialBalance> rows;
  auto read = read_state([&](const State& state) { rows = state.trial_balance(); });
  if (!read) return std::unexpected(read.error());
  return rows;
}

Result<std::vector<DueEscrow>> QueryingStore::due(Timestamp until, std::size_t limit) {
  std::vector<DueEscrow> rows;
  auto read = read_state([&](const State& state) { rows = state.due(until, limit); });
  if (!read) return std::unexpected(read.error());
  return rows;
}

Result<AuditReport> QueryingStore::audit(const std::function<void(Seq done, Seq of)>& progress,
                                         const std::stop_token& stop) {
  Auditor auditor;
  Seq seen;
  Digest head{};
  const auto target = journal_log().durable().seq;
  const EventSink sink = [&](const Event& event, std::span<const std::byte> bytes,
                             const Digest* hash) -> Result<void> {
    if (stop.stop_requested()) return fail(ErrorCode::aborted, "the audit was told to stop");
    auditor.event(event, bytes, hash);
    seen = event.seq;
    if (hash != nullptr) head = *hash;
    if (progress && seen.value() % 4096 == 0) progress(seen, std::max(seen, target));
    return {};
  };
  // Everything but the last moment's events is read while commands go on. They stand still for the rest: the
  // events that are on their way to the disk, and a small part of the rows at a time.
  const auto catch_up = [&]() -> Result<void> {
    constexpr std::uint64_t kFew = 256;
    for (int tries = 0; tries < 8 && journal_log().durable().seq.value() > seen.value() + kFew; ++tries) {
      if (auto scanned = journal_log().scan(seen, sink); !scanned) return scanned;
    }
    return {};
  };
  if (auto scanned = journal_log().scan(Seq(), sink); !scanned) return std::unexpected(scanned.error());
  auditor.begin();
  Seq applied;
  for (bool more = true; more;) {
    if (auto done = catch_up(); !done) return std::unexpected(done.error());
    Result<void> rest;
    auto read = read_state([&](const State& state) {
      rest = scan_applied(seen, sink);
      if (!rest) return;
      applied = state.applied();
      more = auditor.compare(state, applied);
    });
    if (!read) return std::unexpected(read.error());
    if (!rest) return std::unexpected(rest.error());
  }
  auto report = auditor.report(applied, head);
  if (progress) progress(seen, seen);
  return report;
}

Result<LedgerStatus> QueryingStore::status() {
  LedgerStatus status;
  auto read = read_state([&](const State& state) {
    status.escrows = state.last_escrow().value();
    status.accounts = state.next_account_id(0).value() - 1;
    status.memory_bytes = state.memory_bytes();
  });
  if (!read) return std::unexpected(read.error());
  const auto durable = journal_log().durable();
  for (const auto& segment : journal_log().sealed_segments()) status.journal_bytes += segment.bytes;
  status.journal_bytes += durable.end.offset;
  status.seq = durable.seq;
  status.head = to_hex(durable.head);
  status.scrub = scrub_status();
  status.groups = group_status();
  return status;
}

}  // namespace holdfast::journal
