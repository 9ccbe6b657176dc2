#include "server/webhooks_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/text.h"
#include "json/fields.h"
#include "server/problem.h"

namespace holdfast::server {

namespace {

class WebhooksApi : public std::enable_shared_from_this<WebhooksApi> {
 public:
  WebhooksApi(Webhooks& webhooks, const Ledger& ledger, Execute execute, MakeProblem problem)
      : webhooks_(webhooks), ledger_(ledger), execute_(std::move(execute)), problem_(std::move(problem)) {}

  using Work = Result<std::string> (WebhooksApi::*)(const Call&) const;

  void answer(Call call, const http::Respond& respond, Work work) {
    const auto shared = std::make_shared<const Call>(std::move(call));
    const auto accepted = execute_([self = shared_from_this(), shared, respond, work] {
      auto body = (*self.*work)(*shared);
      if (!body) return respond(self->refusal(body.error(), *shared));
      http::Response response;
      response.body = std::move(*body);
      respond(std::move(response));
    });
    if (accepted) return;
    Error full;
    full.code = ErrorCode::busy;
    full.message = "the server has more questions to answer than it has room for: try again in a second";
    respond(problem_(full, shared->request.head));
  }

  [[nodiscard]] Result<std::string> list(const Call& /*call*/) const {
    const auto status = ledger_.status();
    const auto last = status ? std::optional(status->seq) : std::nullopt;
    std::string body = "{\"rows\":[";
    for (const auto& state : webhooks_.states()) {
      if (body.back() == '}') body += ',';
      body += to_json(state, last);
    }
    return body + "],\"next\":null}";
  }

  [[nodiscard]] Result<std::string> replay(const Call& call) const {
    const auto document = json::Document::parse(call.request.body);
    if (!document) return std::unexpected(document.error());
    if (document->root().kind() != json::Kind::object) {
      return fail(ErrorCode::invalid_command, "replay takes an object such as {\"after\":0}");
    }
    json::Fields fields(document->root(), "replay");
    constexpr std::string_view kNames[] = {"after"};
    fields.allow(kNames);
    const auto after =
        fields.optional_integer("after", "an event's seq", 0, std::numeric_limits<std::int64_t>::max());
    if (!fields.has("after")) {
      fields.error(ErrorCode::invalid_command, "after", "field \"after\" is missing: the seq to begin after");
    }
    if (fields.error()) return std::unexpected(*fields.error());
    if (auto done = webhooks_.replay(call.path.at(0), Seq(static_cast<std::uint64_t>(*after))); !done) {
      return std::unexpected(std::move(done.error()));
    }
    const auto states = webhooks_.states();
    const auto found = std::ranges::find_if(
        states, [&](const WebhookState& state) { return state.webhook.name == call.path.at(0); });
    if (found == states.end()) return fail(ErrorCode::invalid_command, "the webhook was removed meanwhile");
    const auto status = ledger_.status();
    return to_json(*found, status ? std::optional(status->seq) : std::nullopt);
  }

 private:
  /// `not_found` where it names a webhook that is not there.
  [[nodiscard]] http::Response refusal(const Error& error, const Call& call) const {
    const auto& head = call.request.head;
    const bool of_name =
        error.code == ErrorCode::invalid_command && error.fields.empty() && !call.path.empty();
    if (of_name && std::ranges::none_of(webhooks_.states(), [&](const WebhookState& state) {
          return state.webhook.name == call.path.front();
        })) {
      return problem(Trouble::not_found, fmt::format("there is no webhook {}", in_quotes(call.path.front())),
                     head.id);
    }
    return problem_(error, head);
  }

  Webhooks& webhooks_;
  const Ledger& ledger_;
  const Execute execute_;
  const MakeProblem problem_;
};

}  // namespace

std::vector<Route> webhook_routes(Webhooks& webhooks, const Ledger& ledger, Execute execute,
                                  MakeProblem problem) {
  const auto api = std::make_shared<WebhooksApi>(webhooks, ledger, std::move(execute), std::move(problem));
  return {
      {"GET",
       "/v1/webhooks",
       Role::admin,
       {},
       [api](Call call, const http::Respond& respond) {
         api->answer(std::move(call), respond, &WebhooksApi::list);
       }},
      {"POST",
       "/v1/webhooks/{name}/replay",
       Role::admin,
       {},
       [api](Call call, const http::Respond& respond) {
         api->answer(std::move(call), respond, &WebhooksApi::replay);
       }},
  };
}

}  // namespace holdfast::server
