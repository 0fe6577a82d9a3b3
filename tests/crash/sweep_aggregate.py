"""Stops an aggregate at each of its steps on the disk, and looks at what is left. A program of its own:

    python tests/crash/sweep_aggregate.py FOLDER torn|ENOSPC|EIO [FIRST STRIDE]

Roll-up, compaction of all three tables, checkpoints and vacuum are one run. As in ``sweep_store``, one JSON line for
each step says how the run ended, what a reader then finds (``old``, ``new``, or what is wrong), and what after the same
run again.
"""

import datetime as dt
import itertools
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from sweep_store import Faults, arm, forked

from pricectl.errors import PricectlError
from pricectl.model.bar import Action, Bar, Segment
from pricectl.store import upkeep  # noqa: F401 - imported once here, not in every fork
from pricectl.store.log import Log
from stores import AAPL, MSFT, NOON_MS, D, home, store

DAY = dt.timedelta(days=1)
DAILY, WEEKLY = D(2021, 2, 15), D(2021, 2, 1)
DAYS = [D(2021, 1, 4) + DAY * n for n in range(50)]
SPLIT, PAID = Action(D(2021, 1, 13), "split", 2.0), Action(D(2021, 2, 10), "dividend", 0.5)
WEEKS = [Segment("1wk", D(2021, 2, 1), D(2021, 2, 28))]
MONTHS = [Segment("1mo", D(2021, 1, 1), D(2021, 2, 28))]


def bars(offset: float) -> list[Bar]:
    return [Bar(day, n + offset, n + 2.0 + offset, n - 1.0 + offset, n + 1.0 + offset, 100.0 + n)
            for n, day in enumerate(DAYS, 5)]  # fmt: skip


def fill(folder: Path) -> None:
    """Several parts a partition and a table, one of them long unlisted, and more entries than a checkpoint takes."""
    for number, series in enumerate((AAPL, MSFT)):
        said = bars(100.0 * number)
        for count in range(0, len(said), 10):
            some = said[count : count + 10]
            store(folder).add(series, "USD", some, [SPLIT, PAID], [(some[0].date, some[-1].date)], NOON_MS + count)
    orphan = Path(home(folder).store, "bars", "interval=1d", "year=2021", f"{'0' * 32}-{'1' * 64}.parquet")
    orphan.write_bytes(b"left by a writer that died")
    os.utime(orphan, (1.0, 1.0))


def aggregate(folder: Path) -> None:
    store(folder).upkeep().run(DAILY, WEEKLY, lambda _: {}, lambda *_: None, dry_run=False)


def answers(folder: Path) -> list[Any]:
    reader = store(folder)
    told = [reader.history(series, what, "all") for series in (AAPL, MSFT) for what in (WEEKS, MONTHS)]
    recent = [reader.traded(series, DAILY, D(2021, 12, 31)) for series in (AAPL, MSFT)]
    return [*told, *recent, reader.actions(AAPL), reader.coverage(AAPL), reader.coverage(MSFT)]


def state(folder: Path, wanted: str) -> str:
    """The answers are the same before, in between and after: only the tiers differ, and none but whole."""
    if (found := repr(answers(folder))) != wanted:
        return f"other answers: {found}"
    reader = store(folder)
    kept = {one: reader.traded(one, D(2021, 1, 1), D(2021, 2, 14))[1] for one in (AAPL, MSFT)}
    pieces = {one: len(reader.pieces(one, D(2021, 1, 1), D(2021, 2, 28))) for one in (AAPL, MSFT)}
    if all(len(days) == 42 for days in kept.values()) and not any(pieces.values()):
        return "old"
    # January in two, around its split; two weeks, one of them in two around the dividend.
    if not any(kept.values()) and set(pieces.values()) == {5}:
        return "new"
    return f"neither old nor new: {kept} {pieces}"


def arm_more(faults: Faults) -> None:
    arm(faults)
    put = Log._put_checkpoint

    def counted(self: Log, version: int) -> OSError | None:
        try:
            return faults.counted("checkpoint", put)(self, version)  # type: ignore[no-any-return]
        except OSError as error:
            return error

    Log._put_checkpoint = counted  # type: ignore[method-assign]


def main(root: str, mode: str, first: int = 1, stride: int = 1) -> None:
    template, folder = Path(root, "template"), Path(root, "home")
    home(template)
    assert forked(lambda: str(fill(template))) == "None"
    wanted = forked(lambda: repr(answers(template)))
    for at in itertools.count(first, stride):
        shutil.copytree(template, folder)
        faults = Faults(mode, at)

        def attempt(faults: Faults = faults) -> str:
            arm_more(faults)
            try:
                aggregate(folder)
            except PricectlError as error:
                return f"{faults.name} {error.code} {error.exit_code} {'hint' if error.hint else 'no hint'}"
            return f"{faults.name} ok" if faults.count >= faults.at else "done"

        def look() -> str:
            found = state(folder, wanted)
            aggregate(folder)
            return f"{found} {state(folder, wanted)}"

        ended = forked(attempt)
        if ended == "done":
            return
        print(json.dumps({"at": at, "ended": ended, "then": forked(look)}))
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
