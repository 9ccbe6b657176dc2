#include "json/parse_command.h"

#include <gtest/gtest.h>

#include <string>

#include "json/document.h"
#include "ledger/validate.h"

namespace holdfast::json {
namespace {

/// What is wrong with a text, whether parsing or validation says it: the way that every shell goes.
Error error_of(const std::string& text) {
  const auto command = parse_command(text);
  if (!command) return command.error();
  const auto valid = validate(*command);
  EXPECT_FALSE(valid.has_value()) << "accepted: " << text;
  return valid ? Error{} : valid.error();
}

std::string hold_with(const std::string& field, const std::string& value) {
  std::string text = R"({"op":"hold","key":"k")";
  const std::pair<const char*, const char*> fields[] = {{"payer", "\"user:1\""},
                                                        {"beneficiary", "\"campaign:1\""},
                                                        {"amount", "999"},
                                                        {"fee_plan", "\"standard\""}};
  bool replaced = false;
  for (const auto& [name, usual] : fields) {
    replaced = replaced || field == name;
    text += ",\"" + std::string(name) + "\":" + (field == name ? value : usual);
  }
  if (!replaced) text += ",\"" + field + "\":" + value;
  return text + "}";
}

/// A fee plan with this commission, and more behind its fee.
std::string plan_with(const std::string& commission, const std::string& more = "") {
  return R"({"op":"define_fee_plan","fee_plan":"p","currency":"EUR","commission":)" + commission +
         R"(,"processor_fee":{"rate":"0"})" + more + "}";
}

TEST(ParseCommand, NotJson) {
  const std::string cases[] = {
      "",
      "   ",
      "{",
      "{\"op\":\"hold\"",
      "{\"op\":\"hold\",}",
      "{'op':'hold'}",
      "{\"op\":\"hold\"} x",
      "{\"op\":\"hold\"}{}",
      "{op:1}",
      "NaN",
      "{\"op\":\"deposit\",\"amount\":NaN}",
      "{\"op\":\"deposit\",\"amount\":Infinity}",
      "{\"op\":\"deposit\",\"amount\":+5}",
      "{\"op\":\"deposit\",\"amount\":05}",
      "{\"op\":\"deposit\",\"amount\":5.}",
      "{\"op\":\"deposit\",\"amount\":0x10}",
      "{\"op\":\"\xff\"}",
      "{\"op\":\"\xc0\xaf\"}",
      "{\"op\":\"\xed\xa0\x80\"}",
      "{\"op\":\"\\ud800\"}",
      std::string("{\"op\":\"a\0b\"}", 12),
      "\xef\xbb\xbf{}",
      "/* c */ {}",
      std::string(1000, '['),
  };
  for (const auto& text : cases) {
    const auto command = parse_command(text);
    ASSERT_FALSE(command.has_value()) << text;
    EXPECT_EQ(command.error().code, ErrorCode::invalid_command) << text;
    EXPECT_EQ(command.error().message.find('\n'), std::string::npos) << text;
    EXPECT_FALSE(command.error().message.empty()) << text;
  }
}

TEST(ParseCommand, SaysAtWhichByte) {
  EXPECT_EQ(parse_command("{\"op\":hold}").error().message, "not JSON: syntax error at byte 7");
  EXPECT_EQ(parse_command("{\"op\":\"hold\"").error().message,
            "not JSON: the text ends before the value is complete");
}

TEST(ParseCommand, NoObject) {
  for (const auto* text : {"1", "\"hold\"", "[]", "null", "true", "1.5"}) {
    const auto command = parse_command(text);
    ASSERT_FALSE(command.has_value()) << text;
    EXPECT_EQ(command.error().code, ErrorCode::invalid_command);
  }
}

TEST(ParseCommand, RepeatedFieldsAtEveryLevel) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"op":"freeze","op":"freeze","escrow":1})", "op"},
      {R"({"op":"freeze","escrow":1,"escrow":2})", "escrow"},
      {R"({"op":"freeze","escrow":1,"e\u0073crow":1})", "escrow"},
      {R"({"op":"define_fee_plan","fee_plan":"p","currency":"EUR","commission":{"rate":"0","rate":"1"},)"
       R"("processor_fee":{"rate":"0"}})",
       "rate"},
      {R"({"op":"atomic","commands":[{"op":"freeze","escrow":1},{"op":"freeze","escrow":1,"escrow":1}]})",
       "escrow"},
      {R"({"op":"atomic","commands":[],"commands":[]})", "commands"},
      {R"({"":1,"":2})", ""},
  };
  for (const auto& [text, field] : cases) {
    const auto command = parse_command(text);
    ASSERT_FALSE(command.has_value()) << text;
    EXPECT_EQ(command.error().code, ErrorCode::invalid_command);
    EXPECT_EQ(command.error().fields, std::vector<std::string>{field}) << text;
    EXPECT_NE(command.error().message.find("twice"), std::string::npos) << command.error().message;
  }
}

