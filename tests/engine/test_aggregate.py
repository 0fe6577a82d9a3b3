"""The retention policy over a simulated market; the clock is set to Tuesday 24 November 2026, noon in UTC."""

import datetime as dt
from pathlib import Path

import pytest

from engines import SetClock, engine
from pricectl.engine import Engine, aggregate
from pricectl.engine.history import Query, get
from pricectl.engine.ranges import read_wish
from pricectl.errors import NotFresh, UsageError
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import Action, Bar, Row, Segment
from pricectl.simulator import Market, Simulator
from pricectl.state.runs import Runs

BITCOIN = Asset("BTC", "Bitcoin", "crypto", "", "BTC", "binance", "BTCUSDT", "USDT", "BINANCE")
APPLE = Asset("AAPL", "Apple", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS")
NOON_MS = 1_795_521_600_000
DAY = dt.timedelta(days=1)
BTC, AAPL = Series("binance", "BTCUSDT"), Series("yahoo", "AAPL")
FIRST = dt.date(2022, 1, 1)
# The daily cut: the Monday on or before 24 November 2025 less 14 days. The weekly cut: 1 November 2023.
DAILY, WEEKLY = dt.date(2025, 11, 10), dt.date(2023, 11, 1)


def coin() -> list[Bar]:
    """The n-th day since 2022 opens at n, closes at n + 1 and trades n coins."""
    days = [FIRST + DAY * n for n in range((dt.date(2026, 11, 24) - FIRST).days)]
    return [Bar(day, n, n + 2.0, n - 0.5, n + 1.0, float(n)) for n, day in enumerate(days, 1)]


class World:
    def __init__(self, home: Path) -> None:
        self.clock = SetClock(NOON_MS)
        self.market = Market([APPLE, BITCOIN], clock=self.clock)
        self.market.replay("binance", "BTCUSDT", coin())
        self.simulator = Simulator(self.market)
        self.said: list[str] = []
        self.home = home
        self.engine = self.another()

    def another(self, **flags: str) -> Engine:
        return engine(self.home, self.simulator, self.clock, self.said, **flags)

    def get(self, range_: str | None = None, first: str | None = None, last: str | None = None, **more):
        return get(self.another(), Query("BTC", read_wish(range_, first, last), **more))

    def requests(self) -> int:
        count = len(self.simulator.journal)
        self.simulator.forget()
        return count


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    with world.simulator:
        yield world


def test_auto_meets_exactly_before_and_after(world: World) -> None:
    before = world.get("all")
    report = aggregate.run(world.another(), None, False)
    assert (report.as_of, report.outcome.waiting) == (dt.date(2026, 11, 24), 0)
    # 22 months from January 2022 to October 2023.
    assert report.outcome.monthly.after == 22
    after = world.get("all")
    assert (after.rows, after.segments) == (before.rows, before.segments)
    assert after.segments == [
        (Segment("1mo", FIRST, WEEKLY - DAY), 22),
        # 1 November 2023 was a Wednesday; the 106 weeks from then to 9 November 2025.
        (Segment("1wk", WEEKLY, DAILY - DAY), 106),
        (Segment("1d", DAILY, dt.date(2026, 11, 23)), 379),
    ]
    n = (WEEKLY - FIRST).days + 1
    months, weeks, days = [row for row in after.rows if row.interval == "1mo"], after.rows[22:128], after.rows[128:]
    assert months[-1] == Row(
        dt.date(2023, 10, 1), n - 31.0, n + 1.0, n - 31.5, float(n), sum(range(n - 31, n)) * 1.0, "1mo"
    )
    assert weeks[0] == Row(WEEKLY, n, n + 6.0, n - 0.5, n + 5.0, sum(range(n, n + 5)) * 1.0, "1wk")
    assert days[0].date == DAILY
    # No day twice, none lost: every day's volume is in exactly one bar.
    assert sum(row.volume for row in after.rows) == sum(bar.volume for bar in coin())
    assert world.requests() == 2  # 1789 days are two pages of Binance's, asked for once


def test_months_over_the_whole_range_are_what_the_days_gave(world: World) -> None:
    before = world.get("all", interval="1mo")
    aggregate.run(world.another(), None, False)
    world.requests()
    assert world.get("all", interval="1mo").rows == before.rows
    assert world.requests() == 0


def test_weeks_beyond_the_weekly_tier_are_asked_for_and_not_stored(world: World) -> None:
    before = world.get("all", interval="1wk")
    aggregate.run(world.another(), None, False)
    world.said.clear()
    world.requests()
    for _ in range(2):
        after = world.get("all", interval="1wk")
        assert after.rows == before.rows
        assert after.complete
        assert world.requests() == 1
    assert len(world.said) == 2
    assert "are kept only as weeks or months; binance is asked for them, and they are not stored" in world.said[0]
    assert world.engine.store.traded(BTC, FIRST, DAILY - DAY)[1] == []


def test_days_beyond_the_daily_tier_are_asked_for_and_given(world: World) -> None:
    world.get("all")
    aggregate.run(world.another(), None, False)
    world.said.clear()
    world.requests()
    answer = world.get(None, "2022-02-01", "2022-02-03")
    assert answer.rows == [
        Row(dt.date(2022, 2, n), 31.0 + n, 33.0 + n, 30.5 + n, 32.0 + n, 31.0 + n, "1d") for n in (1, 2, 3)
    ]
    assert answer.complete
    assert (world.requests(), len(world.said)) == (1, 1)
    # Days within the daily tier are there.
    assert len(world.get(None, "2025-11-10", "2025-11-12").rows) == 3
    assert (world.requests(), len(world.said)) == (0, 1)


def test_offline_says_what_is_kept_coarser_only(world: World) -> None:
    world.get("all")
    aggregate.run(world.another(), None, False)
    answer = world.get(None, "2025-11-01", "2025-11-12", interval="1d", offline=True)
    assert [row.date.day for row in answer.rows] == [10, 11, 12]
    assert not answer.complete
    with pytest.raises(NotFresh):
        world.get(None, "2022-02-01", "2022-02-03", offline=True)


def test_a_failing_provider_leaves_the_part_that_is_stored(world: World) -> None:
    from pricectl.simulator import faults

    world.get("all")
    aggregate.run(world.another(), None, False)
    world.simulator.script(faults.status(404))
    answer = world.get(None, "2025-11-01", "2025-11-12", interval="1d")
    assert [row.date.day for row in answer.rows] == [10, 11, 12]
    assert not answer.complete
    assert answer.failure is not None


def test_only_periods_of_which_every_session_was_asked_for_are_rolled_up(world: World) -> None:
    # Asked from Thursday 6 January 2022 on; January is not whole, and its week neither.
    world.get(None, "2022-01-06", "2026-11-23", interval="1d")
    report = aggregate.run(world.another(), None, False)
    assert report.outcome.monthly.after == 21
    assert report.outcome.waiting == 26
    world.get("all")
    report = aggregate.run(world.another(), None, False)
    assert (report.outcome.monthly.after, report.outcome.waiting) == (22, 0)


def test_days_on_which_the_exchange_is_closed_need_not_be_asked_for(world: World) -> None:
    # 1 January 2022 was a Saturday, 17 January a holiday: asked from Monday the 3rd on, January is whole.
    days = [dt.date(2022, 1, n) for n in (3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 18, 19, 20, 21, 24, 25, 26, 27, 28, 31)]
    bars = [Bar(day, 1.0, 1.0, 1.0, 1.0, 1.0) for day in days]
    world.engine.store.add(AAPL, "USD", bars, [], [(days[0], dt.date(2026, 11, 23))], NOON_MS)
    assert aggregate.run(world.another(), None, False).outcome.monthly.after == 1
    world.engine.store.add(AAPL, "USD", [bars[0]._replace(date=dt.date(2021, 12, 6))], [], [], NOON_MS)
    assert aggregate.run(world.another(), None, False).outcome.waiting == 1


@pytest.mark.parametrize(
    ("daily", "weekly", "tiers"),
    [("all", "all", (1788, 0, 0)), ("1y", "all", (379, 242, 0)), ("1y", "1y", (379, 2, 46))],
)
def test_the_policy_is_a_setting(world: World, daily: str, weekly: str, tiers: tuple[int, int, int]) -> None:
    # 202 weeks, and the first days of 40 months that do not begin with a Monday.
    world.get("all")
    done = aggregate.run(world.another(retention__daily=daily, retention__weekly=weekly), None, False).outcome
    assert (done.daily.after, done.weekly.after, done.monthly.after) == tiers


def test_as_of_an_earlier_day_and_not_a_later_one(world: World) -> None:
    world.get("all")
    with pytest.raises(UsageError):
        aggregate.run(world.another(), dt.date(2026, 11, 25), False)
    report = aggregate.run(world.another(), dt.date(2024, 3, 1), False)
    # Daily from Monday 13 February 2023 on, weekly from 1 March 2021 on.
    assert report.outcome.monthly.after == 0
    first = world.engine.store.traded(BTC, FIRST, dt.date(2026, 1, 1))[1][0]
    assert first.date == dt.date(2023, 2, 13)
    # Then as of today, in two steps or in one, it comes out the same.
    aggregate.run(world.another(), None, False)
    assert len(world.engine.store.pieces(BTC, FIRST, WEEKLY - DAY)) == 22


def test_a_split_learned_after_the_roll_up_counts_at_every_tier(world: World) -> None:
    before = world.get("all").rows
    aggregate.run(world.another(), None, False)
    world.engine.store.add(BTC, "USDT", [], [Action(dt.date(2026, 11, 20), "split", 2.0)], [], NOON_MS)
    after = world.get("all").rows
    for one, other in zip(before, after, strict=True):
        factor = 2.0 if one.date < dt.date(2026, 11, 20) else 1.0
        assert (other.close, other.volume) == (one.close / factor, one.volume * factor)


def test_runs_are_entered_in_the_run_log(world: World) -> None:
    world.get("all")
    aggregate.run(world.another(), None, True)
    assert Runs(world.engine.settings.home).last(5) == []
    aggregate.run(world.another(), None, False)
    (run,) = Runs(world.engine.settings.home).last(5)
    assert (run.command, run.exit_code, run.started_ms) == ("aggregate", 0, NOON_MS)
