#include "server/commands_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "json/document.h"
#include "json/parse_command.h"
#include "json/render.h"
#include "server/problem.h"

namespace holdfast::server {

namespace {

using Nanoseconds = std::chrono::nanoseconds;

/// What is longer takes so long to parse that it would hold up the other connections of its I/O thread.
constexpr std::size_t kParsedAtOnce = std::size_t{256} << 10;

struct CommandPath {
  std::string_view path;
  std::string_view op;
  Role role = Role::operate;
};

constexpr CommandPath kPaths[] = {
    {"/v1/accounts", "open_account"},
    {"/v1/account-closings", "close_account"},
    {"/v1/fee-plans", "define_fee_plan", Role::admin},
    {"/v1/deposits", "deposit"},
    {"/v1/withdrawals", "withdraw"},
    {"/v1/transfers", "transfer"},
    {"/v1/escrows", "hold"},
    {"/v1/reschedules", "reschedule"},
    {"/v1/releases", "release"},
    {"/v1/refunds", "refund"},
    {"/v1/freezes", "freeze"},
    {"/v1/resolutions", "resolve"},
    {"/v1/group-closings", "close_group"},
    {"/v1/group-reopenings", "reopen_group"},
    {"/v1/atomics", "atomic"},
};

bool is_chunked(const Command& command) {
  const auto* release = std::get_if<Release>(&command.operation);
  const auto* refund = std::get_if<Refund>(&command.operation);
  return (release != nullptr && release->chunk) || (refund != nullptr && refund->chunk);
}

const std::vector<Command>* inner(const Command& command) {
  const auto* atomic = std::get_if<Atomic>(&command.operation);
  return atomic != nullptr ? &atomic->commands : nullptr;
}

bool defines_plan(const Command& command) {
  if (std::holds_alternative<DefineFeePlan>(command.operation)) return true;
  const auto* commands = inner(command);
  return commands != nullptr && std::ranges::any_of(*commands, defines_plan);
}

/// Where a command, or one inside it, says who asks: that is not the caller's to say.
std::optional<std::vector<std::uint32_t>> names_actor(const Command& command) {
  if (!command.options.actor.empty()) return std::vector<std::uint32_t>();
  const auto* commands = inner(command);
  if (commands == nullptr) return std::nullopt;
  for (std::uint32_t i = 0; i < commands->size(); ++i) {
    if (auto path = names_actor((*commands)[i])) return path->insert(path->begin(), i), path;
  }
  return std::nullopt;
}

Result<void> set_actor(Command& command, const std::string& actor) {
  if (auto path = names_actor(command)) {
    auto error = fail(ErrorCode::invalid_command,
                      "field \"actor\" is not taken here: the name of your key is recorded as the actor");
    error.error().fields = {"actor"};
    error.error().path = std::move(*path);
    return error;
  }
  command.options.actor = actor;
  return {};
}

/// The key may stand in the body or in the field Idempotency-Key.
Result<void> set_key(Command& command, const http::Head& head) {
  constexpr std::string_view kField = "idempotency-key";
  if (std::ranges::find(head.fields, kField, [](const auto& field) { return field.first; }) ==
      head.fields.end()) {
    return {};
  }
  const auto key = head.field(kField);
  const auto refuse = [](std::string message) {
    auto error = fail(ErrorCode::invalid_command, std::move(message));
    error.error().fields = {"key"};
    return error;
  };
  if (key.empty()) return refuse("Idempotency-Key is empty: give a key, or leave the field out");
  if (!command.options.key.empty() && command.options.key != key) {
    return refuse("field \"key\" of the body and Idempotency-Key differ: give one of them");
  }
  command.options.key = key;
  return {};
}

std::uint64_t escrows_of(const CommandResult& result) {
  if (std::holds_alternative<HoldResult>(result)) return 1;
  std::uint64_t count = 0;
  if (const auto* settlement = std::get_if<Settlement>(&result)) {
    for (const auto& total : settlement->totals) count += total.escrows;
  }
  if (const auto* atomic = std::get_if<AtomicResult>(&result)) {
    for (const auto& each : atomic->results) count += each ? escrows_of(*each) : 0;
  }
  return count;
}

Error too_much() {
  return fail(ErrorCode::busy, "too many long commands are under way: ask again in a moment").error();
}

class CommandsApi {
 public:
  CommandsApi(Ledger& ledger, Workers& workers, const Clock& clock, Observer& observer,
              std::function<void()> decided, CommandsApiOptions options)
      : options_(options),
        ledger_(ledger),
        workers_(workers),
        clock_(clock),
        observer_(observer),
        decided_(std::move(decided)) {}