TEST(ParseCommand, TheSameNameInDifferentObjectsIsNoRepetition) {
  EXPECT_TRUE(
      parse_command(R"({"op":"atomic","commands":[{"op":"freeze","escrow":1},{"op":"freeze","escrow":2}]})"));
}

TEST(ParseCommand, UnknownFieldsAreNamedWithThoseThatAreKnown) {
  const auto error = error_of(hold_with("ammount", "1"));
  EXPECT_EQ(error.code, ErrorCode::invalid_command);
  EXPECT_EQ(error.fields, std::vector<std::string>{"ammount"});
  EXPECT_EQ(error.message,
            "hold: field \"ammount\" is unknown; known are payer, beneficiary, amount, fee_plan, group, "
            "release_at, "
            "refund_at, op, key, actor, reason, reference, dry_run");
  EXPECT_EQ(error_of(R"({"op":"refund","escrows":[1],"fee_plan":"p"})").fields.at(0), "fee_plan");
  EXPECT_EQ(
      error_of(R"({"op":"define_fee_plan","fee_plan":"p","currency":"EUR","commission":{"rate":"0","cap":1},)"
               R"("processor_fee":{"rate":"0"}})")
          .fields.at(0),
      "commission.cap");
}

TEST(ParseCommand, MissingFields) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "op"},
      {R"({"op":"hold","key":"k","beneficiary":"b","amount":1,"fee_plan":"p"})", "payer"},
      {R"({"op":"hold","key":"k","payer":"a","amount":1,"fee_plan":"p"})", "beneficiary"},
      {R"({"op":"hold","key":"k","payer":"a","beneficiary":"b","fee_plan":"p"})", "amount"},
      {R"({"op":"hold","key":"k","payer":"a","beneficiary":"b","amount":1})", "fee_plan"},
      {R"({"op":"open_account","account":"a","currency":"EUR"})", "kind"},
      {R"({"op":"open_account","account":"a","kind":"user"})", "currency"},
      {R"({"op":"release"})", "escrows"},
      {R"({"op":"freeze"})", "escrow"},
      {R"({"op":"atomic"})", "commands"},
      {R"({"op":"resolve","key":"k","escrow":1,"to_payer":1})", "to_beneficiary"},
      {R"({"op":"define_fee_plan","fee_plan":"p","currency":"EUR","commission":{"rate":"0"}})",
       "processor_fee"},
      {R"({"op":"define_fee_plan","fee_plan":"p","currency":"EUR","commission":{},"processor_fee":{"rate":"0"}})",
       "commission.rate"},
  };
  for (const auto& [text, field] : cases) {
    const auto command = parse_command(text);
    ASSERT_FALSE(command.has_value()) << text;
    EXPECT_EQ(command.error().code, ErrorCode::invalid_command) << text;
    EXPECT_EQ(command.error().fields, std::vector<std::string>{field}) << text;
    EXPECT_NE(command.error().message.find("missing"), std::string::npos) << command.error().message;
  }
}

