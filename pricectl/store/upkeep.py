"""What keeps the store small: the roll-up of old days, one sorted file a partition, checkpoints of the logs, and the
end of parts that nothing lists any more. All of it under the writers' lock.
"""

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pricectl.errors import Busy, Locked
from pricectl.model.asset import Series
from pricectl.model.bar import INTERVALS
from pricectl.model.instant import Clock
from pricectl.store import compaction
from pricectl.store.disk import Disk
from pricectl.store.log import Log
from pricectl.store.parts import Encoder, Verifier, gone
from pricectl.store.rollup import Paths, RollUp
from pricectl.store.rows import Days
from pricectl.store.tables import ACTIONS, BARS, COVERAGE, Part, Table
from pricectl.store.vacuum import vacuum
from pricectl.store.workbench import Workbench

_CHECKPOINT_EVERY = 10  # entries: delta-rs then replays at most so many one by one

Partition = tuple[str, int]  # interval, year
# Of series with the first day that is to be rolled up: days that were never asked for, which must wait.
Gaps = Callable[[Mapping[Series, dt.date]], Mapping[Series, Sequence[Days]]]
Tell = Callable[[int, int], None]


class Tier(NamedTuple):
    """Rows and bytes of one interval before and after, and how many of its periods the run rolled up."""

    before: int
    after: int
    bytes_before: int
    bytes_after: int
    periods: int


class Outcome(NamedTuple):
    """What a run did, or would do. ``waiting`` days are older than the daily cut and stay days: part of their period
    was never asked for, or they came late and are not all of it. ``removed`` files were listed no longer."""

    daily: Tier
    weekly: Tier
    monthly: Tier
    waiting: int
    removed: int


