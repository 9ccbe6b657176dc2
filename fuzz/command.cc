// JSON: a document, written as it was understood, is understood the same again; and a command in either
// spelling is the same command, validated alike.
#include "json/document.h"

#include <fmt/format.h>

#include <string>

#include "fuzz/target.h"
#include "json/parse_command.h"
#include "json/render.h"
#include "json/writer.h"
#include "ledger/request.h"
#include "ledger/validate.h"

using namespace holdfast;

namespace {

void write(json::Writer& out, const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::null:
      out.null();
      return;
    case json::Kind::boolean:
      out.boolean(value.boolean());
      return;
    case json::Kind::integer:
      out.number(value.integer());
      return;
    case json::Kind::number:
      out.raw(value.text());
      return;
    case json::Kind::text:
      out.text(value.text());
      return;
    case json::Kind::list:
      out.begin_list();
      value.each_item([&](const json::Value& item) { write(out, item); });
      out.end_list();
      return;
    case json::Kind::object:
      out.begin_object();
      value.each_field([&](std::string_view name, const json::Value& field) {
        out.name(name);
        write(out, field);
      });
      out.end_object();
      return;
  }
}

std::string written(const json::Document& document) {
  json::Writer out;
  write(out, document.root());
  return out.take();
}

/// What came of a text, in words.
std::string outcome(std::string_view text) {
  const auto command = json::parse_command(text);
  if (!command) return json::to_json(command.error());
  const auto valid = validate(*command);
  if (!valid) return json::to_json(valid.error());
  std::string said = "valid";
  for (const auto& [field, hash] : request_of(*command)) said += fmt::format(" {}={:x}", field, hash);
  return said;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  (void)json::parse_command(text, "hold");
  if (const auto list = json::parse_command_list(text)) {
    for (const auto& command : list->commands) {
      if (!command)
        HOLDFAST_ASSERT(json::Document::parse(json::to_json(command.error())), "an error is JSON");
    }
  }
  const auto document = json::Document::parse(text);
  const auto said = outcome(text);
  if (!document) return 0;
  const auto print = written(*document);
  const auto again = json::Document::parse(print);
  HOLDFAST_ASSERT(again, "what is written can be read");
  HOLDFAST_ASSERT(written(*again) == print, "it is read as it was meant");
  HOLDFAST_ASSERT(outcome(print) == said, "a command is the same however it is spelled");
  return 0;
}
