#include "server/problem.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "server/testing/ask.h"

namespace holdfast::server {
namespace {

using testing::body_of;
using testing::field_of;
using testing::text_at;

constexpr std::array kCodes = {ErrorCode::invalid_command,
                               ErrorCode::account_not_found,
                               ErrorCode::account_exists,
                               ErrorCode::account_closed,
                               ErrorCode::account_not_empty,
                               ErrorCode::account_in_use,
                               ErrorCode::escrow_not_found,
                               ErrorCode::escrow_not_locked,
                               ErrorCode::escrow_frozen,
                               ErrorCode::not_frozen,
                               ErrorCode::group_closed,
                               ErrorCode::group_not_found,
                               ErrorCode::insufficient_funds,
                               ErrorCode::currency_mismatch,
                               ErrorCode::amount_out_of_range,
                               ErrorCode::fees_exceed_amount,
                               ErrorCode::fee_plan_not_found,
                               ErrorCode::fee_plan_fixed,
                               ErrorCode::duplicate_item,
                               ErrorCode::batch_too_large,
                               ErrorCode::idempotency_conflict,
                               ErrorCode::overflow,
                               ErrorCode::wrong_account_kind,
                               ErrorCode::not_as_expected,
                               ErrorCode::busy,
                               ErrorCode::storage_full,
                               ErrorCode::storage_failed,
                               ErrorCode::corrupt,
                               ErrorCode::not_a_ledger,
                               ErrorCode::newer_format,
                               ErrorCode::read_only,
                               ErrorCode::aborted};

Error error_of(ErrorCode code) {
  return fail(code, "why, and what to do").error();
}

TEST(Problem, EveryCodeOfTheLedgerIsAProblemOfItsOwn) {
  std::set<std::string> titles;
  for (const auto code : kCodes) {
    const auto response = problem(error_of(code), "r1");
    const std::string name(to_string(code));
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(response.status, status_of(code)) << name;
    EXPECT_EQ(response.tag, name);
    EXPECT_EQ(text_at(response, "/code"), name);
    EXPECT_EQ(text_at(response, "/type"), "urn:holdfast:error:" + name);
    EXPECT_EQ(text_at(response, "/detail"), "why, and what to do");
    EXPECT_EQ(text_at(response, "/instance"), "urn:holdfast:request:r1");
    EXPECT_EQ(body_of(response).at("status").as_int64(), status_of(code));
    EXPECT_EQ(field_of(response, "Retry-After").empty(), status_of(code) != 503) << name;
    titles.insert(text_at(response, "/title"));
  }
  EXPECT_EQ(titles.size(), kCodes.size());
}

TEST(Problem, WhatCanBeTriedAgainSaysSo) {
  for (const auto code : kCodes) {
    EXPECT_TRUE(!is_rejection(code) || status_of(code) < 500) << to_string(code);
  }
  EXPECT_EQ(status_of(ErrorCode::busy), 503);
  EXPECT_EQ(status_of(ErrorCode::storage_full), 507);
  EXPECT_EQ(status_of(ErrorCode::read_only), 403);
}

TEST(Problem, TheDetailsOfAnErrorComeWithIt) {
  auto error = error_of(ErrorCode::escrow_not_locked);
  error.items = {{EscrowId(7), "order:7", ErrorCode::escrow_not_locked},
                 {EscrowId(), "none", ErrorCode::escrow_not_found}};
  error.counts = {{ErrorCode::escrow_not_found, 1}, {ErrorCode::escrow_not_locked, 1}};
  error.fields = {"escrows"};
  error.path = {2, 0};
  const auto body = body_of(problem(error, "r1"));
  EXPECT_EQ(body.at("items"),
            boost::json::parse(R"([{"escrow":7,"key":"order:7","reason":"escrow_not_locked"},
                                   {"escrow":null,"key":"none","reason":"escrow_not_found"}])"));
  EXPECT_EQ(body.at("counts"), boost::json::parse(R"({"escrow_not_found":1,"escrow_not_locked":1})"));
  EXPECT_EQ(body.at("fields"), boost::json::parse(R"(["escrows"])"));
  EXPECT_EQ(body.at("path"), boost::json::parse("[2,0]"));
}

TEST(Problem, TextsOfOthersStayJson) {
  const auto response = problem(Trouble::not_found, "there is no \"\x01\xff\"", "r1");
  EXPECT_EQ(text_at(response, "/detail"), "there is no \"\x01\xEF\xBF\xBD\"");
}

TEST(Problem, EveryTroubleIsAProblemOfItsOwn) {
  const std::tuple<Trouble, int, std::string_view> all[] = {
      {Trouble::bad_request, 400, "bad_request"},
      {Trouble::unauthorized, 401, "unauthorized"},
      {Trouble::forbidden, 403, "forbidden"},
      {Trouble::not_found, 404, "not_found"},
      {Trouble::method_not_allowed, 405, "method_not_allowed"},
      {Trouble::request_timeout, 408, "request_timeout"},
      {Trouble::body_too_large, 413, "body_too_large"},
      {Trouble::unsupported_media_type, 415, "unsupported_media_type"},
      {Trouble::head_too_large, 431, "head_too_large"},
      {Trouble::overloaded, 503, "overloaded"},
      {Trouble::unsupported_version, 505, "unsupported_version"},
      {Trouble::draining, 503, "draining"},
      {Trouble::unanswered, 500, "unanswered"},
  };
  for (const auto& [trouble, status, code] : all) {
    const auto response = problem(trouble, "why", "r1");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.tag, code);
    EXPECT_EQ(text_at(response, "/code"), code);
    EXPECT_EQ(field_of(response, "Retry-After").empty(), status != 503) << code;
    EXPECT_EQ(field_of(response, "WWW-Authenticate"), status == 401 ? "Bearer realm=\"holdfast\"" : "");
    // The transport knows statuses only.
    const bool by_transport = status == 400 || status == 408 || status == 413 || status == 431 ||
                              status == 500 || status == 505 || trouble == Trouble::overloaded;
    EXPECT_TRUE(!by_transport || trouble_of(status) == trouble) << code;
  }
}

}  // namespace
}  // namespace holdfast::server
