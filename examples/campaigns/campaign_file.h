// Campaigns as they ended, from a CSV file, and their pledges.
#pragma once

#include <holdfast/holdfast.h>

#include <cstdint>
#include <string>
#include <vector>

namespace campaigns {

struct Campaign {
  std::string id;
  std::string category;
  holdfast::Currency currency;
  holdfast::Amount pledged;
  std::uint64_t pledges = 0;  // the backers; 1 where there is money but nobody is named
  bool successful = false;
};

/// Columns: campaign,category,currency,goal,pledged,backers,outcome,launched,deadline. A line that does not
/// fit is an error that names it: `file:line:column: …`.
[[nodiscard]] holdfast::Result<std::vector<Campaign>> read_campaigns(const std::string& path);

/// Divides what a campaign raised over its pledges: exact to the cent, each at least one minor unit, with the
/// spread of the usual reward tiers. The same campaign always gives the same amounts.
[[nodiscard]] std::vector<holdfast::Amount> divide(const Campaign& campaign);

}  // namespace campaigns
