"""The bars of ended sessions, exchange by exchange, run by run, on a clock that is set."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engines import RunningClock, engine
from loopback import at
from pricectl.engine.refresh import Order, Report, select
from pricectl.engine.unattended import refresh
from pricectl.errors import UnknownSymbol
from pricectl.model.asset import Series
from pricectl.model.bar import LIVE, PROVISIONAL, Bar
from pricectl.simulator import Simulator
from pricectl.simulator.faults import Match, garbage, status

D = dt.date


class House:
    """A home, a market and their clock; ``run`` is a cron run at an instant."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = RunningClock(at("2026-01-01T00:00:00"))
        self.market = Simulator(seed=3, clock=self.clock)

    def run(self, when: str, *symbols: str, backfill: bool = False) -> Report:
        self.clock.ms = at(when)
        self.market.forget()
        made = engine(self.home, self.market, self.clock)
        assets, wrong = select(made, symbols, "", False)
        assert not wrong
        return refresh(made, Order(assets, 50.0, 50.0, backfill=backfill), [], lambda: False).report

    def stored(self, provider: str, provider_id: str, start: dt.date, end: dt.date) -> list[tuple[dt.date, int]]:
        store = engine(self.home, self.market, self.clock).store
        return [(bar.date, bar.flags) for bar in store.traded(Series(provider, provider_id), start, end)[1]]

    def charts(self) -> list[str]:
        """The symbols whose bars were asked for since the last run began."""
        asked = [entry for entry in self.market.journal if entry.path.startswith(("/v8/", "/api/v3/klines"))]
        return sorted(entry.symbols[0] for entry in asked)

    def quarantined(self) -> int:
        path = self.home / "state" / "quarantine.jsonl"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with made.market:
        yield made


# For each exchange a session: a minute before its official close can be known, when it is, the next session's start.
SESSIONS = [
    # New York on a usual day (16:00 EST), and on the Friday before the clocks change and the Monday after.
    ("AAPL", D(2026, 11, 24), "2026-11-24T20:59:00", "2026-11-24T21:30:00", "2026-11-25T14:31:00"),
    ("AAPL", D(2026, 10, 30), "2026-10-30T19:59:00", "2026-10-30T20:30:00", "2026-11-02T14:31:00"),
    ("AAPL", D(2026, 11, 2), "2026-11-02T20:59:00", "2026-11-02T21:30:00", "2026-11-03T14:31:00"),
    ("AAPL", D(2026, 3, 6), "2026-03-06T20:59:00", "2026-03-06T21:30:00", "2026-03-09T13:31:00"),
    # The early close of the day after Thanksgiving (13:00 EST), then a week-end.
    ("AAPL", D(2026, 11, 27), "2026-11-27T17:59:00", "2026-11-27T18:30:00", "2026-11-30T14:31:00"),
    # London, 15 minutes late: before and after summer time; Easter Friday and Monday are closed.
    ("OCDO.L", D(2026, 10, 23), "2026-10-23T15:44:00", "2026-10-23T16:00:00", "2026-10-26T08:16:00"),
    ("OCDO.L", D(2026, 4, 2), "2026-04-02T15:44:00", "2026-04-02T16:00:00", "2026-04-07T07:16:00"),
    # Tokyo closes at 15:30 (06:30 UTC), 20 minutes late; a Monday's holiday before.
    ("7203.T", D(2026, 11, 24), "2026-11-24T06:29:00", "2026-11-24T07:10:00", "2026-11-25T00:21:00"),
    # Sydney, ahead of UTC, in summer and after its clocks went back (5 April 2026, Easter Sunday).
    ("ASX:SHL", D(2026, 11, 24), "2026-11-24T04:59:00", "2026-11-24T05:40:00", "2026-11-24T23:30:00"),
    ("ASX:SHL", D(2026, 4, 2), "2026-04-02T04:59:00", "2026-04-02T05:40:00", "2026-04-07T00:30:00"),
    # Currencies end the week on Friday evening in New York.
    ("EURUSD", D(2026, 11, 20), "2026-11-20T21:30:00", "2026-11-20T22:30:00", "2026-11-23T00:30:00"),
]
IDS = {"AAPL": "AAPL", "OCDO.L": "OCDO.L", "7203.T": "7203.T", "EURUSD": "EURUSD=X"}


def _of(house: House, symbol: str) -> tuple[str, str]:
    """The symbol and the provider's own one; for Sydney any share of the shipped list."""
    if symbol in IDS:
        return symbol, IDS[symbol]
    made = engine(house.home, house.market, house.clock)
    share = next(one for one in made.catalogue.all() if one.exchange == "ASX")
    return share.symbol, share.provider_id


