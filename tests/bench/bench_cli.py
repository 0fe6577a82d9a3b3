"""Whole processes against bare Python, in one run: the figures of the README's table. Not a timed test.

    python tests/bench/bench_cli.py [--rounds 21] [--assets 1000]

Runs the installed ``pricectl`` beside this interpreter. The commands take turns with bare Python, so that a slow
moment of the machine slows both; what counts is the median of the ratios, pair by pair.
"""

import argparse
import datetime as dt
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_store import fill

from pricectl.cache.hot import Cache
from pricectl.config import load
from pricectl.errors import NotFresh
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote
from pricectl.simulator import Simulator
from pricectl.state.runs import Run, Runs
from pricectl.store import Store

BARE = [sys.executable, "-c", "pass"]
PRICECTL = [str(Path(sys.executable).parent / "pricectl")]


def filled_home(folder: str) -> list[str]:
    """A home whose cache holds 1000 fresh quotes, and their symbols."""
    now_ms = Clock().now_ms()
    symbols = [f"S{n}" for n in range(1000)]
    quotes = [
        Quote("binance", f"S{n}USDT", f"{n}.{n % 97:02d}1", "USDT", "-1.647", now_ms, now_ms, now_ms + 3_600_000)
        for n in range(1000)
    ]
    names = {name: (name, one.series) for name, one in zip(symbols, quotes, strict=True)}
    Cache(load(Home(folder), {}), Clock(), print).put(quotes, names, {})
    Runs(Home(folder)).append(Run("bench", "refresh", now_ms - 1000, now_ms, 0, 1000, oldest_ms=now_ms))
    return symbols


def filled_store(folder: str, assets: int) -> list[str]:
    """Ten years of bars of ``assets`` assets in the store of the home, and the command that asks for one of them."""
    home = Home(folder)
    fill(home, assets, 10)
    series, span = Series("yahoo", f"A{assets // 2:05d}"), (dt.date(2016, 1, 1), dt.date(2025, 12, 31))
    Store(home, Clock()).add(series, "USD", [], [], [span], Clock().now_ms())
    Path(home.assets).write_text(
        "symbol,name,type,category,code,provider,provider_id,currency,exchange,active,followed\n"
        f"BENCH,Bench,stock,Bench,BENCH,yahoo,{series.provider_id},USD,NMS,,\n"
    )
    return ["history", "BENCH", "--from", str(span[0]), "--to", str(span[1]), "--interval", "1d", "--offline"]


def seconds(command: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    code = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=False).returncode
    taken = time.perf_counter() - start
    if code not in (0, NotFresh.exit_code):  # `status --check` of a home that was never refreshed
        raise SystemExit(f"{command} ended with {code}")
    return taken


def peak_mb(command: list[str], env: dict[str, str]) -> float:
    """The largest resident size of the process alone, asked of the kernel through a parent of its own."""
    code = (
        "import json, resource, subprocess, sys; subprocess.run(json.loads(sys.argv[1]), "
        "stdout=subprocess.DEVNULL, check=False); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    said = subprocess.run([sys.executable, "-c", code, json.dumps(command)], env=env, capture_output=True, check=True)
    return int(said.stdout) / (1024 if sys.platform == "linux" else 1024 * 1024)


def thousand() -> list[str]:
    """300 coins and 700 shares of the shipped list."""
    from pricectl.catalogue import Catalogue

    catalogue = Catalogue.load(load(Home("/nonexistent"), {}))
    return [one.symbol for type_, count in (("crypto", 300), ("stock", 700)) for one in catalogue.all(type_)[:count]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--assets", type=int, default=1000)
    arguments = parser.parse_args()
    rounds = arguments.rounds
    with tempfile.TemporaryDirectory() as home:
        ten_years = filled_store(home, arguments.assets)
        env = {name: value for name, value in os.environ.items() if not name.startswith("PRICECTL_")}
        env["PRICECTL_HOME"] = home
        symbols = filled_home(home)
        commands = {
            "price, cached": [*PRICECTL, "price", "S1"],
            "price --json, cached": [*PRICECTL, "price", "S1", "--json"],
            "batch of 1000, cached": [*PRICECTL, "batch", *symbols, "--json"],
            "config path": [*PRICECTL, "config", "path"],
            "assets show AAPL": [*PRICECTL, "assets", "show", "AAPL"],
            "status --check": [*PRICECTL, "status", "--check", "--max-age", "1h"],
            "status": [*PRICECTL, "status"],
            f"ten years, one of {arguments.assets}": [*PRICECTL, *ten_years],
        }
        print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {rounds} rounds")
        for name, command in commands.items():
            seconds(command, env)
            pairs = [(seconds(command, env), seconds(BARE, env)) for _ in range(rounds)]
            ratio = statistics.median(a / b for a, b in pairs)
            wall_ms = statistics.median(a for a, _ in pairs) * 1000
            bare_ms = statistics.median(b for _, b in pairs) * 1000
            print(
                f"{name:24s} {wall_ms:7.1f} ms  {ratio:5.2f} x bare ({bare_ms:.1f} ms)  {peak_mb(command, env):5.1f} MB"
            )
        with Simulator(seed=1) as market:
            fetched = [*PRICECTL, "batch", "--home", os.path.join(home, "other"), *thousand()]
            print(f"batch of 1000 from providers: {peak_mb(fetched, env | market.env):.1f} MB")
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
