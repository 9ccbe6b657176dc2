#include "server/questions.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "base/text.h"
#include "ledger/validate.h"
#include "server/problem.h"

namespace holdfast::server {

namespace {

Result<std::uint64_t> number_of(const Call& call, const std::string& name, std::uint64_t fallback,
                                std::uint64_t least, std::uint64_t most) {
  const auto text = value_of(call, name);
  if (!text) return fallback;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < least || number > most) {
    return std::unexpected(
        invalid_query(name, fmt::format("the query's \"{}\" must be a whole number from {} to {}, not {}",
                                        name, least, most, in_quotes(*text))));
  }
  return number;
}

}  // namespace

Error invalid_query(std::string field, std::string message) {
  auto error = fail(ErrorCode::invalid_command, std::move(message)).error();
  error.fields = {std::move(field)};
  return error;
}

std::optional<std::string> value_of(const Call& call, const std::string& name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? std::nullopt : std::optional(found->second);
}

Result<std::string> name_of(const Call& call, const std::string& name) {
  auto text = value_of(call, name);
  if (!text) return std::string();
  if (is_name(*text)) return std::move(*text);
  return std::unexpected(
      invalid_query(name, fmt::format("the query's \"{}\" {} is no name: 1 to 128 of A-Z a-z 0-9 . _ : - / @",
                                      name, in_quotes(*text))));
}

Result<std::optional<Timestamp>> time_of(const Call& call, const std::string& name) {
  const auto text = value_of(call, name);
  if (!text) return std::optional<Timestamp>();
  const auto parsed = parse_rfc3339(*text);
  if (!parsed) {
    return std::unexpected(
        invalid_query(name, fmt::format("the query's \"{}\": {}", name, parsed.error().message)));
  }
  return std::optional(*parsed);
}

Result<std::size_t> limit_of(const Call& call) {
  return number_of(call, "limit", kUsualRows, 1, kMostRows);
}

EscrowRef escrow_ref(const std::string& text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size()) return {EscrowId(id), {}};
  return {EscrowId(), text};
}

Result<NumberedPage> numbered_page(const Call& call) {
  const auto limit = limit_of(call);
  if (!limit) return std::unexpected(limit.error());
  const auto after = number_of(call, "after", 0, 0, static_cast<std::uint64_t>(kMaxAmount.minor()));
  if (!after) return std::unexpected(after.error());
  return NumberedPage{*after, *limit};
}

Result<NamedPage> named_page(const Call& call) {
  const auto limit = limit_of(call);
  if (!limit) return std::unexpected(limit.error());
  auto after = name_of(call, "after");
  if (!after) return std::unexpected(std::move(after.error()));
  return NamedPage{std::move(*after), *limit};
}

http::Response json_of(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

void Questions::add(std::string path, std::vector<std::string> query,
                    std::function<Result<http::Response>(const Call&)> answer) {
  auto run = [&workers = workers_, answer = std::move(answer)](Call call, const http::Respond& respond) {
    const auto shared = std::make_shared<Call>(std::move(call));
    const bool posted = workers.post([shared, respond, answer] {
      auto answered = answer(*shared);
      respond(answered ? std::move(*answered) : problem(answered.error(), shared->request.head.id));
    });
    if (!posted) {
      respond(problem(Trouble::overloaded, "too many questions are under way: ask again in a moment",
                      shared->request.head.id));
    }
  };
  routes_.push_back(
      {.method = "GET", .path = std::move(path), .query = std::move(query), .run = std::move(run)});
}

void Questions::add_json(std::string path, std::vector<std::string> query,
                         std::function<Result<std::string>(const Call&)> answer) {
  add(std::move(path), std::move(query),
      [answer = std::move(answer)](const Call& call) -> Result<http::Response> {
        auto body = answer(call);
        if (!body) return std::unexpected(std::move(body.error()));
        return json_of(std::move(*body));
      });
}

}  // namespace holdfast::server
