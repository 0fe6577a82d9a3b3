"""What the rows of the store say of one another: rules that all keep, coverage, holes against the exchange sessions."""
# ruff: noqa: S608 - the texts are put together from this file's own constants and from paths, which are quoted

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pricectl.errors import Damaged
from pricectl.model.asset import Series
from pricectl.model.bar import INTERVALS, LIVE, MANUAL, SUSPECT
from pricectl.store.query import connect, driver, literal
from pricectl.store.rows import Days, merged
from pricectl.store.tables import BARS, COVERAGE, Part


class Fault(NamedTuple):
    """Rows that contradict the rules of the store: which rule, how many, of which series, and an example."""

    rule: str
    rows: int
    series: int
    example: str


class Hole(NamedTuple):
    """Consecutive sessions that were asked for, lie between stored bars, and have none."""

    series: Series
    first: dt.date
    last: dt.date
    sessions: int


_SAID = f"(flags & {SUSPECT | MANUAL}) = 0"  # not marked as doubtful when it came in, nor a person's own
# NaN is greater than every number here, infinity too.
_FIRM = "low > 0 AND high < 'inf'::DOUBLE AND open < 'inf'::DOUBLE AND close < 'inf'::DOUBLE"
_HOLDS = "low <= open AND low <= close AND open <= high AND close <= high"
# What may not be in the store, by the words in which it is told. Together they are one pass over all rows.
_RULES = {
    "prices that are not positive numbers": f"{_SAID} AND NOT coalesce({_FIRM}, false)",
    "bars whose high and low do not hold their open and close": (
        f"{_SAID} AND {_FIRM} AND NOT coalesce({_HOLDS}, false)"
    ),
    "volumes that are negative or no numbers": "NOT (volume >= 0 AND volume < 'inf'::DOUBLE)",
    "bars that were still moving when they were stored": f"(flags & {LIVE}) <> 0",
    "bars of days to come": "until > $tomorrow",
    "bars without a currency": "currency = '' OR currency IS NULL",
    "pieces that end before they begin, or reach into another month": (
        "interval <> '1d' AND (until < date OR date_trunc('month', date) <> date_trunc('month', until))"
    ),
}
_QUICK = f"""count(*) FILTER ({_SAID} AND NOT coalesce({_FIRM} AND {_HOLDS}, false)),
  count(*) FILTER (NOT (volume >= 0 AND volume < 'inf'::DOUBLE)), bit_or(flags) & {LIVE},
  count(*) FILTER (currency = '' OR currency IS NULL), count(*) FILTER (until > $tomorrow)"""
_EXAMPLE = "count(DISTINCT (provider, provider_id)), min(provider || ':' || provider_id || ' ' || date)"
_LATER = "lead(date) OVER (PARTITION BY provider, provider_id ORDER BY date, until)"


