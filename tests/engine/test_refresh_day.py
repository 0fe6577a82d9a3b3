"""A refresh every minute, on a clock that is set: what the look-ups in between find, and what is sent.

By default forty minutes around New York's close. ``WHOLE_DAY=1`` runs all 1440 minutes of that Tuesday.
"""

import asyncio
import os
import random
from bisect import bisect_left
from pathlib import Path
from typing import Any

import pytest

from engines import RunningClock, engine
from loopback import at
from pricectl.engine import prices
from pricectl.engine.refresh import Order
from pricectl.engine.unattended import refresh
from pricectl.model.quote import Answer
from pricectl.net import Http
from pricectl.simulator import Simulator
from pricectl.state import lookups

WHOLE = bool(os.environ.get("WHOLE_DAY"))
FIRST, MINUTES = ("2026-11-24T00:00:00", 1440) if WHOLE else ("2026-11-24T20:40:00", 40)
LATENCY_MS = 100
LOOK_UPS = 12  # a minute


class Slow(Simulator):
    """A market in which every request takes 100 ms of the set clock, one after the other."""

    def answer(self, *asked: Any) -> Any:
        assert isinstance(self.market.clock, RunningClock)
        self.market.clock.ms += LATENCY_MS
        return super().answer(*asked)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> RunningClock:
    made = RunningClock(at(FIRST))

    async def sleep(http: Http, seconds: float) -> None:
        made.ms += round(seconds * 1000) + 1
        await asyncio.sleep(0)

    monkeypatch.setattr(Http, "_sleep", sleep)
    return made


def busiest_minute(instants_ms: list[int]) -> int:
    """The most requests in any 60 seconds."""
    return max((n + 1 - bisect_left(instants_ms, ms - 60_000 + 1) for n, ms in enumerate(instants_ms)), default=0)


def test_the_busiest_minute_is_found_across_the_turns_of_minutes() -> None:
    assert busiest_minute([]) == 0
    assert busiest_minute([0, 59_000, 60_000, 61_000, 118_999]) == 4
    assert busiest_minute([0, 60_000, 120_000]) == 1


def test_look_ups_are_answered_by_the_cache_and_no_limit_is_touched(tmp_path: Path, clock: RunningClock) -> None:
    dice = random.Random(7)
    with Slow(seed=3, clock=clock) as market:
        every = engine(tmp_path, market, clock).catalogue.all()
        shares = [asset for asset in every if asset.exchange in ("NMS", "LSE", "JPX", "CCY", "CMX")]
        coins = [asset for asset in every if asset.provider == "binance"]
        assets = dice.sample(shares, 45) + dice.sample(coins, 15)
        symbols = [asset.symbol for asset in assets]
        sources: list[str] = []
        added = 0
        for minute in range(MINUTES):
            clock.ms = max(clock.ms, at(FIRST) + minute * 60_000 + dice.randrange(5_000))  # jitter
            run_engine = engine(tmp_path, market, clock)
            done = refresh(run_engine, Order(assets, 50.0, 50.0), [], lambda: False)
            assert done.report.errors == []
            assert done.report.left == 0
            added += done.report.kept.added
            looking = engine(tmp_path, market, clock)
            for instant in sorted(dice.randrange(60_000) for _ in range(LOOK_UPS)):
                clock.ms = max(clock.ms, at(FIRST) + minute * 60_000 + instant)
                (answer,) = prices.get(looking, [dice.choice(symbols)], prices.Wish(5.0))
                assert isinstance(answer, Answer)
                assert not answer.stale
                sources.append(answer.source)
        journal = market.journal
        hits, misses = lookups.counted(looking.settings.home)
    assert sources.count("cache") >= 0.98 * len(sources)
    assert (hits, hits + misses) == (sources.count("cache"), MINUTES * LOOK_UPS)
    assert {entry.status for entry in journal} == {200}
    assert busiest_minute(sorted(entry.ms for entry in journal)) < 1000
    assert added > 60 * 15