@pytest.mark.parametrize(("symbol", "day", "before", "after", "next_open"), SESSIONS)
def test_a_session_is_stored_when_it_has_ended_and_becomes_final_with_the_next(
    house: House, symbol: str, day: dt.date, before: str, after: str, next_open: str
) -> None:
    symbol, provider_id = _of(house, symbol)
    house.run(before, symbol)
    week = day - dt.timedelta(days=4)
    assert day not in dict(house.stored("yahoo", provider_id, week, day))

    house.run(after, symbol)
    assert dict(house.stored("yahoo", provider_id, week, day)).get(day) == PROVISIONAL
    assert house.charts() == [provider_id]
    later = dt.datetime.fromisoformat(after)
    for minutes in (1, 2, 61):
        assert house.run((later + dt.timedelta(minutes=minutes)).isoformat(), symbol).kept.added == 0
        assert house.charts() == []

    report = house.run(next_open, symbol)
    assert (report.kept.added, report.kept.revised) == (0, 1)
    bars = house.stored("yahoo", provider_id, week, day + dt.timedelta(days=7))
    assert bars[-1] == (day, 0)  # final, and nothing of the session that has just begun
    assert house.quarantined() == 0
    house.run((dt.datetime.fromisoformat(next_open) + dt.timedelta(minutes=1)).isoformat(), symbol)
    assert house.charts() == []


def test_a_day_of_coins_ends_at_midnight_utc_and_is_final_at_once(house: House) -> None:
    house.run("2026-11-24T23:59:30", "BTC")
    assert house.stored("binance", "BTCUSDT", D(2026, 11, 23), D(2026, 11, 25)) == [(D(2026, 11, 23), 0)]
    report = house.run("2026-11-25T00:00:30", "BTC")
    assert report.kept.added == 1
    assert house.stored("binance", "BTCUSDT", D(2026, 11, 24), D(2026, 11, 25)) == [(D(2026, 11, 24), 0)]
    house.run("2026-11-25T00:01:30", "BTC")
    assert house.charts() == []


def test_a_week_is_caught_up_in_one_run(house: House) -> None:
    symbols = ["AAPL", "OCDO.L", "7203.T", "BTC", "EURUSD"]
    house.run("2026-11-13T23:30:00", *symbols)
    report = house.run("2026-11-24T23:30:00", *symbols)
    assert report.errors == []
    assert house.charts() == ["7203.T", "AAPL", "BTCUSDT", "EURUSD=X", "OCDO.L"]
    week = [D(2026, 11, day) for day in (16, 17, 18, 19, 20, 23, 24)]
    days = (D(2026, 11, 14), D(2026, 11, 30))
    assert [day for day, _ in house.stored("yahoo", "AAPL", *days)] == week
    assert [day for day, _ in house.stored("yahoo", "OCDO.L", *days)] == week
    assert [day for day, _ in house.stored("yahoo", "7203.T", *days)] == [day for day in week if day.day != 23]
    assert [day.day for day, _ in house.stored("binance", "BTCUSDT", *days)] == list(range(14, 24))
    assert house.quarantined() == 0


def test_the_bars_of_a_run_are_those_of_the_market_to_the_digit(house: House) -> None:
    house.run("2026-11-25T15:00:00", "AAPL")
    tape = house.market.market.tape("yahoo", "AAPL")
    assert tape is not None
    traded = [bar for bar in tape.bars(tape.sessions(D(2026, 10, 26), D(2026, 11, 24))) if bar]
    store = engine(house.home, house.market, house.clock).store
    assert store.traded(Series("yahoo", "AAPL"), D(2026, 10, 26), D(2026, 11, 30)) == ("USD", traded)


def test_a_month_of_daily_evenings_and_mornings_stores_each_session_once(house: House) -> None:
    for day in range(2, 28):
        for hour in ("15:30", "21:30"):
            house.run(f"2026-11-{day:02d}T{hour}:00", "AAPL")
    bars = house.stored("yahoo", "AAPL", D(2026, 11, 1), D(2026, 11, 30))
    closed = {7, 8, 14, 15, 21, 22, 26}
    assert [day.day for day, _ in bars] == [day for day in range(2, 28) if day not in closed]
    assert [flags for _, flags in bars] == [0] * 18 + [PROVISIONAL]
    assert house.quarantined() == 0


def test_a_session_without_a_row_is_asked_for_again_each_hour_then_no_more(house: House) -> None:
    house.market.market.act("yahoo", "AAPL", blanks=[D(2026, 11, 24)])
    house.run("2026-11-24T21:30:00", "AAPL")
    assert house.charts() == ["AAPL"]
    house.run("2026-11-24T22:29:00", "AAPL")
    assert house.charts() == []
    house.run("2026-11-24T22:30:00", "AAPL")
    assert house.charts() == ["AAPL"]
    house.run("2026-12-04T22:30:00", "AAPL")
    assert [day.day for day, _ in house.stored("yahoo", "AAPL", D(2026, 11, 23), D(2026, 11, 27))] == [23, 25, 27]
    house.run("2026-12-05T22:30:00", "AAPL")
    assert house.charts() == []


