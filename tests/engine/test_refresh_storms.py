"""Storms: a provider that limits, bans, refuses, breaks off, hangs or is gone. The rest is refreshed, the run ends in
time, what is known stays available, and it recovers by itself."""

import asyncio
import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines import RunningClock, engine
from loopback import at
from pricectl.config import load
from pricectl.engine import Engine, prices
from pricectl.engine.refresh import Order, Report
from pricectl.engine.unattended import refresh
from pricectl.home import Home
from pricectl.model.asset import Asset
from pricectl.model.quote import Answer
from pricectl.net import Http
from pricectl.simulator import Simulator
from pricectl.simulator.faults import Fault, Match, Script, cut, drop, garbage, hang, html, status
from pricectl.state.runs import Runs

MONDAY = "2026-11-23T15:00:30"  # all of Friday's bars are in by the first run


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock(at(MONDAY))


@pytest.fixture
def market(clock: RunningClock) -> Iterator[Simulator]:
    with Simulator(seed=3, clock=clock) as running:
        yield running


class Mixed:
    """120 shares of New York and 5 coins that have no fallback, in one home; a first run has brought all of them."""

    def __init__(self, home: Path, market: Simulator, clock: RunningClock) -> None:
        self.home, self.market, self.clock = home, market, clock
        catalogue = engine(home, market, clock).catalogue
        self.shares = [asset for asset in catalogue.all("stock") if asset.exchange == "NMS"][:120]
        self.coins = [asset._replace(fallbacks="") for asset in catalogue.all("crypto")[:5]]
        self.run(bars_s=0.0)

    def run(self, deadline_s: float = 50.0, bars_s: float = 50.0, url: str = "") -> Report:
        made = engine(self.home, self.market, self.clock)
        if url:
            env = {**self.market.env, "PRICECTL_YAHOO_URL": url}
            made = Engine(load(Home(str(self.home)), env), self.clock, [].append)
        return refresh(made, Order([*self.shares, *self.coins], deadline_s, bars_s), [], lambda: False).report

    def asked(self, provider: str) -> int:
        return sum(entry.provider == provider for entry in self.market.journal)

    def answers(self, assets: list[Asset]) -> list[Answer]:
        made = engine(self.home, self.market, self.clock)
        found = prices.get(made, [asset.symbol for asset in assets], prices.Wish(5.0, offline=True))
        return [one for one in found if isinstance(one, Answer)]


