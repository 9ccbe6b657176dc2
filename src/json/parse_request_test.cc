// Commands as HTTP bodies have them: the op said elsewhere, and many at once.
#include <gtest/gtest.h>

#include <string>

#include "json/document.h"
#include "json/parse_command.h"

namespace holdfast::json {
namespace {

TEST(ParseBody, TheOpIsSaidElsewhere) {
  const auto command =
      parse_command(R"({"escrow":7,"key":"f1","reason":"chargeback 91","dry_run":true})", "freeze");
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(std::get<Freeze>(command->operation).escrow.id, EscrowId(7));
  EXPECT_EQ(command->options.key, "f1");
  EXPECT_EQ(command->options.reason, "chargeback 91");
  EXPECT_TRUE(command->options.dry_run);
}

TEST(ParseBody, AnOpInsideIsOneFieldTooMany) {
  const auto error = parse_command(R"({"op":"freeze","escrow":7})", "freeze").error();
  EXPECT_EQ(error.message,
            "freeze: field \"op\" is unknown; known are escrow, key, actor, reason, reference, dry_run");
  EXPECT_EQ(error.fields, std::vector<std::string>{"op"});
}

TEST(ParseBody, WhatIsNoObject) {
  for (const auto* const text : {"[]", "null", "\"freeze\"", "7", "true"}) {
    const auto error = parse_command(text, "freeze").error();
    EXPECT_EQ(error.code, ErrorCode::invalid_command);
    EXPECT_TRUE(error.message.starts_with("freeze: its fields must be an object, not ")) << error.message;
  }
  EXPECT_EQ(parse_command("", "freeze").error().message,
            "not JSON: the text ends before the value is complete");
  EXPECT_FALSE(parse_command("{} {}", "freeze"));
}

TEST(ParseBody, AnAtomicHasCommandsWithTheirOps) {
  const auto command =
      parse_command(R"({"commands":[{"op":"freeze","escrow":1},{"op":"atomic","commands":[]}]})", "atomic");
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(std::get<Atomic>(command->operation).commands.size(), 2U);
  const auto error =
      parse_command(R"({"commands":[{"op":"freeze","escrow":1},{"escrow":1}]})", "atomic").error();
  EXPECT_EQ(error.path, std::vector<std::uint32_t>{1});
  EXPECT_EQ(error.fields, std::vector<std::string>{"op"});
}

TEST(ParseList, OneThatCannotBeReadIsAnErrorInItsPlace) {
  const auto list = parse_command_list(
      R"({"commands":[{"op":"freeze","escrow":1},7,{"op":"nothing"},{"op":"freeze"},{"op":"freeze","escrow":2,"dry_run":true}]})");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_TRUE(list->ordered);
  ASSERT_EQ(list->commands.size(), 5U);
  EXPECT_TRUE(list->commands[0]);
  EXPECT_NE(list->commands[1].error().message.find("not 7"), std::string::npos);
  EXPECT_NE(list->commands[2].error().message.find("\"nothing\" is unknown"), std::string::npos);
  EXPECT_EQ(list->commands[3].error().fields, std::vector<std::string>{"escrow"});
  EXPECT_EQ(list->commands[3].error().path, std::vector<std::uint32_t>()) << "each is the outermost";
  EXPECT_TRUE(list->commands[4]->options.dry_run);
}

TEST(ParseList, OrderedOrSideBySide) {
  EXPECT_TRUE(parse_command_list(R"({"commands":[{}],"ordered":true})")->ordered);
  EXPECT_FALSE(parse_command_list(R"({"ordered":false,"commands":[{}]})")->ordered);
}

TEST(ParseList, WhatIsNoList) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not JSON"},
      {"[]", "give an object such as"},
      {"{}", "field \"commands\" is missing"},
      {R"({"commands":[]})", "the list is empty"},
      {R"({"commands":{}})", "field \"commands\" must be a list of commands"},
      {R"({"commands":[{}],"ordered":null})", "field \"ordered\" must be true or false"},
      {R"({"commands":[{}],"order":true})", "field \"order\" is unknown; known are commands, ordered"},
      {R"({"commands":[{}],"commands":[{}]})", "given twice"},
  };
  for (const auto& [text, why] : cases) {
    const auto list = parse_command_list(text);
    ASSERT_FALSE(list) << text;
    EXPECT_NE(list.error().message.find(why), std::string::npos) << list.error().message;
  }
}

TEST(ParseList, ItsLengthIsBounded) {
  const auto of = [](std::size_t count) {
    std::string text = "{\"commands\":[";
    for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "{}" : ",{}";
    return text + "]}";
  };
  EXPECT_EQ(parse_command_list(of(kMaxItems))->commands.size(), kMaxItems);
  EXPECT_EQ(parse_command_list(of(kMaxItems + 1)).error().code, ErrorCode::batch_too_large);
}

}  // namespace
}  // namespace holdfast::json
