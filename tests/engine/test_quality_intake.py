"""Bars on their way in, from a simulated market into the store. Tuesday 24 November 2026, noon in UTC: the last
completed session of New York is Monday the 23rd."""

import datetime as dt

import pyarrow.parquet as pq
import pytest

from engines import SetClock, engine
from pricectl.engine.aside import decide, waiting
from pricectl.engine.history import Query, get
from pricectl.engine.ranges import read_wish
from pricectl.errors import NotFound, UsageError
from pricectl.model.asset import Asset
from pricectl.model.bar import SUSPECT, Bar
from pricectl.simulator import Market, Simulator
from pricectl.state.quarantine import Quarantine
from pricectl.store.tables import BARS

D = dt.date
APPLE = Asset("AAPL", "Apple", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS")
DAYS = [D(2026, 10, 1) + dt.timedelta(days=n) for n in range(54)]


def bars(**ratios: float) -> list[Bar]:
    """Bars of October and November at 200 and some, those of ``d23`` (of November) and so on times a ratio."""
    made = []
    for number, day in enumerate(day for day in DAYS if day.weekday() < 5):
        ratio = ratios.get(f"d{day.day}", 1.0) if day.month == 11 else 1.0
        price = (200.0 + number) * ratio
        made.append(Bar(day, price, price * 1.01, price * 0.99, price, 1000.0))
    return made


class World:
    def __init__(self, home) -> None:
        self.clock = SetClock(1_795_521_600_000)
        self.market = Market([APPLE], clock=self.clock)
        self.simulator = Simulator(self.market)
        self.said: list[str] = []
        self.home = home
        self.engine = engine(home, self.simulator, self.clock, self.said)

    def serve(self, made: list[Bar]) -> None:
        self.market.replay("yahoo", "AAPL", made)

    def get(self, **more: bool):
        return get(self.engine, Query("AAPL", read_wish(None, "2026-11-09", "2026-11-23"), **more))

    def last(self, **more: bool) -> float:
        return self.get(**more).rows[-1].close


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "home")
    with world.simulator:
        yield world


NEWEST = 237.0  # of Monday the 23rd


def test_a_true_crash_in_the_newest_session_gets_through_with_the_second_answer(world):
    world.serve(bars(d23=0.6))
    answer = world.get()
    assert (answer.rows[-1].date, answer.complete) == (D(2026, 11, 20), False)
    assert "1 jump" in world.said[0]
    assert len(world.said) == 1
    # a minute has not passed: the same again proves nothing
    world.clock.ms += 59_000
    assert not world.get().complete
    assert len(waiting(world.engine)) == 1
    world.clock.ms += 2_000
    answer = world.get()
    assert (answer.rows[-1].close, answer.complete) == (NEWEST * 0.6, True)
    assert waiting(world.engine) == []
    assert world.get(offline=True).complete


def test_a_true_crash_is_confirmed_at_once_by_the_sessions_after_it(world):
    fallen = {f"d{day}": 0.6 for day in range(17, 24)}
    world.serve(bars(**fallen))
    answer = world.get()
    assert (answer.rows[-1].close, answer.complete, world.said) == (NEWEST * 0.6, True, [])


@pytest.mark.parametrize("ratio", [100.0, 0.01, 1000.0])
def test_a_slip_of_the_unit_does_not_get_through_however_often_it_is_said(world, ratio):
    world.serve(bars(d23=ratio))
    for _ in range(3):
        answer = world.get()
        assert (answer.rows[-1].date, answer.complete) == (D(2026, 11, 20), False)
        world.clock.ms += 3_600_000
    (one,) = waiting(world.engine)
    assert (one.why, one.bar.date, one.bar.close) == ("unit", D(2026, 11, 23), pytest.approx(NEWEST * ratio))
    # the provider corrects itself
    world.serve(bars())
    answer = world.get(refresh=True)
    assert (answer.rows[-1].close, answer.complete) == (NEWEST, True)
    assert waiting(world.engine) == []


