// Rows of queries: the shapes of the command line's --json.
#include "base/hash.h"
#include "json/render.h"
#include "json/writer.h"

namespace holdfast::json {

namespace {

void time_or_null(Writer& out, const std::optional<Timestamp>& at) {
  at ? out.text(to_rfc3339(*at)) : out.null();
}

void write(Writer& out, const FeeRule& rule) {
  out.begin_object().name("rate").text(rule.rate.to_text());
  out.name("fixed").number(rule.fixed.minor()).name("min").number(rule.min.minor()).name("max");
  rule.max ? out.number(rule.max->minor()) : out.null();
  out.name("to").text_or_null(rule.to).end_object();
}

void write(Writer& out, std::string_view plan, std::uint32_t version) {
  out.begin_object().name("name").text(plan).name("version").number(version).end_object();
}

}  // namespace

std::string to_json(const AccountView& account) {
  Writer out;
  out.begin_object().name("account").text(account.account).name("currency").text(account.currency.code());
  out.name("kind").text(to_string(account.kind)).name("available").number(account.available.minor());
  out.name("held").number(account.held.minor()).name("open").boolean(account.open);
  return out.end_object().take();
}

std::string to_json(const EscrowView& escrow) {
  Writer out;
  out.begin_object().name("escrow").number(escrow.escrow.value()).name("key").text_or_null(escrow.key);
  out.name("payer").text(escrow.payer).name("beneficiary").text(escrow.beneficiary);
  out.name("group").text_or_null(escrow.group).name("currency").text(escrow.currency.code());
  out.name("amount").number(escrow.amount.minor()).name("released").number(escrow.released.minor());
  out.name("refunded").number(escrow.refunded.minor()).name("locked").number(escrow.locked.minor());
  out.name("status").text(to_string(escrow.status));
  write(out.name("fee_plan"), escrow.fee_plan, escrow.fee_plan_version);
  out.name("commission").number(escrow.commission.minor());
  out.name("processor_fee").number(escrow.processor_fee.minor()).name("net").number(escrow.net.minor());
  out.name("held_at").text(to_rfc3339(escrow.held_at));
  time_or_null(out.name("closed_at"), escrow.closed_at);
  time_or_null(out.name("release_at"), escrow.release_at);
  time_or_null(out.name("refund_at"), escrow.refund_at);
  return out.end_object().take();
}

std::string to_json(const GroupView& group) {
  Writer out;
  out.begin_object().name("group").text(group.group).name("open").boolean(group.open);
  out.name("escrows").number(group.escrows).name("live").number(group.live);
  return out.end_object().take();
}

std::string to_json(const GroupSummary& summary) {
  Writer out;
  out.begin_object().name("group").text(summary.group.group).name("open").boolean(summary.group.open);
  out.name("escrows").number(summary.group.escrows).name("live").number(summary.group.live);
  out.name("totals").begin_list();
  for (const auto& total : summary.totals) {
    out.begin_object().name("currency").text(total.currency.code()).name("escrows").number(total.escrows);
    const std::pair<std::string_view, Amount> amounts[] = {
        {"amount", total.amount},     {"locked", total.locked},
        {"frozen", total.frozen},     {"released", total.released},
        {"refunded", total.refunded}, {"commission", total.commission},
        {"net", total.net},           {"processor_fee", total.processor_fee}};
    for (const auto& [name, value] : amounts) out.name(name).number(value.minor());
    out.name("locked_escrows").number(total.locked_escrows);
    out.name("frozen_escrows").number(total.frozen_escrows);
    out.name("released_escrows").number(total.released_escrows);
    out.name("refunded_escrows").number(total.refunded_escrows);
    out.name("split_escrows").number(total.split_escrows).end_object();
  }
  return out.end_list().end_object().take();
}

std::string to_json(const FeePlanView& plan) {
  Writer out;
  out.begin_object().name("fee_plan").text(plan.fee_plan).name("version").number(plan.version);
  out.name("currency").text(plan.currency.code());
  write(out.name("commission"), plan.commission);
  write(out.name("processor_fee"), plan.processor_fee);
  out.name("rounding").text(to_string(plan.rounding));
  return out.end_object().take();
}

std::string to_json(const StatementLine& line) {
  Writer out;
  out.begin_object().name("seq").number(line.seq.value()).name("at").text(to_rfc3339(line.at));
  out.name("op").text(line.op).name("bucket").text(to_string(line.bucket));
  out.name("amount").number(line.amount.minor()).name("balance").number(line.balance.minor());
  out.name("escrows").number(line.escrows).name("reference").text_or_null(line.reference);
  return out.end_object().take();
}

std::string to_json(const EventView& event) {
  Writer out;
  out.begin_object().name("seq").number(event.seq.value()).name("at").text(to_rfc3339(event.at));
  out.name("op").text(event.op).name("actor").text_or_null(event.actor).name("key").text_or_null(event.key);
  out.name("reason").text_or_null(event.reason).name("reference").text_or_null(event.reference);
  out.name("result").raw(to_json(event.result)).name("escrows").begin_list();
  for (const auto id : event.escrows) out.number(id.value());
  out.end_list().name("escrow_count").number(event.escrow_count).name("postings").begin_list();
  for (const auto& posting : event.postings) {
    out.begin_object().name("account").text(posting.account).name("bucket").text(to_string(posting.bucket));
    out.name("amount").number(posting.amount.minor());
    out.name("currency").text(posting.currency.code()).end_object();
  }
  out.end_list().name("hash").text(to_hex(event.hash));
  return out.end_object().take();
}

std::string to_json(const TrialBalance& balance) {
  Writer out;
  out.begin_object().name("currency").text(balance.currency.code());
  out.name("available").number(balance.available.minor()).name("held").number(balance.held.minor());
  out.name("external").number(balance.external.minor()).name("commission").number(balance.commission.minor());
  out.name("processor_fee").number(balance.processor_fee.minor()).name("sum").number(balance.sum.minor());
  return out.end_object().take();
}

std::string to_json(const AuditReport& report) {
  Writer out;
  out.begin_object().name("ok").boolean(report.ok).name("checks").begin_list();
  for (const auto& check : report.checks) {
    out.begin_object().name("law").text(check.law).name("ok").boolean(check.ok);
    out.name("detail").text(check.detail).end_object();
  }
  return out.end_list().end_object().take();
}

std::string to_json(const EscrowHistoryLine& line) {
  Writer out;
  out.begin_object().name("seq").number(line.seq.value()).name("at").text(to_rfc3339(line.at));
  out.name("op")
      .text(line.op)
      .name("actor")
      .text_or_null(line.actor)
      .name("reason")
      .text_or_null(line.reason);
  out.name("reference").text_or_null(line.reference).name("group").text_or_null(line.group);
  out.name("others").number(line.others).name("amount").number(line.amount.minor());
  out.name("commission").number(line.commission.minor());
  out.name("processor_fee").number(line.processor_fee.minor()).name("net").number(line.net.minor());
  out.name("fee_plan");
  line.plan ? write(out, line.plan->fee_plan, line.plan->version) : void(out.null());
  return out.end_object().take();
}

std::string to_json(const DueReport& report) {
  Writer out;
  out.begin_object().name("ok").boolean(report.failed.empty()).name("released").number(report.released);
  out.name("refunded").number(report.refunded).name("failed").begin_list();
  for (const auto& [due, error] : report.failed) {
    out.begin_object().name("escrow").number(due.escrow.value());
    out.name("due").text(due.release ? "release" : "refund").name("at").text(to_rfc3339(due.at));
    out.name("reason").text(to_string(error.code)).name("message").text(error.message).end_object();
  }
  return out.end_list().end_object().take();
}

std::string to_json(const LedgerStatus& status) {
  Writer out;
  out.begin_object().name("seq").number(status.seq.value()).name("head").text(status.head);
  out.name("escrows").number(status.escrows).name("accounts").number(status.accounts);
  out.name("memory_bytes").number(status.memory_bytes).name("unsealed").number(status.unsealed);
  out.name("unsealed_since");
  status.unsealed_since ? out.text(to_rfc3339(*status.unsealed_since)) : out.null();
  out.name("sealing_failure").text_or_null(status.sealing_failure);
  out.name("scrub_failure").text_or_null(status.scrub.failure);
  return out.end_object().take();
}

std::string to_json(const VerifyReport& report) {
  Writer out;
  out.begin_object().name("ok").boolean(true).name("seq").number(report.seq.value());
  out.name("head").text(report.head).name("frames").number(report.frames);
  out.name("bytes").number(report.bytes);
  return out.end_object().take();
}

}  // namespace holdfast::json
