"""How much the store holds, from the lists of parts alone: no part is opened, neither DuckDB nor pyarrow imported."""

import os
from typing import NamedTuple

from pricectl.home import Home
from pricectl.model.bar import INTERVALS
from pricectl.store.disk import Disk
from pricectl.store.log import Log
from pricectl.store.tables import ACTIONS, BARS, COVERAGE, Part, Table

TIERS = dict(zip(INTERVALS, ("daily", "weekly", "monthly"), strict=True))


class Holding(NamedTuple):
    """What is listed of a retention tier (daily, weekly, monthly) or of a table beside them (actions, coverage).
    ``first`` and ``last`` are the days that its rows speak of, as ISO texts, empty where there are none."""

    name: str
    parts: int
    rows: int
    bytes: int
    first: str
    last: str


def holdings(home: Home, group: str = "") -> list[Holding]:
    """All tiers and tables of ``home``'s store, empty ones too. Raises Damaged, NewerFormat, StoreError."""
    disk = Disk(shared=bool(group))

    def listed(table: Table) -> list[Part]:
        return Log(table, home.store, home.state, disk).parts()

    bars = listed(BARS)
    tiers = [_holding(tier, [part for part in bars if part.interval == interval]) for interval, tier in TIERS.items()]
    return [*tiers, *(_holding(table.name, listed(table)) for table in (ACTIONS, COVERAGE))]


def _holding(name: str, parts: list[Part]) -> Holding:
    return Holding(
        name,
        len(parts),
        sum(part.rows for part in parts),
        sum(part.size for part in parts),
        min((part.first for part in parts), default=""),
        max((part.last for part in parts), default=""),
    )


def on_disk(home: Home) -> int:
    """The bytes of all files below the store's folder: with old versions, the log, and what lies aside."""
    total = 0
    for folder, _, names in os.walk(home.store):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:  # gone since it was listed
                continue
    return total
