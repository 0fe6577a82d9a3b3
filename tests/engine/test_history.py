"""History over a simulated market that replays a few known bars; the clock is set. Tuesday 24 November 2026, noon in
UTC, is before New York opens: the last completed session is Monday the 23rd. Thursday the 26th is Thanksgiving."""

import datetime as dt
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engines import SetClock, engine
from pricectl.engine.history import Query, get
from pricectl.engine.ranges import read_wish
from pricectl.errors import NotFound, NotFresh, RateLimited, StoreError, Transient, UnknownSymbol
from pricectl.model.asset import Asset
from pricectl.model.bar import MANUAL, PROVISIONAL, Action, Bar, Row
from pricectl.simulator import Market, Match, Simulator, faults

APPLE = Asset("AAPL", "Apple", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS")
BITCOIN = Asset("BTC", "Bitcoin", "crypto", "", "BTC", "binance", "BTCUSDT", "USDT", "BINANCE")
SPLIT = Action(dt.date(2020, 8, 31), "split", 4.0)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def at(text: str) -> int:
    """Milliseconds since the epoch of a time in UTC."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000)


def november(first: int, last: int, *, weekends: bool = False) -> list[Bar]:
    """Bars of November 2026 whose prices tell their day: the 23rd is 223, 224, 222, 223.5, volume 2300."""
    days = [dt.date(2026, 11, number) for number in range(first, last + 1)]
    return [
        Bar(one, 200.0 + one.day, 201.0 + one.day, 199.0 + one.day, 200.5 + one.day, one.day * 100.0)
        for one in days
        if weekends or (one.weekday() < 5 and one.day != 26)
    ]


def row(text: str, *prices: float, volume: float, interval: str = "1d", final: bool = True) -> Row:
    return Row(day(text), *prices, volume, interval, final)


class World:
    """A market, its simulator, and an engine on it."""

    def __init__(self, home: Path) -> None:
        self.clock = SetClock(at("2026-11-24T12:00"))
        self.market = Market([APPLE, BITCOIN], clock=self.clock)
        self.market.replay("yahoo", "AAPL", november(2, 30))
        self.market.replay("binance", "BTCUSDT", november(1, 30, weekends=True))
        self.simulator = Simulator(self.market)
        self.said: list[str] = []
        self.home = home
        self.engine = self.another()

    def another(self, **flags: str):
        return engine(self.home, self.simulator, self.clock, self.said, **flags)

    def get(self, symbol: str = "AAPL", range_=None, first=None, last=None, here=None, **more):
        return get(here or self.engine, Query(symbol, read_wish(range_, first, last), **more))

    @property
    def asked(self) -> list[str]:
        """The first day of each request so far; forgotten when told."""
        entries = self.simulator.journal
        self.simulator.forget()
        return [
            dt.datetime.fromtimestamp(int(e.params["period1"]), dt.UTC).date().isoformat()
            if e.provider == "yahoo"
            else dt.datetime.fromtimestamp(int(e.params["startTime"]) / 1000, dt.UTC).date().isoformat()
            for e in entries
        ]


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "home")
    with world.simulator:
        yield world


def rows_stored(world) -> int:
    return sum(pq.read_metadata(part).num_rows for part in (world.home / "store" / "bars").rglob("*.parquet"))


def dates(answer) -> list[str]:
    return [one.date.isoformat() for one in answer.rows]


# What is given


def test_an_adjusted_answer_is_turned_back_stored_as_traded_and_shown_both_ways(world):
    bar = Bar(day("2020-01-02"), 296.24, 300.6, 295.19, 300.35, 33870100.0)
    world.market.replay("yahoo", "AAPL", [bar, *november(2, 30)], [SPLIT])
    asked = {"first": "2020-01-02", "last": "2020-01-02"}
    assert world.get(**asked, adjust="none").rows == [
        row("2020-01-02", 296.24, 300.6, 295.19, 300.35, volume=33870100.0)
    ]
    assert world.get(**asked).rows == [row("2020-01-02", 74.06, 75.15, 73.7975, 75.0875, volume=135480400.0)]
    assert world.engine.store.traded(APPLE.series, day("2020-01-01"), day("2020-01-03")) == (
        "USD",
        [bar],
    )
    assert len(world.asked) == 1
    assert world.said == []


def test_the_answer_says_what_it_is(world):
    answer = world.get("aapl", "7d")
    assert (answer.asset, answer.asked, answer.range, answer.adjust) == (APPLE_OF(world), "aapl", "7d", "split")
    assert (answer.currency, answer.complete, answer.failure) == ("USD", True, None)
    assert (answer.start, answer.end) == (day("2026-11-17"), day("2026-11-23"))
    assert [(s.interval, s.start, s.end, n) for s, n in answer.segments] == [
        ("1d", day("2026-11-17"), day("2026-11-23"), 5)
    ]
    assert answer.rows[-1] == row("2026-11-23", 223.0, 224.0, 222.0, 223.5, volume=2300.0)
    assert dates(answer) == ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-23"]


def APPLE_OF(world):
    return world.engine.catalogue.find("AAPL")


def test_weeks_and_months_are_rolled_up_from_completed_sessions(world):
    # 9 to 13 November: first open 209, highest 214, lowest 208, last close 213.5, volumes 900 to 1300
    assert world.get(first="2026-11-09", last="2026-11-20", interval="1wk").rows == [
        row("2026-11-09", 209.0, 214.0, 208.0, 213.5, volume=5500.0, interval="1wk"),
        row("2026-11-16", 216.0, 221.0, 215.0, 220.5, volume=9000.0, interval="1wk"),
    ]
    # the week of the 23rd and the month are not over
    assert world.get(first="2026-11-09", interval="1wk").rows[-1].date == day("2026-11-16")
    assert world.get(first="2026-11-02", interval="1mo").rows == []


def test_auto_beyond_the_retention_is_coarse_and_meets_exactly(world):
    bars = [Bar(day("2023-10-31"), 1.0, 4.0, 1.0, 2.0, 10.0), Bar(day("2023-11-01"), 2.0, 5.0, 2.0, 3.0, 20.0),
            Bar(day("2023-11-03"), 3.0, 6.0, 2.5, 4.0, 30.0), Bar(day("2025-11-07"), 4.0, 7.0, 3.5, 5.0, 40.0),
            Bar(day("2025-11-10"), 5.0, 8.0, 4.5, 6.0, 50.0)]  # fmt: skip
    world.market.replay("yahoo", "AAPL", [*bars, *november(2, 24)])
    answer = world.get(range_="5y")
    # the week from 30 October 2023 is cut at the month: its piece is dated by the first of November
    assert answer.rows[:4] == [
        row("2023-10-01", 1.0, 4.0, 1.0, 2.0, volume=10.0, interval="1mo"),
        row("2023-11-01", 2.0, 6.0, 2.0, 4.0, volume=50.0, interval="1wk"),
        row("2025-11-03", 4.0, 7.0, 3.5, 5.0, volume=40.0, interval="1wk"),
        row("2025-11-10", 5.0, 8.0, 4.5, 6.0, volume=50.0),
    ]
    assert [(s.interval, str(s.start), str(s.end), n) for s, n in answer.segments] == [
        ("1mo", "2021-11-01", "2023-10-31", 1),
        ("1wk", "2023-11-01", "2025-11-09", 2),
        ("1d", "2025-11-10", "2026-11-23", 17),
    ]
    everything = world.get(here=world.another(retention__daily="all"), range_="5y", offline=True)
    assert {one.interval for one in everything.rows} == {"1d"}


def test_all_begins_with_the_first_bar(world):
    answer = world.get(range_="all")
    assert (answer.start, answer.rows[0].date) == (day("2026-11-02"), day("2026-11-02"))
    assert [s.interval for s, _ in answer.segments] == ["1d"]
    assert world.get(range_="all").rows == answer.rows
    assert len(world.asked) == 1
    assert world.get("BTC", "all").start == day("2026-11-01")


def test_adjusting_for_dividends_takes_the_close_before(world):
    bars = november(16, 23)
    world.market.replay("yahoo", "AAPL", bars, [Action(day("2026-11-19"), "dividend", 21.85)])
    # the close of the 18th was 218.5, so a tenth was paid: 196.65 before, unchanged after
    answer = world.get(first="2026-11-17", last="2026-11-19", adjust="all")
    assert [one.close for one in answer.rows] == [195.75, 196.65, 219.5]
    assert [one.close for one in world.get(first="2026-11-17", last="2026-11-19").rows] == [217.5, 218.5, 219.5]


def test_adjusting_for_dividends_takes_the_bars_up_to_the_last_one(world):
    world.market.replay("yahoo", "AAPL", november(16, 23), [Action(day("2026-11-23"), "dividend", 22.05)])
    # the close of Friday the 20th, after the days asked for, was 220.5
    answer = world.get(first="2026-11-17", last="2026-11-18", adjust="all")
    assert [one.close for one in answer.rows] == [195.75, 196.65]
    assert (answer.end, answer.complete) == (day("2026-11-18"), True)


def test_an_asset_outside_the_catalogue_has_the_providers_currency(world):
    london = Asset("ZZZQ.L", "", "stock", "", "", "yahoo", "ZZZQ.L", "GBp", "LSE")
    world.market.replay("yahoo", "ZZZQ.L", november(2, 23), asset=london)
    for _ in range(2):
        answer = world.get("yahoo:ZZZQ.L", "7d")
        assert (answer.asset.symbol, answer.currency, len(answer.rows)) == ("yahoo:ZZZQ.L", "GBp", 5)


def test_a_day_still_open_is_no_bar_unless_asked_for(world):
    world.clock.ms = at("2026-11-24T16:00")
    assert world.get(range_="1d").rows == [row("2026-11-23", 223.0, 224.0, 222.0, 223.5, volume=2300.0)]
    answer = world.get(range_="1d", include_today=True)
    assert [(one.date.day, one.final) for one in answer.rows] == [(23, True), (24, False)]
    assert (answer.end, answer.complete) == (day("2026-11-24"), True)
    assert world.engine.store.traded(APPLE.series, day("2026-11-24"), day("2026-11-30")) == ("", [])
    week = world.get(range_="7d", include_today=True, interval="1wk")
    assert [(one.date.isoformat(), one.open, one.final) for one in week.rows] == [
        ("2026-11-16", 216.0, True),
        ("2026-11-23", 223.0, False),
    ]
    month = world.get(range_="7d", include_today=True, interval="1mo")
    assert [(one.date.isoformat(), one.final) for one in month.rows] == [("2026-11-01", False)]


def test_today_is_not_asked_for_before_it_opens(world):
    world.get(range_="7d")
    assert len(world.asked) == 1
    answer = world.get(range_="7d", include_today=True)
    assert (dates(answer)[-1], answer.rows[-1].final, world.asked) == ("2026-11-23", True, [])


def test_today_offline_is_a_part_that_cannot_be_had(world):
    world.clock.ms = at("2026-11-24T16:00")
    world.get(range_="7d")
    answer = world.get(range_="7d", include_today=True, offline=True)
    assert (dates(answer)[-1], answer.complete) == ("2026-11-23", False)
    assert world.get(range_="7d", offline=True).complete


# What is asked for


def test_G_08_what_is_stored_is_not_asked_for_again(world):
    first = world.get("BTC", "7d")
    assert world.asked == ["2026-11-17"]
    assert world.get("BTC", "7d").rows == first.rows
    assert world.get("BTC", "1d").rows == first.rows[-1:]
    assert world.get("BTC", first="2026-11-18", last="2026-11-20", offline=True).complete
    assert world.asked == []


def test_only_what_is_missing_is_asked_for_with_five_sessions_to_compare(world):
    world.get("BTC", first="2026-11-18", last="2026-11-20")
    assert world.asked == ["2026-11-18"]
    # forward: from the 21st, so from the 16th
    world.get("BTC", first="2026-11-18", last="2026-11-22")
    assert world.asked == ["2026-11-16"]
    # what was compared and found equal is not stored again
    assert rows_stored(world) == 7
    # backward: to the 15th, and five days beyond
    answer = world.get("BTC", first="2026-11-10", last="2026-11-22")
    assert world.asked == ["2026-11-10"]
    assert [one.date.day for one in answer.rows] == list(range(10, 23))
    assert world.engine.store.coverage(BITCOIN.series) == [(day("2026-11-10"), day("2026-11-22"))]
    # a weekend between two sessions is nothing to ask for
    world.get(first="2026-11-16", last="2026-11-20")
    world.asked  # noqa: B018 (forget it)
    assert world.get(first="2026-11-16", last="2026-11-22").complete
    assert world.asked == []


def test_days_that_do_not_exist_are_remembered(world):
    # before the listing, and a week in which the exchange was closed without its calendar knowing
    world.market.replay("binance", "BTCUSDT", [*november(4, 6, weekends=True), *november(12, 23, weekends=True)])
    for _ in range(2):
        answer = world.get("BTC", first="2026-10-20", last="2026-11-15")
        assert [one.date.day for one in answer.rows] == [4, 5, 6, 12, 13, 14, 15]
        assert answer.complete
    assert len(world.asked) == 1


def test_a_last_session_that_is_late_is_asked_for_again(world):
    # a fund that reports Monday's price only on Tuesday
    world.market.replay("yahoo", "AAPL", november(2, 20))
    assert dates(world.get(range_="7d"))[-1] == "2026-11-20"
    world.market.replay("yahoo", "AAPL", november(2, 23))
    assert dates(world.get(range_="7d"))[-1] == "2026-11-23"
    assert len(world.asked) == 2


def test_refresh_asks_for_everything(world):
    world.get("BTC", "7d")
    world.get("BTC", "7d", refresh=True)
    assert world.asked == ["2026-11-17", "2026-11-17"]


def test_a_refresh_that_fails_gives_what_is_stored_and_says_so(world):
    stored = world.get("AAPL", first="2026-11-02", last="2026-11-20")
    world.simulator.script(faults.status(503), Match(provider="yahoo"))
    answer = world.get("AAPL", first="2026-11-02", last="2026-11-20", refresh=True)
    assert (answer.rows, answer.complete, type(answer.failure)) == (stored.rows, True, Transient)
    assert world.said == [f"AAPL: these are the stored bars, not refreshed ({answer.failure})"]
    wider = world.get("AAPL", first="2026-11-02", last="2026-11-23", refresh=True)
    assert (len(wider.rows), wider.complete) == (15, False)
    assert world.said[1:] == [f"AAPL: part of the range is missing ({wider.failure})"]
    today = world.get("BTC", "1d", include_today=True, refresh=True)
    assert today.complete
    world.simulator.script(faults.status(503))
    today = world.get("BTC", "1d", include_today=True, refresh=True)
    assert not today.complete


def test_Y_07_the_providers_moving_row_is_replaced_by_its_final_one(world):
    series = APPLE.series
    world.clock.ms = at("2026-11-23T22:00")  # an hour after the close: Yahoo's last row still moves
    world.market.replay(
        "yahoo", "AAPL", [*november(16, 20), Bar(day("2026-11-23"), 229.32, 230.0, 229.0, 229.9, 31759188.0)]
    )
    answer = world.get(range_="7d")
    assert answer.rows[-1] == row("2026-11-23", 229.32, 230.0, 229.0, 229.9, volume=31759188.0)
    (stored,) = world.engine.store.traded(series, day("2026-11-23"), day("2026-11-23"))[1]
    assert stored.flags == PROVISIONAL
    assert world.engine.store.coverage(series) == [(day("2026-11-17"), day("2026-11-20"))]
    # nothing newer can be had on that day, which in New York has another hour
    world.clock.ms = at("2026-11-24T04:00")
    assert world.get(range_="7d").complete
    assert len(world.asked) == 1
    # then the final row differs from the moving one, and that is no restatement
    world.clock.ms = at("2026-11-24T05:30")
    final = Bar(day("2026-11-23"), 229.3, 230.0, 229.0, 229.9, 31668000.0)
    world.market.replay("yahoo", "AAPL", [*november(16, 20), final, *november(24, 24)])
    for _ in range(2):
        assert world.get(range_="7d").rows[-1] == row("2026-11-23", 229.3, 230.0, 229.0, 229.9, volume=31668000.0)
    assert len(world.asked) == 1
    assert world.engine.store.coverage(series) == [(day("2026-11-16"), day("2026-11-23"))]
    assert world.said == []


def test_a_future_moves_until_its_next_day_begins(world):
    # New York, Monday 21:30: the session of Tuesday has begun at 18:00, and Yahoo's Monday row still moves
    gold = Asset("GC=F", "Gold", "commodity", "", "", "yahoo", "GC=F", "USD", "CMX")
    world.market.replay("yahoo", "GC=F", november(16, 24), asset=gold)
    world.clock.ms = at("2026-11-24T02:30")
    for _ in range(2):
        assert dates(world.get("GC=F", "1d")) == ["2026-11-23"]
    assert len(world.asked) == 1
    world.clock.ms = at("2026-11-24T05:30")
    for _ in range(2):
        assert dates(world.get("GC=F", "1d")) == ["2026-11-23"]
    assert len(world.asked) == 1
    assert world.said == []


def test_G_09_the_providers_clock_decides_what_is_over(world):
    # ours says the 25th, the provider's the 24th
    ahead = engine(world.home, world.simulator, SetClock(at("2026-11-25T23:00")), world.said)
    answer = world.get("BTC", "1d", here=ahead)
    assert dates(answer) == ["2026-11-23"]
    assert world.engine.store.coverage(BITCOIN.series)[-1][1] == day("2026-11-23")
    behind = engine(world.home, world.simulator, SetClock(at("2026-11-20T12:00")), world.said)
    answer = world.get("BTC", "3m", here=behind)
    assert dates(answer)[-1] == "2026-11-23"
    world.asked  # noqa: B018 (forget it)
    # by our clock the 13th to the 19th, by the provider's the 17th to the 23rd: nothing is asked for twice
    assert len(world.get("BTC", "7d", here=behind, refresh=True).rows) == 7
    assert world.asked == ["2026-11-13", "2026-11-20"]


# What contradicts the store


def quarantine(world) -> list[dict]:
    path = world.home / "state" / "quarantine.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_Y_15_a_split_that_nobody_lists_is_inferred_and_said(world):
    world.clock.ms = at("2026-11-20T12:00")
    world.get(range_="7d")  # stored: 13 (Friday) to 19
    quarter = [Bar(b.date, *(price / 4 for price in b[1:5]), b.volume * 4) for b in november(9, 23)]
    world.market.replay("yahoo", "AAPL", quarter)
    world.clock.ms = at("2026-11-24T12:00")
    answer = world.get(first="2026-11-17", last="2026-11-23")
    assert [one.close for one in answer.rows] == [54.375, 54.625, 54.875, 55.125, 55.875]
    assert [one.close for one in world.get(first="2026-11-17", last="2026-11-23", adjust="none").rows] == [
        217.5, 218.5, 219.5, 55.125, 55.875,
    ]  # fmt: skip
    assert world.engine.store.actions(APPLE.series) == [Action(day("2026-11-20"), "inferred", 4.0)]
    assert len(world.said) == 1
    assert "divided by 4 without listing a split" in world.said[0]
    # the next day it explains the same ratio; then the provider lists it and takes its place
    world.clock.ms = at("2026-11-25T12:00")
    world.market.replay("yahoo", "AAPL", [*quarter, Bar(day("2026-11-24"), 56.0, 57.0, 55.0, 56.5, 100.0)])
    assert dates(world.get(range_="1d")) == ["2026-11-24"]
    told = Action(day("2026-11-20"), "split", 4.0)
    world.clock.ms = at("2026-11-27T12:00")
    world.market.replay(
        "yahoo", "AAPL", [*november(9, 19), *quarter[9:], Bar(day("2026-11-25"), 56.2, 57.0, 55.0, 56.4, 90.0)], [told]
    )
    world.get(range_="7d")
    assert world.engine.store.actions(APPLE.series) == [told]
    assert len(world.said) == 1
    assert quarantine(world) == []


def test_a_split_on_the_morning_of_its_day_is_inferred_until_it_is_listed(world):
    # seen before the open: prices divided already, and the event not there yet
    world.market.replay("yahoo", "AAPL", november(9, 23))
    world.get(first="2026-11-16", last="2026-11-19")
    quarter = [Bar(b.date, *(price / 4 for price in b[1:5]), b.volume * 4) for b in november(9, 23)]
    world.market.replay("yahoo", "AAPL", quarter)
    world.get(first="2026-11-12", last="2026-11-19")
    assert world.engine.store.actions(APPLE.series) == [Action(day("2026-11-20"), "inferred", 4.0)]
    answer = world.get(first="2026-11-12", last="2026-11-23", adjust="none")
    assert [one.close for one in answer.rows] == [212.5, 213.5, 216.5, 217.5, 218.5, 219.5, 55.125, 55.875]
    assert (answer.complete, len(world.said), quarantine(world)) == (True, 1, [])


def test_one_restated_bar_is_kept_aside_and_the_stored_one_stays(world):
    world.get("BTC", first="2026-11-10", last="2026-11-20")
    bars = november(1, 23, weekends=True)
    bars[17] = Bar(day("2026-11-18"), 218.0, 219.0, 217.0, 218.75, 1800.0)
    world.clock.ms += 60_000
    world.market.replay("binance", "BTCUSDT", bars)
    answer = world.get("BTC", first="2026-11-10", last="2026-11-22")
    assert [one.close for one in answer.rows[-5:]] == [218.5, 219.5, 220.5, 221.5, 222.5]
    assert answer.complete
    (entry,) = quarantine(world)
    assert entry["series"] == "binance:BTCUSDT"
    assert entry["stored"] == [["2026-11-18", 218.0, 219.0, 217.0, 218.5, 1800.0, 0]]
    assert entry["fetched"] == [["2026-11-18", 218.0, 219.0, 217.0, 218.75, 1800.0, 0]]
    assert len(world.said) == 1
    assert "other prices for 2026-11-18" in world.said[0]
    refreshed = world.get("BTC", first="2026-11-10", last="2026-11-22", refresh=True)
    assert refreshed.rows[8].close == 218.75
    assert world.get("BTC", first="2026-11-18", last="2026-11-18").rows[0].close == 218.5


def test_a_restatement_of_the_whole_overlap_stores_nothing(world):
    world.get("BTC", first="2026-11-10", last="2026-11-20")
    odd = [
        Bar(b.date, b.open, b.high, b.low, b.close - b.date.day / 50, b.volume) for b in november(1, 23, weekends=True)
    ]
    world.market.replay("binance", "BTCUSDT", odd)
    answer = world.get("BTC", first="2026-11-10", last="2026-11-22")
    assert [one.close for one in answer.rows] == [200.5 + number for number in range(10, 21)]
    assert (answer.complete, answer.failure) == (False, None)
    assert world.engine.store.coverage(BITCOIN.series) == [(day("2026-11-10"), day("2026-11-20"))]
    assert [len(entry["fetched"]) for entry in quarantine(world)] == [7]
    assert len(world.said) == 1
    assert "contradicts what is stored" in world.said[0]
    assert world.get("BTC", first="2026-11-10", last="2026-11-12", refresh=True).complete
    # --refresh shows what the provider says now, and still does not store it
    shown = world.get("BTC", first="2026-11-20", last="2026-11-22", refresh=True)
    assert [one.close for one in shown.rows] == [220.1, 221.08, 222.06]
    assert [one.close for one in world.get("BTC", first="2026-11-20", last="2026-11-20").rows] == [220.5]


def test_a_corrected_volume_is_taken(world):
    world.get("BTC", first="2026-11-10", last="2026-11-20")
    world.clock.ms += 60_000
    bars = [b._replace(volume=b.volume + 1) for b in november(1, 23, weekends=True)]
    world.market.replay("binance", "BTCUSDT", bars)
    answer = world.get("BTC", first="2026-11-10", last="2026-11-22")
    # the five days of the overlap and the new ones
    assert [one.volume for one in answer.rows[4:8]] == [1400.0, 1500.0, 1601.0, 1701.0]
    assert world.said == []


def test_another_currency_is_refused(world):
    world.get(first="2026-11-10", last="2026-11-17")
    pence = APPLE._replace(currency="GBp")
    world.market.replay("yahoo", "AAPL", november(2, 30), asset=pence)
    answer = world.get(first="2026-11-10", last="2026-11-20")
    assert (answer.currency, dates(answer)[-1], answer.complete) == ("USD", "2026-11-17", False)
    assert world.engine.store.coverage(APPLE.series) == [(day("2026-11-10"), day("2026-11-17"))]
    assert len(world.said) == 1
    assert "in GBp, not in USD" in world.said[0]


def test_an_answer_that_does_not_reach_today_is_shown_and_not_stored(world):
    # the last row is of 2020 and the price of today: what was split in between is not known
    stamp = at("2020-01-02T14:30") // 1000
    meta = {
        "currency": "USD", "symbol": "AAPL", "instrumentType": "EQUITY", "exchangeTimezoneName": "America/New_York",
        "regularMarketTime": at("2026-11-23T21:00") // 1000, "regularMarketPrice": 223.5, "dataGranularity": "1d",
    }  # fmt: skip
    quote = {name: [75.0875] for name in ("open", "high", "low", "close")} | {"volume": [100]}
    result = {"meta": meta, "timestamp": [stamp], "indicators": {"quote": [quote]}}
    body = json.dumps({"chart": {"result": [result], "error": None}})
    world.simulator.script(faults.status(200, body=body), Match(provider="yahoo"))
    answer = world.get(first="2020-01-02", last="2020-01-02")
    assert answer.rows == [row("2020-01-02", 75.0875, 75.0875, 75.0875, 75.0875, volume=100.0)]
    assert answer.complete
    assert world.engine.store.coverage(APPLE.series) == []
    assert world.engine.store.traded(APPLE.series, day("2020-01-01"), day("2020-01-31")) == ("", [])
    assert len(world.said) == 1
    assert "does not reach today" in world.said[0]


def test_days_before_the_provider_existed(world):
    for _ in range(2):
        answer = world.get("BTC", first="1950-01-01", last="1950-06-30", interval="1d")
        assert (answer.rows, answer.complete) == ([], True)
        assert answer.end == day("1950-06-30")
    assert len(world.asked) == 1
    assert world.engine.store.coverage(BITCOIN.series) == [(day("1950-01-01"), day("1950-06-30"))]


def test_a_split_that_the_provider_withdraws_is_forgotten(world):
    split = Action(day("2026-11-23"), "split", 2.0)
    world.market.replay("yahoo", "AAPL", november(2, 30), [split])
    world.get(first="2026-11-10", last="2026-11-12")
    assert world.engine.store.actions(APPLE.series) == [split]
    world.clock.ms += 60_000
    world.market.replay("yahoo", "AAPL", november(2, 30))
    answer = world.get(first="2026-11-10", last="2026-11-13")
    assert [one.close for one in answer.rows] == [210.5, 211.5, 212.5, 213.5]
    assert (world.engine.store.actions(APPLE.series), world.said) == ([], [])


def test_a_persons_own_price_stays(world):
    own = Bar(day("2026-11-20"), 1.0, 1.0, 1.0, 1.0, None, MANUAL)
    world.engine.store.add(BITCOIN.series, "USDT", [own], [], [(day("2026-11-20"), day("2026-11-20"))], world.clock.ms)
    world.clock.ms += 60_000
    answer = world.get("BTC", first="2026-11-20", last="2026-11-22")
    assert [one.close for one in answer.rows] == [1.0, 221.5, 222.5]
    assert (answer.complete, world.said, rows_stored(world)) == (True, [], 7)  # the own one, 16 to 19, 21 and 22


# When something is down


def test_a_provider_that_fails_gives_its_error_when_nothing_is_stored(world):
    world.simulator.script(faults.status(503), Match(provider="binance"))
    with pytest.raises(Transient):
        world.get("BTC", "7d")
    world.simulator.clear()
    world.simulator.script(faults.status(429, retry_after=60), Match(provider="yahoo"))
    with pytest.raises(RateLimited):
        world.get("AAPL", "7d")


def test_far_gaps_are_two_requests_and_a_failure_ends_them(world):
    world.engine.store.add(BITCOIN.series, "USDT", [], [], [(day("2022-01-01"), day("2026-11-10"))], world.clock.ms)
    world.simulator.script(faults.status(400, body='{"code":-1121,"msg":"Invalid symbol."}'), times=1)
    with pytest.raises(UnknownSymbol):
        world.get("BTC", first="2021-12-01", last="2026-11-20")
    assert world.asked == ["2021-12-01"]
    assert len(world.get("BTC", first="2021-12-01", last="2026-11-20", interval="1d").rows) == 15
    # the second begins five days earlier: nothing was there to compare, and it is stored now
    assert world.asked == ["2021-12-01", "2026-11-06"]


def test_a_provider_that_fails_leaves_what_is_stored(world):
    world.get("BTC", first="2026-11-10", last="2026-11-20")
    world.simulator.script(faults.status(451), Match(provider="binance"))
    answer = world.get("BTC", first="2026-11-10", last="2026-11-22")
    assert dates(answer)[-1] == "2026-11-20"
    assert not answer.complete
    assert answer.failure is not None
    assert [line.startswith("BTC: part of the range is missing") for line in world.said] == [True]


def test_unknown_symbols(world):
    with pytest.raises(NotFound):
        world.get("NOSUCHTHING")
    with pytest.raises(UnknownSymbol):
        world.get("yahoo:NOSUCHTHING")


def test_a_provider_that_never_answers_is_waited_for_no_longer_than_allowed(world):
    world.simulator.script(faults.hang(), Match(provider="binance"))
    with pytest.raises(Transient):
        world.get("BTC", "7d", here=world.another(timeout="0.2s"))


def test_offline_asks_nobody(world):
    with pytest.raises(NotFresh):
        world.get("BTC", "7d", offline=True)
    world.get("BTC", "7d")
    world.asked  # noqa: B018 (forget it)
    answer = world.get("BTC", "1m", offline=True)
    assert (len(answer.rows), answer.complete, answer.failure) == (7, False, None)
    assert world.asked == []
    assert len(world.said) == 1


def test_read_only_keeps_nothing_aside_either(world):
    world.get("BTC", first="2026-11-10", last="2026-11-20")
    world.market.replay("binance", "BTCUSDT", [b._replace(close=b.low) for b in november(1, 23, weekends=True)])
    assert not world.get("BTC", first="2026-11-10", last="2026-11-22", here=world.another(read_only="true")).complete
    assert quarantine(world) == []


def test_read_only_asks_and_stores_nothing_and_needs_no_word_about_it(world):
    here = world.another(read_only="true")
    for _ in range(2):
        assert len(world.get("BTC", "7d", here=here).rows) == 7
    assert len(world.asked) == 2
    assert world.said == []
    assert not (world.home / "store").exists()


def test_a_store_that_cannot_be_written_is_one_warning(world):
    world.home.mkdir()
    (world.home / "store").write_text("not a folder")
    answer = world.get("BTC", "7d")
    assert [one.close for one in answer.rows] == [200.5 + number for number in range(17, 24)]
    assert answer.complete
    assert len(world.said) == 1
    assert world.get("BTC", "7d", interval="1wk", here=world.another()).rows == [
        row("2026-11-16", 216.0, 223.0, 215.0, 222.5, volume=13300.0, interval="1wk")
    ]


def flip_a_bit_of_every_part(world):
    for part in (world.home / "store" / "bars").rglob("*.parquet"):
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 0xFF
        part.write_bytes(content)


def test_a_damaged_store_is_answered_for_by_the_provider(world):
    world.get("BTC", "7d")
    world.asked  # noqa: B018 (forget it)
    flip_a_bit_of_every_part(world)
    damaged = world.another()
    answer = world.get("BTC", "7d", here=damaged)
    assert [one.close for one in answer.rows] == [200.5 + number for number in range(17, 24)]
    assert answer.complete
    assert len(world.said) == 1
    assert "the store cannot be read" in world.said[0]
    with pytest.raises(StoreError):
        world.get("BTC", "7d", here=world.another(), offline=True)


def test_damage_to_a_row_that_is_not_final_yet_is_no_empty_answer(world):
    world.clock.ms = at("2026-11-23T22:00")  # an hour after the close: Yahoo's last row still moves
    world.get("AAPL", "7d")
    flip_a_bit_of_every_part(world)
    with pytest.raises(StoreError):
        world.get("AAPL", "7d", here=world.another(), offline=True)


def test_damage_that_shows_while_comparing_loses_nothing(world):
    world.get("BTC", first="2026-11-10", last="2026-11-20")
    flip_a_bit_of_every_part(world)
    answer = world.get("BTC", here=world.another(), first="2026-11-10", last="2026-11-22")
    assert [one.close for one in answer.rows] == [200.5 + number for number in range(10, 23)]
    assert (answer.complete, len(world.said)) == (True, 1)


def test_damage_that_shows_only_when_all_is_read_loses_nothing(world):
    world.get("BTC", first="2026-11-01", last="2026-11-05")
    flip_a_bit_of_every_part(world)
    here = world.another()
    here.store.add(
        BITCOIN.series,
        "USDT",
        november(6, 20, weekends=True),
        [],
        [(day("2026-11-06"), day("2026-11-20"))],
        world.clock.ms,
    )
    # 21 to 23 are asked for, compared with 16 to 20 and stored; then the first five days turn out to be damaged
    answer = world.get("BTC", here=here, first="2026-11-01", last="2026-11-23")
    assert [one.close for one in answer.rows] == [200.5 + number for number in range(1, 24)]
    assert answer.complete
    assert len(world.said) == 1


def test_a_damaged_list_of_what_was_asked_is_answered_for_by_the_provider(world):
    world.get("BTC", "7d")
    for entry in (world.home / "store" / "coverage" / "_delta_log").glob("*.json"):
        os.truncate(entry, 10)
    answer = world.get("BTC", "7d", here=world.another())
    assert len(answer.rows) == 7
    assert answer.complete
    assert len(world.said) == 1
