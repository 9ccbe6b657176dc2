#include "server/target.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using Segments = std::vector<std::string_view>;
using Values = std::map<std::string, std::string>;

TEST(Target, PercentEncodingIsUndone) {
  EXPECT_EQ(percent_decoded("user%3A42"), "user:42");
  EXPECT_EQ(percent_decoded("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(percent_decoded("%00%ff"), std::string("\0\xff", 2));
  EXPECT_EQ(percent_decoded("a+b"), "a+b") << "a + is a space in queries only";
  EXPECT_EQ(percent_decoded(""), "");
  for (const auto* const wrong : {"%", "%4", "%4x", "%x4", "a%", "a%4", "%%41", "%+1"}) {
    EXPECT_FALSE(percent_decoded(wrong)) << wrong;
  }
}

TEST(Target, APathIsSplitWhereItIsWritten) {
  const auto split = split_target("/v1/accounts/a%2Fb?after=1&limit=2?");
  ASSERT_TRUE(split);
  EXPECT_EQ(split->segments, (Segments{"v1", "accounts", "a%2Fb"}));
  EXPECT_EQ(split->query, "after=1&limit=2?");
  EXPECT_EQ(split_target("/")->segments, Segments{""});
  EXPECT_EQ(split_target("/v1/")->segments, (Segments{"v1", ""}));
  EXPECT_EQ(split_target("//")->segments, (Segments{"", ""}));
  EXPECT_EQ(split_target("/?")->query, "");
}

TEST(Target, AWholeAddressIsAPathToo) {
  EXPECT_EQ(split_target("http://shop.example/v1/status?x")->segments, (Segments{"v1", "status"}));
  EXPECT_EQ(split_target("https://shop.example:7420/v1/status")->segments, (Segments{"v1", "status"}));
  EXPECT_FALSE(split_target("http://shop.example"));
}

TEST(Target, WhatIsNoPath) {
  for (const auto* const wrong : {"", "*", "v1/status", "shop.example:443", "?q=1", "ftp://a/b"}) {
    EXPECT_FALSE(split_target(wrong)) << wrong;
  }
}

TEST(Target, AQueryIsReadAsFormsWriteIt) {
  const std::vector<std::string> known = {"q", "after"};
  EXPECT_EQ(parse_query("", known), Values());
  EXPECT_EQ(parse_query("q=a+b%2Bc&after=", known), (Values{{"q", "a b+c"}, {"after", ""}}));
  EXPECT_EQ(parse_query("%71=1", known), (Values{{"q", "1"}}));
  EXPECT_EQ(parse_query("q=a=b", known), (Values{{"q", "a=b"}}));
  EXPECT_EQ(parse_query("q", known), (Values{{"q", ""}}));
  EXPECT_EQ(parse_query("&&q=1&", known), (Values{{"q", "1"}}));
}

TEST(Target, AQueryThatIsNotKnownIsRefused) {
  EXPECT_EQ(parse_query("Q=1", {"q", "after"}).error(), "the query's \"Q\" is unknown here; known: q, after");
  EXPECT_EQ(parse_query("q=1", {}).error(), "the query's \"q\" is unknown here; known: none");
  EXPECT_EQ(parse_query("q=1&q=1", {"q"}).error(), "the query has \"q\" twice");
  EXPECT_EQ(parse_query("q=%4", {"q"}).error(), "the query's \"q\" has a % without two hexadecimal digits");
  EXPECT_EQ(parse_query("=1", {"q"}).error(), "the query's \"\" is unknown here; known: q");
}

}  // namespace
}  // namespace holdfast::server
