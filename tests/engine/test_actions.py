"""Splits and dividends through ``history`` and ``aggregate``, with real cases; prices around them made up unless said.

The clock stands at Tuesday 24 November 2026, noon in UTC: the last completed session is Monday the 23rd. The daily tier
reaches back to Monday 10 November 2025, the weekly one to 1 November 2023.
"""

import datetime as dt
from pathlib import Path

import pytest

from engines import SetClock, engine
from pricectl.engine import aggregate
from pricectl.engine.history import Query, get
from pricectl.engine.ranges import read_wish
from pricectl.model.adjust import shown, shown_volume
from pricectl.model.asset import Asset
from pricectl.model.bar import Action, Bar
from pricectl.simulator import Market, Match, Simulator, faults

D = dt.date
NOON_MS = 1_795_521_600_000


def apple(symbol: str = "AAPL") -> Asset:
    return Asset(symbol, symbol, "stock", "", symbol, "yahoo", symbol, "USD", "NMS")


def weekdays(first: D, last: D) -> list[D]:
    count = (last - first).days + 1
    return [day for n in range(count) if (day := first + dt.timedelta(days=n)).weekday() < 5]


def traded(first: D, last: D, *falls: tuple[D, float], start: float = 1000.0) -> list[Bar]:
    """Bars as traded of all weekdays, whose price rises by 1 a day and is divided by the ratio of each of ``falls``."""
    bars = []
    for number, day in enumerate(weekdays(first, last)):
        factor = 1.0
        for ex_date, ratio in falls:
            factor *= ratio if day >= ex_date else 1.0
        price = round((start + number) / factor, 4)
        bars.append(Bar(day, price, round(price * 1.01, 4), round(price * 0.99, 4), price, 1000.0 + number))
    return bars


class World:
    def __init__(self, home: Path) -> None:
        self.clock = SetClock(NOON_MS)
        self.market = Market([apple()], clock=self.clock)
        self.simulator = Simulator(self.market)
        self.said: list[str] = []
        self.engine = engine(home, self.simulator, self.clock, self.said)

    def serve(self, bars: list[Bar], *actions: Action) -> None:
        self.market.replay("yahoo", "AAPL", bars, list(actions))

    def get(self, first: str, last: str, interval: str = "auto", adjust: str = "split", **more: bool):
        return get(self.engine, Query("yahoo:AAPL", read_wish(None, first, last), interval, adjust, **more))

    def actions(self) -> list[Action]:
        return self.engine.store.actions(apple().series)

    def aggregate(self, ask: bool = True):
        return aggregate.run(self.engine, None, False, ask=ask).outcome


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "home")
    with world.simulator:
        yield world


def closes(answer) -> list[float]:
    return [row.close for row in answer.rows]


# At every tier

RATIOS = {"AAPL": 4.0, "NFLX": 7.0, "GE": 0.125, "ELAN": 1.5, "SPUN": 1.046}  # the last: 1046:1000, as of a spin-off


