"""What the ledger of the tests holds: a group for each thing that is done, so that no test disturbs another."""

GROUPS = {"release": 6, "moved": 4, "retry": 3, "keys": 5, "chosen": 6, "close": 2, "spoiled": 3, "looks": 12, "many": 120}
PAYERS = 8


def amount(group: str, number: int) -> int:
    """Odd sums, so that every fee is rounded."""
    return 999 + 1307 * number + 17 * len(group)


def commands() -> list[dict]:
    plan = {"op": "define_fee_plan", "commission": {"rate": "0.05"}, "processor_fee": {"rate": "0.029"}}
    made = [{**plan, "fee_plan": "standard", "currency": "EUR"}]
    for currency in ("JPY", "BHD"):
        made.append({
            "op": "define_fee_plan", "fee_plan": f"plan-{currency}", "currency": currency,
            "commission": {"rate": "0.05", "to": f"platform:{currency}"},
            "processor_fee": {"rate": "0.03", "to": f"processor:{currency}"},
        })
    for number in range(PAYERS):
        made.append({"op": "open_account", "account": f"user:{number}", "currency": "EUR", "kind": "user"})
        made.append({"op": "deposit", "key": f"deposit:{number}", "account": f"user:{number}", "amount": 9_000_000})
    for group, size in GROUPS.items():
        made.append({"op": "open_account", "account": f"maker:{group}", "currency": "EUR", "kind": "beneficiary"})
        for number in range(size):
            made.append({
                "op": "hold", "key": f"{group}:{number}", "payer": f"user:{number % PAYERS}", "beneficiary": f"maker:{group}",
                "amount": amount(group, number), "fee_plan": "standard", "group": f"campaign:{group}",
            })
    for currency, most in (("JPY", 2**53 - 1), ("BHD", 7_777_777)):
        made.append({"op": "open_account", "account": f"user:{currency}", "currency": currency, "kind": "user"})
        made.append({"op": "open_account", "account": f"maker:{currency}", "currency": currency, "kind": "beneficiary"})
        # Twice the most that one command may carry: more than a double keeps exactly.
        for time in range(2):
            made.append({"op": "deposit", "key": f"deposit:{currency}:{time}", "account": f"user:{currency}", "amount": most})
        made.append({"op": "hold", "key": f"hold:{currency}", "payer": f"user:{currency}", "beneficiary": f"maker:{currency}",
                     "amount": 12_345, "fee_plan": f"plan-{currency}", "group": "campaign:looks"})
    made += [
        {"op": "freeze", "escrow": "release:1", "reason": "chargeback 91"},
        {"op": "freeze", "escrow": "looks:1", "reason": "chargeback 92"},
        {"op": "freeze", "escrow": "looks:2", "reason": "chargeback 93"},
        {"op": "release", "escrows": ["looks:3", "looks:4"], "reason": "sent"},
        {"op": "refund", "escrows": ["looks:5"], "reference": "ticket-1"},
        {"op": "release", "key": "part", "escrows": ["looks:6"], "amount": 300},
    ]
    return made