TEST(ParseCommand, WrongTypes) {
  const std::string cases[] = {
      R"({"op":1})",
      R"({"op":["hold"]})",
      R"({"op":"HOLD"})",
      R"({"op":""})",
      hold_with("payer", "1"),
      hold_with("payer", "null"),
      hold_with("payer", "true"),
      hold_with("payer", "{}"),
      hold_with("payer", "\"\""),
      hold_with("group", "\"\""),
      hold_with("group", "null"),
      hold_with("reason", "5"),
      hold_with("actor", "[]"),
      hold_with("dry_run", "\"true\""),
      hold_with("dry_run", "1"),
      hold_with("release_at", "1732435200"),
      hold_with("release_at", "\"tomorrow\""),
      hold_with("release_at", "\"2026-11-24\""),
      hold_with("release_at", "\"2026-11-24T09:00:00+02:00\""),
      R"({"op":"release","escrows":1})",
      R"({"op":"release","escrows":"pledge:7"})",
      R"({"op":"release","escrows":[null]})",
      R"({"op":"release","escrows":[[1]]})",
      R"({"op":"release","escrows":[1.0]})",
      R"({"op":"release","escrows":[0]})",
      R"({"op":"release","escrows":[-1]})",
      R"({"op":"release","escrows":[""]})",
      R"({"op":"release","escrows":[9007199254740992]})",
      R"({"op":"release","escrows":[18446744073709551617]})",
      R"({"op":"release","escrows":[1],"mode":"all"})",
      R"({"op":"release","escrows":[1],"mode":true})",
      R"({"op":"release","group":"g","key":"k","mode":"skip","chunk":0})",
      R"({"op":"release","group":"g","key":"k","mode":"skip","chunk":1000001})",
      R"({"op":"release","group":"g","key":"k","mode":"skip","chunk":"100"})",
      R"({"op":"release","group":"g","close":"yes"})",
      R"({"op":"release","group":"g","expect":{}})",
      R"({"op":"release","group":"g","expect":null})",
      R"({"op":"release","group":"g","expect":[5]})",
      R"({"op":"release","group":"g","expect":[{}]})",
      R"({"op":"release","group":"g","expect":[{"currency":"EUR","escrows":1,"amount":5}]})",
      R"({"op":"release","group":"g","expect":[{"currency":"EUR","escrows":0,"amount":5,"commission":1,)"
      R"("processor_fee":1,"net":3}]})",
      R"({"op":"refund","group":"g","expect":[{"currency":"EUR","escrows":1,"amount":5,"net":5}]})",
      R"({"op":"refund","group":"g","expect":[{"currency":"EUR","escrows":1,"amount":5.0}]})",
      R"({"op":"refund","group":"g","expect":[{"currency":"EUR","amount":5}]})",
      R"({"op":"hold","expect":[]})",
      R"({"op":"open_account","account":"a","currency":"EUR","kind":"wallet"})",
      R"({"op":"open_account","account":"a","currency":"EUR","kind":1})",
      plan_with("0.05"),
      plan_with(R"({"rate":0.05})"),
      plan_with(R"({"rate":"1.5"})"),
      plan_with(R"({"rate":"0","fixed":"1"})"),
      plan_with(R"({"rate":"0","min":null})"),
      plan_with(R"({"rate":"0"})", R"(,"rounding":"nearest")"),
      R"({"op":"atomic","commands":{}})",
      R"({"op":"atomic","commands":[1]})",
      R"({"op":"atomic","commands":[{"op":"freeze","escrow":1}],"on_error":"stop"})",
      R"({"op":"atomic","commands":[{"op":"atomic","commands":[],"on_error":true}]})",
      R"({"op":"atomic","commands":[{"op":"freeze","escrow":1,"dry_run":true}]})",
  };
  for (const auto& text : cases) {
    const auto error = error_of(text);
    EXPECT_EQ(error.code, ErrorCode::invalid_command) << text << "\n" << error.message;
    EXPECT_FALSE(error.fields.empty() && error.path.empty()) << text;
  }
}

