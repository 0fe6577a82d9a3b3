"""A refresh of 1000 assets against a market with 100 ms of latency; and what 1000 cycles leave in memory.

    python tests/bench/bench_refresh.py [--cycles 1000]

700 of Yahoo's and 300 of Binance's assets, followed in a throw-away home. The refresh is a process of its own; the
market is in this one. Not a timed test.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pricectl.catalogue import Catalogue
from pricectl.config import load
from pricectl.engine import Engine
from pricectl.engine.refresh import Order, select
from pricectl.engine.unattended import refresh
from pricectl.home import Home
from pricectl.model.instant import Clock
from pricectl.simulator import Simulator
from pricectl.simulator.faults import delay

LATENCY_S = 0.1


def follow(home: str, yahoo: int, binance: int) -> None:
    assets = Catalogue.load(load(Home(home), {})).all()
    chosen = [asset for asset in assets if asset.provider == "yahoo"][:yahoo]
    chosen += [asset for asset in assets if asset.provider == "binance"][:binance]
    assert len(chosen) == yahoo + binance
    Path(home, "assets.csv").write_text("symbol,followed\n" + "".join(f"{one.symbol},yes\n" for one in chosen))


def process(home: str, market: Simulator, *words: str) -> tuple[float, dict[str, object]]:
    """The seconds that ``pricectl refresh --json`` took as a process, and what it said."""
    market.forget()
    env = {name: value for name, value in os.environ.items() if not name.startswith("PRICECTL_")}
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "pricectl", "refresh", "--json", *words],
        env=env | market.env | {"PRICECTL_HOME": home},
        capture_output=True,
        check=False,
    )
    return time.perf_counter() - start, json.loads(ended.stdout)


def resident_mb() -> float:
    """What this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cycles(count: int) -> None:
    """The resident size along ``count`` cycles, a minute apart on a clock that is set."""

    class Minute(Clock):
        ms = Clock().now_ms()
        began = ms

        def now_ms(self) -> int:
            return self.ms

        def monotonic(self) -> float:
            return time.monotonic() + (self.ms - self.began) / 1000

    clock = Minute()
    with tempfile.TemporaryDirectory() as home, Simulator(seed=1, clock=clock) as market:
        follow(home, 40, 20)
        for number in range(1, count + 1):
            engine = Engine(load(Home(home), market.env), clock, print)
            assets, _ = select(engine, [], "", False)
            refresh(engine, Order(assets, 50.0, 50.0), [], lambda: False)
            market.forget()
            clock.ms += 60_000
            if number in (1, 10, 100) or number % 250 == 0:
                print(f"after {number:5d} cycles {resident_mb():7.1f} MB, market and refresh in one process")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=1000)
    count = parser.parse_args().cycles
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as home, Simulator(seed=1) as market:
        follow(home, 700, 300)
        market.script(delay(LATENCY_S))
        for name, words in (
            ("all due, nothing stored", ()),
            ("the same again, at once", ()),
            ("all due (--refresh)", ("--refresh",)),
            ("what is due a minute later", ()),
        ):
            if name.startswith("what"):
                time.sleep(60)
            seconds, said = process(home, market, *words)
            quotes = sum(entry.path.startswith(("/v7/", "/api/v3/ticker")) for entry in market.journal)
            print(
                f"{name:28s} {seconds:6.2f} s  {quotes:3d} requests for quotes, {len(market.journal)} in all; "
                f"quotes {said['quotes']}, bars {said['bars']}, left {said['left']}"
            )
    cycles(count)


if __name__ == "__main__":
    main()
