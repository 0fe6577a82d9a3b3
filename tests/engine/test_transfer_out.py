"""Stored bars on their way out. The clock stands at Tuesday 24 November 2026, noon in UTC."""

import datetime as dt
import random
from pathlib import Path

import pytest

from engines import SetClock
from pricectl.config import load
from pricectl.engine import Engine, outgoing, transfer
from pricectl.engine.outgoing import Wanted
from pricectl.engine.ranges import read_wish
from pricectl.errors import NotFound
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Action, Bar
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


def test_split_adjusted_on_the_way_out_is_as_traded_again_on_the_way_in(tmp_path: Path):
    """Two splits and a spin-off of 1046:1000; prices in cents and in hundredths of a cent, volumes in whole shares."""
    splits = [
        Action(D(2026, 3, 2), "split", 4.0),
        Action(D(2026, 5, 4), "split", 1.046),
        Action(D(2026, 7, 6), "split", 0.1),
    ]
    random_ = random.Random(7)
    days = [D(2026, 1, 5) + dt.timedelta(number) for number in range(300)]
    traded = []
    for day in (day for day in days if day.weekday() < 5):
        low, opened, close, high = sorted(round(random_.uniform(5, 900), random_.choice((2, 4))) for _ in range(4))
        traded.append(Bar(day, opened, high, low, close, float(random_.randint(1, 99_999_999))))
    made = {}
    for name in ("one", "other"):
        made[name] = Engine(load(Home(str(tmp_path / name)), {}, {}), SetClock(NOW_MS), [].append)
        (tmp_path / name / "state").mkdir(parents=True)
        bars = traded if name == "one" else []
        made[name].store.add(AAPL, "USD", bars, splits, [(D(2026, 1, 1), D(2026, 11, 23))], NOW_MS)
    assets = outgoing.chosen(made["one"], ["AAPL"], None, False)
    (part,) = outgoing.parts(made["one"], assets, Wanted(ALL, "1d", "split"))
    assert part.rows[0].close != traded[0].close
    path = tmp_path / "adjusted.csv"
    lines = [",".join(map(str, row[:6])) for row in part.rows]
    path.write_text("\n".join(["date,open,high,low,close,volume", *lines]))
    checked = transfer.read(made["other"], str(path), transfer.Options(symbol="AAPL", prices="split-adjusted"))
    assert [bar[:5] for bar in checked.own[0].bars] == [bar[:5] for bar in traded]
    moved = [(own.volume, bar.volume) for own, bar in zip(checked.own[0].bars, traded, strict=True)]
    assert all(abs(own - was) <= 5 for own, was in moved)  # a tenth of a share is not shown