TEST(ParseCommand, Amounts) {
  struct Case {
    const char* amount;
    ErrorCode code;
  };
  const Case cases[] = {
      {"0", ErrorCode::amount_out_of_range},
      {"-1", ErrorCode::amount_out_of_range},
      {"-0", ErrorCode::amount_out_of_range},
      {"9007199254740992", ErrorCode::amount_out_of_range},  // 2^53
      {"9223372036854775807", ErrorCode::amount_out_of_range},
      {"9223372036854775808", ErrorCode::amount_out_of_range},
      {"-9223372036854775808", ErrorCode::amount_out_of_range},
      {"-9223372036854775809", ErrorCode::amount_out_of_range},
      {"18446744073709551616", ErrorCode::amount_out_of_range},
      {"1000000000000000000000000000000", ErrorCode::amount_out_of_range},
      {"1.0", ErrorCode::invalid_command},
      {"0.5", ErrorCode::invalid_command},
      {"1e3", ErrorCode::invalid_command},
      {"1E0", ErrorCode::invalid_command},
      {"9.99", ErrorCode::invalid_command},
      {"\"5\"", ErrorCode::invalid_command},
      {"true", ErrorCode::invalid_command},
      {"null", ErrorCode::invalid_command},
      {"[5]", ErrorCode::invalid_command},
  };
  for (const auto& [amount, code] : cases) {
    const auto error = error_of(hold_with("amount", amount));
    EXPECT_EQ(error.code, code) << amount << ": " << error.message;
    EXPECT_EQ(error.fields, std::vector<std::string>{"amount"}) << amount;
  }
  EXPECT_EQ(error_of(hold_with("amount", "\"5\"")).message,
            "hold: field \"amount\" must be a whole number of minor units (cents), not the text \"5\"");
  const auto largest = parse_command(hold_with("amount", "9007199254740991"));
  ASSERT_TRUE(largest.has_value());
  EXPECT_EQ(std::get<Hold>(largest->operation).amount, kMaxAmount);
}

TEST(ParseCommand, NamesKeysAndCurrencies) {
  const std::string long_name = "\"" + std::string(129, 'a') + "\"";
  const std::string long_key = "\"" + std::string(256, 'k') + "\"";
  const std::string cases[] = {
      hold_with("payer", "\"user 1\""),
      hold_with("payer", "\"'; DROP TABLE accounts; --\""),
      hold_with("payer", "\"x' OR '1'='1\""),
      hold_with("group", "\"g;DELETE\""),
      hold_with("payer", "\"üser\""),
      hold_with("payer", "\"a\\u0000b\""),
      hold_with("payer", "\"a\\nb\""),
      hold_with("payer", long_name),
      hold_with("reference", "\"a b\""),
      hold_with("reference", "\"\\u007f\""),
      R"({"op":"freeze","escrow":1,"key":"12345"})",
      R"({"op":"freeze","escrow":1,"key":"a b"})",
      R"({"op":"freeze","escrow":1,"key":)" + long_key + "}",
      R"({"op":"open_account","account":"a","currency":"eur","kind":"user"})",
      R"({"op":"open_account","account":"a","currency":"EURO","kind":"user"})",
      R"({"op":"open_account","account":"a","currency":"ZZZ","kind":"user"})",
      R"({"op":"open_account","account":"a","currency":978,"kind":"user"})",
  };
  for (const auto& text : cases) {
    const auto error = error_of(text);
    EXPECT_EQ(error.code, ErrorCode::invalid_command) << text << "\n" << error.message;
    EXPECT_EQ(error.fields.size(), 1U) << text;
  }
}

std::string release_of(std::size_t items) {
  std::string text = R"({"op":"release","escrows":[1)";
  for (std::size_t i = 2; i <= items; ++i) text += "," + std::to_string(i);
  return text + "]}";
}

TEST(ParseCommand, BatchesEmptyFullAndTooLarge) {
  EXPECT_EQ(error_of(R"({"op":"release","escrows":[]})").code, ErrorCode::invalid_command);
  EXPECT_EQ(error_of(R"({"op":"release","escrows":[],"group":"g"})").code, ErrorCode::invalid_command);
  EXPECT_EQ(error_of(release_of(kMaxListItems + 1)).code, ErrorCode::batch_too_large);
  EXPECT_EQ(error_of(release_of(kMaxItems + 1)).code, ErrorCode::batch_too_large);
  const auto full = parse_command(release_of(kMaxListItems));
  ASSERT_TRUE(full.has_value());
  const auto& list = std::get<Release>(full->operation).escrows;
  EXPECT_EQ(list.size(), kMaxListItems);
  EXPECT_TRUE(list.all_ids());
  EXPECT_EQ(list.id(kMaxListItems - 1), EscrowId(kMaxListItems));
  EXPECT_EQ(error_of(std::string(kMaxTextBytes + 1, ' ')).code, ErrorCode::batch_too_large);
}

