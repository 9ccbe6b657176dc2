// Answers of commands and errors: the shapes of the command's page.
#include "json/render.h"
#include "json/writer.h"

namespace holdfast::json {

namespace {

void write(Writer& out, const std::vector<ItemError>& items) {
  out.begin_list();
  for (const auto& item : items) {
    out.begin_object().name("escrow");
    item.escrow ? out.number(item.escrow.value()) : out.null();
    out.name("key").text_or_null(item.key);
    out.name("reason").text(to_string(item.reason)).end_object();
  }
  out.end_list();
}

void write(Writer& out, const std::vector<CodeCount>& counts) {
  out.begin_object();
  for (const auto& [code, count] : counts) out.name(to_string(code)).number(count);
  out.end_object();
}

void write(Writer& out, const Error& error) {
  out.begin_object().name("code").text(to_string(error.code)).name("message").text(error.message);
  write_details(out.name("details").begin_object(), error);
  out.end_object().end_object();
}

void write(Writer& out, const Total& total, Settlement::Kind kind) {
  out.begin_object().name("currency").text(total.currency.code());
  out.name("escrows").number(total.escrows).name("amount").number(total.amount.minor());
  if (kind != Settlement::Kind::refund) {
    out.name("commission").number(total.commission.minor());
    out.name("processor_fee").number(total.processor_fee.minor());
    out.name("net").number(total.net.minor());
  }
  out.end_object();
}

struct WriteResult {
  Writer& out;

  void operator()(const Nothing& /*none*/) const { out.begin_object().end_object(); }
  void operator()(const HoldResult& hold) const {
    out.begin_object().name("escrow");
    hold.escrow ? out.number(hold.escrow->value()) : out.null();
    out.end_object();
  }
  void operator()(const PlanResult& plan) const {
    out.begin_object().name("version").number(plan.version).end_object();
  }
  void operator()(const Settlement& settlement) const {
    out.begin_object().name("totals").begin_list();
    for (const auto& total : settlement.totals) write(out, total, settlement.kind);
    out.end_list();
    write(out.name("skipped"), settlement.skipped);
    write(out.name("skipped_count"), settlement.skipped_count);
    if (settlement.kind == Settlement::Kind::resolve)
      out.name("to_payer").number(settlement.to_payer.minor());
    out.end_object();
  }
  void operator()(const AtomicResult& atomic) const;
};

void WriteResult::operator()(const AtomicResult& atomic) const {
  out.begin_object().name("results").begin_list();
  for (const auto& result : atomic.results) {
    if (result) {
      std::visit(*this, *result);
    } else {
      write(out.begin_object().name("error"), result.error());
      out.end_object();
    }
  }
  out.end_list().end_object();
}

}  // namespace

void write_details(Writer& out, const Error& error) {
  if (!error.items.empty()) write(out.name("items"), error.items);
  if (!error.counts.empty()) write(out.name("counts"), error.counts);
  if (!error.fields.empty()) {
    out.name("fields").begin_list();
    for (const auto& field : error.fields) out.text(field);
    out.end_list();
  }
  if (!error.path.empty()) {
    out.name("path").begin_list();
    for (const auto index : error.path) out.number(index);
    out.end_list();
  }
}

std::string to_json(const CommandResult& result) {
  Writer out;
  std::visit(WriteResult{out}, result);
  return out.take();
}

std::string to_json(const Error& error) {
  Writer out;
  write(out.begin_object().name("ok").boolean(false).name("error"), error);
  return out.end_object().take();
}

std::string to_json(const Result<Answer>& answer) {
  if (!answer) return to_json(answer.error());
  Writer out;
  out.begin_object().name("ok").boolean(true).name("event_id");
  answer->event_id ? out.number(*answer->event_id) : out.null();
  out.name("seq");
  answer->seq ? out.number(answer->seq->value()) : out.null();
  out.name("at").text(to_rfc3339(answer->at)).name("replayed").boolean(answer->replayed).name("result");
  std::visit(WriteResult{out}, answer->result);
  return out.end_object().take();
}

}  // namespace holdfast::json
