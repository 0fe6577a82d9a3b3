"""``refresh --every`` as one process over many cycles: the rhythm, and that nothing piles up."""

import gc
import os
from itertools import pairwise
from pathlib import Path

import pytest

from engines import RunningClock
from loopback import at
from pricectl.cli.options import Context
from pricectl.cli.runner import Runner, Times
from pricectl.cli.stopping import Stop
from pricectl.home import Home
from pricectl.simulator import Simulator
from pricectl.state.runs import Runs

CYCLES = 200


class Told(Stop):
    """Sleeps on the set clock, and is told to stop in the sleep after so many cycles."""

    def __init__(self, market: Simulator, clock: RunningClock, cycles: int) -> None:
        super().__init__()
        self._market = market
        self.slept: list[float] = []
        self.resident: list[int] = []
        self._clock = clock
        self._cycles = cycles

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.ms += max(round(seconds * 1000), 0)
        self._market.forget()  # its journal is not ours
        if os.path.exists("/proc/self/statm") and len(self.slept) % 50 == 0:
            gc.collect()
            self.resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        if len(self.slept) == self._cycles:
            self.number = 15


def _runner(home: Path, market: Simulator, clock: RunningClock) -> Runner:
    context = Context(home=str(home), env=market.env)
    context.clock = clock
    return Runner(context, Times(54.0, 54.0, 0.0, 60.0, 0.0, True), ["AAPL"], "", False)


def test_hundreds_of_cycles_a_minute_apart_and_memory_stays_flat(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = RunningClock(at("2026-11-24T20:30:30"))  # half an hour before New York closes
    with Simulator(seed=3, clock=clock) as market:
        stop = Told(market, clock, CYCLES)
        assert _runner(tmp_path, market, clock).quietly(stop) == 143
    assert capfd.readouterr() == ("", "")
    log = Runs(Home(str(tmp_path)))
    runs = log.last(CYCLES + 1)
    assert len(runs) == CYCLES
    assert {run.exit_code for run in runs} == {0}
    starts = [run.started_ms // 1000 for run in reversed(runs)]
    assert all(50 <= later - earlier <= 61 for earlier, later in pairwise(starts))
    assert sum(run.bars_added for run in runs if run.started_ms > at("2026-11-24T21:00:00")) == 1
    if stop.resident:
        # What is imported and cached on the first cycles is paid by the fiftieth.
        assert stop.resident[-1] - stop.resident[0] < 5_000_000


def test_a_cycle_that_fails_is_said_once_and_the_next_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = RunningClock(at("2026-11-24T18:00:30"))
    with Simulator(seed=3, clock=clock) as market:
        runner = _runner(tmp_path, market, clock)
        config = tmp_path / "config.toml"
        assert runner.quietly(Told(market, clock, 1)) == 143
        config.write_text("colour = 1\n")
        assert runner.quietly(Told(market, clock, 4)) == 143
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "unknown setting colour" in err