  [[nodiscard]] Nanoseconds now() const { return clock_.monotonic(); }

  /// Room for `count` more commands, or an answer that says that there is none.
  [[nodiscard]] bool enter(std::size_t count) {
    if (under_way_.fetch_add(count, std::memory_order_relaxed) + count <= options_.most_commands) return true;
    leave(count);
    return false;
  }
  void leave(std::size_t count) { under_way_.fetch_sub(count, std::memory_order_relaxed); }

  /// Tells what was decided. `op` and the answer need not live on.
  void tell(std::string_view op, const Result<Answer>& answer, Nanoseconds began) const {
    CommandSeen seen{.op = op, .refused = std::nullopt, .took = now() - began};
    if (answer) {
      seen.replayed = answer->replayed;
      seen.escrows = escrows_of(answer->result);
    } else {
      seen.refused = answer.error().code;
    }
    observer_.decided(seen);
    if (answer && answer->event_id && !answer->replayed && decided_) decided_();
  }

  /// `done` is called once, from any thread, also before this returns.
  void run(Command command, std::function<void(Result<Answer>)> done) {
    if (!is_chunked(command)) return ledger_.submit(std::move(command), std::move(done));
    // Copyable, as std::function wants it; taken back where there is no room.
    const auto shared = std::make_shared<std::pair<Command, std::function<void(Result<Answer>)>>>(
        std::move(command), std::move(done));
    const bool room = workers_.post([this, shared] { shared->second(ledger_.execute(shared->first)); });
    if (!room) shared->second(std::unexpected(too_much()));
  }

  /// Calls `parse(Call&)` at once, or elsewhere where the body is long.
  void parse(Call call, const http::Respond& respond,
             const std::function<void(Call&, const http::Respond&)>& read) {
    if (call.request.body.size() <= kParsedAtOnce) return read(call, respond);
    const auto shared = std::make_shared<Call>(std::move(call));
    if (!workers_.post([shared, respond, read] { read(*shared, respond); })) {
      respond(problem(Trouble::overloaded, "too many long requests are under way: ask again in a moment",
                      shared->request.head.id));
    }
  }

  [[nodiscard]] bool decides_in_order() const { return options_.decides_in_order; }

 private:
  const CommandsApiOptions options_;
  Ledger& ledger_;
  Workers& workers_;
  const Clock& clock_;
  Observer& observer_;
  const std::function<void()> decided_;
  std::atomic<std::size_t> under_way_{0};
};

using Api = std::shared_ptr<CommandsApi>;

http::Response forbidden_plan(const Call& call) {
  return problem(Trouble::forbidden,
                 fmt::format("the key \"{}\" has the role {}: define_fee_plan needs admin", call.caller.key,
                             to_string(call.caller.role)),
                 call.request.head.id);
}

http::Response overloaded(const Call& call) {
  return problem(Trouble::overloaded, "too many commands are under way: ask again in a moment",
                 call.request.head.id);
}

Result<Command> read_one(std::string_view op, const Call& call) {
  auto command = json::parse_command(call.request.body, op);
  if (!command) return command;
  if (auto set = set_actor(*command, call.caller.key); !set) return std::unexpected(set.error());
  if (auto set = set_key(*command, call.request.head); !set) return std::unexpected(set.error());
  return command;
}

void run_one(const Api& api, std::string_view op, Call& call, const http::Respond& respond) {
  const auto began = api->now();
  auto& id = call.request.head.id;
  auto command = read_one(op, call);
  if (!command) {
    const Result<Answer> refused = std::unexpected(std::move(command.error()));
    api->tell(op, refused, began);
    return respond(problem(refused.error(), id));
  }
  if (call.caller.role < Role::admin && defines_plan(*command)) return respond(forbidden_plan(call));
  if (!api->enter(1)) return respond(overloaded(call));
  api->run(std::move(*command), [api, op, began, respond, id = std::move(id)](const Result<Answer>& answer) {
    api->tell(op, answer, began);
    api->leave(1);
    if (!answer) return respond(problem(answer.error(), id));
    http::Response response;
    response.body = json::to_json(answer);
    respond(std::move(response));
  });
}

/// The commands of one request, each with its own answer.
class Many : public std::enable_shared_from_this<Many> {
 public:
  Many(Api api, json::CommandList list, http::Respond respond)
      : api_(std::move(api)),
        commands_(std::move(list.commands)),
        answers_(commands_.size()),
        ordered_(list.ordered),
        began_(api_->now()),
        respond_(std::move(respond)) {}