std::string nested(std::size_t levels) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += R"({"op":"atomic","commands":[)";
  text += R"({"op":"freeze","escrow":1})";
  for (std::size_t i = 0; i < levels; ++i) text += "]}";
  return text;
}

TEST(ParseCommand, DepthIsBounded) {
  EXPECT_TRUE(parse_command(nested(kMaxAtomicDepth)));
  const auto error = error_of(nested(kMaxDepth));
  EXPECT_EQ(error.code, ErrorCode::invalid_command);
}

TEST(ParseCommand, PathLeadsToTheCommandAtFault) {
  const auto error =
      error_of(R"({"op":"atomic","commands":[{"op":"freeze","escrow":1},)"
               R"({"op":"atomic","on_error":"continue","commands":[{"op":"freeze","escrow":true}]}]})");
  EXPECT_EQ(error.path, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(
      error.message,
      "commands[1].commands[0]: freeze: field \"escrow\" must be an escrow's id (a whole number from 1) or "
      "its key (a text), not true");
}

TEST(ParseCommand, ManyFieldsCostNoMoreThanTheLimit) {
  std::string text = "{\"op\":\"hold\"";
  for (int i = 0; i < 100'000; ++i) text += ",\"f" + std::to_string(i) + "\":1";
  const auto error = error_of(text + "}");
  EXPECT_EQ(error.code, ErrorCode::invalid_command);
  EXPECT_NE(error.message.find("more than 64 fields"), std::string::npos) << error.message;
}

TEST(ParseCommand, EveryOpWithEveryField) {
  const auto parsed = [](const std::string& text) {
    auto command = parse_command(text);
    EXPECT_TRUE(command.has_value()) << text << (command ? "" : command.error().message);
    return command ? *command : Command{};
  };
  const auto hold = parsed(
      R"({"op":"hold","key":"pledge:1","actor":"shop","reason":"a gift – «été»","reference":"o/1","dry_run":true,)"
      R"("payer":"user:1","beneficiary":"campaign:7","amount":999,"fee_plan":"standard","group":"campaign:7",)"
      R"("release_at":"2026-11-24T09:00:00.5Z"})");
  EXPECT_EQ(hold.options.key, "pledge:1");
  EXPECT_EQ(hold.options.actor, "shop");
  EXPECT_EQ(hold.options.reason, "a gift – «été»");
  EXPECT_EQ(hold.options.reference, "o/1");
  EXPECT_TRUE(hold.options.dry_run);
  const auto& h = std::get<Hold>(hold.operation);
  EXPECT_EQ(h.payer, "user:1");
  EXPECT_EQ(h.beneficiary, "campaign:7");
  EXPECT_EQ(h.amount, Amount(999));
  EXPECT_EQ(h.group, "campaign:7");
  ASSERT_TRUE(h.release_at.has_value());
  EXPECT_EQ(to_rfc3339(*h.release_at), "2026-11-24T09:00:00.500000Z");
  EXPECT_FALSE(h.refund_at.has_value());

  const auto plan = parsed(
      R"({"op":"define_fee_plan","fee_plan":"p","currency":"EUR","commission":{"rate":"0.05","fixed":30,"min":10,)"
      R"("max":500,"to":"platform:eu"},"processor_fee":{"rate":"0.029","max":null},"rounding":"half_even"})");
  const auto& p = std::get<DefineFeePlan>(plan.operation);
  EXPECT_EQ(p.commission.rate.billionths(), 50'000'000U);
  EXPECT_EQ(p.commission.fixed, Amount(30));
  EXPECT_EQ(p.commission.min, Amount(10));
  EXPECT_EQ(p.commission.max, Amount(500));
  EXPECT_EQ(p.commission.to, "platform:eu");
  EXPECT_FALSE(p.processor_fee.max.has_value());
  EXPECT_EQ(p.rounding, Rounding::half_even);

  const auto release = parsed(R"({"op":"release","escrows":[1,"pledge:7",3],"mode":"skip","fee_plan":"q"})");
  const auto& r = std::get<Release>(release.operation);
  ASSERT_EQ(r.escrows.size(), 3U);
  EXPECT_EQ(r.escrows[0].id, EscrowId(1));
  EXPECT_EQ(r.escrows[1].key, "pledge:7");
  EXPECT_EQ(r.escrows[2].id, EscrowId(3));
  EXPECT_EQ(r.mode, BatchMode::skip);
  EXPECT_EQ(r.fee_plan, "q");

  const auto refund =
      parsed(R"({"op":"refund","group":"g","mode":"skip","chunk":100,"key":"k","close":true})");
  const auto& f = std::get<Refund>(refund.operation);
  EXPECT_FALSE(f.expect);
  const auto expecting = parsed(
      R"({"op":"release","group":"g","expect":[{"currency":"EUR","escrows":2,"amount":9223372036854775807,)"
      R"("commission":7,"processor_fee":5,"net":9223372036854775795},)"
      R"({"currency":"JPY","escrows":1,"amount":5,"commission":0,"processor_fee":0,"net":5}]})");
  EXPECT_EQ(std::get<Release>(expecting.operation).expect,
            (Expectation{
                {*Currency::parse("EUR"), 2, Amount(INT64_MAX), Amount(7), Amount(5), Amount(INT64_MAX - 12)},
                {*Currency::parse("JPY"), 1, Amount(5), {}, {}, Amount(5)}}));
  EXPECT_EQ(std::get<Refund>(parsed(R"({"op":"refund","group":"g","expect":[]})").operation).expect,
            Expectation{});
  EXPECT_EQ(std::get<Refund>(
                parsed(R"({"op":"refund","group":"g","expect":[{"currency":"EUR","escrows":2,"amount":9}]})")
                    .operation)
                .expect,
            (Expectation{{*Currency::parse("EUR"), 2, Amount(9), {}, {}, {}}}));
  EXPECT_EQ(f.group, "g");
  EXPECT_EQ(f.chunk, 100U);
  EXPECT_TRUE(f.close);

  EXPECT_EQ(
      std::get<Deposit>(
          parsed(R"({"op":"deposit","key":"d","account":"a","amount":1,"external":"external:x"})").operation)
          .external,
      "external:x");
  EXPECT_EQ(
      std::get<Withdraw>(parsed(R"({"op":"withdraw","key":"d","account":"a","amount":1})").operation).account,
      "a");
  EXPECT_EQ(
      std::get<Transfer>(parsed(R"({"op":"transfer","key":"t","from":"a","to":"b","amount":1})").operation)
          .to,
      "b");
  EXPECT_EQ(
      std::get<OpenAccount>(
          parsed(R"({"op":"open_account","account":"a","currency":"JPY","kind":"beneficiary"})").operation)
          .kind,
      AccountKind::beneficiary);
  EXPECT_EQ(std::get<CloseAccount>(parsed(R"({"op":"close_account","account":"a"})").operation).account, "a");
  EXPECT_EQ(std::get<Freeze>(parsed(R"({"op":"freeze","escrow":"pledge:1"})").operation).escrow.key,
            "pledge:1");
  EXPECT_EQ(std::get<Reschedule>(
                parsed(R"({"op":"reschedule","escrow":7,"refund_at":"2026-11-24T09:00:00Z"})").operation)
                .escrow.id,
            EscrowId(7));
  EXPECT_EQ(std::get<Resolve>(
                parsed(R"({"op":"resolve","key":"k","escrow":7,"to_payer":0,"to_beneficiary":0})").operation)
                .to_payer,
            Amount(0));
  EXPECT_EQ(std::get<CloseGroup>(parsed(R"({"op":"close_group","group":"g"})").operation).group, "g");
  EXPECT_EQ(std::get<ReopenGroup>(parsed(R"({"op":"reopen_group","group":"g"})").operation).group, "g");
  const auto atomic =
      parsed(R"({"op":"atomic","key":"all","commands":[{"op":"freeze","escrow":1,"key":"f"},)"
             R"({"op":"atomic","on_error":"continue","commands":[{"op":"close_group","group":"g"}]}]})");
  const auto& a = std::get<Atomic>(atomic.operation);
  ASSERT_EQ(a.commands.size(), 2U);
  EXPECT_FALSE(a.continue_on_error);
  EXPECT_EQ(a.commands[0].options.key, "f");
  EXPECT_TRUE(std::get<Atomic>(a.commands[1].operation).continue_on_error);
}

}  // namespace
}  // namespace holdfast::json
