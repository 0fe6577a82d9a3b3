"""Stops a write to the store at each of its steps on the disk, and looks at what is left. A program of its own:

    python tests/crash/sweep_store.py add|latest FOLDER torn|ENOSPC|EIO [FIRST STRIDE]

``torn`` kills before the step, or halfway through it where it is a write. It prints one JSON line for each step: how
the writer ended, what a reader then finds (``old``, ``new``, or what is wrong), then after the same write again. It
forks for each step and never itself starts DuckDB, Arrow or delta-rs, whose threads a fork loses.
"""

import datetime as dt
import errno
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake  # noqa: F401 - imported once here, not in every fork
import duckdb  # noqa: F401
import pyarrow.parquet  # noqa: F401

from pricectl.errors import PricectlError
from pricectl.model.bar import Action
from pricectl.model.quote import Quote
from pricectl.store import disk, lock
from pricectl.store.log import Log
from stores import AAPL, NOON_MS, D, flat, home, store

DAY = dt.timedelta(days=1)
OLD = [flat(D(2019, 12, 30) + DAY * n, 100.0 + n) for n in range(5)]
NEW = [flat(D(2019, 12, 30) + DAY * n, 200.0 + n) for n in range(8)]
SPLIT = Action(D(2020, 8, 31), "split", 4.0)
QUOTES = [Quote("yahoo", "AAPL", "1.5", "USD", None, 1, NOON_MS), Quote("yahoo", "MSFT", "2.5", "USD", "1", 1, NOON_MS)]


class Faults:
    """Stands in for the module ``os`` in the store's own modules: counts the calls that change the disk and fails
    the one with the number ``at``, and with ``ENOSPC`` all after it."""

    CHANGES = ("write", "fsync", "mkdir", "chmod", "fchmod", "rename", "replace", "unlink")

    def __init__(self, mode: str, at: int) -> None:
        self.mode, self.at, self.count, self.name = mode, at, 0, ""

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return self.counted(name, real) if name in self.CHANGES else real

    def open(self, path: str, flags: int, *mode: int) -> int:
        opened: Callable[..., int] = self.counted("create", os.open) if flags & os.O_CREAT else os.open
        return opened(path, flags, *mode)

    def counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at or (self.mode == "ENOSPC" and self.count > self.at):
                self.name = name if self.count == self.at else self.name
                self.fail(name, arguments)
            return real(*arguments, **named)

        return call

    def fail(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "write":
            os.write(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
        if self.mode == "torn":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.mode)
        raise OSError(number, os.strerror(number))


def arm(faults: Faults) -> None:
    disk.os = lock.os = faults  # type: ignore[assignment,attr-defined]
    put = Log._put

    def counted_put(self: Log, *arguments: Any) -> Exception | None:
        try:
            return faults.counted("commit", put)(self, *arguments)  # type: ignore[no-any-return]
        except OSError as error:
            return error

    Log._put = counted_put  # type: ignore[method-assign]


def add(folder: Path, what: str) -> None:
    bars, actions = (OLD, []) if what == "old" else (NEW, [SPLIT])
    covered = [(bars[0].date, bars[-1].date)]
    store(folder).add(AAPL, "USD", bars, actions, covered, NOON_MS + len(bars))


def put_latest(folder: Path, what: str) -> None:
    store(folder).put_latest(QUOTES[:1] if what == "old" else QUOTES[1:])


def state_after_add(folder: Path) -> str:
    reader = store(folder)
    ((_, last),) = reader.coverage(AAPL)
    bars = reader.traded(AAPL, D(2019, 1, 1), D(2021, 1, 1))[1]
    actions = reader.actions(AAPL)
    # Actions come first and coverage last: whatever is claimed as covered is there.
    if bars not in (OLD, NEW) or actions not in ([], [SPLIT]):
        return f"neither old nor new: {bars} {actions}"
    if (last == NEW[-1].date and bars == OLD) or (bars == NEW and not actions):
        return f"claimed but not there: {last} {bars} {actions}"
    return "new" if last == NEW[-1].date else "old"


def state_after_latest(folder: Path) -> str:
    found = store(folder).latest([quote.series for quote in QUOTES])
    wanted = {quote.series: quote for quote in QUOTES}
    if found == wanted:
        return "new"
    return "old" if found == {AAPL: QUOTES[0]} else f"neither old nor new: {found}"


SCENARIOS = {"add": (add, state_after_add), "latest": (put_latest, state_after_latest)}


def forked(work: Callable[[], str]) -> str:
    """What ``work`` says, or the error that it ends with, or the signal that ends it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = work()
        except PricectlError as error:
            said = f"{error.code} {error.exit_code} {'hint' if error.hint else 'no hint'}"
        except BaseException as error:
            said = f"untyped {error!r}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    status = os.waitpid(child, 0)[1]
    return said or f"signal {os.WTERMSIG(status)}"


def main(scenario: str, root: str, mode: str, first: int = 1, stride: int = 1) -> None:
    write, state = SCENARIOS[scenario]
    template, folder = Path(root, "template"), Path(root, "home")
    home(template)
    forked(lambda: str(write(template, "old")))
    for at in itertools.count(first, stride):
        shutil.copytree(template, folder)
        faults = Faults(mode, at)

        def attempt(faults: Faults = faults) -> str:
            arm(faults)
            try:
                write(folder, "new")
            except PricectlError as error:
                return f"{faults.name} {error.code} {error.exit_code} {'hint' if error.hint else 'no hint'}"
            return f"{faults.name} ok" if faults.count >= faults.at else "done"

        def look() -> str:
            found = state(folder)
            write(folder, "new")
            return f"{found} {state(folder)}"

        ended = forked(attempt)
        if ended == "done":
            return
        print(json.dumps({"at": at, "ended": ended, "then": forked(look)}))
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
