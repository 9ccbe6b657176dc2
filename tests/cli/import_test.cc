// `holdfast import`: mistakes by line and field, all or nothing, and the same file again.
#include <gtest/gtest.h>

#include "tests/cli/program.h"

namespace holdfast::cli {
namespace {

constexpr const char* kHeader = "key,payer,beneficiary,group,amount,currency,reference\n";

Outcome import(const Workplace& place, const std::string& csv, const std::vector<std::string>& more = {}) {
  place.write("here/pledges.csv", csv);
  std::vector<std::string> arguments = {"import", "pledges.csv", "--fee-plan", "standard"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return holdfast(place, arguments);
}

std::string head(const Workplace& place) {
  return holdfast(place, {"events", "--json", "--limit", "0"}).out;
}

TEST(Import, MistakesNameLineAndFieldAndNothingIsImported) {
  const struct {
    std::string csv;
    const char* message;
  } cases[] = {
      {"", "pledges.csv:1:1: the file is empty"},
      {"key,payer\n",
       "pledges.csv:1:1: the header must be key,payer,beneficiary,group,amount,currency,reference"},
      {"payer,key,beneficiary,group,amount,currency,reference\n", "pledges.csv:1:1: the header must be"},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,EUR\n", "pledges.csv:2:7: the row has 6 fields, not 7"},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,EUR,,\n", "pledges.csv:2:8: the row has 8 fields, not 7"},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,EUR,\np:2,user:2,c:1,,12.505,EUR,\n",
       "pledges.csv:3:5: amount"},
      {std::string(kHeader) + "p:1,user:2,c:1,,1e3,EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,\"10,00\",EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,NaN,EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,+5,EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,-5,EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,,EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,0.00,EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,90071992547409.92,EUR,\n", "pledges.csv:2:5: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,EURO,\n", "pledges.csv:2:6: "},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,USD,\n", "pledges.csv:2:6: fee plan standard is in EUR"},
      {std::string(kHeader) + "17,user:2,c:1,,1.00,EUR,\n", "pledges.csv:2:1: key \"17\""},
      {std::string(kHeader) + ",user:2,c:1,,1.00,EUR,\n", "pledges.csv:2:1: key"},
      {std::string(kHeader) + "p:1,user 2,c:1,,1.00,EUR,\n", "pledges.csv:2:2: payer \"user 2\""},
      {std::string(kHeader) + "p:1,user:2,,,1.00,EUR,\n", "pledges.csv:2:3: beneficiary"},
      {std::string(kHeader) + "p:1,user:2,c:1,'; DROP TABLE x,1.00,EUR,\n", "pledges.csv:2:4: group"},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,EUR,a b\n", "pledges.csv:2:7: reference"},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,EUR,\np:1,user:3,c:1,,1.00,EUR,\n",
       "pledges.csv:3:1: key \"p:1\" repeats that of line 2"},
      {std::string(kHeader) + "p:1,user:2,c:1,,1.00,EUR,\np:2,user:2,d:1,,1,JPY,\n",
       "pledges.csv:3:2: account user:2 holds one currency: EUR in line 2, JPY here"},
      {std::string(kHeader) + "p:1,\"user:2,c:1,,1.00,EUR,\n", "pledges.csv:2:2: the quote that begins here"},
      {std::string(kHeader) + "p:1,us\"er:2,c:1,,1.00,EUR,\n", "pledges.csv:2:2: a quote stands"},
      // Only the ledger knows: a payer without the money.
      {std::string(kHeader) + "p:1,user:1,c:1,,1.00,EUR,\np:2,user:1,c:1,,500.00,EUR,\n", "pledges.csv:3: "},
  };
  const Workplace place;
  make_ledger(place);
  const auto before = head(place);
  for (const auto& [csv, message] : cases) {
    const auto outcome = import(place, csv);
    EXPECT_EQ(outcome.code, 3) << csv << outcome.out;
    const auto text = outcome.err.starts_with("holdfast: ") ? outcome.err.substr(10) : outcome.err;
    EXPECT_TRUE(text.starts_with(message)) << csv << text;
    EXPECT_NE(text.find("Nothing was imported."), std::string::npos) << text;
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_EQ(head(place), before);
  EXPECT_EQ(holdfast(place, {"account", "c:1"}).code, 3) << "no account was opened";
}

TEST(Import, TheFirstMistakeFirstAndTheOthersBelow) {
  const Workplace place;
  make_ledger(place);
  const auto outcome =
      import(place, std::string(kHeader) + "p:1,user:2,c:1,,12.505,EUR,\np:2,user:2,c:1,,x,EUR,\n");
  EXPECT_TRUE(
      outcome.err.starts_with("pledges.csv:2:5: amount \"12.505\" has more decimals than EUR allows (2). "
                              "Nothing was imported.\npledges.csv:3:5: "))
      << outcome.err;
  const auto json = import(place, std::string(kHeader) + "p:1,user:2,c:1,,12.505,EUR,\n", {"--json"});
  EXPECT_TRUE(json.out.starts_with(
      "{\"ok\":false,\"error\":{\"code\":\"invalid_command\",\"message\":\"pledges.csv:2:5"))
      << json.out;
}

TEST(Import, OnceHoweverOften) {
  const Workplace place;
  make_ledger(place);
  const std::string first = std::string(kHeader) +
                            "p:1,user:2,campaign:7,campaign:7,9.99,EUR,order/1\r\n"
                            "\"p:2\",user:3,campaign:8,,10.00,EUR,\r\n";
  const auto once = import(place, first, {"--fund"});
  ASSERT_EQ(once.code, 0) << once.err;
  EXPECT_EQ(once.out, "pledges.csv: held 2 escrows, opened 3 accounts (seq 5)\n");
  const auto after = head(place);

  const auto again = import(place, first, {"--fund"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, "pledges.csv: all 2 rows had been imported before: nothing was changed.\n");
  EXPECT_EQ(head(place), after) << "nothing was deposited or held twice";

  const auto grown = import(place, first + "p:3,user:2,campaign:7,,0.01,EUR,\n", {"--fund"});
  EXPECT_EQ(grown.code, 0) << grown.err;
  EXPECT_EQ(grown.out,
            "pledges.csv: held 1 escrow, opened 0 accounts; 2 rows had been imported before (seq 6)\n");
  EXPECT_EQ(holdfast(place, {"account", "user:2", "--json"}).out,
            "{\"account\":\"user:2\",\"currency\":\"EUR\",\"kind\":\"user\",\"available\":0,\"held\":1000,"
            "\"open\":true}\n");

  const auto changed =
      import(place, std::string(kHeader) + "p:1,user:2,campaign:7,campaign:7,8.99,EUR,order/1\n");
  EXPECT_EQ(changed.code, 3);
  EXPECT_TRUE(changed.err.starts_with("holdfast: pledges.csv:2: ")) << changed.err;
  EXPECT_EQ(holdfast(place, {"audit"}).code, 0);
}

TEST(Import, ManyRowsAreOneEvent) {
  const Workplace place;
  make_ledger(place);
  std::string csv = kHeader;
  for (int i = 0; i < 20'000; ++i) {
    csv += "p:" + std::to_string(i) + ",user:" + std::to_string(i % 500 + 10) + ",campaign:7,g,1.00,EUR,\n";
  }
  const auto outcome = import(place, csv, {"--fund", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "{\"ok\":true,\"seq\":5,\"rows\":20000,\"held\":20000,\"imported_before\":0,\"accounts_opened\":"
            "500}\n");
  EXPECT_EQ(holdfast(place, {"audit"}).code, 0);
}

TEST(Import, AFileThatIsNotThereIsUsage) {
  const Workplace place;
  make_ledger(place);
  EXPECT_EQ(holdfast(place, {"import", "nothing.csv", "--fee-plan", "standard"}).code, 2);
  place.write("here/pledges.csv", kHeader);
  const auto outcome = holdfast(place, {"import", "pledges.csv", "--fee-plan", "none"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.err.find("fee plan none is not there"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace holdfast::cli
