#include "json/render.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "json/writer.h"

namespace holdfast::json {
namespace {

constexpr Timestamp kAt{1'764'000'000'123'456};  // 2025-11-24T16:00:00.123456Z

Currency eur() {
  return *Currency::parse("EUR");
}

Settlement settlement(Settlement::Kind kind) {
  Settlement result;
  result.kind = kind;
  result.totals = {{eur(), 3, Amount(15000), Amount(750), Amount(435), Amount(13815)}};
  return result;
}

TEST(Render, AnswerOfAHold) {
  EXPECT_EQ(to_json(Result<Answer>(Answer{42, Seq(42), kAt, false, HoldResult{EscrowId(17)}})),
            R"({"ok":true,"event_id":42,"seq":42,"at":"2025-11-24T16:00:00.123456Z","replayed":false,)"
            R"("result":{"escrow":17}})");
}

TEST(Render, DryRunHasNoIds) {
  EXPECT_EQ(to_json(Result<Answer>(Answer{{}, {}, kAt, false, HoldResult{}})),
            R"({"ok":true,"event_id":null,"seq":null,"at":"2025-11-24T16:00:00.123456Z","replayed":false,)"
            R"("result":{"escrow":null}})");
}

TEST(Render, Settlements) {
  auto release = settlement(Settlement::Kind::release);
  release.skipped = {{EscrowId(7), "pledge:7", ErrorCode::escrow_frozen},
                     {EscrowId(), "gone", ErrorCode::escrow_not_found},
                     {EscrowId(9), "", ErrorCode::escrow_not_locked}};
  release.skipped_count = {
      {ErrorCode::escrow_frozen, 1}, {ErrorCode::escrow_not_found, 1}, {ErrorCode::escrow_not_locked, 1}};
  EXPECT_EQ(to_json(CommandResult(release)),
            R"({"totals":[{"currency":"EUR","escrows":3,"amount":15000,"commission":750,"processor_fee":435,)"
            R"("net":13815}],"skipped":[{"escrow":7,"key":"pledge:7","reason":"escrow_frozen"},)"
            R"({"escrow":null,"key":"gone","reason":"escrow_not_found"},)"
            R"({"escrow":9,"key":null,"reason":"escrow_not_locked"}],)"
            R"("skipped_count":{"escrow_frozen":1,"escrow_not_found":1,"escrow_not_locked":1}})");
  EXPECT_EQ(to_json(CommandResult(settlement(Settlement::Kind::refund))),
            R"({"totals":[{"currency":"EUR","escrows":3,"amount":15000}],"skipped":[],"skipped_count":{}})");
  auto resolve = settlement(Settlement::Kind::resolve);
  resolve.to_payer = Amount(2000);
  EXPECT_EQ(to_json(CommandResult(resolve)),
            R"({"totals":[{"currency":"EUR","escrows":3,"amount":15000,"commission":750,"processor_fee":435,)"
            R"("net":13815}],"skipped":[],"skipped_count":{},"to_payer":2000})");
}

TEST(Render, AtomicWithARolledBackSavepoint) {
  Error error;
  error.code = ErrorCode::insufficient_funds;
  error.message = "too little";
  error.path = {1, 0};
  AtomicResult inner;
  inner.results.emplace_back(Nothing{});
  AtomicResult atomic;
  atomic.results.emplace_back(HoldResult{EscrowId(1)});
  atomic.results.emplace_back(std::unexpected(error));
  atomic.results.emplace_back(inner);
  atomic.results.emplace_back(PlanResult{2});
  EXPECT_EQ(to_json(CommandResult(atomic)),
            R"({"results":[{"escrow":1},{"error":{"code":"insufficient_funds","message":"too little",)"
            R"("details":{"path":[1,0]}}},{"results":[{}]},{"version":2}]})");
}

TEST(Render, Errors) {
  EXPECT_EQ(to_json(Error{ErrorCode::busy, "try again", {}, {}, {}, {}}),
            R"({"ok":false,"error":{"code":"busy","message":"try again","details":{}}})");
  Error error{ErrorCode::escrow_not_locked, "no", {}, {}, {"amount"}, {0, 2}};
  error.items = {{EscrowId(7), "", ErrorCode::escrow_not_locked}};
  error.counts = {{ErrorCode::escrow_not_locked, 101}};
  EXPECT_EQ(
      to_json(Result<Answer>(std::unexpected(error))),
      R"({"ok":false,"error":{"code":"escrow_not_locked","message":"no","details":{"items":[{"escrow":7,)"
      R"("key":null,"reason":"escrow_not_locked"}],"counts":{"escrow_not_locked":101},"fields":["amount"],)"
      R"("path":[0,2]}}})");
}

TEST(Render, Rows) {
  EXPECT_EQ(to_json(AccountView{"user:1", eur(), AccountKind::user, Amount(5), Amount(-0), true}),
            R"({"account":"user:1","currency":"EUR","kind":"user","available":5,"held":0,"open":true})");
  EscrowView escrow;
  escrow.escrow = EscrowId(17);
  escrow.key = "pledge:17";
  escrow.payer = "user:1";
  escrow.beneficiary = "campaign:7";
  escrow.currency = eur();
  escrow.amount = escrow.released = Amount(999);
  escrow.status = EscrowStatus::released;
  escrow.fee_plan = "standard";
  escrow.fee_plan_version = 1;
  escrow.commission = Amount(50);
  escrow.processor_fee = Amount(30);
  escrow.net = Amount(919);
  escrow.held_at = kAt;
  escrow.closed_at = kAt;
  EXPECT_EQ(to_json(escrow),
            R"({"escrow":17,"key":"pledge:17","payer":"user:1","beneficiary":"campaign:7","group":null,)"
            R"("currency":"EUR","amount":999,"released":999,"refunded":0,"locked":0,"status":"RELEASED",)"
            R"("fee_plan":{"name":"standard","version":1},"commission":50,"processor_fee":30,"net":919,)"
            R"("held_at":"2025-11-24T16:00:00.123456Z","closed_at":"2025-11-24T16:00:00.123456Z",)"
            R"("release_at":null,"refund_at":null})");
  EXPECT_EQ(
      to_json(StatementLine{Seq(3), kAt, "hold", Bucket::held, Amount(-999), Amount(0), 1, ""}),
      R"({"seq":3,"at":"2025-11-24T16:00:00.123456Z","op":"hold","bucket":"held","amount":-999,"balance":0,)"
      R"("escrows":1,"reference":null})");
  EXPECT_EQ(
      to_json(TrialBalance{eur(), Amount(1), Amount(2), Amount(-6), Amount(1), Amount(2), Amount(0)}),
      R"({"currency":"EUR","available":1,"held":2,"external":-6,"commission":1,"processor_fee":2,"sum":0})");
  EXPECT_EQ(to_json(AuditReport{true, {{"conservation", true, "EUR 0"}}}),
            R"({"ok":true,"checks":[{"law":"conservation","ok":true,"detail":"EUR 0"}]})");
  EXPECT_EQ(to_json(GroupView{"g", false, 3, 1}), R"({"group":"g","open":false,"escrows":3,"live":1})");
  const GroupTotal total{.currency = eur(),
                         .escrows = 5,
                         .amount = Amount(500),
                         .locked = Amount(100),
                         .frozen = Amount(50),
                         .released = Amount(300),
                         .refunded = Amount(50),
                         .commission = Amount(15),
                         .processor_fee = Amount(9),
                         .net = Amount(276),
                         .locked_escrows = 1,
                         .frozen_escrows = 1,
                         .released_escrows = 2,
                         .refunded_escrows = 0,
                         .split_escrows = 1};
  EXPECT_EQ(to_json(GroupSummary{{"g", true, 5, 2}, {total}}),
            R"({"group":"g","open":true,"escrows":5,"live":2,"totals":[{"currency":"EUR","escrows":5,)"
            R"("amount":500,"locked":100,"frozen":50,"released":300,"refunded":50,"commission":15,"net":276,)"
            R"("processor_fee":9,"locked_escrows":1,"frozen_escrows":1,"released_escrows":2,)"
            R"("refunded_escrows":0,"split_escrows":1}]})");
}

TEST(Render, AnEvent) {
  EventView event;
  event.seq = Seq(2);
  event.at = kAt;
  event.op = "deposit";
  event.key = "d";
  event.result = Nothing{};
  event.postings = {{"external:EUR", Bucket::available, Amount(-5), eur()},
                    {"user:1", Bucket::available, Amount(5), eur()}};
  EXPECT_EQ(
      to_json(event),
      R"({"seq":2,"at":"2025-11-24T16:00:00.123456Z","op":"deposit","actor":null,"key":"d","reason":null,)"
      R"("reference":null,"result":{},"escrows":[],"escrow_count":0,"postings":[)"
      R"({"account":"external:EUR","bucket":"available","amount":-5,"currency":"EUR"},)"
      R"({"account":"user:1","bucket":"available","amount":5,"currency":"EUR"}],"hash":")" +
          std::string(64, '0') + R"("})");
}

TEST(Writer, EveryTextIsReadBackAsItWas) {
  std::vector<std::string> texts = {"",    "plain", "\"quoted\" \\ /", "été – 日本 🎈", "\xF4\x8F\xBF\xBF",
                                    "\x7f"};
  for (char c = 0; c < 0x20; ++c) texts.emplace_back(3, c);
  for (const auto& text : texts) {
    std::string out;
    append_quoted(out, text);
    EXPECT_EQ(boost::json::parse(out).as_string(), text);
  }
}

TEST(Writer, WhatIsNotUtf8IsReplacedAndNeverWritten) {
  for (const auto* text :
       {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80z"}) {
    std::string out;
    append_quoted(out, text);
    boost::json::error_code ec;
    const auto value = boost::json::parse(out, ec);
    EXPECT_FALSE(ec) << out;
    EXPECT_NE(value.as_string().find("\xEF\xBF\xBD"), boost::json::string::npos);
  }
}

}  // namespace
}  // namespace holdfast::json
