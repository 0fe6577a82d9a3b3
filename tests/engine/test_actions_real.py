"""Real splits in real bars as they were traded: recognised on their day, and from a day beside it."""

import datetime as dt

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from engines import SetClock, engine
from pricectl.engine import aggregate
from pricectl.engine.history import Query, get
from pricectl.engine.ranges import read_wish
from pricectl.engine.splits import settle
from pricectl.model.adjust import shown
from pricectl.model.asset import Asset
from pricectl.model.bar import Action, Bar
from pricectl.simulator import Market, Simulator
from shared_data import data

CLOCK = SetClock(1_795_521_600_000)  # 2026-11-24T12:00:00Z


def splits(source: str) -> list[tuple[str, Action]]:
    rows = pyarrow.csv.read_csv(data("corporate_actions.csv")).to_pylist()
    return [
        (row["symbol"], Action(row["ex_date"], "split", round(row["value"], 4)))
        for row in rows
        if row["type"] == "split" and row["source"] == source
    ]


def bars_of(source: str) -> dict[str, list[Bar]]:
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    rows = pq.read_table(data("bars_daily.parquet"), columns=columns, filters=[("source", "=", source)]).to_pylist()
    found: dict[str, list[Bar]] = {}
    for symbol, *bar in sorted(tuple(row.values()) for row in rows):
        found.setdefault(symbol, []).append(Bar(*bar))
    return found


def test_every_real_split_is_seen_on_its_day_and_found_from_a_day_beside_it():
    traded = bars_of("lean_us_equity_raw")
    seen = []
    for symbol, split in splits("lean_factor_file"):
        bars = traded.get(symbol, [])
        place = next((n for n, bar in enumerate(bars) if bar.date >= split.ex_date), 0)
        if place < 10 or abs(split.value - 1) < 0.4:
            continue
        near = bars[place - 10 : place + 10]
        taken = settle(near, [split])
        assert (taken.actions, taken.early, taken.moved) == ([split], [], []), (symbol, split)
        for beside in (near[9].date, near[11].date):
            moved = settle(near, [split._replace(ex_date=beside)])
            assert moved.actions == [Action(near[10].date, "inferred", split.value)], (symbol, split)
        early = [
            bar._replace(open=bar.open * split.value, close=bar.close * split.value)
            if bar.date < split.ex_date
            else bar
            for bar in near
        ]
        assert settle(early, [split]).early == [split], (symbol, split)
        seen.append((symbol, split.ex_date.isoformat(), split.value))
    assert ("AAPL", "2014-06-09", 7.0) in seen
    assert ("AAPL", "2020-08-31", 4.0) in seen
    assert len(seen) >= 8


@pytest.mark.parametrize("interval", ["1wk", "1mo"])
def test_apples_splits_in_days_weeks_and_months(tmp_path, interval):
    bars = bars_of("lean_us_equity_raw")["AAPL"]
    actions = sorted({one for symbol, one in splits("lean_factor_file") if symbol == "AAPL"})
    market = Market([Asset("AAPL", "", "stock", "", "", "yahoo", "AAPL", "USD", "NMS")], clock=CLOCK)
    market.replay("yahoo", "AAPL", bars, actions)
    with Simulator(market) as simulator:
        here = engine(tmp_path, simulator, CLOCK, said := [], retention__weekly="1y" if interval == "1mo" else "all")
        wish = read_wish(None, bars[0].date.isoformat(), bars[-1].date.isoformat())
        days = get(here, Query("AAPL", wish, "1d", "none"))
        assert [row.close for row in days.rows] == [bar.close for bar in bars]
        before = get(here, Query("AAPL", wish, interval)).rows
        aggregate.run(here, None, False)
        after = get(here, Query("AAPL", wish, interval, offline=True))
        assert (after.rows, after.complete, said) == (before, True, [])
        # the period of 31 August 2020, a Monday: its first day trades at a quarter
        start = dt.date(2020, 8, 31) if interval == "1wk" else dt.date(2020, 8, 1)
        row = next(row for row in after.rows if row.date == start)
        first = next(bar for bar in bars if bar.date >= start)
        assert row.open == (first.open if interval == "1wk" else shown(first.open, 4.0))
