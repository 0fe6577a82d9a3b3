"""Roll-ups of real bars against outside truth: the weeks that Binance itself publishes, and a computation in plain
Python. A sample of the stocks by default, all of them with ALL_REAL_BARS=1."""

import datetime as dt
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

from pricectl.model.asset import Series
from pricectl.model.bar import Bar, Row, Segment
from pricectl.store import Addition
from shared_data import data
from stores import NOON_MS, D, store

DAY = dt.timedelta(days=1)
ALL = (dt.date.min, dt.date(2030, 12, 31))


def bars_of(source: str) -> dict[str, list[Bar]]:
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    rows = pq.read_table(data("bars_daily.parquet"), columns=columns, filters=[("source", "=", source)]).to_pylist()
    found: dict[str, list[Bar]] = {}
    for row in rows:
        values = tuple(row[name] for name in columns[1:])
        if None not in values:
            found.setdefault(row["symbol"], []).append(Bar(*values))
    return {symbol: sorted(bars) for symbol, bars in found.items()}


def period(interval: str, day: dt.date) -> dt.date:
    return day.replace(day=1) if interval == "1mo" else day - day.weekday() * DAY


def by_hand(bars: Sequence[Bar], interval: str) -> list[Row]:
    rows = []
    for first, group in groupby(bars, lambda bar: period(interval, bar.date)):
        days = list(group)
        high, low = max(bar.high for bar in days), min(bar.low for bar in days)
        rows.append(Row(first, days[0].open, high, low, days[-1].close, sum(bar.volume for bar in days), interval))
    return rows


def roll_up(path: Path, daily: dt.date, weekly: dt.date) -> None:
    store(path).upkeep().run(daily, weekly, lambda _: {}, lambda *_: None, dry_run=False)


def same(found: Sequence[Row], wanted: Sequence[Row], tolerance: float) -> bool:
    """Prices exactly, volumes to ``tolerance`` relative."""
    return len(found) == len(wanted) and all(
        one._replace(volume=None) == other._replace(volume=None)
        and abs((one.volume or 0.0) - (other.volume or 0.0)) <= tolerance * (other.volume or 0.0)
        for one, other in zip(found, wanted, strict=True)
    )


def test_weeks_are_those_that_binance_publishes(tmp_path: Path) -> None:
    (bars,) = (found for name, found in bars_of("binance_1d_tunogya").items() if name == "BTCUSDT")
    weeks = {row["date"]: row for row in pq.read_table(data("reference/ref_bars.parquet")).to_pylist()}
    coin = Series("binance", "BTCUSDT")
    store(tmp_path).add(coin, "USDT", bars, [], [(bars[0].date, bars[-1].date)], NOON_MS)
    last = bars[-1].date - bars[-1].date.weekday() * DAY
    roll_up(tmp_path, last, D(2016, 1, 1))
    assert store(tmp_path).traded(coin, dt.date.min, last - DAY)[1] == []
    rows = store(tmp_path).history(coin, [Segment("1wk", bars[0].date - 6 * DAY, last - DAY)], "none")[1]
    compared = 0
    for row in rows:
        # The vendor's first week is partial: trading began on a Thursday.
        if row.date in weeks:
            told = weeks[row.date]
            assert (row.open, row.high, row.low, row.close) == tuple(
                told[name] for name in ("open", "high", "low", "close")
            )
            assert abs(row.volume - told["volume"]) <= 1e-12 * told["volume"]
            compared += 1
    assert compared >= len(weeks) - 2


def test_all_stocks_come_out_as_computed_by_hand(tmp_path: Path) -> None:
    stocks = bars_of("cnuge_sp500_2013_2018")
    chosen = sorted(stocks) if os.environ.get("ALL_REAL_BARS") else sorted(stocks)[::40]
    said = [Addition(Series("yahoo", name), "USD", stocks[name], [], [], symbol=name) for name in chosen]
    store(tmp_path).add_all(said, NOON_MS)
    # Months up to 2015, weeks up to Monday 10 April 2017.
    roll_up(tmp_path, D(2017, 4, 10), D(2016, 1, 1))
    reader = store(tmp_path)
    for name in chosen:
        series, bars = Series("yahoo", name), stocks[name]
        assert reader.history(series, [Segment("1mo", *ALL)], "none")[1] == by_hand(bars, "1mo")
        recent = [bar for bar in bars if bar.date >= D(2016, 1, 1)]
        weeks = by_hand(recent, "1wk")
        found = reader.history(series, [Segment("1wk", D(2016, 1, 1), ALL[1])], "none")[1]
        # The first week lies in two tiers: its piece begins with the year.
        assert same(found[1:], weeks[1:], 0.0)
        assert reader.traded(series, *ALL)[1] == [bar for bar in bars if bar.date >= D(2017, 4, 10)]


def test_real_bars_as_traded_of_lean(tmp_path: Path) -> None:
    stocks = bars_of("lean_us_equity_raw")
    said = [Addition(Series("yahoo", name), "USD", bars, [], [], symbol=name) for name, bars in stocks.items()]
    store(tmp_path).add_all(said, NOON_MS)
    roll_up(tmp_path, D(2030, 1, 7), D(2030, 1, 1))
    for name, bars in stocks.items():
        found = store(tmp_path).history(Series("yahoo", name), [Segment("1mo", *ALL)], "none")[1]
        assert same(found, by_hand(bars, "1mo"), 1e-12)
