"""Holdfast's own PostgreSQL store on the same server, through its command line."""

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from seedbench.results import Result
from seedbench.server import Server
from seedbench.trial import Trial

DATABASE = "holdfast"


def run_holdfast(binary: pathlib.Path, server: Server, trials: list[Trial], escrows: int) -> Iterator[Result]:
    """Each trial in a ledger of its own, in a database of their own; audited after it."""
    server.create_database(DATABASE)
    for number, trial in enumerate(trials, 1):
        # A batch's workers each have a connection of their own; many single commands share the store's four.
        own = {"workers": trial.workers} if trial.batch > 1 else {}
        url = server.url(DATABASE, ledger=f"trial{number}", **own)
        options = {"escrows": escrows, "batch": trial.batch, "clients": trial.workers, "order": trial.order}
        ask(binary, url, "init")
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        report = ask(binary, url, "bench", "release", *words)[0]
        audit = ask(binary, url, "audit")[0]
        balances = ask(binary, url, "trial-balance")
        yield Result(
            "holdfast",
            report["batch"],
            report["clients"],
            report["order"],
            round(report["releases_per_s"]),
            report.get("retries"),
            0 if audit["ok"] else 1,
            -sum((Decimal(row["sum"]) for row in balances), Decimal(0)).scaleb(-2),
            report["escrows"],
            0 if audit["ok"] else None,
        )


def ask(binary: pathlib.Path, url: str, *words: str) -> list[dict[str, Any]]:
    """What a sub-command answers, an object a line. An audit that finds something exits with 1."""
    done = subprocess.run(
        [binary, "--json", *words], env={**os.environ, "HOLDFAST_LEDGER": url}, capture_output=True, text=True
    )
    if done.returncode != 0 and not (words[0] == "audit" and done.returncode == 1):
        raise RuntimeError(f"holdfast {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()} {done.stdout[-500:].strip()}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
