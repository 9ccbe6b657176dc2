// Answers, rows and errors as JSON, one object in one line without a line end. Fields always stand in the
// same order and are all there: what is absent is null. Amounts are integers in minor units, times RFC 3339
// in UTC.
#pragma once

#include <string>
#include <vector>

#include "holdfast/ledger.h"
#include "holdfast/maintenance.h"

namespace holdfast::json {

class Writer;

/// {"ok":true,"event_id":…,"seq":…,"at":…,"replayed":…,"result":{…}}, or as an error.
[[nodiscard]] std::string to_json(const Result<Answer>& answer);
/// {"ok":false,"error":{"code":…,"message":…,"details":{…}}}
[[nodiscard]] std::string to_json(const Error& error);
/// The fields of an error's details, those that it has, into an object that is open.
void write_details(Writer& out, const Error& error);
[[nodiscard]] std::string to_json(const CommandResult& result);

[[nodiscard]] std::string to_json(const AccountView& account);
[[nodiscard]] std::string to_json(const EscrowView& escrow);
[[nodiscard]] std::string to_json(const GroupView& group);
[[nodiscard]] std::string to_json(const GroupSummary& summary);
[[nodiscard]] std::string to_json(const FeePlanView& plan);
[[nodiscard]] std::string to_json(const StatementLine& line);
[[nodiscard]] std::string to_json(const EventView& event);
[[nodiscard]] std::string to_json(const TrialBalance& balance);
[[nodiscard]] std::string to_json(const AuditReport& report);
[[nodiscard]] std::string to_json(const EscrowHistoryLine& line);
[[nodiscard]] std::string to_json(const DueReport& report);
[[nodiscard]] std::string to_json(const LedgerStatus& status);
[[nodiscard]] std::string to_json(const VerifyReport& report);

}  // namespace holdfast::json