class Contents:
    """The rows of the parts that are whole. ``held`` are their paths by table name."""

    def __init__(self, held: Mapping[str, Sequence[str]], today: dt.date) -> None:
        self._duckdb = driver(whole=False)
        self._connection: Any = connect(self._duckdb)
        self._today = today
        bars = held.get(BARS.name, ())
        self._has_bars = bool(bars)
        if bars:
            texts = [
                f"""SELECT '{interval}' AS interval, provider, provider_id, currency, date,
                coalesce(until, date) AS until, open, high, low, close, volume, fetched_at, flags
                FROM read_parquet({_list(paths)}, hive_partitioning = false)"""
                for interval in INTERVALS
                if (paths := [path for path in bars if f"/interval={interval}/" in path])
            ]
            self._connection.execute("CREATE VIEW bars AS " + " UNION ALL ".join(texts))
        coverage = held.get(COVERAGE.name, ())
        self.covered = self._covered(coverage) if coverage else {}

    def faults(self) -> list[Fault]:
        """The rows that break a rule, by rule."""
        if not self._has_bars:
            return []
        tomorrow = {"tomorrow": self._today + dt.timedelta(1)}
        (quick,) = self._rows(f"SELECT {_QUICK} FROM bars", tomorrow)
        rules = _RULES if any(quick) else {rule: test for rule, test in _RULES.items() if "pieces" in rule}
        found = []
        for rule, test in rules.items():
            given = tomorrow if "$tomorrow" in test else {}
            (row,) = self._rows(f"SELECT count(*), {_EXAMPLE} FROM bars WHERE {test}", given)
            if row[0]:
                found.append(Fault(rule, *row))
        return [*found, *self._overlaps()]

    def _overlaps(self) -> list[Fault]:
        found = []
        for interval, word in (("1wk", "weekly"), ("1mo", "monthly")):
            query = f"""SELECT count(*), {_EXAMPLE} FROM (
                SELECT provider, provider_id, date, until, {_LATER} AS next FROM (
                  SELECT DISTINCT provider, provider_id, date, until FROM bars WHERE interval = '{interval}'))
              WHERE next <= until"""
            (row,) = self._rows(query)
            if row[0]:
                found.append(Fault(f"{word} pieces that share days", *row))
        return found

    def waiting(self) -> int:
        """The days that lie within a coarser piece: they wait for the next ``aggregate``."""
        if not self._has_pieces():
            return 0
        query = """SELECT count(*) FROM (SELECT * FROM bars WHERE interval = '1d') AS day
          ASOF JOIN (SELECT * FROM bars WHERE interval <> '1d') AS piece
          ON day.provider = piece.provider AND day.provider_id = piece.provider_id AND day.date >= piece.date
          WHERE piece.until >= day.date"""
        return int(self._rows(query)[0][0])

    def _has_pieces(self) -> bool:
        return self._has_bars and bool(self._rows("SELECT 1 FROM bars WHERE interval <> '1d' LIMIT 1"))

    def series(self) -> dict[Series, Days]:
        """The stored series, each with its first and its last day."""
        if not self._has_bars:
            return {}
        query = "SELECT provider, provider_id, min(date), max(until) FROM bars GROUP BY ALL"
        return {Series(*row[:2]): (row[2], row[3]) for row in self._rows(query)}

    def holes(self, sessions: Mapping[str, Sequence[dt.date]], calendars: Mapping[Series, str]) -> list[Hole]:
        """The sessions that were asked for, lie between stored bars, and have none. ``sessions`` by calendar, oldest
        first; ``calendars`` of the series that have a known one.

        Days are counted by series and year first (0.2 s for 2.5 million rows); only where the count is not that of
        the sessions are they looked at one by one, which would take 4 s for all.
        """
        if not self._has_bars:
            return []
        pieces = self._pieces()
        doubtful: dict[tuple[Series, int], list[dt.date]] = {}
        counts = self._counts(sessions, calendars)
        for series, (first, last) in self.series().items():
            if series in calendars:
                own = sessions[calendars[series]]
                for year, expected in self._expected(series, own, first, last, pieces.get(series, [])).items():
                    if counts.get((series, year), 0) < len(expected):
                        doubtful[series, year] = expected
        stored = self._days(doubtful)
        found = []
        missing: dict[Series, list[dt.date]] = {}
        for (series, year), expected in doubtful.items():
            held = stored.get((series, year), set())
            missing.setdefault(series, []).extend(day for day in expected if day not in held)
        for series, days in missing.items():
            found += _runs(series, sorted(days), sessions[calendars[series]])
        return sorted(found)

    def _counts(
        self, sessions: Mapping[str, Sequence[dt.date]], calendars: Mapping[Series, str]
    ) -> dict[tuple[Series, int], int]:
        """The daily bars of sessions, by series and year."""
        query = """SELECT provider, provider_id, year(date), count(*) FROM bars
          JOIN (SELECT unnest($providers::VARCHAR[]) AS provider, unnest($ids::VARCHAR[]) AS provider_id,
            unnest($named::VARCHAR[]) AS calendar) AS own USING (provider, provider_id)
          SEMI JOIN (SELECT unnest($calendars::VARCHAR[]) AS calendar, unnest($days::DATE[]) AS day) AS session
          ON own.calendar = session.calendar AND bars.date = session.day
          WHERE interval = '1d' GROUP BY ALL"""
        given = {
            "providers": [series.provider for series in calendars],
            "ids": [series.provider_id for series in calendars],
            "named": list(calendars.values()),
            "calendars": [name for name, days in sessions.items() for _ in days],
            "days": [day for days in sessions.values() for day in days],
        }
        return {(Series(*row[:2]), row[2]): row[3] for row in self._rows(query, given)}

    def _days(self, wanted: Iterable[tuple[Series, int]]) -> dict[tuple[Series, int], set[dt.date]]:
        keys = [(*series, year) for series, year in wanted]
        if not keys:
            return {}
        query = """SELECT provider, provider_id, year(date) AS year, list(DISTINCT date) FROM bars
          SEMI JOIN (SELECT unnest($providers::VARCHAR[]) AS provider, unnest($ids::VARCHAR[]) AS provider_id,
            unnest($years::BIGINT[]) AS year) AS wanted
          ON bars.provider = wanted.provider AND bars.provider_id = wanted.provider_id AND year(bars.date) = wanted.year
          WHERE interval = '1d' GROUP BY ALL"""
        providers, ids, years = zip(*keys, strict=True)
        given = {"providers": list(providers), "ids": list(ids), "years": list(years)}
        return {(Series(*row[:2]), row[2]): set(row[3]) for row in self._rows(query, given)}

    def _pieces(self) -> dict[Series, list[Days]]:
        """The days that pieces hold, a gap between two of them of up to ten days included."""
        if not self._has_pieces():
            return {}
        query = """SELECT provider, provider_id, min(date), max(until) FROM (
            SELECT *, sum(gap::INT) OVER (PARTITION BY provider, provider_id ORDER BY date, until) AS stretch FROM (
              SELECT provider, provider_id, date, until, coalesce(date - max(until) OVER (
                PARTITION BY provider, provider_id ORDER BY date, until
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) > 10, false) AS gap
              FROM bars WHERE interval <> '1d'))
          GROUP BY provider, provider_id, stretch"""
        found: dict[Series, list[Days]] = {}
        for provider, provider_id, first, last in self._rows(query):
            found.setdefault(Series(provider, provider_id), []).append((first, last))
        return found

    def _expected(
        self, series: Series, own: Sequence[dt.date], first: dt.date, last: dt.date, pieces: Sequence[Days]
    ) -> dict[int, list[dt.date]]:
        """The sessions that daily bars should be of, by year."""
        asked = [(max(start, first), min(end, last)) for start, end in self.covered.get(series, ())]
        for piece in pieces:
            asked = minus(asked, piece)
        found: dict[int, list[dt.date]] = {}
        for start, end in asked:
            for day in own[bisect_left(own, start) : bisect_right(own, end)]:
                found.setdefault(day.year, []).append(day)
        return found

    def _covered(self, paths: Sequence[str]) -> dict[Series, list[Days]]:
        query = f"""SELECT provider, provider_id, first_day, last_day
          FROM read_parquet({_list(paths)}, hive_partitioning = false)"""
        found: dict[Series, list[Days]] = {}
        for provider, provider_id, first, last in self._rows(query):
            if first <= last:
                found.setdefault(Series(provider, provider_id), []).append((first, last))
        return {series: merged(spans) for series, spans in found.items()}

    def _rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(query, parameters or {}).fetchall()
        except self._duckdb.Error as error:
            raise Damaged(f"the store cannot be read: {error}", "run `pricectl doctor --fix`") from error
        return found


