#include "server/health_api.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/posix_file.h"
#include "json/writer.h"

namespace holdfast::server {

namespace {

using json::Writer;

http::Response json_response(std::string body, int status = 200) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.fields.emplace_back("Cache-Control", "no-store");
  return response;
}

void write_time(Writer& out, const std::optional<Timestamp>& at) {
  if (at) {
    out.text(to_rfc3339(*at));
  } else {
    out.null();
  }
}

void write_currencies(Writer& out, const std::vector<TrialBalance>& balances, const BooksView& books) {
  out.name("currencies").begin_list();
  for (const auto& row : balances) {
    const auto found = std::ranges::find(books.sums, row.currency, &EventSums::currency);
    const auto sums = found == books.sums.end() ? EventSums() : *found;
    out.begin_object().name("currency").text(row.currency.code());
    out.name("available").number(row.available.minor()).name("held").number(row.held.minor());
    out.name("external").number(row.external.minor()).name("commission").number(row.commission.minor());
    out.name("processor_fee").number(row.processor_fee.minor());
    out.name("released").number(sums.released.minor()).name("refunded").number(sums.refunded.minor());
    out.name("sum").number(row.sum.minor()).end_object();
  }
  out.end_list();
}

/// The checks of the last audit, and that of the events as they come, which is one of its own.
void write_audit(Writer& out, const AuditView& audit, const BooksView& books,
                 const std::optional<std::string>& closed) {
  const bool broken = audit.broken() || !books.wrong.empty() || closed;
  out.name("audit").begin_object().name("state");
  out.text(broken ? "broken" : audit.running ? "running" : audit.report ? "ok" : "never");
  out.name("at");
  write_time(out, audit.report ? std::optional(audit.at) : std::nullopt);
  out.name("seq");
  audit.report ? out.number(audit.seq.value()) : out.null();
  out.name("checks").begin_list();
  const auto check = [&](std::string_view law, bool ok, std::string_view detail) {
    out.begin_object().name("law").text(law).name("ok").boolean(ok).name("detail").text(detail).end_object();
  };
  if (audit.report) {
    for (const auto& each : audit.report->checks) check(each.law, each.ok, each.detail);
  }
  for (const auto& each : books.wrong) check("events", false, each);
  out.end_list().name("checked_seq").number(books.seq.value());
  out.name("commands_stopped").text_or_null(closed.value_or(""));
  out.name("failure").text_or_null(audit.failure ? audit.failure->message : "").end_object();
}

void write_due(Writer& out, const DueView& due) {
  out.name("due").begin_object().name("next_at");
  write_time(out, due.next_at);
  out.name("waiting").number(due.waiting).name("stuck").begin_list();
  for (const auto& stuck : due.stuck) {
    out.begin_object().name("escrow").number(stuck.due.escrow.value());
    out.name("due").text(to_rfc3339(stuck.due.at)).name("at").text(to_rfc3339(stuck.at));
    out.name("reason").text(to_string(stuck.error.code)).name("message").text(stuck.error.message);
    out.end_object();
  }
  out.end_list().name("failure").text_or_null(due.failure ? due.failure->message : "").end_object();
}

void write_sealing(Writer& out, const std::optional<LedgerStatus>& status, std::string_view store) {
  out.name("sealing");
  if (!status || store == "journal") return void(out.null());
  out.begin_object().name("unsealed").number(status->unsealed).name("since");
  write_time(out, status->unsealed_since);
  out.name("failure").text_or_null(status->sealing_failure).end_object();
}

http::Response overview(const HealthParts& parts) {
  const auto pulse = parts.pulse.view();
  const auto books = parts.books.view();
  Writer out;
  out.begin_object().name("ledger").text(parts.ledger).name("store").text(parts.store);
  out.name("seq").number(pulse.status ? pulse.status->seq.value() : 0);
  out.name("head").text_or_null(pulse.status ? pulse.status->head : "");
  out.name("at").text(to_rfc3339(pulse.at));
  out.name("failure").text_or_null(pulse.failure ? pulse.failure->message : "");
  write_currencies(out, pulse.balances, books);
  write_audit(out, parts.audit.view(), books, parts.gate.closed());
  write_due(out, parts.due.view());
  out.name("frozen").number(books.frozen);
  write_sealing(out, pulse.status, parts.store);
  return json_response(out.end_object().take());
}

void write_series(Writer& out, const std::vector<Sample>& samples, Timestamp from) {
  const auto list = [&](std::string_view name, std::uint64_t Sample::* member) {
    out.name(name).begin_list();
    for (const auto& sample : samples) out.number(sample.*member);
    out.end_list();
  };
  out.name("series").begin_object().name("step_s").number(kSampleStep.count());
  out.name("from").text(to_rfc3339(from));
  list("commands_per_s", &Sample::commands_per_s);
  list("releases_per_s", &Sample::releases_per_s);
  list("p99_us", &Sample::p99_us);
  list("sync_p99_us", &Sample::sync_p99_us);
  list("queue", &Sample::queue);
  out.end_object();
}

http::Response health(const HealthParts& parts) {
  const auto samples = parts.pulse.samples();
  const auto now = samples.empty() ? Sample() : samples.back();
  const auto pulse = parts.pulse.view();
  const auto retries = pulse.status ? pulse.status->retries : RetryStatus();
  Writer out;
  out.begin_object().name("now").begin_object();
  out.name("commands_per_s").number(now.commands_per_s).name("releases_per_s").number(now.releases_per_s);
  out.name("p50_us").number(now.p50_us).name("p99_us").number(now.p99_us);
  out.name("queue").number(now.queue).name("in_flight").number(now.in_flight);
  out.name("connections").number(now.connections).name("group_commands").number(now.group_events);
  out.name("sync_p50_us").number(now.sync_p50_us).name("sync_p99_us").number(now.sync_p99_us).end_object();
  write_series(out, samples, parts.pulse.samples_from());
  out.name("retries").begin_object().name("conflicts").number(retries.conflicts);
  out.name("lock_timeouts").number(retries.lock_timeouts).name("raced_names").number(retries.raced_names);
  out.name("reconnects").number(retries.reconnects).name("given_up").number(retries.given_up).end_object();
  out.name("memory_bytes").number(resident_bytes());
  const auto uptime = parts.clock.monotonic() - parts.started;
  out.name("uptime_s").number(std::chrono::duration_cast<std::chrono::seconds>(uptime).count());
  out.name("version").text(parts.version).name("seen_events").number(parts.books.view().seq.value());
  return json_response(out.end_object().take());
}

/// Whether it can answer: while a law is broken it can, questions at least, and says so.
http::Response readiness(const HealthParts& parts) {
  auto reason = parts.not_ready ? parts.not_ready() : std::nullopt;
  const auto pulse = parts.pulse.view();
  const bool gone = pulse.failure && (pulse.failure->code == ErrorCode::storage_failed ||
                                      pulse.failure->code == ErrorCode::corrupt);
  if (!reason && gone) reason = pulse.failure->message;
  Writer out;
  out.begin_object().name("ready").boolean(!reason).name("reason").text_or_null(reason.value_or(""));
  out.name("commands_stopped").text_or_null(parts.gate.closed().value_or(""));
  return json_response(out.end_object().take(), reason ? 503 : 200);
}

http::Response keys(const HealthParts& parts) {
  std::string rows;
  for (const auto& record : parts.keys.all()) rows += (rows.empty() ? "" : ",") + to_json(record);
  return json_response(fmt::format("{{\"rows\":[{}],\"next\":null}}", rows));
}

http::Response whoami(const Caller& caller) {
  Writer out;
  out.begin_object().name("key").text(caller.key).name("role").text(to_string(caller.role));
  return json_response(out.end_object().take());
}

http::Response metrics(const HealthParts& parts) {
  auto response = json_response(parts.metrics.text());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

/// A route whose answer is at hand.
template <class Answer>
Route at_hand(std::string path, std::optional<Role> role, Answer answer) {
  Route route;
  route.method = "GET";
  route.path = std::move(path);
  route.role = role;
  route.run = [answer](const Call& call, const http::Respond& respond) { respond(answer(call)); };
  return route;
}

}  // namespace

std::uint64_t resident_bytes() {
  const auto directory = open_posix_directory("/proc/self", false);
  if (!directory) return 0;
  const auto file = (*directory)->open("statm", OpenMode::read);
  if (!file) return 0;
  std::array<std::byte, 128> text{};
  const auto read = (*file)->read_at(0, text);
  if (!read) return 0;
  const std::string_view line(reinterpret_cast<const char*>(text.data()), *read);
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(line.data() + space + 1, line.data() + line.size(), pages);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::vector<Route> health_routes(const HealthParts& parts) {
  const auto metrics_role = parts.metrics_open ? std::nullopt : std::optional(Role::read);
  return {
      at_hand("/healthz", std::nullopt, [](const Call&) { return json_response(R"({"status":"ok"})"); }),
      at_hand("/readyz", std::nullopt, [parts](const Call&) { return readiness(parts); }),
      at_hand("/metrics", metrics_role, [parts](const Call&) { return metrics(parts); }),
      at_hand("/v1/overview", Role::read, [parts](const Call&) { return overview(parts); }),
      at_hand("/v1/health", Role::read, [parts](const Call&) { return health(parts); }),
      at_hand("/v1/keys", Role::admin, [parts](const Call&) { return keys(parts); }),
      at_hand("/v1/whoami", Role::read, [](const Call& call) { return whoami(call.caller); }),
  };
}

}  // namespace holdfast::server
