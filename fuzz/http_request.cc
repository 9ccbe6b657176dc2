// HTTP requests: read in one piece and in pieces they are the same requests; and the server's handling of
// their head, target and query answers each with JSON, in a head that nothing in the request can add a line
// to.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "http/request_reader.h"
#include "http/response_head.h"
#include "json/document.h"
#include "json/writer.h"
#include "server/app.h"
#include "server/target.h"

using namespace holdfast;

namespace {

constexpr http::Limits kLimits{.max_head_bytes = 2'000, .max_body_bytes = 500};

class OneKey final : public server::KeyRing {
 public:
  [[nodiscard]] std::optional<server::Caller> find(std::string_view key) const override {
    if (key != "hf_k") return std::nullopt;
    return server::Caller{.key = "fuzz", .role = server::Role::operate};
  }
};

class Nobody final : public server::Observer {
 public:
  void answered(const server::RequestSeen& /*seen*/) noexcept override {}
  void sent(const server::BodySeen& /*seen*/) noexcept override {}
  void decided(const server::CommandSeen& /*seen*/) noexcept override {}
};

/// Says what it was asked.
void echo(const server::Call& call, const http::Respond& respond) {
  json::Writer out;
  out.begin_object().name("path").begin_list();
  for (const auto& value : call.path) out.text(value);
  out.end_list();
  for (const auto& [name, value] : call.query) out.name(name).text(value);
  http::Response response;
  response.body = out.name("body").text(call.request.body).end_object().take();
  respond(std::move(response));
}

class Site {
 public:
  Site() {
    app_.add({{"GET", "/", std::nullopt, {}, echo},
              {"GET", "/v1/accounts", server::Role::read, {"after", "limit"}, echo},
              {"GET", "/v1/accounts/{account}/statement", server::Role::read, {"from", "to", "format"}, echo},
              {"POST", "/v1/escrows", server::Role::operate, {}, echo},
              {"GET", "/v1/escrows/{escrow}", server::Role::read, {}, echo},
              {"POST", "/v1/fee-plans", server::Role::admin, {}, echo}});
  }
  void ask(http::Request request) {
    const auto method = request.head.method;
    const auto target = server::split_target(request.head.target);
    if (target) {
      for (const auto segment : target->segments) (void)server::percent_decoded(segment);
    }
    if (auto early = app_.check_head(request.head)) return check(*early);
    app_.handle(std::move(request), [](const http::Response& response) { check(response); });
  }

 private:
  static void check(const http::Response& response) {
    HOLDFAST_ASSERT(json::Document::parse(response.body), "every answer is JSON");
    const http::AnswerForm form;
    const auto head = http::render_head(response, form, http::body_end(response, form), "id", "date");
    const auto lines = std::ranges::count(head, '\n');
    const auto expected = 6 + static_cast<std::ptrdiff_t>(response.fields.size());
    HOLDFAST_ASSERT(lines == expected, "a head has the lines that it was given");
  }

  OneKey keys_;
  Nobody observer_;
  server::App app_{keys_, system_clock(), observer_};
};

/// The requests in `bytes`, read as a connection does, in pieces of these sizes over and over.
std::vector<http::Request> read(std::string_view bytes, const std::vector<std::size_t>& sizes) {
  using Step = http::RequestReader::Step;
  http::RequestReader reader(kLimits);
  std::vector<http::Request> requests;
  std::string held;
  const auto take = [&] {
    requests.push_back({std::move(reader.head()), reader.take_body()});
    reader.reset();
  };
  for (std::size_t i = 0; !bytes.empty(); ++i) {
    const auto piece = bytes.substr(0, sizes[i % sizes.size()]);
    bytes.remove_prefix(piece.size());
    held += piece;
    for (auto step = Step::complete; step != Step::more && !held.empty();) {
      const auto progress = reader.feed(held);
      held.erase(0, progress.taken);
      step = progress.step;
      if (step == Step::broken) {
        HOLDFAST_ASSERT(!reader.problem().detail.empty(), "what is refused is told why");
        return requests;
      }
      if (step == Step::head) {
        (void)reader.keep_alive();
        if (reader.too_large()) return requests;
        if (reader.expects_continue() && reader.head().target == "/discard") reader.discard_body();
      }
      if (step == Step::complete || (step == Step::head && !reader.has_body())) take();
    }
  }
  return requests;
}

bool same(const http::Request& a, const http::Request& b) {
  return a.head.method == b.head.method && a.head.target == b.head.target && a.head.fields == b.head.fields &&
         a.body == b.body;
}

}  // namespace

/// A byte says how many sizes of pieces follow, then come the bytes of the connection.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Site site;
  auto text = fuzz::text_of(data, size);
  fuzz::Choices choices(text);
  std::vector<std::size_t> sizes(1 + choices.byte() % 4);
  for (auto& each : sizes) each = 1 + choices.byte();
  if (text.empty()) return 0;
  auto whole = read(text, {text.size()});
  const auto pieces = read(text, sizes);
  HOLDFAST_ASSERT(std::ranges::equal(whole, pieces, same),
                  "requests are the same in whatever pieces they come");
  for (auto& request : whole) site.ask(std::move(request));
  return 0;
}