  /// Starts what may start now; answers when all are decided. Called again by each answer.
  void advance() {
    std::unique_lock hold(mutex_);
    again_ = true;
    if (advancing_) return;
    advancing_ = true;
    while (again_) {
      again_ = false;
      while (next_ < commands_.size() && may_start()) {
        const auto index = next_++;
        ++under_way_;
        hold.unlock();
        start(index);
        hold.lock();
      }
    }
    advancing_ = false;
    const bool finished = next_ == commands_.size() && under_way_ == 0 && !finished_;
    finished_ = finished_ || finished;
    hold.unlock();
    if (finished) answer();
  }

 private:
  /// In order: beside others only where the store itself keeps the order; a chunked one always alone.
  [[nodiscard]] bool may_start() const {
    if (!ordered_ || under_way_ == 0) return true;
    const auto& command = commands_[next_];
    return api_->decides_in_order() && !alone_ && !(command && is_chunked(*command));
  }

  void start(std::size_t index) {
    auto& command = commands_[index];
    if (!command) return fill(index, "unreadable", std::unexpected(std::move(command.error())));
    const auto op = op_name(command->operation);
    alone_ = is_chunked(*command);
    api_->run(std::move(*command), [self = shared_from_this(), index, op](Result<Answer> answer) {
      self->fill(index, op, answer);
    });
  }

  void fill(std::size_t index, std::string_view op, const Result<Answer>& answer) {
    api_->tell(op, answer, began_);
    auto text = json::to_json(answer);
    {
      const std::scoped_lock hold(mutex_);
      answers_[index] = std::move(text);
      --under_way_;
    }
    advance();
  }

  void answer() {
    http::Response response;
    response.body = "{\"answers\":[";
    for (const auto& each : answers_) {
      if (response.body.back() != '[') response.body += ',';
      response.body += each;
    }
    response.body += "]}";
    api_->leave(commands_.size());
    respond_(std::move(response));
  }

  const Api api_;
  std::vector<Result<Command>> commands_;
  std::vector<std::string> answers_;
  const bool ordered_;
  const Nanoseconds began_;
  const http::Respond respond_;

  std::mutex mutex_;
  std::size_t next_ = 0;
  std::size_t under_way_ = 0;
  bool advancing_ = false;  // a thread is in `advance`: it goes on for the others
  bool again_ = false;
  std::atomic<bool> alone_{false};  // the last that was started is chunked
  bool finished_ = false;
};

void run_many(const Api& api, Call& call, const http::Respond& respond) {
  if (!call.request.head.field("idempotency-key").empty()) {
    return respond(problem(fail(ErrorCode::invalid_command,
                                "Idempotency-Key is of one command: give each of these its own \"key\"")
                               .error(),
                           call.request.head.id));
  }
  auto list = json::parse_command_list(call.request.body);
  if (!list) return respond(problem(list.error(), call.request.head.id));
  for (auto& command : list->commands) {
    if (!command) continue;
    if (call.caller.role < Role::admin && defines_plan(*command)) return respond(forbidden_plan(call));
    if (auto set = set_actor(*command, call.caller.key); !set) command = std::unexpected(set.error());
  }
  if (!api->enter(list->commands.size())) return respond(overloaded(call));
  call.request.body = {};
  std::make_shared<Many>(api, std::move(*list), respond)->advance();
}

}  // namespace

std::vector<Route> command_routes(Ledger& ledger, Workers& workers, const Clock& clock, Observer& observer,
                                  std::function<void()> decided, CommandsApiOptions options) {
  const auto api =
      std::make_shared<CommandsApi>(ledger, workers, clock, observer, std::move(decided), options);
  std::vector<Route> routes;
  for (const auto& [path, op, role] : kPaths) {
    routes.push_back({.method = "POST",
                      .path = std::string(path),
                      .role = role,
                      .run = [api, op](Call call, const http::Respond& respond) {
                        api->parse(std::move(call), respond, [api, op](Call& read, const http::Respond& to) {
                          run_one(api, op, read, to);
                        });
                      }});
  }
  routes.push_back({.method = "POST",
                    .path = "/v1/commands",
                    .role = Role::operate,
                    .run = [api](Call call, const http::Respond& respond) {
                      api->parse(std::move(call), respond,
                                 [api](Call& read, const http::Respond& to) { run_many(api, read, to); });
                    }});
  return routes;
}

}  // namespace holdfast::server
