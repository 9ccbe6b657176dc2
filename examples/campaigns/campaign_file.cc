#include "campaign_file.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <fstream>

namespace campaigns {

using holdfast::Amount;
using holdfast::Currency;
using holdfast::ErrorCode;
using holdfast::Result;

namespace {

constexpr std::string_view kHeader =
    "campaign,category,currency,goal,pledged,backers,outcome,launched,deadline";
constexpr std::size_t kColumns = 9;

std::unexpected<holdfast::Error> bad(const std::string& path, std::size_t line, std::size_t column,
                                     std::string_view why) {
  return holdfast::fail(ErrorCode::invalid_command, fmt::format("{}:{}:{}: {}", path, line, column, why));
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const auto comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

Result<Campaign> parse(const std::string& path, std::size_t number, std::string_view line) {
  const auto fields = split(line);
  if (fields.size() != kColumns) {
    return bad(path, number, fields.size(), fmt::format("has {} fields, wanted {}", fields.size(), kColumns));
  }
  Campaign campaign;
  campaign.id = fields[0];
  campaign.category = fields[1];
  const auto currency = Currency::parse(fields[2]);
  if (!currency) return bad(path, number, 3, currency.error().message);
  campaign.currency = *currency;
  // Nothing pledged is no amount: amounts are at least one minor unit.
  if (fields[4].find_first_not_of("0.") != std::string_view::npos) {
    const auto pledged = holdfast::parse_amount(fields[4], *currency);
    if (!pledged) return bad(path, number, 5, pledged.error().message);
    campaign.pledged = *pledged;
  }
  const auto* begin = fields[5].data();
  const auto* end = begin + fields[5].size();
  const auto [stop, problem] = std::from_chars(begin, end, campaign.pledges);
  if (problem != std::errc() || stop != end) {
    return bad(path, number, 6, fmt::format("backers \"{}\" is not a whole number", fields[5]));
  }
  if (campaign.pledged > Amount() && campaign.pledges == 0) campaign.pledges = 1;
  if (campaign.pledged.minor() < static_cast<std::int64_t>(campaign.pledges)) {
    return bad(path, number, 6,
               fmt::format("{} backers cannot have pledged {} in all", fields[5], fields[4]));
  }
  if (fields[6] != "successful" && fields[6] != "failed" && fields[6] != "canceled") {
    return bad(path, number, 7,
               fmt::format("outcome \"{}\" is none of successful, failed, canceled", fields[6]));
  }
  campaign.successful = fields[6] == "successful";
  return campaign;
}

/// A well-mixed number from a text and a counter, the same everywhere (FNV-1a, then a splitmix step).
std::uint64_t mix(std::string_view text, std::uint64_t n) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash += (n + 1) * 0x9e3779b97f4a7c15U;
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31U);
}

}  // namespace

Result<std::vector<Campaign>> read_campaigns(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    return holdfast::fail(ErrorCode::invalid_command, fmt::format("{}: cannot be opened for reading", path));
  std::string line;
  if (!std::getline(file, line) || line != kHeader) {
    return bad(path, 1, 1, fmt::format("the first line must be \"{}\"", kHeader));
  }
  std::vector<Campaign> campaigns;
  for (std::size_t number = 2; std::getline(file, line); ++number) {
    auto campaign = parse(path, number, line);
    if (!campaign) return std::unexpected(campaign.error());
    campaigns.push_back(std::move(*campaign));
  }
  if (file.bad())
    return holdfast::fail(ErrorCode::invalid_command, fmt::format("{}: cannot be read to its end", path));
  return campaigns;
}

std::vector<Amount> divide(const Campaign& campaign) {
  static constexpr std::array<std::uint32_t, 16> kTiers{1,  5,  10, 10, 15, 20,  25,  25,
                                                        25, 30, 50, 50, 75, 100, 250, 1000};
  std::vector<std::uint64_t> sums(campaign.pledges + 1);  // of weights, up to and including each pledge
  for (std::uint64_t i = 0; i < campaign.pledges; ++i)
    sums[i + 1] = sums[i] + kTiers[mix(campaign.id, i) % kTiers.size()];

  // One minor unit each, and the rest by weight; differences of rounded prefix sums add up to exactly the
  // rest.
  __extension__ using Wide = unsigned __int128;
  const auto rest = static_cast<Wide>(campaign.pledged.minor()) - campaign.pledges;
  const auto upto = [&](std::uint64_t i) { return static_cast<std::int64_t>(rest * sums[i] / sums.back()); };
  std::vector<Amount> amounts;
  amounts.reserve(campaign.pledges);
  for (std::uint64_t i = 0; i < campaign.pledges; ++i) amounts.emplace_back(1 + upto(i + 1) - upto(i));
  return amounts;
}

}  // namespace campaigns