def test_splits_of_every_kind_are_right_at_every_tier_before_and_after_the_roll_up(world):
    first, ex_date = D(2023, 3, 1), D(2025, 8, 27)
    series = {}
    for name, ratio in RATIOS.items():
        series[name] = traded(first, D(2026, 11, 23), (ex_date, ratio))
        world.market.replay("yahoo", name, series[name], [Action(ex_date, "split", ratio)], asset=apple(name))
    since = {"1wk": "2023-11-06", "1mo": "2023-03-01"}  # weeks are kept since November 2023
    queries = {
        (name, interval, adjust): Query(f"yahoo:{name}", read_wish(None, start, "2026-11-23"), interval, adjust)
        for name in RATIOS for interval, start in reversed(since.items()) for adjust in ("none", "split")
    }  # fmt: skip
    before = {key: get(world.engine, query).rows for key, query in queries.items()}
    assert world.aggregate().monthly.after > 0
    for key, query in queries.items():
        answer = get(world.engine, query._replace(offline=True))
        assert (answer.rows, answer.complete) == (before[key], True), key
    for name, ratio in RATIOS.items():
        # by hand: March 2023 is 23 weekdays from 1000 to 1022, on the scale of today's shares
        month = before[name, "1mo", "split"][0]
        assert month[:5] == (
            first, shown(1000.0, ratio), shown(round(1022.0 * 1.01, 4), ratio), shown(990.0, ratio),
            shown(1022.0, ratio),
        ), name  # fmt: skip
        assert month.volume == shown_volume(sum(1000.0 + n for n in range(23)), ratio), name
        # the week of the ex-date, Wednesday: Monday and Tuesday on the old scale, cut there and merged when read
        week = next(row for row in before[name, "1wk", "split"] if row.date == D(2025, 8, 25))
        days = [bar for bar in series[name] if D(2025, 8, 25) <= bar.date <= D(2025, 8, 29)]
        assert (week.open, week.close) == (shown(days[0].open, ratio), days[-1].close), name
    assert world.said == []


def test_two_splits_in_one_week(world):
    monday, thursday = D(2025, 8, 25), D(2025, 8, 28)
    world.serve(
        traded(D(2025, 8, 1), D(2026, 11, 23), (monday, 2.0), (thursday, 3.0)),
        Action(monday, "split", 2.0), Action(thursday, "split", 3.0),
    )  # fmt: skip
    asked = ("2025-08-18", "2025-08-29")
    assert closes(world.get(*asked, "1d")) == [
        shown(1011.0, 6.0), shown(1012.0, 6.0), shown(1013.0, 6.0), shown(1014.0, 6.0), shown(1015.0, 6.0),
        shown(508.0, 3.0), shown(508.5, 3.0), shown(509.0, 3.0), 169.8333, 170.0,
    ]  # fmt: skip
    world.get("2025-08-01", "2026-11-23")
    world.aggregate()
    weeks = world.get(*asked, "1wk", offline=True).rows
    assert [(row.date, row.open, row.close) for row in weeks] == [
        (D(2025, 8, 18), shown(1011.0, 6.0), shown(1015.0, 6.0)),
        (monday, shown(508.0, 3.0), 170.0),
    ]
    assert world.said == []


# Learned after the roll-up


def rolled_up_without(world, bars: list[Bar], *known: Action) -> None:
    world.serve(bars, *known)
    world.get("2023-03-01", "2026-11-23")
    world.aggregate()


def test_a_dividend_learned_inside_a_month_that_is_rolled_up(world):
    bars = traded(D(2023, 3, 1), D(2026, 11, 23))
    rolled_up_without(world, bars)
    paid = Action(D(2023, 6, 14), "dividend", 10.0, "USD")
    world.clock.ms += 60_000
    world.serve(bars, paid)
    # the provider tells it with the next answer: a month is not one scale any more
    world.get("2023-03-01", "2023-03-02", "1d")
    assert world.actions() == []  # shown and not stored, so nothing is known yet
    world.get("2026-11-20", "2026-11-23", refresh=True)
    world.engine.store.add(apple().series, "USD", [], [paid], [], world.clock.ms)
    asked = ("2023-06-01", "2023-06-30", "1mo")
    torn = world.get(*asked, offline=True)
    assert not torn.complete
    assert "not right until `pricectl aggregate`" in world.said[-1]
    del world.said[:]
    world.aggregate()
    whole = world.get(*asked, "all", offline=True)
    assert whole.complete
    assert world.said == []
    june = [bar for bar in bars if bar.date.year == 2023 and bar.date.month == 6]
    before = next(bar for bar in june if bar.date == D(2023, 6, 13))
    factor = 1.0 / (1.0 - 10.0 / before.close)
    assert (whole.rows[0].open, whole.rows[0].close) == (shown(june[0].open, factor), june[-1].close)
    assert whole.rows[0].volume == sum(bar.volume for bar in june)
    assert world.engine.store.torn() == {}


