"""Stores in a folder of their own, filled by hand."""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path

from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Action, Bar
from pricectl.model.instant import Clock
from pricectl.store import Store, parts
from pricectl.store.disk import Disk
from pricectl.store.log import Log
from pricectl.store.tables import BARS

AAPL = Series("yahoo", "AAPL")
MSFT = Series("yahoo", "MSFT")
NOON_MS = 1_750_000_000_000
D = dt.date


def home(path: Path) -> Home:
    """A home in ``path`` with its state folder, as a command finds it."""
    os.makedirs(path / "state", mode=0o700, exist_ok=True)
    return Home(str(path))


def store(path: Path, **options: bool | str | float) -> Store:
    return Store(home(path), Clock(), **options)  # type: ignore[arg-type]


def flat(day: dt.date, price: float, volume: float | None = 1000.0, flags: int = 0) -> Bar:
    """A bar that opened, closed and stayed at ``price``."""
    return Bar(day, price, price, price, price, volume, flags)


def add(
    to: Store,
    bars: Sequence[Bar],
    series: Series = AAPL,
    actions: Sequence[Action] = (),
    fetched_ms: int = NOON_MS,
    currency: str = "USD",
) -> None:
    """Store ``bars`` as an answer that covers just their days."""
    covered = [(bars[0].date, bars[-1].date)] if bars else []
    to.add(series, currency, bars, actions, covered, fetched_ms)


def commit_pieces(
    at: Home, interval: str, pieces: Sequence[tuple[Bar, dt.date]], series: Series = AAPL, currency: str = "USD"
) -> None:
    """List pieces (a bar dated by its first session, and its last session; one a day in between) as a roll-up leaves
    them."""
    disk = Disk(shared=False)
    log = Log(BARS, at.store, at.state, disk)
    fetched = dt.datetime.fromtimestamp(NOON_MS / 1000, dt.UTC)
    log.prepare()
    rows = [
        (
            series.provider_id, *series, currency, bar.date, until, (until - bar.date).days + 1,
            bar.open, bar.high, bar.low, bar.close, bar.volume, fetched, bar.flags,
        )
        for bar, until in pieces
    ]  # fmt: skip
    below = f"interval={interval}/year={pieces[0][0].date.year}"
    log.commit([parts.write(disk, log.folder, BARS, rows, below)], [], NOON_MS)


def part_files(at: Home, table: str = "bars") -> list[str]:
    """The paths of a table's Parquet files, listed or not."""
    return sorted(str(path) for path in Path(at.store, table).rglob("*.parquet"))


def newest_entry(at: Home, table: str = "bars") -> Path:
    return max(Path(at.store, table, "_delta_log").glob("*.json"))


def forget(at: Home) -> None:
    """Lose what was remembered, as another machine or account would not have it."""
    for path in Path(at.state).iterdir():
        path.unlink()
