"""Figures of the store's upkeep and reading at scale, printed, not judged: bytes a bar, the roll-up against the bare
query of DuckDB, memory, look-ups and commits.

    python tests/bench/bench_aggregate.py [assets] [years] [folder]

Bars are those of real US stocks where they lie beside the checkout, rescaled and chained in whole cents until there are
enough; otherwise random walks, which hold more than real prices do. With four dividends a year for each asset.
"""

import contextlib
import datetime as dt
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from pricectl.engine.segments import cuts
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Bar, Segment
from pricectl.model.instant import Clock
from pricectl.store import Addition, Store
from pricectl.store.disk import Disk
from pricectl.store.log import Log
from pricectl.store.parts import Encoder
from pricectl.store.tables import ACTIONS, BARS, COVERAGE

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "bars_daily.parquet"
NOW_MS = 1_795_478_400_000  # 2026-11-24
AS_OF = dt.date(2026, 11, 24)
DAYS = 252  # sessions a year

PANEL = """
  CREATE TABLE panel AS
  WITH numbered AS (
    SELECT symbol, row_number() OVER (PARTITION BY symbol ORDER BY date) - 1 AS n, open, high, low, close, volume
    FROM bars),
  whole AS (SELECT symbol, row_number() OVER (ORDER BY symbol) - 1 AS k FROM numbered GROUP BY symbol
            HAVING count(*) >= 1259),
  sizes AS (SELECT count(*) AS stocks FROM whole),
  assets AS (SELECT a, a % stocks AS k, 0.3 + (a * 7919 % 1000) / 500.0 AS scale FROM range({assets}) t(a), sizes),
  laps AS (SELECT lap, 1.0 + 0.37 * lap AS growth FROM range({laps}) t(lap))
  SELECT printf('A%06d', a) AS symbol, n + 1259 * lap AS n,
    round(open * scale * growth, 2) AS open, round(high * scale * growth, 2) AS high,
    round(low * scale * growth, 2) AS low, round(close * scale * growth, 2) AS close,
    volume + (a * 31 + n * 17) % 100 AS volume
  FROM assets JOIN whole USING (k) JOIN numbered USING (symbol), laps
  WHERE n < 1259 AND n + 1259 * lap < {sessions}"""
WALK = """
  CREATE TABLE bars AS
  SELECT printf('S%03d', s) AS symbol, DATE '2013-01-01' + n::INT AS date, close AS open, close * 1.01 AS high,
    close * 0.99 AS low, close, (hash(s, n) % 10000000)::DOUBLE AS volume
  FROM (SELECT s, n, round(50 + s / 4 + 10 * sin(n / 40.0 + s) + (hash(n, s) % 1000) / 250.0, 2) AS close
        FROM range(500) t(s), range(1259) u(n))"""


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"  {time.perf_counter() - start:8.3f} s  {what}")


def best(work: Callable[[], object], times: int = 7) -> str:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1e3)
    return f"first {took[0]:.1f} ms, then min {min(took[1:]):.1f}, median {statistics.median(took[1:]):.1f} ms"