def test_a_split_learned_inside_a_month_that_is_rolled_up(world):
    ex_date = D(2023, 6, 14)
    bars = traded(D(2023, 3, 1), D(2026, 11, 23), (ex_date, 4.0))
    world.serve(bars, Action(ex_date, "split", 4.0))
    want = world.get("2023-03-01", "2023-09-30", "1mo").rows
    # as a store knows it that was rolled up before the split was told: traded prices, one piece a month
    world.engine.store.add(apple().series, "USD", [], [], [], world.clock.ms + 1, (D(2023, 1, 1), D(2026, 11, 24)))
    assert world.actions() == []
    world.clock.ms += 60_000
    world.get("2023-03-01", "2026-11-23")
    world.aggregate()
    world.clock.ms += 60_000
    world.engine.store.add(apple().series, "USD", [], [Action(ex_date, "split", 4.0)], [], world.clock.ms)
    assert world.engine.store.torn() == {apple().series: [(D(2023, 6, 1), D(2023, 6, 30))]}
    torn = world.get("2023-03-01", "2023-09-30", "1mo", offline=True)
    assert not torn.complete
    assert torn.rows != want
    assert torn.rows[:3] == want[:3]
    world.aggregate()
    mended = world.get("2023-03-01", "2023-09-30", "1mo", offline=True)
    assert mended.rows == want
    assert mended.complete


def test_a_torn_month_stays_and_is_said_where_nobody_can_be_asked(world):
    bars = traded(D(2023, 3, 1), D(2026, 11, 23))
    rolled_up_without(world, bars)
    world.engine.store.add(
        apple().series, "USD", [], [Action(D(2023, 6, 14), "dividend", 10.0)], [], world.clock.ms + 1
    )
    world.simulator.script(faults.status(503), Match(provider="yahoo"))
    world.aggregate()
    assert "stay as they are" in world.said[-1]
    assert list(world.engine.store.torn()) == [apple().series]
    world.simulator.clear()
    world.aggregate(ask=False)
    assert list(world.engine.store.torn()) == [apple().series]
    # an ex-date at the edge of a month tears nothing
    world.aggregate()
    world.engine.store.add(apple().series, "USD", [], [Action(D(2023, 9, 1), "dividend", 10.0)], [], world.clock.ms + 2)
    assert world.engine.store.torn() == {}


# Corrected, withdrawn, told too early or for the wrong day


def test_a_split_corrected_by_the_provider(world):
    ex_date = D(2026, 11, 18)
    bars = traded(D(2026, 9, 1), D(2026, 11, 23), (ex_date, 5.0))
    wrong, right = Action(ex_date, "split", 4.0), Action(ex_date, "split", 5.0)
    world.serve(bars, wrong)
    world.get("2026-10-01", "2026-10-15")
    assert world.actions() == [wrong]
    world.clock.ms += 60_000
    world.serve(bars, right)
    answer = world.get("2026-10-01", "2026-10-30")
    assert world.actions() == [right]
    assert answer.complete
    assert closes(answer) == [shown(1022.0 + n, 5.0) for n in range(22)]
    assert world.said == []


def test_a_split_withdrawn_by_the_provider(world):
    bars = traded(D(2026, 9, 1), D(2026, 11, 23))
    split = Action(D(2026, 11, 18), "split", 2.0)
    world.serve(bars, split)
    world.get("2026-10-01", "2026-10-15")
    assert world.actions() == [split]
    world.clock.ms += 60_000
    world.serve(bars)
    answer = world.get("2026-10-01", "2026-10-30")
    assert (world.actions(), closes(answer)) == ([], [1022.0 + n for n in range(22)])
    assert answer.complete


