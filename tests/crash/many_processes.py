"""Writers, readers and an upkeep on one store, killed at random. A program of its own:

    python tests/crash/many_processes.py FOLDER SECONDS SEED

Each of four writers adds a week of bars at a time to its two series, in one commit, and notes what was acknowledged;
killed, it begins again with the week that it had in hand. So what is stored of a series is at any time the first weeks
without a gap, and how many is all that an answer can differ in. Eight readers hold each answer to that. Meanwhile old
days are rolled up, parts merged and what nothing lists removed, with a clock nearly a day ahead: after GRACE_S seconds.

One JSON line at the end: what was done, and what was wrong.
"""

import contextlib
import datetime as dt
import importlib
import json
import mmap
import os
import random
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from pricectl.errors import Damaged
from pricectl.model.asset import Series
from pricectl.model.bar import Action, Bar, Row, Segment
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote
from pricectl.store import Addition, Store
from pricectl.store.vacuum import GRACE_MS
from stores import NOON_MS, home

WRITERS, READERS = 4, 8
GRACE_S = 5.0
LONGER_S = 30.0
# Nobody queues for the lock: without pauses one keeps it from the others.
PAUSE_S = 0.05
UPKEEP_PAUSE_S = 1.5
# Imported once here and not in every fork.
LIBRARIES = ("_duckdb", "duckdb", "deltalake.transaction", "pyarrow.parquet", "pricectl.store.upkeep")
DAY = dt.timedelta(days=1)
FIRST = dt.date(2019, 9, 2)  # a Monday: the turn of a year comes soon
MONTHS = [Segment("1mo", dt.date(2019, 9, 1), dt.date(2099, 12, 31))]
WEEKS_BEFORE = 14  # stored before it begins, so that there is something to roll up


class Counts:
    """Whole numbers that processes share and that outlive them."""

    def __init__(self, count: int) -> None:
        self._memory = mmap.mmap(-1, 8 * count)

    def __getitem__(self, place: int) -> int:
        return int(struct.unpack_from("q", self._memory, 8 * place)[0])

    def __setitem__(self, place: int, value: int) -> None:
        struct.pack_into("q", self._memory, 8 * place, value)


class Ahead(Clock):
    def now_ms(self) -> int:
        return super().now_ms() + GRACE_MS - int(GRACE_S * 1000)


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun, self.acked, self.quoted = Counts(WRITERS), Counts(WRITERS), Counts(WRITERS)
        self.seen = Counts(WRITERS * READERS)
        self.reads, self.upkeeps, self.removed = Counts(READERS), Counts(1), Counts(1)

    def store(self, clock: Clock | None = None) -> Store:
        return Store(home(self.folder), clock or Clock(), wait_s=120.0)

    def tried(self) -> bool:
        """Whether each writer and each reader has come through once, and the upkeep too."""
        wrote = all(self.acked[writer] > WEEKS_BEFORE for writer in range(WRITERS))
        return wrote and all(self.reads[reader] for reader in range(READERS)) and self.upkeeps[0] > 0

    def write(self, writer: int) -> None:
        store = self.store()
        while True:
            week = self.acked[writer]
            self.begun[writer] = week + 1
            self.add(store, writer, week)
            self.acked[writer] = week + 1
            if week % 3 == 0:
                store.put_latest([quote(one, week) for one in pair(writer)])
                self.quoted[writer] = week
            time.sleep(PAUSE_S)

    def add(self, store: Store, writer: int, week: int, weeks: int = 1) -> None:
        days = [FIRST + DAY * n for n in range(7 * week, 7 * (week + weeks))]
        paid = [Action(day, "dividend", 0.5) for day in days[2::7]]
        span = (days[0], days[-1])
        both = [Addition(one, "USD", [bar(one, day) for day in days], paid, [span]) for one in pair(writer)]
        store.add_all(both, NOON_MS + week)

    def keep_up(self) -> None:
        while True:
            self.keep_up_once()
            time.sleep(UPKEEP_PAUSE_S)

    def keep_up_once(self) -> None:
        last = FIRST + DAY * 7 * min(self.acked[writer] for writer in range(WRITERS))
        daily = last - DAY * 14  # a Monday
        weekly = (daily - DAY * 30).replace(day=1)
        keeping = self.store(Ahead()).upkeep()
        done = keeping.run(daily, weekly, lambda _: {}, lambda *_: None, dry_run=False)
        self.upkeeps[0] += 1
        self.removed[0] += done.removed

    def read(self, reader: int) -> None:
        for turn in range(sys.maxsize):
            writer = (reader + turn) % WRITERS
            started = time.monotonic()
            try:
                # A new one each time, as each command has.
                self.look(self.store(), writer, reader)
            except Damaged:
                if time.monotonic() - started < GRACE_S - 1:
                    raise
            self.reads[reader] += 1
            time.sleep(PAUSE_S)

    def look(self, store: Store, writer: int, reader: int) -> int:
        """How many weeks an answer holds; fails if that is fewer than it must be, or not whole weeks."""
        acked, quoted = self.acked[writer], self.quoted[writer]
        seen = max(self.seen[WRITERS * other + writer] for other in range(READERS))
        one, other = pair(writer)
        covered = len(list(days_of(store.coverage(one)))) // 7
        told = store.history_of_many([one, other], MONTHS, "none")
        actions = store.actions(other)
        latest = store.latest([one, other])
        begun = self.begun[writer]
        weeks = int(sum(row.volume or 0.0 for row in told[one][1])) // 7
        for each in (one, other):
            assert told[each] == ("USD", months(each, weeks)), f"torn: {each} of {weeks} weeks: {told[each]}"
        assert acked <= weeks <= begun, f"{one}: {acked} weeks were acknowledged and {begun} begun; {weeks} came"
        assert seen <= weeks, f"{one}: {seen} weeks were seen before; {weeks} came"
        assert acked <= covered <= weeks, f"{one}: {acked} acknowledged, {covered} covered, {weeks} there"
        assert len(actions) >= weeks, f"{other}: {weeks} weeks but only {len(actions)} dividends"
        if quoted:
            assert all(int(latest[each].price) >= quoted for each in (one, other)), f"{latest} after {quoted}"
        place = WRITERS * reader + writer
        self.seen[place] = max(weeks, self.seen[place])
        return weeks


