// The rows that events make.
#include "ledger/effects.h"

namespace holdfast {

void fill_escrow(EscrowRow& row, const Held& body, Seq seq) {
  row = {};
  row.amount = body.amount;
  row.payer = body.payer;
  row.beneficiary = body.beneficiary;
  row.group = body.group.group;
  row.plan = body.plan;
  row.last_seq = seq.value() & ((std::uint64_t{1} << 56) - 1);
}

void fill_plan(PlanRow& row, const FeePlanDefined& body) {
  row.name = body.name;
  row.version = body.version;
  row.currency = body.currency;
  row.commission = body.commission;
  row.processor_fee = body.processor_fee;
  row.rounding = body.rounding;
  row.commission_account = body.commission_account;
  row.fee_account = body.fee_account;
  row.live = 0;
}

}  // namespace holdfast