class Upkeep:
    """Upkeep of the store in ``folder``. ``writing`` is the block under the writers' lock."""

    def __init__(
        self,
        state: str,
        disk: Disk,
        clock: Clock,
        logs: Mapping[str, Log],
        verifiers: Mapping[str, Verifier],
        writing: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self._spill = os.path.join(state, "spill")
        self._disk = disk
        self._clock = clock
        self._logs = logs
        self._verifiers = verifiers
        self._writing = writing

    def run(self, daily: dt.date, weekly: dt.date, gaps: Gaps, tell: Tell, *, dry_run: bool) -> Outcome:
        """Roll up days before ``daily`` into weeks, and what lies before ``weekly`` into months; leave one sorted file
        a partition. One commit for all tiers, checked against what it replaces before. ``dry_run`` does it in memory
        only. ``tell`` hears how many of how many steps are done.

        Raises Locked when another run writes, Unwritable, Damaged, NewerFormat, StoreError.
        """
        if dry_run:
            return self._bars(daily, weekly, gaps, tell, dry_run=True)
        with self._locked():
            outcome = self._bars(daily, weekly, gaps, tell, dry_run=False)
            self._compact(ACTIONS)
            self._compact(COVERAGE)
            now_ms = self._clock.now_ms()
            for log in self._logs.values():
                log.checkpoint(_CHECKPOINT_EVERY)
            removed = sum(vacuum(log, self._disk, now_ms) for log in self._logs.values())
        return outcome._replace(removed=removed)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with self._writing():
                yield
        except Busy as error:
            raise Locked("another run is writing the store", "run it again when that has ended") from error

    def _bars(self, daily: dt.date, weekly: dt.date, gaps: Gaps, tell: Tell, *, dry_run: bool) -> Outcome:
        log = self._logs[BARS.name]
        listed = log.parts()
        held: dict[Partition, list[Part]] = {}
        for part in listed:
            held.setdefault((part.interval, part.year), []).append(part)
        # Days that came late may lie behind the daily cut, where an earlier policy made pieces.
        limit = max([daily.isoformat(), *(part.last for part in listed if part.interval != "1d")])
        old = self._paths(part for part in listed if part.interval != "1d" or part.first <= limit)
        with Workbench(self._spill) as bench:
            roll = RollUp(bench, daily, weekly)
            series = roll.old(old)
            roll.make(old, self._actions(), gaps(series) if series else {})
            touched = sorted(roll.changed() | {place for place, parts in held.items() if len(parts) > 1})
            made, waiting, adds = roll.made(), roll.waiting(old), []
            removes = [part for place in touched for part in held.get(place, ())]
            before = self._paths(removes)
            try:
                for step, place in enumerate(touched):
                    adds += self._rewritten(roll, place, self._paths(held.get(place, ())), dry_run)
                    tell(step + 1, len(touched) + 1)
                if touched and not dry_run:
                    doubled = any(len(held.get(place, ())) > 1 for place in touched if place[0] == "1d")
                    roll.verify(before, self._paths(adds), doubled_lately=doubled)
            except BaseException:
                self._discard(log, [] if dry_run else adds)
                raise
        if touched and not dry_run:
            log.commit(adds, removes, self._clock.now_ms())
            tell(len(touched) + 1, len(touched) + 1)
        after = [*(part for part in listed if part not in set(removes)), *adds]
        daily_, weekly_, monthly_ = (_tier(one, listed, after, made.get(one, 0)) for one in INTERVALS)
        return Outcome(daily_, weekly_, monthly_, waiting, 0)

    def _paths(self, parts: Iterable[Part]) -> dict[str, list[str]]:
        """The paths of parts of bars by interval. All are hashed again: damage is never merged on."""
        chosen = list(parts)
        paths: dict[str, list[str]] = {}
        try:
            found = self._verifiers[BARS.name].paths(chosen, afresh=True)
        except FileNotFoundError as error:
            raise gone(error) from error
        for part, path in zip(chosen, found, strict=True):
            paths.setdefault(part.interval, []).append(path)
        return paths

    def _actions(self) -> list[str]:
        try:
            return self._verifiers[ACTIONS.name].paths(self._logs[ACTIONS.name].parts(), afresh=True)
        except FileNotFoundError as error:
            raise gone(error) from error

    def _rewritten(self, roll: RollUp, place: Partition, paths: Paths, dry_run: bool) -> list[Part]:
        """The one part of a partition after the roll-up; none if nothing is left in it."""
        import pyarrow as pa

        interval, year = place
        encoder = Encoder(BARS)
        for batch in roll.partition(interval, year, paths.get(interval, ())):
            encoder.add(pa.Table.from_batches([batch]))
        if not encoder.rows:
            return []
        below = f"interval={interval}/year={year:04d}"
        if dry_run:
            return [encoder.part(encoder.finish(), below)]
        log = self._logs[BARS.name]
        log.prepare()
        return [encoder.write(self._disk, log.folder, below)]

    def _discard(self, log: Log, parts: Iterable[Part]) -> None:
        """Parts that were written and will not be listed make room again; what cannot be removed waits for the next
        vacuum."""
        for part in parts:
            with contextlib.suppress(OSError):
                self._disk.remove(os.path.join(log.folder, part.path))

    def _compact(self, table: Table) -> None:
        """One part for a table that is not partitioned, of what counts in its parts."""
        log = self._logs[table.name]
        parts = log.parts()
        if len(parts) < 2:
            return
        try:
            paths = self._verifiers[table.name].paths(parts, afresh=True)
        except FileNotFoundError as error:
            raise gone(error) from error
        encoder = Encoder(table)
        with Workbench(self._spill) as bench:
            encoder.add(compaction.rows(bench, table, paths))
            part = encoder.write(self._disk, log.folder, "")
            try:
                compaction.verify(bench, table, paths, self._verifiers[table.name].paths([part], afresh=True))
            except BaseException:
                self._discard(log, [part])
                raise
        log.commit([part], parts, self._clock.now_ms())


def _tier(interval: str, before: Sequence[Part], after: Sequence[Part], periods: int) -> Tier:
    one, other = ([part for part in parts if part.interval == interval] for parts in (before, after))
    return Tier(
        sum(part.rows for part in one),
        sum(part.rows for part in other),
        sum(part.size for part in one),
        sum(part.size for part in other),
        periods,
    )
