"""The store, tier 2: bars as traded, corporate actions, what was asked for, and the latest prices.

Three Delta tables of immutable Parquet parts, read by DuckDB. A reader sees one version, whole; an acknowledged write
survives a crash; damage is found and named, never returned as a price.
"""

import contextlib
import datetime as dt
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING

from pricectl.errors import Damaged, StoreError, Unwritable
from pricectl.home import Home
from pricectl.model.adjust import factor_spans, shown, span_on
from pricectl.model.asset import Series
from pricectl.model.bar import INTERVALS, Action, Bar, Row, Segment
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote
from pricectl.store import parts, rows
from pricectl.store.disk import Disk, writing
from pricectl.store.latest import Latest
from pricectl.store.lock import writers_lock
from pricectl.store.log import Log
from pricectl.store.query import Bars, Query
from pricectl.store.rows import Addition, Days, merged
from pricectl.store.tables import ACTIONS, BARS, COVERAGE, Part, Table

if TYPE_CHECKING:
    from pricectl.store.upkeep import Upkeep
    from pricectl.store.verify import Examined, Repair

__all__ = ["Addition", "Store"]

_TRIES = 3  # of a reader that finds a part gone: a newer version lists others


class Store:
    """The store of one home. Reading never writes but for what it remembers of verified parts, and works without
    that. Every reading method raises Damaged, NewerFormat or StoreError; every writing one Unwritable too.

    ``group``: the home is open read-only to this group. A writer waits at most ``wait_s`` seconds for another.
    """

    def __init__(
        self, home: Home, clock: Clock, *, read_only: bool = False, group: str = "", wait_s: float = 10.0
    ) -> None:
        self._folder = home.store
        self._state = home.state
        self._clock = clock
        self._read_only = read_only
        self._wait_s = wait_s
        self._disk = Disk(shared=bool(group))
        self._query = Query()
        self._latest = Latest(home.store, self._disk)
        self._logs = {table.name: Log(table, home.store, home.state, self._disk) for table in (ACTIONS, BARS, COVERAGE)}
        self._verifiers = {
            name: parts.Verifier(log.folder, os.path.join(home.state, f"verified-{name}"), self._disk)
            for name, log in self._logs.items()
        }

    # Reading

    def coverage(self, series: Series) -> list[Days]:
        """The days that were asked for, bars or not: spans with both ends inclusive, merged, oldest first."""
        return self._coverage([series]).get(series, [])

    def coverage_of(self, series: Sequence[Series]) -> dict[Series, list[Days]]:
        """The same of many, in one query; a series of which nothing was ever asked for is left out."""
        return self._coverage(series)

    def actions(self, series: Series) -> list[Action]:
        """The splits, dividends and gains known of ``series``, oldest first."""
        return self._actions([series]).get(series, [])

    def actions_of(self, series: Sequence[Series]) -> dict[Series, list[Action]]:
        """The same of many, in one query; a series without any is left out."""
        return self._actions(series)

    def traded(self, series: Series, start: dt.date, end: dt.date) -> tuple[str, list[Bar]]:
        """The currency and the stored daily bars from ``start`` to ``end`` (inclusive), as traded, oldest first."""
        found = self._query.traded(self._bars([series], start, end))
        return _currency(series, (row[-1] for row in found)), [Bar(*row[:-1]) for row in found]

    def traded_of(self, spans: Mapping[Series, Days]) -> dict[Series, tuple[str, list[Bar]]]:
        """The same of many, each within its own days, in one query; a series without a bar there is left out."""
        if not spans:
            return {}
        first, last = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
        held = self._held(BARS, list(spans), first.isoformat(), last.isoformat())
        paths = [path for part, path in held if part.interval == "1d"]
        bars: dict[Series, list[Bar]] = {}
        currencies: dict[Series, set[str]] = {}
        for provider, provider_id, *bar, currency in self._query.traded_of_many(paths, spans):
            series = Series(provider, provider_id)
            bars.setdefault(series, []).append(Bar(*bar))
            currencies.setdefault(series, set()).add(currency)
        return {series: (_currency(series, currencies[series]), found) for series, found in bars.items()}

    def history(
        self,
        series: Series,
        segments: Sequence[Segment],
        adjust: str,
        extra: Sequence[Bar] = (),
        extra_currency: str = "",
        extra_actions: Sequence[Action] = (),
    ) -> tuple[str, list[Row]]:
        """The currency and the rows of ``segments``, adjusted as of today (``adjust``: none, split, all) and rolled up
        to each segment's interval; the first row of a segment may begin earlier where a stored piece does.

        ``extra`` are bars as traded that are not stored (yet) and win over stored ones of their date, ``extra_actions``
        likewise. A row of which a bar is still moving is not ``final``. For ``all`` the bars from the first day to now
        must be stored or handed in: a dividend counts against the close before it, at most 14 days old. Works where
        nothing is stored.
        """
        told = {series: extra_actions} if extra_actions else {}
        return self._history([series], segments, adjust, extra, extra_currency, told).get(series, ("", []))

    def history_of_many(
        self, series: Sequence[Series], segments: Sequence[Segment], adjust: str
    ) -> dict[Series, tuple[str, list[Row]]]:
        """As ``history``, of those of ``series`` that have stored bars there, in one query."""
        return self._history(series, segments, adjust)

    def pieces(self, series: Series, start: dt.date, end: dt.date) -> list[Segment]:
        """The stored weeks and months of ``series``, or pieces of them, that reach into ``start``..``end`` (inclusive),
        each from its first to its last session: finer than this its days are not kept."""
        found = self._query.pieces(self._bars([series], start, end))
        return [Segment(INTERVALS[rank], first, last) for rank, first, last in found]

    def torn(self) -> dict[Series, list[Days]]:
        """The stored weeks and months that hold days of two scales, because an ex-date within them became known after
        they were rolled up: of each its first and last session."""
        coarse = [(part, path) for part, path in self._held(BARS, None) if part.interval != INTERVALS[0]]
        actions = [path for _, path in self._held(ACTIONS, None)] if coarse else []
        found: dict[Series, list[Days]] = {}
        for provider, provider_id, *days in self._query.torn(_by_interval(coarse), actions):
            found.setdefault(Series(provider, provider_id), []).append((days[0], days[1]))
        return found

    def latest(self, series: Sequence[Series], newer_than_ms: int = 0) -> dict[Series, Quote]:
        """The newest quotes of those of ``series`` that have one fetched after ``newer_than_ms``."""
        return self._latest.read(frozenset(series), newer_than_ms)

    def last_closes(self, series: Sequence[Series]) -> dict[Series, tuple[dt.date, float, str]]:
        """The last stored session of each of ``series``, its close adjusted for splits since, and the currency."""
        closes: dict[Series, tuple[dt.date, float, str]] = {}
        for year in sorted({part.first[:4] for part in self._logs["bars"].parts()}, reverse=True):
            missing = [one for one in series if one not in closes]
            held = self._held(BARS, missing, f"{year}-01-01", f"{year}-12-31")
            for provider, provider_id, *close in self._query.last_closes([path for _, path in held], missing):
                closes[Series(provider, provider_id)] = (close[0], close[1], close[2])
        known = self._actions(list(closes))
        for one, (day, price, currency) in closes.items():
            factor = span_on(factor_spans(known.get(one, ()), "split"), day).price_factor
            closes[one] = (day, shown(price, factor), currency)
        return closes

    def listed(self, table: Table) -> list[tuple[Part, str]]:
        """Every part of one table that its newest version lists, each known to be whole, with its path."""
        return self._held(table, None)

    def all_latest(self) -> dict[Series, Quote]:
        """The newest quotes of all series."""
        return self._latest.read(None)

    def held(self) -> dict[Series, dict[str, Days]]:
        """The series of which bars are stored, by series; of each the first and the last day, by interval."""
        found: dict[Series, dict[str, Days]] = {}
        for provider, provider_id, interval, *days in self._query.held(_by_interval(self._held(BARS, None))):
            found.setdefault(Series(provider, provider_id), {})[interval] = (days[0], days[1])
        return found

    def _history(
        self,
        series: Sequence[Series],
        segments: Sequence[Segment],
        adjust: str,
        extra: Sequence[Bar] = (),
        extra_currency: str = "",
        extra_actions: Mapping[Series, Sequence[Action]] = MappingProxyType({}),
    ) -> dict[Series, tuple[str, list[Row]]]:
        if not segments or not series:
            return {}
        first, last = min(one.start for one in segments), max(one.end for one in segments)
        # Bars first, then actions: a split is written before the bars that it speaks of.
        bars = self._bars(series, first, dt.date.max if adjust == "all" else last, extra, extra_currency)
        stored = self._actions(series)
        known = [
            {(action.ex_date, action.kind): action for action in [*stored.get(one, ()), *extra_actions.get(one, ())]}
            for one in series
        ]
        closes: list[dict[dt.date, tuple[dt.date, float]]] = [{} for _ in series]
        if adjust == "all":
            paid = [(sid, day) for sid, own in enumerate(known) for day, kind in own if kind != "split"]
            for sid, day, before, close in self._query.closes(bars, paid):
                closes[sid][day] = (before, close)
        spans = [factor_spans(own.values(), adjust, near) for own, near in zip(known, closes, strict=True)]
        found: dict[Series, tuple[str, list[Row]]] = {}
        for sid, own in groupby(self._query.rolled(bars, segments, spans), itemgetter(0)):
            rows = list(own)
            found[series[sid]] = (
                _currency(series[sid], (name for row in rows for name in row[-2:])),
                [
                    Row(day, open_, high, low, close, volume, INTERVALS[rank], not moving)
                    for _, day, open_, high, low, close, volume, rank, moving, *_ in rows
                ],
            )
        return found

    # Writing

    def add(
        self,
        series: Series,
        currency: str,
        bars: Sequence[Bar],
        actions: Sequence[Action],
        covered: Sequence[Days],
        fetched_ms: int,
        replace_actions_span: Days | None = None,
        symbol: str = "",
    ) -> None:
        """Store what a provider said of one series, durably: see ``Addition``."""
        self.add_all([Addition(series, currency, bars, actions, covered, replace_actions_span, symbol)], fetched_ms)

    def add_all(self, additions: Sequence[Addition], fetched_ms: int) -> None:
        """Store what was said of many series, in at most one commit a table, durable when it returns. Actions first,
        then bars, what was asked for last: a crash in between costs a request, never a wrong answer. A bar that is
        still moving raises ValueError. Raises Unwritable, Damaged, NewerFormat."""
        fetched = dt.datetime.fromtimestamp(fetched_ms / 1000, dt.UTC)
        by_folder = rows.bar_rows(additions, fetched)
        series = sorted({one.series for one in additions})
        with self._writing():
            events = rows.action_rows(additions, self._actions(series), fetched)
            spans = rows.coverage_rows(additions, self._coverage(series), fetched)
            self._commit(ACTIONS, {"": events} if events else {})
            self._commit(BARS, by_folder)
            self._commit(COVERAGE, {"": spans} if spans else {})

    def put_latest(self, quotes: Sequence[Quote]) -> None:
        """Keep ``quotes`` as the latest, durably. Raises Unwritable."""
        with self._writing():
            self._latest.put(quotes, self._clock.now_ms())

    def upkeep(self) -> "Upkeep":
        """What keeps the store small."""
        from pricectl.store.upkeep import Upkeep

        return Upkeep(self._state, self._disk, self._clock, self._logs, self._verifiers, self._writing)

    def examined(self) -> "list[Examined]":
        """Each table held to what it says of itself, all parts hashed. Raises NewerFormat, StoreError."""
        from pricectl.store.verify import examine

        return [examine(log) for log in self._logs.values()]

    def damaged_latest(self) -> list[str]:
        """The paths of the files of latest prices that are not what was written. Raises StoreError."""
        return self._latest.damaged()

    def repair(self) -> "Repair":
        """What makes a damaged store whole again."""
        from pricectl.store.verify import Repair

        return Repair(self._folder, self._disk, self._clock, self._logs, self._writing)

    # How

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        if self._read_only:
            raise Unwritable("the store is not written: read_only is set", "unset read_only to store")
        with writing(self._folder):
            self._disk.make_folder(self._folder)
            lock = os.path.join(self._folder, "write.lock")
            with writers_lock(lock, self._disk.file_mode, self._clock, self._wait_s):
                yield

    def _commit(self, table: Table, by_folder: Mapping[str, Sequence[tuple[object, ...]]]) -> None:
        if by_folder:
            log = self._logs[table.name]
            log.prepare()
            written = [parts.write(self._disk, log.folder, table, found, below) for below, found in by_folder.items()]
            log.commit(written, [], self._clock.now_ms())

    def _actions(self, series: Sequence[Series]) -> dict[Series, list[Action]]:
        found: dict[Series, list[Action]] = {}
        paths = [path for _, path in self._held(ACTIONS, series)]
        for provider, provider_id, *action in self._query.actions(paths, series):
            found.setdefault(Series(provider, provider_id), []).append(Action(*action))
        return found

    def _coverage(self, series: Sequence[Series]) -> dict[Series, list[Days]]:
        found: dict[Series, list[Days]] = {}
        paths = [path for _, path in self._held(COVERAGE, series)]
        for provider, provider_id, *days in self._query.coverage(paths, series):
            found.setdefault(Series(provider, provider_id), []).append((days[0], days[1]))
        return {one: merged(spans) for one, spans in found.items()}

    def _bars(
        self,
        series: Sequence[Series],
        first: dt.date,
        last: dt.date,
        extra: Sequence[Bar] = (),
        extra_currency: str = "",
    ) -> Bars:
        paths = _by_interval(self._held(BARS, series, first.isoformat(), last.isoformat()))
        return Bars(series, first, last, paths, extra, extra_currency)

    def _held(
        self, table: Table, series: Sequence[Series] | None, first: str = "0001-01-01", last: str = "9999-12-31"
    ) -> list[tuple[Part, str]]:
        """The parts that can hold one of ``series`` (None: any) between two days, each verified, with its path."""
        gone = ""
        for _ in range(_TRIES):
            listed = [part for part in self._logs[table.name].parts() if part.may_reach(first, last)]
            held = listed if series is None else _holders(listed, series)
            try:
                return list(zip(held, self._verifiers[table.name].paths(held), strict=True))
            except FileNotFoundError as error:
                gone = str(error.filename)
        raise Damaged(f"a listed part is gone: {gone}", "run `pricectl doctor --fix`")


def _by_interval(held: Iterable[tuple[Part, str]]) -> dict[str, list[str]]:
    paths: dict[str, list[str]] = {}
    for part, path in held:
        paths.setdefault(part.interval, []).append(path)
    return paths


def _holders(listed: Iterable[Part], series: Sequence[Series]) -> list[Part]:
    """Those of ``listed`` whose bounds enclose one of ``series``: a thousand series against a thousand parts."""
    ids = sorted({one.provider_id for one in series})
    providers = {one.provider for one in series}
    found = []
    for part in listed:
        place = bisect_left(ids, part.id_low)
        enclosed = place < len(ids) and ids[place] <= part.id_high
        if enclosed and any(part.provider_low <= provider <= part.provider_high for provider in providers):
            found.append(part)
    return found


def _currency(series: Series, said: Iterable[str]) -> str:
    currencies = sorted({currency for currency in said if currency})
    if len(currencies) > 1:
        raise StoreError(
            f"the bars of {series} are in {' and '.join(currencies)}", "ask for days before or after the change"
        )
    return currencies[0] if currencies else ""
