"""However a home came to be, by fetches, refreshes, roll-ups, own prices and a split in between: it answers as a home
that asked once for everything. And any span is its parts."""

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engines import SetClock, engine
from pricectl.engine import Engine, aggregate, transfer
from pricectl.engine.history import Query, get
from pricectl.engine.ranges import read_wish
from pricectl.engine.refresh import Order
from pricectl.engine.transfer import Options
from pricectl.engine.unattended import refresh
from pricectl.model.asset import Asset
from pricectl.model.bar import Action, Bar, Row
from pricectl.simulator import Market, Simulator

APPLE = Asset("AAPL", "Apple", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS")
DAY = dt.timedelta(days=1)
D = dt.date
LISTED, END = D(2023, 12, 13), D(2026, 11, 24)  # a Wednesday in the middle of a month; leap day and year ends between
# A year of days and two of weeks would roll up little of it.
POLICY = {"retention__daily": "6m", "retention__weekly": "1y"}
# Halts leave weeks of one session.
HALTS = [(D(2024, 2, 27), D(2024, 3, 1)), (D(2025, 12, 30), D(2026, 1, 2)), (D(2026, 8, 4), D(2026, 8, 12))]
PAID = [Action(D(2024, 2, 26), "dividend", 0.5), Action(D(2026, 3, 12), "dividend", 0.75)]
OWN = [D(2026, 7, 30), D(2026, 7, 31), D(2026, 8, 3)]  # never older than the daily cut
SPLITS = st.sampled_from([Action(day, "split", 4.0) for day in (D(2026, 8, 13), D(2026, 9, 1), D(2026, 10, 7))])


class World:
    """A market with one share, whose days are known as they pass, and homes that ask it."""

    def __init__(self, split: Action) -> None:
        self.clock = SetClock(0)
        self.market = Market([APPLE], clock=self.clock)
        self.simulator = Simulator(self.market)
        sessions = self.engine(Path("/nonexistent")).calendar(APPLE).sessions(LISTED, END - DAY)
        self.days = [day for day in sessions if not any(first <= day <= last for first, last in HALTS)]
        self.bars = [bar(n, day, 4.0 if day < split.ex_date else 1.0) for n, day in enumerate(self.days)]
        self.market.replay("yahoo", "AAPL", self.bars, [*PAID, split])

    def at(self, day: dt.date) -> None:
        self.clock.ms = int(dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC).timestamp() * 1000)

    def engine(self, home: Path) -> Engine:
        return engine(home, self.simulator, self.clock, **POLICY)

    def do(self, home: Path, step: tuple[str, str]) -> None:
        what, how = step
        if what == "history":
            get(self.engine(home), Query("AAPL", read_wish(how)))
        elif what == "refresh":
            refresh(self.engine(home), Order([APPLE], 20.0, 20.0, backfill=how == "backfill"), [], lambda: False)
        elif what == "aggregate":
            aggregate.run(self.engine(home), None, False)
        else:
            lines = [f"AAPL,{day},80,88,72,84,5" for day in OWN]
            path = home.parent / "own.csv"
            path.write_text("\n".join(["symbol,date,open,high,low,close,volume", *lines]))
            checked = transfer.read(self.engine(home), str(path), Options(prices="traded"))
            assert checked.refused == []
            transfer.store(self.engine(home), checked.own, self.clock.now_ms())

    def rows(
        self, home: Path, interval: str, adjust: str, start: dt.date = LISTED, end: dt.date = END - DAY
    ) -> list[Row]:
        wish = read_wish(None, start.isoformat(), end.isoformat())
        answer = get(self.engine(home), Query("AAPL", wish, interval, adjust))
        assert answer.complete
        return answer.rows


def bar(n: int, day: dt.date, factor: float) -> Bar:
    """A bar of the ``n``-th session, near 20 today."""
    open_, close = 20.0 + n % 7 / 4, 20.0 + n % 5 / 4
    high, low = max(open_, close) + n % 3 / 4, min(open_, close) - n % 2 / 4
    volume = 4.0 * (1000 + n) / factor
    return Bar(day, open_ * factor, high * factor, low * factor, close * factor, volume)


@contextmanager
def world_of(split: Action) -> Iterator[tuple[World, Path, Path]]:
    world = World(split)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other, world.simulator:
        yield world, Path(one, "home"), Path(other, "home")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("history"), st.sampled_from(["7d", "1m", "6m", "1y", "all"])),
        st.tuples(st.just("refresh"), st.sampled_from(["due", "backfill"])),
        st.tuples(st.just("aggregate"), st.just("")),
    ),
    min_size=2,
    max_size=5,
)
moments = st.lists(st.sampled_from([D(2026, 8, 14), D(2026, 9, 2), D(2026, 10, 6), END]), min_size=6, max_size=6)


@settings(max_examples=5, deadline=None)
@given(SPLITS, steps, moments.map(sorted), st.integers(0, 5))
def test_no_order_of_fetching_rolling_up_importing_and_a_split_matters(split, done, when, place):
    done = [*done[:place], ("import", ""), *done[place:]]
    with world_of(split) as (world, home, fresh):
        for step, day in zip(done, when, strict=False):
            world.at(day)
            world.do(home, step)
        world.at(END)
        world.do(fresh, ("import", ""))
        for interval in ("1wk", "1mo"):
            for adjust in ("none", "split", "all"):
                assert world.rows(home, interval, adjust) == world.rows(fresh, interval, adjust), (interval, adjust)


@settings(max_examples=3, deadline=None)
@given(SPLITS, st.lists(st.dates(LISTED, END - DAY), min_size=3, max_size=3).map(sorted), st.booleans())
def test_any_span_is_its_parts(split, days, rolled_up):
    start, middle, end = days
    with world_of(split) as (world, home, _):
        world.at(END)
        world.do(home, ("history", "all"))
        if rolled_up:
            world.do(home, ("aggregate", ""))
        for interval in ("1d", "1wk", "1mo"):
            parts = [
                world.rows(home, interval, "split", *span)
                for span in ((start, middle), (middle + DAY, end))
                if span[0] <= span[1]
            ]
            assert [row for part in parts for row in part] == world.rows(home, interval, "split", start, end), interval
