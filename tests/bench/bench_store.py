"""Figures of the store, printed, not judged: bytes a bar by encoding, and what ten years of one asset out of a thousand
cost as a whole process against bare Python.

    python tests/bench/bench_store.py [assets] [years] [folder]

Prices are random walks in whole cents with volumes of four to seven digits, which is more than real prices hold: 19
bytes a bar here are 12.9 of real stocks in whole cents. Quote the ratios.
"""

import datetime as dt
import os
import random
import subprocess
import sys
import tempfile
import time

from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Bar
from pricectl.model.instant import Clock
from pricectl.store import Addition, Store
from pricectl.store.rows import bar_rows
from pricectl.store.tables import BARS

FIRST_YEAR = 2016
READ = """
import datetime as dt, sys
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Segment
from pricectl.model.instant import Clock
from pricectl.store import Store
segment = Segment("1d", dt.date(2016, 1, 1), dt.date(int(sys.argv[2]), 12, 31))
currency, rows = Store(Home(sys.argv[1]), Clock()).history(Series("yahoo", "A00500"), [segment], "split")
print(len(rows), rows[-1].close)
"""


def sessions(year: int) -> list[dt.date]:
    days = (dt.date(year, 1, 1) + dt.timedelta(n) for n in range(365))
    return [day for day in days if day.weekday() < 5][:252]


def walk(random_: random.Random, cents: int, days: list[dt.date]) -> list[Bar]:
    bars = []
    for day in days:
        opened = max(50, round(cents * random_.gauss(1, 0.004)))
        cents = max(50, round(opened * random_.gauss(1.0003, 0.015)))
        high = round(max(opened, cents) * (1 + abs(random_.gauss(0, 0.006))))
        low = round(min(opened, cents) * (1 - abs(random_.gauss(0, 0.006))))
        volume = float(round(10 ** random_.uniform(4, 7)))
        bars.append(Bar(day, opened / 100, high / 100, low / 100, cents / 100, volume))
    return bars


def fill(home: Home, assets: int, years: int) -> list[Addition]:
    """One part a year, as after compaction; gives back the last year's."""
    store, random_ = Store(home, Clock()), random.Random(1)
    cents = {f"A{number:05d}": random_.randint(500, 50_000) for number in range(assets)}
    additions: list[Addition] = []
    for year in range(FIRST_YEAR, FIRST_YEAR + years):
        days = sessions(year)
        additions = []
        for name, price in cents.items():
            bars = walk(random_, price, days)
            cents[name] = round(bars[-1].close * 100)
            additions.append(Addition(Series("yahoo", name), "USD", bars, [], [(days[0], days[-1])], symbol=name))
        store.add_all(additions, 1_700_000_000_000)
    return additions


def encodings(additions: list[Addition]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pricectl.store import parts

    (rows,) = bar_rows(additions, dt.datetime.fromtimestamp(1_700_000_000, dt.UTC)).values()
    table = pq.ParquetFile(pa.BufferReader(parts.encode(BARS, rows))).read()
    prices = ["open", "high", "low", "close"]
    strings = ["symbol", "provider", "provider_id", "currency", "fetched_at", "flags", "until", "sessions"]
    choices = {
        "as stored": None,
        "all dictionary, zstd 3": ({}, 3, True),
        "volume by byte, date dictionary, zstd 3": ({"volume": "BYTE_STREAM_SPLIT"}, 3, [*prices, *strings, "date"]),
        "volume by byte, date delta, zstd 3": (
            {"volume": "BYTE_STREAM_SPLIT", "date": "DELTA_BINARY_PACKED"}, 3, [*prices, *strings],
        ),
        "volume by byte, date dictionary, zstd 9": ({"volume": "BYTE_STREAM_SPLIT"}, 9, [*prices, *strings, "date"]),
        "prices and volume by byte, zstd 3": (
            dict.fromkeys([*prices, "volume"], "BYTE_STREAM_SPLIT"), 3, [*strings, "date"],
        ),
    }  # fmt: skip
    for name, choice in choices.items():
        start = time.perf_counter()
        if choice is None:
            size = len(parts.encode(BARS, rows))
        else:
            sink = pa.BufferOutputStream()
            encoding, level, dictionary = choice
            pq.write_table(
                table, sink, compression="zstd", compression_level=level, use_dictionary=dictionary,
                column_encoding=encoding or None, row_group_size=122_880, data_page_size=16_384, store_schema=False,
            )  # fmt: skip
            size = sink.getvalue().size
        print(f"  {size / len(rows):6.2f} B/bar  {time.perf_counter() - start:6.2f} s  {name}")


def processes(home: Home, years: int) -> None:
    last = str(FIRST_YEAR + years - 1)
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "import duckdb": [sys.executable, "-c", "import duckdb; duckdb.connect()"],
        "history": [sys.executable, "-c", READ, home.root, last],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(15):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            took[name].append(time.perf_counter() - start)
    for name, times in took.items():
        ratio = min(times) / min(took["bare"])
        middle = sorted(times)[len(times) // 2]
        print(f"  {name:14} min {min(times) * 1e3:6.1f} ms  median {middle * 1e3:6.1f} ms  {ratio:5.1f} x bare")


def warm(home: Home, years: int) -> None:
    from pricectl.model.bar import Segment

    store, series = Store(home, Clock()), Series("yahoo", "A00500")
    segment = Segment("1d", dt.date(FIRST_YEAR, 1, 1), dt.date(FIRST_YEAR + years - 1, 12, 31))
    took = []
    for _ in range(15):
        start = time.perf_counter()
        store.history(series, [segment], "split")
        took.append(time.perf_counter() - start)
    print(f"  history in process: first {took[0] * 1e3:.1f} ms, then min {min(took) * 1e3:.1f} ms")


def main(assets: int = 1000, years: int = 10, folder: str = "") -> None:
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(folder or temporary)
        os.makedirs(home.state, exist_ok=True)
        if not os.path.isdir(home.store):
            start = time.perf_counter()
            additions = fill(home, assets, years)
            print(f"{assets} assets, {years} years filled in {time.perf_counter() - start:.1f} s; a year by encoding:")
            encodings(additions)
        parts = [os.path.join(at, name) for at, _, names in os.walk(home.store) for name in names]
        size = sum(os.path.getsize(path) for path in parts if path.endswith(".parquet"))
        print(f"{size / 1e6:.1f} MB of parts; ten years of one asset:")
        warm(home, years)
        processes(home, years)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:3]), *sys.argv[3:])