def fill(home: Home, assets: int, years: int) -> None:
    """One part a year, dividends, coverage: as a refresh of ten years leaves it, in few commits."""
    db = duckdb.connect()
    db.execute("SET memory_limit = '2GB'")
    if REAL.exists():
        db.execute(f"CREATE VIEW bars AS FROM read_parquet('{REAL}') WHERE source = 'cnuge_sp500_2013_2018' "
                   "AND open IS NOT NULL AND volume IS NOT NULL")  # fmt: skip
    else:
        db.execute(WALK)
    sessions = years * DAYS
    db.execute(PANEL.format(assets=assets, sessions=sessions, laps=sessions // 1259 + 1))
    # Sessions are the weekdays before the last one.
    db.execute(f"""
      CREATE TABLE days AS SELECT day, {sessions} - row_number() OVER (ORDER BY day DESC) AS n
      FROM (SELECT unnest(range(DATE '2026-11-23' - {sessions} * 2, DATE '2026-11-24', INTERVAL 1 DAY))::DATE AS day)
      WHERE dayofweek(day) BETWEEN 1 AND 5""")
    disk = Disk(shared=False)
    log = Log(BARS, home.store, home.state, disk)
    log.prepare()
    parts = []
    for (year,) in db.execute("SELECT DISTINCT year(day) FROM days WHERE n >= 0 ORDER BY 1").fetchall():
        encoder = Encoder(BARS)
        found = db.sql(f"""
          SELECT symbol, 'yahoo' AS provider, symbol AS provider_id, 'USD' AS currency, day AS date,
            NULL::DATE AS until, NULL::INT AS sessions, open, high, low, close, volume,
            make_timestamptz({NOW_MS * 1000}) AS fetched_at, 0 AS flags
          FROM panel JOIN days USING (n) WHERE year(day) = {year} ORDER BY symbol, date""")
        for batch in found.to_arrow_reader(122_880):
            encoder.add(pa.Table.from_batches([batch]))
        parts.append(encoder.write(disk, log.folder, f"interval=1d/year={year}"))
    log.commit(parts, [], NOW_MS)
    fetched = f"make_timestamptz({NOW_MS * 1000}) AS fetched_at"
    covered = f"""
      SELECT symbol AS provider_id, 'yahoo' AS provider, DATE '2000-01-01' AS first_day, DATE '2026-11-23' AS last_day,
        {fetched} FROM panel GROUP BY symbol ORDER BY symbol"""
    paid = f"""
      SELECT symbol AS provider_id, 'yahoo' AS provider, day AS ex_date, 'dividend' AS kind, 0.25 AS value,
        '' AS currency, false AS withdrawn, {fetched}
      FROM panel JOIN days USING (n) WHERE n % 63 = hash(symbol) % 63 ORDER BY symbol, day"""
    for table, sql in ((COVERAGE, covered), (ACTIONS, paid)):
        log = Log(table, home.store, home.state, disk)
        log.prepare()
        encoder = Encoder(table)
        for batch in db.sql(sql).to_arrow_reader(122_880):
            encoder.add(pa.Table.from_batches([batch]))
        log.commit([encoder.write(disk, log.folder, "")], [], NOW_MS)


def bare(home: Home) -> float:
    """The bare roll-up of the same days into the same periods, its rows fetched as Arrow: the least of five, in
    seconds."""
    policy = cuts("1y", "3y", AS_OF)
    paths = [str(path) for path in Path(home.store, "bars").rglob("*.parquet")]
    sql = f"""
      SELECT provider, provider_id,
        CASE WHEN date < DATE '{policy.weekly}' THEN date_trunc('month', date)
        ELSE greatest(date_trunc('week', date), date_trunc('month', date)) END AS period,
        min_by(open, date) AS open, max(high) AS high, min(low) AS low, max_by(close, date) AS close,
        sum(volume) AS volume
      FROM read_parquet({paths!r}, hive_partitioning = false) WHERE date < DATE '{policy.daily}'
      GROUP BY provider, provider_id, period"""
    db = duckdb.connect()
    took = []
    for _ in range(5):
        start = time.perf_counter()
        db.execute(f"CREATE OR REPLACE TEMP TABLE bare AS {sql}")
        took.append(time.perf_counter() - start)
    return min(took)


def made(home: Home) -> float:
    """The same by the store's own text, with dividends and the search for days that stand twice."""
    from pricectl.store.rollup import RollUp
    from pricectl.store.workbench import Workbench

    policy = cuts("1y", "3y", AS_OF)
    paths = {"1d": [str(path) for path in Path(home.store, "bars").rglob("*.parquet")]}
    actions = [str(path) for path in Path(home.store, "actions").rglob("*.parquet")]
    took = []
    for _ in range(5):
        with Workbench(os.path.join(home.state, "spill")) as bench:
            roll = RollUp(bench, policy.daily, policy.weekly)
            roll._find_late(paths)
            roll._find_cuts(actions, {})
            start = time.perf_counter()
            roll._table("made", roll._made(paths), paths)
            took.append(time.perf_counter() - start)
    return min(took)


def tiers(home: Home) -> int:
    from pricectl.store.holdings import holdings

    held = [one for one in holdings(home) if one.rows and one.name in ("daily", "weekly", "monthly")]
    for one in held:
        print(f"  {one.name:8} {one.rows:>9} rows {one.bytes / 1e6:7.2f} MB {one.bytes / one.rows:6.2f} B a row")
    return sum(one.bytes for one in held)


def look_ups(home: Home, years: int) -> None:
    store = Store(home, Clock())
    names = [f"A{number:06d}" for number in range(1000)]
    first = AS_OF - dt.timedelta(days=366 * years)
    policy = cuts("1y", "3y", AS_OF)
    segments = [
        Segment("1mo", first.replace(day=1), policy.weekly - dt.timedelta(1)),
        Segment("1wk", policy.weekly, policy.daily - dt.timedelta(1)),
        Segment("1d", policy.daily, AS_OF),
    ]
    one = Series("yahoo", names[5])
    print("  one asset, daily:     ", best(lambda: store.history(one, [Segment("1d", first, AS_OF)], "split")))
    print("  one asset, auto:      ", best(lambda: store.history(one, segments, "split")))
    print("  last close of all:    ", best(lambda: store.last_closes([Series("yahoo", name) for name in names])))


def commits(home: Home) -> None:
    def append(number: int) -> None:
        store = Store(home, Clock())
        day = AS_OF + dt.timedelta(number)
        bars = [Bar(day, 1.25, 1.5, 1.0, 1.25, 1000.0 + number)]
        said = [Addition(Series("yahoo", f"A{n:06d}"), "USD", bars, [], [], symbol=f"A{n:06d}") for n in range(1000)]
        store.add_all(said, NOW_MS + number)

    numbers = iter(range(100))
    print("  commit of 1000 bars:  ", best(lambda: append(next(numbers)), 10))


def main(assets: int = 1000, years: int = 10, folder: str = "") -> None:
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(folder or temporary)
        os.makedirs(home.state, exist_ok=True)
        with timed(f"{assets} assets, {years} years filled"):
            fill(home, assets, years)
        print("all daily:")
        tiers(home)
        look_ups(home, years)
        one, own = bare(home), made(home)
        print(f"  roll-up: bare query {one:.3f} s, own {own:.3f} s, {own / one:.2f} x")
        policy = cuts("1y", "3y", AS_OF)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with timed("aggregate, whole"):
            Store(home, Clock()).upkeep().run(policy.daily, policy.weekly, lambda _: {}, lambda *_: None, dry_run=False)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"  memory: {before / 1e3:.0f} MB before it (by filling), {after / 1e3:.0f} MB after")
        with timed("aggregate again"):
            Store(home, Clock()).upkeep().run(policy.daily, policy.weekly, lambda _: {}, lambda *_: None, dry_run=False)
        print("tiered:")
        size = tiers(home)
        print(f"  {size / 1e6:.2f} MB in all, {size / (assets * years * DAYS):.2f} B an original bar")
        look_ups(home, years)
        commits(home)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:3]), *sys.argv[3:])
