"""What schemathesis is told beside the document."""

import re

import schemathesis
from hypothesis import strategies as st
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.core.failures import AcceptedNegativeData

from document import close

# Rules between fields, and of lists that a schema would have to repeat (currencies, calendars). The document says each in
# words, and a value that breaks none of these must be taken.
RULES = [
    r"needs a key: without one a repeated request would count twice",
    r"field \"key\" of the body and Idempotency-Key differ",
    r"currency .* is not known",
    r"(two accounts|payer and beneficiary must be two accounts)",
    r"the max of the \w+ is below its min",
    r"amount settles part of one escrow",
    r"chunk (needs|cannot stand)",
    r"close needs a group",
    r"field \"dry_run\" is of the outermost command only",
    r"on_error: continue makes a savepoint",
    r"atomics nest at most",
    r"nested deeper than",
    r"at most 255 bytes of UTF-8",
    r"the query's \"to\" must be later than \"from\"",
    r"give at most one of group, payer and beneficiary",
    r"the ledger ends at seq",
    r"names a day that no calendar has",
    r", not -?\d+\.0$",  # to JSON Schema an integer, to a ledger none
]

# A time in UTC: RFC 3339 knows more forms than this server.
schemathesis.openapi.format(
    "date-time",
    st.builds("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format, st.integers(1970, 9999), st.integers(1, 12),
              st.integers(1, 28), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)))


@schemathesis.hook
def before_load_schema(context, raw_schema):
    close(raw_schema)


@schemathesis.hook
def before_call(context, case, kwargs):
    # Nobody waits for events that do not come.
    wait = str(case.query.get("wait", ""))
    if case.operation.path == "/v1/events" and wait.isdigit() and int(wait) <= 60:
        case.query["wait"] = 0
    # Two keys that differ say nothing of the command.
    sound = case.meta and case.meta.generation.mode.is_positive
    if sound and isinstance(case.body, dict) and "key" in case.body:
        case.headers.pop("Idempotency-Key", None)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if isinstance(failure, RejectedPositiveData) and response.status_code == 400:
        return not any(re.search(rule, response.json()["detail"]) for rule in RULES)
    if isinstance(failure, AcceptedNegativeData) and case.operation.path == "/v1/commands":
        return all(answer["ok"] for answer in response.json()["answers"])  # refused in its place
    if isinstance(failure, AcceptedNegativeData) and "Last-Event-ID" in case.headers:
        return "event-stream" in case.headers.get("Accept", "")  # it is of streams
    return True
