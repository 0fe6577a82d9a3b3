"""Stored bars on their way out. The clock stands at Tuesday 24 November 2026, noon in UTC."""

import datetime as dt
from pathlib import Path

import pytest

from engines import SetClock
from pricectl.config import load
from pricectl.engine import Engine, outgoing
from pricectl.engine.outgoing import Wanted
from pricectl.engine.ranges import read_wish
from pricectl.errors import NotFound
from pricectl.home import Home
from pricectl.model.asset import Series
from stores import AAPL, add, commit_pieces, flat

NOW_MS = 1_795_521_600_000  # 2026-11-24T12:00Z
D = dt.date
BTC = Series("binance", "BTCUSDT")
ALL = read_wish("all", None, None)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    home = Home(str(tmp_path))
    made = Engine(load(home, {}, {}), SetClock(NOW_MS), [].append)
    (tmp_path / "state").mkdir()
    add(made.store, [flat(D(2026, 11, 2), 5.0), flat(D(2026, 11, 3), 6.0)], AAPL)
    add(made.store, [flat(D(2026, 11, 1), 7.0)], BTC, currency="USDT")
    commit_pieces(home, "1wk", [(flat(D(2024, 11, 4), 3.0), D(2024, 11, 8))], AAPL)
    return made


def out(engine: Engine, *symbols: str, interval: str = "1d", wish=ALL) -> list[tuple]:
    assets = outgoing.chosen(engine, symbols, None, False)
    found = outgoing.parts(engine, assets, Wanted(wish, interval, "split"))
    return [
        (one.asset.symbol, one.currency, [(str(row.date), row.close, row.interval) for row in one.rows], one.before)
        for one in found
    ]


def test_assets_come_in_the_order_asked_each_once_also_without_bars(engine: Engine):
    assert out(engine, "btc", "MSFT", "AAPL", "yahoo:AAPL") == [
        ("BTC", "USDT", [("2026-11-01", 7.0, "1d")], None),
        ("MSFT", "USD", [], None),
        ("AAPL", "USD", [("2026-11-02", 5.0, "1d"), ("2026-11-03", 6.0, "1d")], D(2024, 11, 8)),
    ]


def test_what_is_stored_can_be_asked_for_without_symbols(engine: Engine):
    def symbols(type_: str | None = None, followed: bool = False) -> list[str]:
        return [asset.symbol for asset in outgoing.chosen(engine, (), type_, followed)]

    assert symbols() == ["AAPL", "BTC"]
    assert symbols("crypto") == ["BTC"]
    assert symbols("fund") == []
    assert symbols(followed=True) == []
    engine.catalogue.follow(["AAPL", "MSFT"])
    assert symbols(followed=True) == ["AAPL"]
    with pytest.raises(NotFound):
        outgoing.chosen(engine, ["AAPL", "NOPE9"], None, False)


def test_what_is_stored_only_coarser_than_asked_is_told(engine: Engine):
    ((*_, before),) = out(engine, "AAPL", wish=read_wish(None, "2025-01-01", None))
    assert before is None
    add(engine.store, [flat(D(2020, 11, 2), 5.0)], AAPL)
    assert out(engine, "AAPL")[0][3] == D(2024, 11, 8)
    add(engine.store, [flat(D(2024, 11, 8), 5.0)], AAPL)
    assert out(engine, "AAPL")[0][3] is None


def test_nothing_is_said_where_nothing_is_coarser_than_asked(engine: Engine):
    ((_, _, rows, before),) = out(engine, "AAPL", interval="1wk")
    assert (rows, before) == ([("2024-11-04", 3.0, "1wk"), ("2026-11-02", 6.0, "1wk")], None)
    ((_, _, rows, before),) = out(engine, "AAPL", interval="auto")
    assert (rows, before) == ([("2024-11-04", 3.0, "1wk"), ("2026-11-02", 5.0, "1d"), ("2026-11-03", 6.0, "1d")], None)


def test_more_assets_than_one_query_takes_keep_their_order(engine: Engine):
    names = [f"yahoo:X{number:03d}" for number in range(70)]
    for number, name in enumerate(names):
        if number % 7 == 0:
            add(engine.store, [flat(D(2026, 11, 4), 1.0 + number)], Series("yahoo", name[6:]))
    found = out(engine, *names)
    assert [symbol for symbol, *_ in found] == names
    assert [rows[0][1] for *_, rows, _ in found if rows] == [1.0, 8.0, 15.0, 22.0, 29.0, 36.0, 43.0, 50.0, 57.0, 64.0]