def test_a_spike_between_sessions_is_kept_aside_for_good(world):
    world.serve(bars(d12=3.0))
    for _ in range(2):
        answer = world.get()
        assert D(2026, 11, 12) not in [row.date for row in answer.rows]
        assert not answer.complete
        world.clock.ms += 120_000
    # it is not asked for again, so the second time the store answers
    assert len(world.simulator.journal) == 1
    assert [line.split(" (")[0] for line in world.said] == [
        "AAPL: 2026-11-12 is not stored as yahoo says",
        "AAPL: 2026-11-12 is kept aside, see `pricectl doctor`; not in the answer",
    ]


def test_what_a_person_releases_is_stored_and_stays(world):
    world.serve(bars(d12=3.0))
    world.get()
    (one,) = waiting(world.engine)
    world.clock.ms += 60_000
    assert decide(world.engine, [one.id], release=True) == [one]
    assert waiting(world.engine) == []
    answer = world.get(offline=True)
    assert answer.complete
    assert next(row.close for row in answer.rows if row.date == D(2026, 11, 12)) == pytest.approx(690.0)
    # neither asked for again nor kept aside again
    assert world.get(refresh=True).complete
    assert waiting(world.engine) == []


def test_what_a_person_rejects_is_not_kept_aside_again(world):
    world.serve(bars(d12=3.0))
    world.get()
    (one,) = waiting(world.engine)
    decide(world.engine, [f"{one.id}:2026-11-12"], release=False)
    del world.said[:]
    answer = world.get(refresh=True)
    assert D(2026, 11, 12) not in [row.date for row in answer.rows]
    assert (answer.complete, waiting(world.engine), world.said) == (True, [], [])
    with pytest.raises(NotFound):
        decide(world.engine, [one.id], release=True)


def test_what_is_in_another_currency_cannot_be_released(world):
    world.serve(bars())
    world.get()
    Quarantine(world.engine.settings.home).append(
        APPLE.series, "in GBp, not in USD", [Bar(D(2026, 11, 24), 1.0, 1.0, 1.0, 1.0, None)], world.clock.ms, (), "GBp"
    )
    (one,) = waiting(world.engine)
    with pytest.raises(UsageError):
        decide(world.engine, [one.id], release=True)
    assert len(waiting(world.engine)) == 1


def test_R_DQ11_an_answer_with_a_fifth_in_doubt_is_refused_whole(world):
    odd = {f"d{day}": 100.0 for day in (10, 12, 16)}
    world.serve(bars(**odd))
    answer = world.get()
    assert (answer.rows, answer.complete) == ([], False)
    assert world.engine.store.coverage(APPLE.series) == []
    assert "3 of 11 bars in doubt: 3 unit" in world.said[0]
    world.serve(bars())
    assert world.get().complete
    assert waiting(world.engine) == []


def test_R_DQ11_an_answer_without_bars_of_days_that_had_some_is_refused(world):
    world.serve(bars())
    get(world.engine, Query("AAPL", read_wish(None, "2026-11-09", "2026-11-17")))
    world.serve([bar for bar in bars() if bar.date.month == 10])
    answer = world.get()
    assert not answer.complete
    assert [row.date.day for row in answer.rows] == [9, 10, 11, 12, 13, 16, 17]
    assert "no bar of days that had one" in world.said[0]
    assert world.engine.store.coverage(APPLE.series)[-1][1] == D(2026, 11, 17)


def test_what_strays_is_stored_with_its_flag(world):
    made = bars()
    place = next(n for n, bar in enumerate(made) if bar.date == D(2026, 11, 12))
    made[place] = made[place]._replace(high=made[place].close * 0.98)
    world.serve(made)
    assert world.get().complete
    _, stored = world.engine.store.traded(APPLE.series, D(2026, 11, 12), D(2026, 11, 12))
    assert stored[0].flags == SUSPECT
    assert world.said == []


def test_R_DQ12_every_bar_tells_where_it_came_from(world):
    world.serve(bars())
    world.get()
    ((_, part),) = world.engine.store.listed(BARS)
    row = pq.read_table(part).to_pylist()[0]
    assert (row["provider"], row["provider_id"], row["flags"]) == ("yahoo", "AAPL", 0)
    assert row["fetched_at"] == dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
