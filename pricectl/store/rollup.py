"""One roll-up, from the rows of parts to the rows of parts, and its proof. The texts are in ``pieces``."""

# ruff: noqa: S608 - the texts are put together from constants, nothing else

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pricectl.errors import StoreError
from pricectl.model.asset import Series
from pricectl.model.bar import INTERVALS
from pricectl.store import pieces
from pricectl.store.pieces import BEST, COLUMNS, KEY, PERIOD, TARGET, same
from pricectl.store.query import literal
from pricectl.store.rows import Days
from pricectl.store.workbench import Workbench

Paths = Mapping[str, Sequence[str]]  # of parts, by interval


class RollUp:
    """What is older than ``daily`` becomes weeks, what is older than ``weekly`` months. Every method raises Damaged
    where DuckDB fails."""

    def __init__(self, bench: Workbench, daily: dt.date, weekly: dt.date) -> None:
        self._bench = bench
        self._fixed: dict[str, Any] = {"daily": daily, "weekly": weekly}
        self._doubles = False  # whether a day may stand twice among those older than the daily cut
        self._doubled_lately = False
        self._late = False
        self._currencies = True  # whether a series may have several
        self._left: dict[int, bool] = {}

    def old(self, paths: Paths) -> dict[Series, dt.date]:
        """The series of which something is to be rolled up, and the first day of that."""
        limits = {"1d": "$daily", "1wk": "$weekly"}
        sources = [
            f"SELECT {KEY}, currency, date FROM ({_read(interval)}) WHERE date < {limit}"
            for interval, limit in limits.items()
            if paths.get(interval)
        ]
        if not sources:
            return {}
        sql = f"""SELECT {KEY}, min(date), min(currency) <> max(currency)
          FROM ({" UNION ALL ".join(sources)}) GROUP BY {KEY}"""
        found = self._run(sql, _named(paths))
        self._currencies = any(several for *_, several in found)
        return {Series(provider, provider_id): first for provider, provider_id, first, _ in found}

    def make(self, paths: Paths, actions: Sequence[str], gaps: Mapping[Series, Sequence[Days]]) -> None:
        """Roll up, in memory. ``paths`` are the parts that hold pieces or something older than the cuts, ``actions``
        those of the actions, ``gaps`` the days of a series that were never asked for: their periods wait."""
        self._find_late(paths)
        self._find_cuts(actions, gaps)
        self._table("made", self._made(paths), paths)
        ((doubled,),) = self._run("SELECT count(*) FROM made WHERE days <> different")
        if doubled:  # two rows of one day: the better one counts, which costs a window over all rows
            self._doubles = True
            self._run("DROP TABLE made")
            self._table("made", self._made(paths), paths)
        used = dict(self._run("SELECT year(date), sum(days)::BIGINT FROM made GROUP BY 1"))
        counted = f"SELECT year(date), count(*) FROM ({_read('1d')}) WHERE date < $daily GROUP BY 1"
        there = self._run(counted, _named(paths)) if paths.get("1d") else []
        self._left = {year: rows > used.get(year, 0) for year, rows in there}

    def changed(self) -> set[tuple[str, int]]:
        """The partitions (interval, year) that ``make`` takes rows from or puts rows into."""
        found = self._run("""
          SELECT rank, year(date) FROM made
          UNION SELECT 0, year(date) FROM made WHERE days > 0
          UNION SELECT 1, year(date) FROM made WHERE weeks > 0
          UNION SELECT rank, year(date) FROM late WHERE replaced""")
        return {(INTERVALS[rank], year) for rank, year in found}

    def made(self) -> dict[str, int]:
        """How many pieces of each interval ``make`` made."""
        return {INTERVALS[rank]: count for rank, count in self._run("SELECT rank, count(*) FROM made GROUP BY rank")}

    def waiting(self, paths: Paths) -> int:
        """How many days older than the daily cut stay days."""
        if not any(self._left.values()):
            return 0
        sql = f"SELECT count(*) FROM ({_read('1d')}) AS bar WHERE date < $daily AND {self._unused('1d')}"
        return int(self._run(sql, _named(paths))[0][0])

    def partition(self, interval: str, year: int, paths: Sequence[str]) -> Iterator[Any]:
        """The rows of a partition after the roll-up, as Arrow batches in order; ``paths`` are its parts before."""
        daily = interval == "1d"
        sources = [f"SELECT {COLUMNS} FROM made WHERE rank = {INTERVALS.index(interval)} AND year(date) = {year}"]
        if paths:
            columns = COLUMNS.replace("until, sessions", "NULL AS until, NULL AS sessions") if daily else COLUMNS
            kept = "date >= $daily" if daily else self._unused(interval)
            if daily and self._left.get(year):
                kept += f" OR {self._unused(interval)}"
            best = BEST if daily and (self._doubles or len(paths) > 1) else ""
            sources.append(f"SELECT {columns} FROM ({_read(interval)}) AS bar WHERE {kept} {best}")
        sql = f"SELECT * FROM ({' UNION ALL '.join(sources)}) ORDER BY symbol, provider, provider_id, date"
        return self._stream(sql, _named({interval: paths}))

    def verify(self, before: Paths, after: Paths, *, doubled_lately: bool) -> None:
        """Raise StoreError unless the parts ``after`` say of every series and month what those ``before`` said: first
        open, last close, highest, lowest, volume, sessions. ``doubled_lately``: a day from the daily cut on may stand
        twice before."""
        self._run("DROP TABLE made")
        self._doubled_lately = doubled_lately
        bars = {"before": self._effective(before, "before"), "after": self._effective(after, "after")}
        totals = [f"{name} AS (WITH bars AS ({sql}) {pieces.TOTALS})" for name, sql in bars.items()]
        sql = f"WITH {', '.join(totals)} {pieces.DIFFERENT}"
        ((different,),) = self._run(sql, _named(before, "before") | _named(after, "after"))
        if different:
            raise StoreError(
                f"the roll-up contradicts its days in {different} months; the store stays as it was",
                "run `pricectl doctor`, and report this",
            )

    # How

    def _find_late(self, paths: Paths) -> None:
        """Which pieces are replaced by days that came late, and which late days go on waiting."""
        columns = f"rank, {KEY}, date, until, sessions, flags"
        held = [f"SELECT {columns} FROM ({_read(one)})" for one in INTERVALS[1:] if paths.get(one)]
        self._table("pieces", " UNION ALL ".join(held) or pieces.NO_PIECES, paths)
        days = f"SELECT {KEY}, date, flags FROM ({_read('1d')}) WHERE date <= (SELECT max(until) FROM pieces)"
        none = f"SELECT {KEY}, date, flags FROM pieces WHERE false"
        self._table("days", days if held and paths.get("1d") else none, paths)
        self._table("late", pieces.LATE)
        self._table("waiting", pieces.WAITING)
        self._late = bool(self._run("SELECT 1 FROM late LIMIT 1"))
        self._run("DROP TABLE days")

    def _find_cuts(self, actions: Sequence[str], gaps: Mapping[Series, Sequence[Days]]) -> None:
        """Where ex-dates cut periods, and which periods wait."""
        none = f"SELECT {KEY}, date FROM pieces WHERE false"
        self._table("ex_dates", pieces.EX_DATES if actions else none, {"actions": actions})
        self._table("cut", pieces.CUT)
        listed = [(*series, *days) for series, spans in gaps.items() for days in spans]
        names = ("providers", "ids", "firsts", "lasts")
        columns = zip(*listed, strict=True) if listed else ([],) * len(names)
        self._table("gaps", pieces.GAPS, more=dict(zip(names, map(list, columns), strict=True)))
        self._table("blocked", pieces.BLOCKED)
        self._run("DROP TABLE pieces")

    def _made(self, paths: Paths) -> str:
        cut, blocked = (bool(self._run(f"SELECT 1 FROM {name} LIMIT 1")) for name in ("cut", "blocked"))
        start, joined, allowed = "old.period", "", ""
        currency = ("currency", ", currency") if self._currencies else ("any_value(currency)", "")
        if cut:
            start = "coalesce(cut.start, old.period)"
            within = "cut.period = old.period AND old.date BETWEEN cut.start AND cut.stop"
            joined = f"LEFT JOIN cut ON {same('cut', 'old')} AND {within}"
        if blocked:
            rows = f"SELECT 1 FROM blocked WHERE {same('blocked', 'old')} AND blocked.period = old.period"
            allowed = f"AND NOT EXISTS ({rows})"
        return f"""
          WITH bars AS ({self._effective(paths)}),
          old AS (SELECT *, {TARGET} AS target, {PERIOD} AS period FROM bars WHERE date < $daily),
          placed AS (
            SELECT old.* EXCLUDE (rank, target, period), old.rank AS fine, old.target AS rank, {start} AS start,
              {pieces.SEEN} AS seen
            FROM old {joined} WHERE old.rank <= old.target {allowed})
          {pieces.ROLL_UP.format(*currency)}"""

    def _effective(self, paths: Paths, tag: str = "paths") -> str:
        """The rows that count, one for a day: pieces that nothing replaces (those of ``after`` are the new ones), and
        days that do not wait."""
        sources = []
        for interval in INTERVALS:
            if paths.get(interval):
                counts = f"NOT {_WAITS}" if interval == "1d" else f"NOT {_REPLACED}"
                where = counts if self._late and (interval, tag) not in _NEW else "true"
                rows = f"SELECT * FROM ({_read(interval, tag)}) AS bar WHERE {where}"
                if interval == "1d" and tag != "after" and self._doubles:
                    rows += f" {BEST}"
                elif interval == "1d" and tag != "after" and self._doubled_lately:
                    # The window costs as much as all else, so only where it is needed.
                    rows = f"{rows} AND date < $daily UNION ALL {rows} AND date >= $daily {BEST}"
                sources.append(rows)
        return " UNION ALL ".join(sources) or pieces.NO_BARS

    def _unused(self, interval: str) -> str:
        """Whether a row ``bar`` older than the cuts is neither in a new piece nor replaced."""
        covered = f"""EXISTS (
          SELECT 1 FROM made WHERE {same("made", "bar")} AND made.rank >= bar.rank
            AND bar.date BETWEEN made.date AND made.until)"""
        return f"(NOT {covered} OR {_WAITS})" if interval == "1d" else f"(NOT {covered} AND NOT {_REPLACED})"

    def _table(self, name: str, sql: str, paths: Paths | None = None, more: Mapping[str, Any] | None = None) -> None:
        self._run(f"CREATE TEMP TABLE {name} AS {sql}", _named(paths or {}), more)

    def _run(
        self, sql: str, paths: Paths | None = None, more: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        return self._bench.run(sql, {**self._fixed, **_literal(paths or {}), **(more or {})})

    def _stream(self, sql: str, paths: Paths) -> Iterator[Any]:
        return self._bench.stream(sql, {**self._fixed, **_literal(paths)})


_NEW = {(interval, "after") for interval in INTERVALS[1:]}
_WAITS = f"EXISTS (SELECT 1 FROM waiting WHERE {same('waiting', 'bar')} AND waiting.date = bar.date)"
_REPLACED = f"""EXISTS (
  SELECT 1 FROM late
  WHERE late.replaced AND late.rank = bar.rank AND {same("late", "bar")} AND late.date = bar.date)"""


def _read(interval: str, tag: str = "paths") -> str:
    return pieces.READ[interval].replace("$paths_", f"${tag}_")


def _named(paths: Paths, tag: str = "paths") -> dict[str, Sequence[str]]:
    return {f"{tag}_{interval}": found for interval, found in paths.items()}


def _literal(paths: Paths) -> dict[str, list[str]]:
    return {name: [literal(path) for path in found] for name, found in paths.items()}