def raw(world, bars: list[Bar], *splits: Action) -> None:
    """Serve prices as they are and tell splits that they know nothing of."""
    shown_as = []
    for bar in bars:
        factor = 1.0
        for split in splits:
            factor *= split.value if bar.date < split.ex_date else 1.0
        shown_as.append(Bar(bar.date, *(price * factor for price in bar[1:5]), (bar.volume or 0) / factor))
    world.serve(shown_as, *splits)  # the market divides by the split, so its prices come out as they are


@pytest.mark.parametrize("days", [1, -1])
def test_an_ex_date_wrong_by_a_day_is_taken_from_the_prices(world, days):
    real = D(2026, 11, 12)
    told = Action(real + dt.timedelta(days=days), "split", 4.0)
    bars = traded(D(2026, 9, 1), D(2026, 11, 23), (real, 4.0))
    world.serve(bars, told)  # divided up to the day told: the day between stands four times too high or too low
    answer = world.get("2026-11-09", "2026-11-17")
    assert world.actions() == [Action(real, "inferred", 4.0)]
    assert closes(answer) == [shown(1049.0, 4.0), shown(1050.0, 4.0), shown(1051.0, 4.0), *closes_of(bars, 12, 17)]
    assert closes(world.get("2026-11-09", "2026-11-17", adjust="none")) == closes_of(bars, 9, 17)
    assert len(world.said) == 1
    assert f"on {told.ex_date}, but its prices change on {real}" in world.said[0]
    # an answer that shows nothing of it leaves it where it is; once corrected it is the provider's own
    world.clock.ms += 60_000
    assert world.get("2026-10-01", "2026-10-02").complete
    assert world.actions() == [Action(real, "inferred", 4.0)]
    world.serve(bars, Action(real, "split", 4.0))
    world.clock.ms += 60_000
    answer = world.get("2026-11-09", "2026-11-18")
    assert world.actions() == [Action(real, "split", 4.0)]
    assert closes(answer)[:4] == [shown(1049.0, 4.0), shown(1050.0, 4.0), shown(1051.0, 4.0), 263.0]


def closes_of(bars: list[Bar], first: int, last: int) -> list[float]:
    return [bar.close for bar in bars if D(2026, 11, first) <= bar.date <= D(2026, 11, last)]


def test_R_DQ8_a_split_told_before_the_prices_know_it(world):
    split = Action(D(2026, 11, 12), "split", 4.0)
    bars = traded(D(2026, 9, 1), D(2026, 11, 23), (split.ex_date, 4.0))
    raw(world, bars, split)
    answer = world.get("2026-11-09", "2026-11-17")
    assert closes(answer) == [shown(1049.0, 4.0), shown(1050.0, 4.0), shown(1051.0, 4.0), *closes_of(bars, 12, 17)]
    assert [bar.flags for bar in world.engine.store.traded(apple().series, D(2026, 11, 9), D(2026, 11, 13))[1]] == [
        32, 32, 32, 0, 0,
    ]  # fmt: skip
    assert "do not know yet" in world.said[0]
    # the next day its prices know it, and nothing changes
    world.serve(bars, split)
    world.clock.ms += 60_000
    again = world.get("2026-11-09", "2026-11-18")
    assert closes(again)[:7] == closes(answer)
    assert again.complete


def test_unequal_ratios_are_kept_aside(world):
    bars = traded(D(2026, 9, 1), D(2026, 11, 23))
    world.serve(bars)
    world.get("2026-11-02", "2026-11-13")
    odd = [Bar(bar.date, *(price / (2.0 + n / 100) for price in bar[1:5]), bar.volume) for n, bar in enumerate(bars)]
    world.serve(odd)
    world.clock.ms += 60_000
    answer = world.get("2026-11-02", "2026-11-20")
    assert closes(answer) == closes_of(bars, 2, 13)
    assert not answer.complete
    assert world.actions() == []
    assert "contradicts what is stored" in world.said[0]
