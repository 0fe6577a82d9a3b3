"""Whether the store is what was written: the logs, every listed part, and what the rows say of one another.

Nothing is changed here but by ``set_aside`` and what it is made of, which ``doctor --fix`` calls under the run lock.
"""

import contextlib
import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pricectl.errors import Damaged, NewerFormat, StoreError
from pricectl.model.asset import Series
from pricectl.model.instant import Clock
from pricectl.store import entry as entries
from pricectl.store import parts as parquet
from pricectl.store.disk import Disk
from pricectl.store.log import Log
from pricectl.store.rows import Days
from pricectl.store.tables import ACTIONS, BARS, COVERAGE, Part, Table


class Bad(NamedTuple):
    """A listed part that is not what was written, and in which way."""

    part: Part
    why: str


class Examined(NamedTuple):
    """One table as it was found. ``log_error``: why its log cannot be believed (then nothing is known of parts);
    ``bad_newest``: the newest entry is the damaged one, which the next writer sets aside; ``old_entries`` are damaged
    ones that nothing needs any more. ``unlisted`` files lie about, so many bytes of them."""

    table: Table
    version: int | None
    parts: Sequence[Part]
    bad: Sequence[Bad]
    log_error: str
    bad_newest: bool
    old_entries: Sequence[str]
    unlisted: int
    unlisted_bytes: int

    @property
    def sound(self) -> list[Part]:
        broken = {bad.part for bad in self.bad}
        return [part for part in self.parts if part not in broken]


def examine(log: Log) -> Examined:
    """Every entry of the log against its own claims, the list against a replay of all, every part against its
    SHA-256. Raises NewerFormat, StoreError for a folder that cannot be read."""
    error, bad_newest, version, parts = "", False, None, list[Part]()
    damaged = _damaged_entries(log)
    try:
        newest = log.newest()
        version = newest.version if newest else None
        parts = log.parts()
        log.replayed()
    except NewerFormat:
        raise
    except Damaged as found:
        error = str(found)
        bad_newest = version is None and bool(damaged)
    bad = [Bad(part, why) for part in parts if (why := _wrong(log.folder, part))]
    listed = {part.path for part in parts}
    loose = [] if error else [size for path, size in _files(log.folder) if path not in listed]
    return Examined(log.table, version, parts, bad, error, bad_newest, damaged, len(loose), sum(loose))


def _damaged_entries(log: Log) -> list[str]:
    found = []
    for name in sorted(os.listdir(log.entries)) if os.path.isdir(log.entries) else []:
        if not (name.endswith(".json") and name[:20].isdigit()):
            continue
        path = os.path.join(log.entries, name)
        try:
            with open(path, "rb") as file:
                entries.read(int(name[:20]), file.read(), path)
        except NewerFormat:
            raise
        except Damaged:
            found.append(path)
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}", "look at the disk and its modes") from error
    return found


def _wrong(folder: str, part: Part) -> str:
    """In which way a listed part is not what was written; empty if it is."""
    path = os.path.join(folder, part.path)
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return "it is gone"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if size != part.size:
        return f"it has {size} bytes instead of {part.size}"
    return "" if digest == part.sha256 else "its bytes are not those that were written"


def _files(folder: str) -> Iterable[tuple[str, int]]:
    """The files of a table that are no log: paths below it, with their size."""
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "_delta_log"]
        below = os.path.relpath(above, folder)
        for name in names:
            path = name if below == "." else f"{below.replace(os.sep, '/')}/{name}"
            yield path, os.lstat(os.path.join(above, name)).st_size


class Repair:
    """What makes a store whole again that is not, for as much as that needs no provider."""

    def __init__(
        self,
        folder: str,
        disk: Disk,
        clock: Clock,
        logs: Mapping[str, Log],
        writing: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self._aside = os.path.join(folder, "aside")
        self._disk = disk
        self._clock = clock
        self._logs = logs
        self._writing = writing

    def entries(self, table: Table) -> None:
        """A damaged newest entry is set aside, as the next writer would do."""
        with self._writing():
            self._logs[table.name].mend()

    def cover(self, covered: Mapping[Series, Sequence[Days]]) -> None:
        """From now on just these days count as asked for; damaged parts of the table are set aside."""
        with self._writing():
            log = self._logs[COVERAGE.name]
            listed = log.parts()
            fetched = dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, dt.UTC)
            rows = sorted((*series, *days, fetched) for series, spans in covered.items() for days in spans)
            self._replace(log, listed, rows)

    def lose(self, bad: Sequence[Bad]) -> None:
        """Take damaged parts of bars off the list and set them aside. Only after ``cover`` without their days: what
        is not covered is asked for again."""
        with self._writing():
            log = self._logs[BARS.name]
            listed = set(log.parts())
            gone = [one.part for one in bad if one.part in listed]
            if gone:
                log.commit([], gone, self._clock.now_ms())
            self._set_aside(log, gone)

    def retell(self, bad: Sequence[Bad], rows: Sequence[tuple[Any, ...]]) -> None:
        """Put ``rows`` of actions in the place of damaged parts, in one commit."""
        with self._writing():
            self._replace(self._logs[ACTIONS.name], [one.part for one in bad], sorted(rows, key=lambda row: row[:4]))

    def latest(self, paths: Sequence[str]) -> None:
        """Set damaged files of latest prices aside."""
        with self._writing():
            for path in paths:
                self._disk.move(path, os.path.join(self._aside, f"latest-{os.path.basename(path)}"))

    def _replace(self, log: Log, old: Sequence[Part], rows: Sequence[tuple[Any, ...]]) -> None:
        log.prepare()
        broken = [part for part in old if _wrong(log.folder, part)]
        new = [parquet.write(self._disk, log.folder, log.table, rows)] if rows else []
        if old or new:
            log.commit(new, old, self._clock.now_ms())
        self._set_aside(log, broken)

    def _set_aside(self, log: Log, gone: Sequence[Part]) -> None:
        for part in gone:
            path = os.path.join(log.folder, part.path)
            if os.path.exists(path):
                name = f"{log.table.name}-{os.path.basename(part.path)}"
                self._disk.move(path, os.path.join(self._aside, name))