def pair(writer: int) -> tuple[Series, Series]:
    return Series("yahoo", f"A{writer}"), Series("yahoo", f"Z{writer}")


def bar(series: Series, day: dt.date) -> Bar:
    n = (day - FIRST).days + 1000.0 * (int(series.provider_id[1]) + 1) + 500.0 * (series.provider_id[0] == "Z")
    return Bar(day, n + 1.0, n + 3.0, n + 0.5, n + 2.0, 1.0)


def quote(series: Series, week: int) -> Quote:
    return Quote(*series, str(week), "USD", None, NOON_MS, NOON_MS + week)


def months(series: Series, weeks: int) -> list[Row]:
    """What the first ``weeks`` give at 1mo, counted by hand."""
    rows = []
    bars = [bar(series, FIRST + DAY * n) for n in range(7 * weeks)]
    for month, group in groupby(bars, lambda one: one.date.replace(day=1)):
        own = list(group)
        first, last = own[0], own[-1]
        rows.append(Row(month, first.open, last.high, first.low, last.close, float(len(own)), "1mo"))
    return rows


def days_of(spans: list[tuple[dt.date, dt.date]]) -> Iterator[dt.date]:
    for first, last in spans:
        yield from (first + DAY * n for n in range((last - first).days + 1))


def forked(work: Callable[[], None], failures: str) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            file = os.open(failures, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(file, traceback.format_exc().encode())
        os._exit(1)
    return child


def main(root: str, seconds: float, seed: int) -> None:
    for library in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    stage, chance = Stage(Path(root)), random.Random(seed)
    failures = os.path.join(root, "failures")
    os.waitpid(forked(lambda: fill(stage), failures), 0)
    jobs: list[Callable[[], None]] = [lambda n=n: stage.write(n) for n in range(WRITERS)]  # type: ignore[misc]
    jobs += [lambda n=n: stage.read(n) for n in range(READERS)]  # type: ignore[misc]
    jobs.append(stage.keep_up)
    running = {job: forked(job, failures) for job in jobs}
    killed, until = 0, time.monotonic() + seconds
    # A loaded machine gets longer, until each has come to something. The upkeep takes longest and is killed least.
    while (now := time.monotonic()) < until or (now < until + LONGER_S and not stage.tried()):
        if os.path.exists(failures):
            break
        time.sleep(chance.uniform(0.0, 0.4))
        (job,) = chance.choices(jobs, [1.0] * (len(jobs) - 1) + [0.25])
        end(running[job])
        running[job] = forked(job, failures)
        killed += 1
    for child in running.values():
        end(child)
    weeks = [stage.acked[writer] - WEEKS_BEFORE for writer in range(WRITERS)]
    os.waitpid(forked(lambda: judge(stage), failures), 0)
    said = {
        "killed": killed,
        "weeks": weeks,
        "reads": sum(stage.reads[reader] for reader in range(READERS)),
        "upkeeps": stage.upkeeps[0],
        "removed": stage.removed[0],
        "wrong": Path(failures).read_text() if os.path.exists(failures) else "",
    }
    print(json.dumps(said))


def fill(stage: Stage) -> None:
    for writer in range(WRITERS):
        stage.add(stage.store(), writer, 0, WEEKS_BEFORE)
        stage.begun[writer] = stage.acked[writer] = WEEKS_BEFORE


def judge(stage: Stage) -> None:
    """After all were killed: nothing acknowledged is lost, nothing is damaged, and the next writers go on."""
    for writer in range(WRITERS):
        stage.look(stage.store(), writer, 0)
    for writer in range(WRITERS):
        stage.add(stage.store(), writer, stage.acked[writer])
        stage.begun[writer] = stage.acked[writer] = stage.acked[writer] + 1
    stage.keep_up_once()
    for writer in range(WRITERS):
        stage.look(stage.store(), writer, 0)
    for table in stage.store().examined():
        assert not table.bad, table
        assert not table.log_error, table


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
