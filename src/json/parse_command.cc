#include "json/parse_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "json/document.h"
#include "json/fields.h"

namespace holdfast::json {

namespace {

constexpr std::string_view kAccount = "an account's name";
constexpr std::string_view kGroup = "a group's name";
constexpr std::string_view kPlan = "a fee plan's name";

/// Where a command stands inside the atomics around it.
using Path = std::vector<std::uint32_t>;

Operation read_open_account(Fields& fields) {
  OpenAccount command;
  command.account = fields.required_text("account", kAccount);
  command.currency = fields.required_currency("currency");
  command.kind = fields.word<AccountKind>("kind", "user, beneficiary, platform, fees, external",
                                          parse_account_kind, std::nullopt);
  return command;
}

Operation read_close_account(Fields& fields) {
  return CloseAccount{fields.required_text("account", kAccount)};
}

Operation read_define_fee_plan(Fields& fields) {
  DefineFeePlan command;
  command.fee_plan = fields.required_text("fee_plan", kPlan);
  command.currency = fields.required_currency("currency");
  command.commission = fields.required_fee_rule("commission");
  command.processor_fee = fields.required_fee_rule("processor_fee");
  command.rounding =
      fields.word<Rounding>("rounding", "half_up, half_even, down, up", parse_rounding, Rounding::half_up);
  return command;
}

template <class Move>
Operation read_move(Fields& fields) {
  Move command;
  command.account = fields.required_text("account", kAccount);
  command.amount = fields.required_amount("amount");
  command.external = fields.optional_text("external", kAccount);
  return command;
}

Operation read_transfer(Fields& fields) {
  Transfer command;
  command.from = fields.required_text("from", kAccount);
  command.to = fields.required_text("to", kAccount);
  command.amount = fields.required_amount("amount");
  return command;
}

Operation read_hold(Fields& fields) {
  Hold command;
  command.payer = fields.required_text("payer", kAccount);
  command.beneficiary = fields.required_text("beneficiary", kAccount);
  command.amount = fields.required_amount("amount");
  command.fee_plan = fields.required_text("fee_plan", kPlan);
  command.group = fields.optional_text("group", kGroup);
  command.release_at = fields.optional_time("release_at");
  command.refund_at = fields.optional_time("refund_at");
  return command;
}

Operation read_reschedule(Fields& fields) {
  Reschedule command;
  command.escrow = fields.required_escrow("escrow");
  command.release_at = fields.optional_time("release_at");
  command.refund_at = fields.optional_time("refund_at");
  return command;
}

std::optional<BatchMode> parse_mode(std::string_view text) {
  if (text == "atomic") return BatchMode::atomic;
  if (text == "skip") return BatchMode::skip;
  return std::nullopt;
}

template <class Settle>
Settle read_settle(Fields& fields) {
  Settle command;
  command.escrows = fields.optional_escrows("escrows");
  command.group = fields.optional_text("group", kGroup);
  command.mode = fields.word<BatchMode>("mode", "atomic, skip", parse_mode, BatchMode::atomic);
  command.amount = fields.optional_amount("amount");
  if (const auto chunk = fields.optional_integer("chunk", "a whole number", 1, kMaxGroupItems)) {
    command.chunk = static_cast<std::uint32_t>(*chunk);
  }
  command.close = fields.flag("close");
  command.expect = fields.optional_totals("expect", std::is_same_v<Settle, Release>);
  if (!fields.has("escrows") && !fields.has("group")) {
    fields.error(ErrorCode::invalid_command, "escrows",
                 "field \"escrows\" or \"group\" is missing: give one of the two");
  }
  return command;
}

Operation read_release(Fields& fields) {
  auto command = read_settle<Release>(fields);
  command.fee_plan = fields.optional_text("fee_plan", kPlan);
  return command;
}

Operation read_refund(Fields& fields) {
  return read_settle<Refund>(fields);
}

Operation read_freeze(Fields& fields) {
  return Freeze{fields.required_escrow("escrow")};
}

Operation read_resolve(Fields& fields) {
  Resolve command;
  command.escrow = fields.required_escrow("escrow");
  command.to_payer = fields.required_amount("to_payer");
  command.to_beneficiary = fields.required_amount("to_beneficiary");
  return command;
}

Operation read_close_group(Fields& fields) {
  return CloseGroup{fields.required_text("group", kGroup)};
}

Operation read_reopen_group(Fields& fields) {
  return ReopenGroup{fields.required_text("group", kGroup)};
}

struct Reader {
  std::string_view op;
  std::array<std::string_view, 9> fields;  // its own; unused ones are empty
  Operation (*read)(Fields&);              // none for atomic, which reads commands
};

constexpr Reader kReaders[] = {
    {"open_account", {"account", "currency", "kind"}, read_open_account},
    {"close_account", {"account"}, read_close_account},
    {"define_fee_plan",
     {"fee_plan", "currency", "commission", "processor_fee", "rounding"},
     read_define_fee_plan},
    {"deposit", {"account", "amount", "external"}, read_move<Deposit>},
    {"withdraw", {"account", "amount", "external"}, read_move<Withdraw>},
    {"transfer", {"from", "to", "amount"}, read_transfer},
    {"hold", {"payer", "beneficiary", "amount", "fee_plan", "group", "release_at", "refund_at"}, read_hold},
    {"reschedule", {"escrow", "release_at", "refund_at"}, read_reschedule},
    {"release", {"escrows", "group", "mode", "amount", "fee_plan", "chunk", "close", "expect"}, read_release},
    {"refund", {"escrows", "group", "mode", "amount", "chunk", "close", "expect"}, read_refund},
    {"freeze", {"escrow"}, read_freeze},
    {"resolve", {"escrow", "to_payer", "to_beneficiary"}, read_resolve},
    {"close_group", {"group"}, read_close_group},
    {"reopen_group", {"group"}, read_reopen_group},
    {"atomic", {"commands", "on_error"}, nullptr},
};

std::string place(const Path& path) {
  std::string text;
  for (const auto index : path) text += fmt::format("{}commands[{}]", text.empty() ? "" : ".", index);
  return text.empty() ? text : text + ": ";
}

std::unexpected<Error> at(Error error, const Path& path) {
  error.path = path;
  return std::unexpected(std::move(error));
}

Result<const Reader*> reader_of(Value object, const Path& path) {
  Fields fields(object, place(path) + "a command");
  const auto op = fields.required_text("op", "what to do, such as \"op\":\"hold\"");
  if (fields.error()) return at(*fields.error(), path);
  for (const auto& reader : kReaders) {
    if (reader.op == op) return &reader;
  }
  std::string known;
  for (const auto& reader : kReaders) known += fmt::format("{}{}", known.empty() ? "" : ", ", reader.op);
  fields.error(ErrorCode::invalid_command, "op",
               fmt::format("op \"{}\" is unknown; known are {}", std::string_view(op).substr(0, 60), known));
  return at(*fields.error(), path);
}

Options read_options(Fields& fields, bool top_level) {
  Options options;
  options.key = fields.optional_text("key", "the command's key");
  options.actor = fields.optional_text("actor", "who asks");
  options.reason = fields.optional_text("reason", "why, in words");
  options.reference = fields.optional_text("reference", "your own id for it");
  if (top_level) {
    options.dry_run = fields.flag("dry_run");
  } else if (fields.has("dry_run")) {
    fields.error(ErrorCode::invalid_command, "dry_run",
                 "field \"dry_run\" is of the outermost command only: put it there");
  }
  return options;
}

Result<Command> read_command(Value value, Path& path);

Result<Atomic> read_atomic(Fields& fields, Path& path) {
  constexpr auto kContinue = [](std::string_view text) {
    return text == "continue" ? std::optional(true) : std::nullopt;
  };
  Atomic atomic;
  atomic.continue_on_error = fields.word<bool>("on_error", "continue", kContinue, false);
  const auto commands = fields.required_list("commands", "a list of commands");
  if (fields.error()) return at(*fields.error(), path);
  atomic.commands.reserve(commands->size());
  std::optional<Error> error;
  std::uint32_t index = 0;
  commands->each_item([&](Value item) {
    if (error) return;
    path.push_back(index++);
    if (auto command = read_command(item, path)) {
      atomic.commands.push_back(std::move(*command));
    } else {
      error = std::move(command.error());
    }
    path.pop_back();
  });
  if (error) return std::unexpected(std::move(*error));
  return atomic;
}

constexpr std::string_view kCommon[] = {"op", "key", "actor", "reason", "reference", "dry_run"};

/// The fields of a command whose op is known, those of `common` allowed besides its own.
Result<Command> read_fields(Value object, const Reader& reader, std::span<const std::string_view> common,
                            Path& path) {
  const auto& own = reader.fields;
  const auto count = static_cast<std::size_t>(std::ranges::find(own, std::string_view()) - own.begin());

  Fields fields(object, fmt::format("{}{}", place(path), reader.op));
  fields.allow(std::span(own).first(count), common);
  Command command;
  command.options = read_options(fields, path.empty());
  if (reader.read != nullptr) {
    command.operation = reader.read(fields);
  } else {
    auto atomic = read_atomic(fields, path);
    if (!atomic) return std::unexpected(std::move(atomic.error()));
    command.operation = std::move(*atomic);
  }
  if (fields.error()) return at(*fields.error(), path);
  return command;
}

Result<Command> read_command(Value value, Path& path) {
  if (value.kind() != Kind::object) {
    auto error = fail(ErrorCode::invalid_command,
                      fmt::format("{}a command must be an object such as {{\"op\":\"hold\",…}}, not {}",
                                  place(path), value.describe()));
    return at(std::move(error.error()), path);
  }
  const auto reader = reader_of(value, path);
  if (!reader) return std::unexpected(reader.error());
  return read_fields(value, **reader, kCommon, path);
}

}  // namespace

Result<Command> parse_command(std::string_view text) {
  const auto document = Document::parse(text);
  if (!document) return std::unexpected(document.error());
  Path path;
  return read_command(document->root(), path);
}

Result<Command> parse_command(std::string_view text, std::string_view op) {
  const auto document = Document::parse(text);
  if (!document) return std::unexpected(document.error());
  const auto root = document->root();
  if (root.kind() != Kind::object) {
    return fail(ErrorCode::invalid_command,
                fmt::format("{}: its fields must be an object, not {}", op, root.describe()));
  }
  const auto* const reader = std::ranges::find(kReaders, op, &Reader::op);
  HOLDFAST_ASSERT(reader != std::end(kReaders), "the op is one of those that are read here");
  Path path;
  return read_fields(root, *reader, std::span(kCommon).subspan(1), path);
}

Result<CommandList> parse_command_list(std::string_view text) {
  const auto document = Document::parse(text);
  if (!document) return std::unexpected(document.error());
  const auto root = document->root();
  if (root.kind() != Kind::object) {
    return fail(ErrorCode::invalid_command,
                fmt::format("give an object such as {{\"commands\":[{{\"op\":\"hold\",…}},…]}}, not {}",
                            root.describe()));
  }
  constexpr std::string_view kNames[] = {"commands", "ordered"};
  Fields fields(root, "commands");
  fields.allow(kNames);
  CommandList list;
  if (fields.has("ordered")) list.ordered = fields.flag("ordered");
  const auto commands = fields.required_list("commands", "a list of commands");
  if (fields.error()) return std::unexpected(*fields.error());
  if (commands->size() == 0) {
    return fail(ErrorCode::invalid_command, "commands: the list is empty: give one command or more");
  }
  list.commands.reserve(commands->size());
  commands->each_item([&](Value item) {
    Path path;
    list.commands.push_back(read_command(item, path));
  });
  return list;
}

}  // namespace holdfast::json
