"""A result, as a line of JSON and as a row of the table. Money is an exact decimal, in euro."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

HEADER = "contestant batch workers order      releases/s retries errors      lost EUR"


@dataclass
class Result:
    """What one contestant did in one trial. None: it cannot tell."""

    contestant: str
    batch: int
    workers: int
    order: str
    releases_per_s: int
    retries: int | None
    errors: int
    money_lost: Decimal | None  # should be in the commission wallet for what is released, minus what is there
    escrows: int  # released
    released_twice: int | None

    def as_json(self) -> str:
        values = asdict(self)
        values["money_lost"] = None if self.money_lost is None else str(self.money_lost)
        return json.dumps(values)

    def as_row(self) -> str:
        retries = "?" if self.retries is None else f"{self.retries:,}"
        lost = "?" if self.money_lost is None else f"{self.money_lost:,}"
        row = f"{self.contestant:<10} {self.batch:>5,} {self.workers:>7} {self.order:<10}"
        row += f" {self.releases_per_s:>10,} {retries:>7} {self.errors:>6,} {lost:>13}"
        return row + (f"\n{'':<10} RELEASED TWICE: {self.released_twice:,}" if self.released_twice else "")


def from_json(values: dict[str, Any]) -> Result:
    lost = values["money_lost"]
    return Result(**{**values, "money_lost": None if lost is None else Decimal(lost)})


def read_lines(lines: Iterable[str]) -> list[Result]:
    return [from_json(json.loads(line)) for line in lines if line.strip()]