@pytest.fixture
def no_waiting(clock: RunningClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for the request budget pass at once, on the clock."""

    async def sleep(http: Http, seconds: float) -> None:
        clock.ms += round(seconds * 1000) + 1
        await asyncio.sleep(0)

    monkeypatch.setattr(Http, "_sleep", sleep)


@pytest.fixture
def mixed(tmp_path: Path, market: Simulator, clock: RunningClock) -> Mixed:
    made = Mixed(tmp_path, market, clock)
    assert len(made.shares) == 120
    market.forget()
    clock.ms += 120_000
    return made


# What strikes, for how long at least, what it is called, and how many requests the first run and the next may make.
# Four are under way before the first answer; then there are none or one probe, unless answers show that somebody is in.
STORMS = {
    "limited for 5 minutes": (status(429, retry_after=300), 300, "rate_limited", 4, 0),
    "refused by region": (status(451), 120, "refused", 4, 1),
    "a page for people": (html(), 120, "unavailable", 16, 1),
    "bytes that are no JSON": (garbage(), 120, "bad_payload", 6, 6),
    "bodies cut short": (cut(150), 120, "unavailable", 16, 1),
    "connections dropped": (drop(), 120, "unavailable", 16, 1),
    "overloaded": (status(503), 120, "unavailable", 16, 1),
}


@pytest.mark.parametrize("name", STORMS)
def test_one_provider_in_a_storm(mixed: Mixed, name: str) -> None:
    fault, recovers_s, code, at_first, then = STORMS[name]
    mixed.market.script(fault, Match(provider="yahoo"))
    report = mixed.run(bars_s=0.0)
    assert (report.ok, report.failed) == (5, 120)
    assert code in {one.code for one in report.errors}
    # Six requests are planned; a failed one may be tried again, but never all of them three times.
    assert mixed.asked("yahoo") <= at_first
    log = Runs(Home(str(mixed.home)))
    assert log.last()[0].exit_code == 3
    stale = mixed.answers(mixed.shares)
    assert [one.stale for one in stale] == [True] * 120

    mixed.market.forget()
    mixed.clock.ms += 20_000
    report = mixed.run(bars_s=0.0)
    assert report.failed == 120
    assert mixed.asked("yahoo") <= then

    mixed.market.clear()
    for _ in range(30):
        mixed.clock.ms += recovers_s * 1000
        report = mixed.run(bars_s=0.0)
        if not report.errors:
            break
    assert (report.ok, report.errors) == (125, [])
    assert log.failing() == {}
    assert log.last()[0].exit_code == 0


def test_a_ban_is_obeyed_by_every_run_until_it_ends(mixed: Mixed) -> None:
    mixed.market.script(status(418, retry_after=180), Match(provider="binance"))
    assert mixed.run(bars_s=0.0).failed == 5
    mixed.market.clear()
    mixed.market.forget()
    for _ in range(5):
        mixed.clock.ms += 30_000
        report = mixed.run(bars_s=0.0)
        assert {one.code for one in report.errors} == {"rate_limited"}
    assert mixed.asked("binance") == 0
    mixed.clock.ms += 31_000
    assert mixed.run(bars_s=0.0).errors == []


class EveryThird(Script):
    """Strikes every third request, whichever it is."""

    def __init__(self) -> None:
        super().__init__()
        self._count = itertools.count(1)

    def next(self, provider: str, path: str, symbols: tuple[str, ...]) -> Fault | None:
        return status(503) if next(self._count) % 3 == 0 else None


def test_a_third_of_the_answers_503_costs_nobody_a_price(mixed: Mixed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed.market, "_script", EveryThird())
    ended = [mixed.run(bars_s=0.0)]
    while len(ended) < 3:
        mixed.clock.ms += 60_000
        ended.append(mixed.run(bars_s=0.0))
    assert [report.ok for report in ended] == [125, 125, 125]


def test_a_provider_that_hangs_costs_the_run_its_deadline_and_no_more(mixed: Mixed) -> None:
    mixed.market.script(hang(), Match(provider="yahoo"))
    began = time.monotonic()
    report = mixed.run(deadline_s=3.0)
    assert time.monotonic() - began < 3.0 + 2.0
    assert report.ok == 5
    assert {one.code for one in report.errors} == {"unavailable"}
    # At most four at once were sent; what never was is left, not blamed.
    assert report.failed + report.left == 120
    assert 20 <= report.failed <= 80


def test_answers_that_take_long_are_waited_for_within_the_deadline(mixed: Mixed) -> None:
    mixed.market.script(hang(0.3), Match(provider="yahoo"), times=2)
    assert mixed.run(deadline_s=20.0, bars_s=0.0).ok == 125


def test_a_provider_that_is_gone(mixed: Mixed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = f"http://127.0.0.1:{listener.getsockname()[1]}"
    report = mixed.run(url=gone, bars_s=0.0)
    assert (report.ok, report.failed) == (5, 120)
    mixed.clock.ms += 120_000
    assert mixed.run(bars_s=0.0).errors == []


@pytest.mark.usefixtures("no_waiting")
def test_a_storm_over_the_bars_leaves_the_quotes_and_is_over_by_itself(mixed: Mixed) -> None:
    mixed.market.script(status(503), Match(provider="yahoo", path="/v8/"))
    report = mixed.run()
    assert report.ok == 125
    # The breaker closes the door long before all 120 have failed; nobody is asked three times.
    assert mixed.asked("yahoo") <= 6 + 20
    mixed.market.clear()
    for _ in range(12):
        mixed.clock.ms += 400_000
        report = mixed.run()
    assert report.errors == []
    assert report.kept.left == 0


@pytest.mark.usefixtures("no_waiting")
def test_the_budget_goes_to_quotes_first_and_bars_follow_over_the_runs(mixed: Mixed) -> None:
    left = []
    for _ in range(6):
        mixed.market.forget()
        report = mixed.run(bars_s=8.0)
        assert report.ok == 125
        left.append(report.kept.left)
        # Half of what a minute brings beyond a full burst: (120 - 24) / 2.
        assert mixed.asked("yahoo") <= 48
        mixed.clock.ms += 60_000
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