def test_one_asset_whose_bars_fail_costs_the_others_nothing(house: House) -> None:
    house.market.script(status(404), Match(provider="yahoo", path="/v8/", symbol="MSFT"))
    report = house.run("2026-11-24T21:30:00", "AAPL", "MSFT", "NVDA")
    assert (report.ok, report.kept.added > 40) == (3, True)
    assert [(one.symbol, one.code) for one in report.errors] == [("MSFT", UnknownSymbol.code)]
    report = house.run("2026-11-24T21:31:00", "AAPL", "MSFT", "NVDA")
    assert house.charts() == []
    assert [one.symbol for one in report.errors] == ["MSFT"]  # still known as failing
    house.market.clear()
    report = house.run("2026-11-24T22:31:00", "AAPL", "MSFT", "NVDA")
    assert house.charts() == ["MSFT"]
    assert report.errors == []


def test_bars_that_came_after_all_are_no_failure_in_that_very_run(house: House) -> None:
    house.market.script(garbage(), Match(provider="binance", path="/api/v3/klines"))
    report = house.run("2026-11-25T00:01:00", "BTC")
    assert [(one.symbol, one.code) for one in report.errors] == [("BTC", "bad_payload")]
    house.market.clear()
    report = house.run("2026-11-25T00:06:01", "BTC")
    assert (report.errors, report.kept.added) == ([], 31)


def test_a_contradiction_is_kept_aside_once_and_named(house: House) -> None:
    house.run("2026-11-20T21:30:00", "AAPL")
    store = engine(house.home, house.market, house.clock).store
    _, bars = store.traded(Series("yahoo", "AAPL"), D(2026, 11, 9), D(2026, 11, 20))
    wrong = [bar._replace(open=1 + n, high=9.0, low=0.5, close=2 + n) for n, bar in enumerate(bars)]
    store.add(Series("yahoo", "AAPL"), "USD", [_final(bar) for bar in wrong], [], [], house.clock.ms + 1)
    report = house.run("2026-11-24T21:30:00", "AAPL", "MSFT")
    assert [(one.symbol, one.code) for one in report.errors] == [("AAPL", "contradiction")]
    assert house.quarantined() == 1
    for minute in (31, 32, 59):
        house.run(f"2026-11-24T21:{minute}:00", "AAPL", "MSFT")
        assert "AAPL" not in house.charts()
    assert house.quarantined() == 1


def _final(bar: Bar) -> Bar:
    return bar._replace(flags=bar.flags & ~(PROVISIONAL | LIVE))


def test_what_was_tried_may_be_lost_or_damaged(house: House) -> None:
    house.run("2026-11-24T21:30:00", "AAPL")
    note = house.home / "state" / "bars.json"
    assert json.loads(note.read_text())["yahoo:AAPL"][2] == "provisional"
    for text in ("", "[]", '{"yahoo:AAPL": 7}', '{"yahoo:AAPL": ["x", "y", "z", 1, 2]}'):
        note.write_text(text)
        report = house.run("2026-11-24T21:31:00", "AAPL")
        assert house.charts() == ["AAPL"]
        assert report.errors == []
    house.run("2026-11-24T21:32:00", "AAPL")
    assert house.charts() == []


def test_a_backfill_brings_all_there_is_and_goes_on_where_it_was(house: House) -> None:
    def covered(symbol: str) -> Sequence[tuple[dt.date, dt.date]]:
        return engine(house.home, house.market, house.clock).store.coverage(Series("yahoo", symbol))

    house.run("2026-11-24T15:00:00", "AAPL", "MSFT")
    house.market.script(status(503), Match(path="/v8/", symbol="MSFT"))
    report = house.run("2026-11-24T15:01:00", "AAPL", "MSFT", backfill=True)
    assert report.kept.added > 2000
    assert covered("AAPL") == [(D(1900, 1, 1), D(2026, 11, 23))]
    assert [one.symbol for one in report.errors] == ["MSFT"]
    house.market.clear()
    report = house.run("2026-11-24T15:07:00", "AAPL", "MSFT", backfill=True)
    assert house.charts() == ["MSFT"]
    assert covered("MSFT") == [(D(1900, 1, 1), D(2026, 11, 23))]
    assert house.run("2026-11-24T15:08:00", "AAPL", "MSFT", backfill=True).kept.left == 0
    assert house.charts() == []
