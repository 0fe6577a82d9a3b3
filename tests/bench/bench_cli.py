"""Whole processes against bare Python, in one run: the figures of the README's table. Not a timed test.

    python tests/bench/bench_cli.py [--rounds 21]

Runs the installed ``pricectl`` beside this interpreter. The commands take turns with bare Python, so that a slow
moment of the machine slows both; what counts is the median of the ratios, pair by pair.
"""

import argparse
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

from pricectl.cache.hot import Cache
from pricectl.config import load
from pricectl.home import Home
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote
from pricectl.state.runs import Run, Runs

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


def seconds(command: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def peak_mb(command: list[str], env: dict[str, str]) -> float:
    """The largest resident size of the process alone, asked of the kernel through a parent of its own."""
    code = (
        "import json, resource, subprocess, sys; subprocess.run(json.loads(sys.argv[1]), "
        "stdout=subprocess.DEVNULL, check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    said = subprocess.run([sys.executable, "-c", code, json.dumps(command)], env=env, capture_output=True, check=True)
    return int(said.stdout) / (1024 if sys.platform == "linux" else 1024 * 1024)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
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
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
