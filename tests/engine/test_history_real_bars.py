"""Real bars, served in the providers' wire formats over loopback, come back from ``history`` exactly as they are.

Twenty of the 505 stocks by default, among them those with defects; all of them with ALL_REAL_BARS=1 (some minutes).
"""

import datetime as dt
import os
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engines import SetClock, engine
from pricectl.engine.history import Query, get
from pricectl.engine.ranges import read_wish
from pricectl.model.asset import Asset
from pricectl.model.bar import Bar, Row
from pricectl.simulator import Market, Simulator
from shared_data import data

CLOCK = SetClock(1_795_521_600_000)  # 2026-11-24T12:00:00Z
# AOS: one high below its low. LNT: a close at half the price. The others have days without an open or a high.
# The open of CHD is of half the price too; MRO and NWL stand a third away from both neighbours for a day. These four
# bars are kept aside, all others of the 619,040 are given.
SLIPS = {
    ("LNT", dt.date(2016, 5, 19)),
    ("CHD", dt.date(2014, 5, 19)),
    ("MRO", dt.date(2017, 9, 14)),
    ("NWL", dt.date(2017, 9, 14)),
}
DEFECTIVE = {"AOS", "CHD", "LNT", "MRO", "NWL", "BHF", "DHR", "ES", "FTV", "O", "REGN", "UA", "VRTX", "WRK"}


def bars_of(source: str, some: Callable[[list[str]], list[str]] = list) -> dict[str, list[Bar]]:
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    table = pq.read_table(data("bars_daily.parquet"), columns=columns, filters=[("source", "=", source)])
    symbols = sorted(table.column("symbol").unique().to_pylist())
    table = table.filter(pc.is_in(table.column("symbol"), pa.array(some(symbols))))
    found: dict[str, list[Bar]] = {}
    for symbol, date, *prices, volume in zip(*(column.to_pylist() for column in table.columns), strict=True):
        if any(price is None for price in prices):
            prices = [float("nan")] * 4  # Yahoo serves such a row as nulls
        found.setdefault(symbol, []).append(Bar(date, *prices, volume))
    return {symbol: sorted(bars) for symbol, bars in found.items()}


def sample(symbols: list[str]) -> list[str]:
    assert len(symbols) == 505
    if os.environ.get("ALL_REAL_BARS"):
        return symbols
    return [symbol for n, symbol in enumerate(symbols) if symbol in DEFECTIVE or n % 100 == 0]


def as_rows(bars: list[Bar]) -> list[Row]:
    """What history must give: every bar that has its four prices, as it was."""
    return [Row(*bar[:6], "1d") for bar in bars if bar.close == bar.close]


def test_stocks(tmp_path):
    stocks = bars_of("cnuge_sp500_2013_2018", sample)
    ids = {name: name.replace(".", "-") for name in stocks}
    market = Market([Asset(n, n, "stock", "", n, "yahoo", i, "USD", "NYQ") for n, i in ids.items()], clock=CLOCK)
    for name, bars in stocks.items():
        market.replay("yahoo", ids[name], bars)
    with Simulator(market) as simulator:
        here = engine(tmp_path, simulator, CLOCK, said := [])
        wish = read_wish(None, "2013-02-08", "2018-02-07")
        for name, bars in stocks.items():
            query = Query(f"yahoo:{ids[name]}", wish, "1d", "none")
            first = get(here, query)
            sound = [bar for bar in bars if (name, bar.date) not in SLIPS]
            assert first.rows == as_rows(sound), name
            assert (first.currency, first.complete) == ("USD", len(sound) == len(bars))
            assert get(here, query._replace(offline=True)).rows == first.rows, name
        assert len(simulator.journal) == len(stocks)
    assert len(said) == sum(2 for name, _ in SLIPS if name in stocks)


@pytest.mark.parametrize("adjust", ["none", "split"])
def test_bitcoin(tmp_path, adjust):
    bars = bars_of("binance_1d_tunogya")["BTCUSDT"]
    assert (bars[0].date, bars[-1].date, len(bars)) == (dt.date(2017, 8, 17), dt.date(2026, 1, 5), 3064)
    market = Market([Asset("BTC", "", "crypto", "", "", "binance", "BTCUSDT", "USDT", "BINANCE")], clock=CLOCK)
    market.replay("binance", "BTCUSDT", bars)
    with Simulator(market) as simulator:
        here = engine(tmp_path, simulator, CLOCK, said := [])
        query = Query("BTC", read_wish(None, "2017-08-17", "2026-01-05"), "1d", adjust)
        first = get(here, query)
        assert first.rows == as_rows(bars)
        assert (first.currency, first.complete) == ("USDT", True)
        assert get(here, query._replace(offline=True)).rows == first.rows
    assert said == []


def test_the_weeks_that_binance_publishes(tmp_path):
    bars = bars_of("binance_1d_tunogya")["BTCUSDT"]
    published = pq.read_table(data("reference/ref_bars.parquet")).to_pylist()
    market = Market([Asset("BTC", "", "crypto", "", "", "binance", "BTCUSDT", "USDT", "BINANCE")], clock=CLOCK)
    market.replay("binance", "BTCUSDT", bars)
    with Simulator(market) as simulator:
        here = engine(tmp_path, simulator, CLOCK)
        weeks = get(here, Query("BTC", read_wish(None, "2017-08-14", "2026-01-04"), "1wk")).rows
        assert len(weeks) == len(published) - 1 == 438  # the last one published was still running
        for week, told in zip(weeks, published, strict=False):
            assert week[:5] == tuple(told[name] for name in ("date", "open", "high", "low", "close"))
            assert week.volume == pytest.approx(told["volume"], rel=1e-12)