def _runs(series: Series, days: Sequence[dt.date], sessions: Sequence[dt.date]) -> list[Hole]:
    """``days`` as stretches of consecutive sessions."""
    found: list[Hole] = []
    before = -2
    for day in days:
        place = bisect_left(sessions, day)
        if place == before + 1:
            found[-1] = found[-1]._replace(last=day, sessions=found[-1].sessions + 1)
        else:
            found.append(Hole(series, day, day, 1))
        before = place
    return found


def without(covered: Mapping[Series, Sequence[Days]], lost: Sequence[Part]) -> dict[Series, list[Days]]:
    """The days of ``covered`` less those of which ``lost`` may have held a bar, by the bounds of each part."""
    kept: dict[Series, list[Days]] = {}
    for series, spans in covered.items():
        left = list(spans)
        for part in lost:
            inside = part.provider_low <= series.provider <= part.provider_high
            if inside and part.id_low <= series.provider_id <= part.id_high:
                left = minus(left, (dt.date.fromisoformat(part.first), dt.date.fromisoformat(part.last)))
        kept[series] = left
    return kept


def minus(spans: Iterable[Days], gone: Days) -> list[Days]:
    """``spans`` without the days of ``gone``."""
    left = []
    for start, end in spans:
        if start < gone[0]:
            left.append((start, min(end, gone[0] - dt.timedelta(1))))
        if end > gone[1]:
            left.append((max(start, gone[1] + dt.timedelta(1)), end))
    return [(start, end) for start, end in left if start <= end]


def _list(paths: Sequence[str]) -> str:
    return "[" + ", ".join("'" + literal(path).replace("'", "''") + "'" for path in paths) + "]"
