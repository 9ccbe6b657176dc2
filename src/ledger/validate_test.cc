// What can be said of a command without any state: each rule, with the field that is named.
#include "ledger/validate.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "ledger/testing/commands.h"

namespace holdfast {
namespace {

using namespace testing;

TEST(Validate, NamesKeysAndReferences) {
  const std::string longest(128, 'a');
  for (const auto& name : {std::string("a"), std::string("A-Z.a_z:0/9@"), longest})
    EXPECT_TRUE(is_name(name));
  for (const auto& name :
       {std::string(), std::string("a b"), std::string("é"), longest + "a", std::string("a\n")}) {
    EXPECT_FALSE(is_name(name)) << name;
  }
  const std::string long_key(255, '~');
  for (const auto& key : {std::string("k"), std::string("1a"), std::string("!\"#"), long_key}) {
    EXPECT_TRUE(is_key(key)) << key;
  }
  for (const auto& key :
       {std::string(), std::string("42"), std::string("a b"), long_key + "~", std::string("\x7f")}) {
    EXPECT_FALSE(is_key(key)) << key;
  }
  EXPECT_TRUE(is_reference("42"));
  EXPECT_FALSE(is_reference("4 2"));
}

TEST(Validate, EveryRuleNamesItsField) {
  const auto option = [](auto change) {
    auto command = open("a");
    change(command.options);
    return command;
  };
  const auto rule = [](auto change) {
    return changed<DefineFeePlan>(plan("p", "0", "0"), [&](auto& op) { change(op.commission); });
  };
  const auto r = [](Command command, auto change) { return changed<Release>(std::move(command), change); };
  const auto dated = [](std::int64_t micros) { return reschedule("e", Timestamp{micros}); };
  EscrowList many;
  for (std::uint64_t i = 1; i <= kMaxListItems + 1; ++i) many.add(EscrowId(i));
  Command deep = open("a");
  for (std::size_t i = 0; i <= kMaxAtomicDepth; ++i) deep = atomic({deep});
  const auto bad = ErrorCode::invalid_command;
  const auto range = ErrorCode::amount_out_of_range;
  struct Case {
    const char* what;
    Command command;
    const char* field;
    ErrorCode code;
  };
  const std::vector<Case> cases = {
      {"key of digits", option([](auto& o) { o.key = "123"; }), "key", bad},
      {"actor", option([](auto& o) { o.actor = "two words"; }), "actor", bad},
      {"reason too long", option([](auto& o) { o.reason = std::string(256, 'x'); }), "reason", bad},
      {"reason with a newline", option([](auto& o) { o.reason = "a\nb"; }), "reason", bad},
      {"reason with a C1 control", option([](auto& o) { o.reason = "\xC2\x85"; }), "reason", bad},
      {"reason of broken UTF-8", option([](auto& o) { o.reason = "\xC3"; }), "reason", bad},
      {"reason overlong", option([](auto& o) { o.reason = "\xC0\xAF"; }), "reason", bad},
      {"reason with a surrogate", option([](auto& o) { o.reason = "\xED\xA0\x80"; }), "reason", bad},
      {"reason beyond Unicode", option([](auto& o) { o.reason = "\xF4\x90\x80\x80"; }), "reason", bad},
      {"reference", option([](auto& o) { o.reference = "a b"; }), "reference", bad},
      {"no account", open(""), "account", bad},
      {"no currency", open("a", AccountKind::user, Currency()), "currency", bad},
      {"no kind", open("a", static_cast<AccountKind>(0)), "kind", bad},
      {"close no account", close_account("?"), "account", bad},
      {"no plan", plan("", "0", "0"), "fee_plan", bad},
      {"negative fixed", rule([](auto& f) { f.fixed = Amount(-1); }), "commission", range},
      {"negative min", rule([](auto& f) { f.min = Amount(-1); }), "commission", range},
      {"max below min", rule([](auto& f) { f.min = Amount(2), f.max = Amount(1); }), "commission", bad},
      {"max too large", rule([](auto& f) { f.max = kMaxAmount + Amount(1); }), "commission", range},
      {"to", rule([](auto& f) { f.to = "a b"; }), "commission", bad},
      {"rounding", changed<DefineFeePlan>(plan("p", "0", "0"), [](auto& op) { op.rounding = Rounding{0}; }),
       "rounding", bad},
      {"deposit without key", deposit("", "a", 1), "key", bad},
      {"deposit of 0", deposit("k", "a", 0), "amount", range},
      {"deposit of 2^53", deposit("k", "a", kMaxAmount.minor() + 1), "amount", range},
      {"deposit external", deposit("k", "a", 1, "a b"), "external", bad},
      {"withdraw without key", withdraw("", "a", 1), "key", bad},
      {"transfer without key", transfer("", "a", "b", 1), "key", bad},
      {"transfer to itself", transfer("k", "a", "a", 1), "to", bad},
      {"hold without key", hold("", "a", "b", 1), "key", bad},
      {"hold for itself", hold("k", "a", "a", 1), "beneficiary", bad},
      {"hold without plan", hold("k", "a", "b", 1, "", ""), "fee_plan", bad},
      {"hold in a bad group", hold("k", "a", "b", 1, "a b"), "group", bad},
      {"two dates", reschedule("e", Timestamp{1}, Timestamp{2}), "refund_at", bad},
      {"before 1970", dated(-1), "release_at", bad},
      {"after 9999", dated(253'402'300'800'000'000), "release_at", bad},
      {"no escrow", freeze(""), "escrow", bad},
      {"escrow of digits", freeze("12"), "escrow", bad},
      {"no selector", release({}), "escrows", bad},
      {"two selectors", r(release({"e"}), [](auto& op) { op.group = "g"; }), "escrows", bad},
      {"a key of digits in a list", release({"e", "12"}), "escrows", bad},
      {"id 0", release_ids({EscrowId()}), "escrows", bad},
      {"list too long", batch<Release>(many), "escrows", ErrorCode::batch_too_large},
      {"mode", r(release({"e"}), [](auto& op) { op.mode = BatchMode{0}; }), "mode", bad},
      {"part without key", r(release({"e"}), [](auto& op) { op.amount = Amount(1); }), "key", bad},
      {"part of 0", release_part("k", "e", 0), "amount", range},
      {"part of two", r(release_part("k", "e", 1), [](auto& op) { op.escrows.add("f"); }), "amount", bad},
      {"part of a group", r(with_key(release_group("g"), "k"), [](auto& op) { op.amount = Amount(1); }),
       "amount", bad},
      {"plan of a release", r(release({"e"}), [](auto& op) { op.fee_plan = "a b"; }), "fee_plan", bad},
      {"close of a list", r(release({"e"}), [](auto& op) { op.close = true; }), "close", bad},
      {"expect without currency", expecting(release_group("g"), {paid(1, 5, 1, 1, Currency())}), "expect",
       bad},
      {"expect of a currency twice", expecting(release_group("g"), {paid(1, 5, 1, 1), paid(2, 9, 1, 1)}),
       "expect", bad},
      {"expect of no escrow", expecting(release_group("g"), {paid(0, 5, 1, 1)}), "expect", bad},
      {"expect of no amount", expecting(refund_group("g"), {paid_back(1, 0)}), "expect", bad},
      {"expect of less than nothing", expecting(refund_group("g"), {paid_back(1, -5)}), "expect", bad},
      {"expect that does not add up",
       expecting(release_group("g"), {{eur(), 1, Amount(5), Amount(1), Amount(1), Amount(2)}}), "expect",
       bad},
      {"expect of a commission below 0", expecting(release_group("g"), {paid(1, 5, -1, 1)}), "expect", bad},
      {"expect of a fee below 0", expecting(release_group("g"), {paid(1, 5, 1, -1)}), "expect", bad},
      {"expect of fees above the amount", expecting(release_group("g"), {paid(1, 5, 4, 2)}), "expect", bad},
      {"expect at the edge of 64 bits",
       expecting(release_group("g"),
                 {{eur(), 1, Amount(5), Amount(INT64_MAX), Amount(INT64_MAX), Amount(7)}}),
       "expect", bad},
      {"expect of fees of a refund", expecting(refund_group("g"), {paid(1, 5, 1, 1)}), "expect", bad},
      {"expect of a net of a refund", expecting(refund_group("g"), {paid(1, 5, 0, 0)}), "expect", bad},
      {"chunk of 0", chunked<Refund>("k", "g", 0), "chunk", bad},
      {"chunk too large", chunked<Refund>("k", "g", 1'000'001), "chunk", bad},
      {"chunk without key", chunked<Refund>("", "g", 1), "key", bad},
      {"chunk of a list", r(with_key(skip_release({"e"}), "k"), [](auto& op) { op.chunk = 1; }), "chunk",
       bad},
      {"chunk in mode atomic", r(with_key(release_group("g"), "k"), [](auto& op) { op.chunk = 1; }), "chunk",
       bad},
      {"chunk in an atomic", atomic({chunked<Refund>("k", "g", 1)}), "chunk", bad},
      {"resolve without key", resolve("", "e", 0, 0), "key", bad},
      {"resolve below 0", resolve("k", "e", -1, 0), "to_payer", range},
      {"resolve below 0", resolve("k", "e", 0, -1), "to_beneficiary", range},
      {"group", close_group(""), "group", bad},
      {"reopen", reopen_group("a b"), "group", bad},
      {"savepoint at the top", savepoint({open("a")}), "on_error", bad},
      {"dry run inside", atomic({dry(open("a"))}), "dry_run", bad},
      {"too deep", deep, "commands", bad},
      {"too many", atomic(std::vector<Command>(kMaxAtomicCommands + 1, open("a"))), "commands",
       ErrorCode::batch_too_large},
  };
  for (const auto& [what, command, field, code] : cases) {
    SCOPED_TRACE(what);
    const auto result = validate(command);
    ASSERT_FALSE(result);
    EXPECT_EQ(to_string(result.error().code), to_string(code)) << result.error().message;
    EXPECT_EQ(result.error().fields, std::vector<std::string>{field}) << result.error().message;
    EXPECT_EQ(result.error().message.find_first_of("\n\r"), std::string::npos);
  }
}

TEST(Validate, WhatIsAtItsLimitPasses) {
  EscrowList many;
  for (std::uint64_t i = 1; i <= kMaxListItems; ++i) many.add(EscrowId(i));
  Command deep = open("a");
  for (std::size_t i = 0; i < kMaxAtomicDepth; ++i) deep = atomic({deep});
  auto reason = open("a");
  reason.options.reason = "10 € remboursés 👍";
  for (const auto& command :
       {batch<Release>(many), deep, reason, atomic(std::vector<Command>(kMaxAtomicCommands, open("a"))),
        deposit("k", "a", kMaxAmount.minor()), resolve("k", "e", 0, 0), chunked<Release>("k", "g", 1'000'000),
        expecting(chunked<Release>("k", "g", 5),
                  {paid(9, INT64_MAX, 5, 0), paid(1, 5, 0, 5, currency("JPY"))}),
        expecting(refund_group("g"), {}), atomic({savepoint({open("a")})}),
        reschedule("e", Timestamp{253'402'300'799'999'999}), atomic({})}) {
    const auto result = validate(command);
    EXPECT_TRUE(result) << result.error().message;
  }
}

TEST(Validate, TheCommandAtFaultInsideAtomicsIsNamedByItsPath) {
  const auto result = validate(atomic({open("a"), atomic({open("a"), open("a"), open("?")})}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().path, (std::vector<std::uint32_t>{1, 2}));
}

}  // namespace
}  // namespace holdfast
