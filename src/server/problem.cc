#include "server/problem.h"

#include <array>

#include "json/render.h"
#include "json/writer.h"

namespace holdfast::server {

namespace {

struct Kind {
  std::string_view code;
  int status;
  std::string_view title;
};

// In the order of Trouble.
constexpr std::array<Kind, 13> kTroubles{{
    {"bad_request", 400, "This is no request that can be read"},
    {"unauthorized", 401, "A key is needed"},
    {"forbidden", 403, "The key may not do this"},
    {"not_found", 404, "There is nothing here"},
    {"method_not_allowed", 405, "The path does not know this method"},
    {"request_timeout", 408, "The request came too slowly"},
    {"body_too_large", 413, "The body is too large"},
    {"unsupported_media_type", 415, "The body is not JSON"},
    {"head_too_large", 431, "The head of the request is too large"},
    {"overloaded", 503, "The server has too much to do"},
    {"unsupported_version", 505, "This version of HTTP is not spoken"},
    {"draining", 503, "The server is stopping"},
    {"unanswered", 500, "The request was not answered"},
}};

std::string_view title_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_command:
      return "The command is not valid";
    case ErrorCode::account_not_found:
      return "There is no such account";
    case ErrorCode::account_exists:
      return "The account exists with another currency or kind";
    case ErrorCode::account_closed:
      return "The account is closed";
    case ErrorCode::account_not_empty:
      return "The account is not empty";
    case ErrorCode::account_in_use:
      return "The account is in use";
    case ErrorCode::escrow_not_found:
      return "There is no such escrow";
    case ErrorCode::escrow_not_locked:
      return "The escrow is settled already";
    case ErrorCode::escrow_frozen:
      return "The escrow is frozen";
    case ErrorCode::not_frozen:
      return "The escrow is not frozen";
    case ErrorCode::group_closed:
      return "The group is closed";
    case ErrorCode::group_not_found:
      return "There is no such group";
    case ErrorCode::insufficient_funds:
      return "There is not enough money";
    case ErrorCode::currency_mismatch:
      return "The currencies do not fit";
    case ErrorCode::amount_out_of_range:
      return "The amount is out of range";
    case ErrorCode::fees_exceed_amount:
      return "The fees exceed the amount";
    case ErrorCode::fee_plan_not_found:
      return "There is no such fee plan";
    case ErrorCode::fee_plan_fixed:
      return "The fee plan of this escrow is fixed";
    case ErrorCode::duplicate_item:
      return "An escrow is listed twice";
    case ErrorCode::batch_too_large:
      return "The batch is too large";
    case ErrorCode::idempotency_conflict:
      return "The key was used for another command";
    case ErrorCode::overflow:
      return "The sum is too large";
    case ErrorCode::wrong_account_kind:
      return "The account is of another kind";
    case ErrorCode::not_as_expected:
      return "It would do something else than was confirmed";
    case ErrorCode::busy:
      return "Something is in the way: try again";
    case ErrorCode::storage_full:
      return "The disk is full";
    case ErrorCode::storage_failed:
      return "The storage failed";
    case ErrorCode::corrupt:
      return "Stored bytes are wrong";
    case ErrorCode::not_a_ledger:
      return "There is no ledger";
    case ErrorCode::newer_format:
      return "The ledger is of a newer version";
    case ErrorCode::read_only:
      return "The ledger is read only";
    case ErrorCode::aborted:
      return "The block was given up";
  }
  return "Error";
}

http::Response answer(const Kind& kind, std::string_view detail, std::string_view request_id,
                      const Error* error) {
  json::Writer out;
  out.begin_object().name("type").text(std::string("urn:holdfast:error:").append(kind.code));
  out.name("title").text(kind.title).name("status").number(kind.status);
  out.name("detail").text(detail).name("code").text(kind.code);
  out.name("instance").text(std::string("urn:holdfast:request:").append(request_id));
  if (error != nullptr) json::write_details(out, *error);
  http::Response response;
  response.status = kind.status;
  response.content_type = "application/problem+json";
  response.body = out.end_object().take();
  response.tag = kind.code;
  if (kind.status == 503) response.fields.emplace_back("Retry-After", "1");
  if (kind.status == 401) {
    response.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"holdfast\"");
  }
  return response;
}

}  // namespace

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_command:
      return 400;
    case ErrorCode::account_not_found:
    case ErrorCode::escrow_not_found:
    case ErrorCode::group_not_found:
    case ErrorCode::fee_plan_not_found:
      return 404;
    case ErrorCode::batch_too_large:
      return 413;
    case ErrorCode::account_exists:
    case ErrorCode::account_closed:
    case ErrorCode::account_not_empty:
    case ErrorCode::account_in_use:
    case ErrorCode::escrow_not_locked:
    case ErrorCode::escrow_frozen:
    case ErrorCode::not_frozen:
    case ErrorCode::group_closed:
    case ErrorCode::fee_plan_fixed:
    case ErrorCode::idempotency_conflict:
    case ErrorCode::not_as_expected:
    case ErrorCode::aborted:
      return 409;
    case ErrorCode::insufficient_funds:
    case ErrorCode::currency_mismatch:
    case ErrorCode::amount_out_of_range:
    case ErrorCode::fees_exceed_amount:
    case ErrorCode::duplicate_item:
    case ErrorCode::overflow:
    case ErrorCode::wrong_account_kind:
      return 422;
    case ErrorCode::read_only:
      return 403;
    case ErrorCode::storage_full:
      return 507;
    case ErrorCode::busy:
    case ErrorCode::storage_failed:
    case ErrorCode::corrupt:
    case ErrorCode::not_a_ledger:
    case ErrorCode::newer_format:
      return 503;
  }
  return 500;
}

http::Response problem(const Error& error, std::string_view request_id) {
  const Kind kind{to_string(error.code), status_of(error.code), title_of(error.code)};
  return answer(kind, error.message, request_id, &error);
}

http::Response problem(Trouble trouble, std::string_view detail, std::string_view request_id) {
  return answer(kTroubles.at(static_cast<std::size_t>(trouble)), detail, request_id, nullptr);
}

Trouble trouble_of(int status) {
  switch (status) {
    case 408:
      return Trouble::request_timeout;
    case 413:
      return Trouble::body_too_large;
    case 431:
      return Trouble::head_too_large;
    case 500:
      return Trouble::unanswered;
    case 503:
      return Trouble::overloaded;
    case 505:
      return Trouble::unsupported_version;
    default:
      return Trouble::bad_request;
  }
}

}  // namespace holdfast::server
