// The double entry behind each event: signed changes of buckets that sum to zero per currency (laws 1 and 4).
#pragma once

#include <vector>

#include "ledger/event.h"

namespace holdfast {

struct Posting {
  AccountId account;
  Bucket bucket = Bucket::available;
  Currency currency;
  Amount amount;              // signed, never 0
  std::uint32_t escrows = 0;  // escrows of the event behind this posting; 0 where it has none
};

/// One a bucket touched, in the order of accounts, then buckets, pure in the event. `out` is replaced.
void postings(const Entry& entry, std::vector<Posting>& out);

}  // namespace holdfast
