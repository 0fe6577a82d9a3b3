"""All SQL. DuckDB runs in memory over the parts that the log lists, never over a glob of its own; text from outside
only ever enters as a bound parameter.
"""
# ruff: noqa: S608 - the texts are put together from this file's own constants, nothing else

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pricectl.errors import Damaged
from pricectl.model.adjust import Span
from pricectl.model.asset import Series
from pricectl.model.bar import INTERVALS, LIVE, MANUAL, Bar, Segment

if TYPE_CHECKING:
    import duckdb

# The parts of each interval, as rows that say which days they cover. hive_partitioning is off because a home such as
# /data/date=1/ would otherwise lend its folder's name to the column.
_UNTIL = {"1d": "date", "1wk": "until", "1mo": "until"}
_STORED = {
    interval: f"""
  SELECT sid, {rank} AS rank, currency, date, {_UNTIL[interval]} AS until, open, high, low, close, volume, fetched_at,
         flags
  FROM {{0}} WHERE date <= $last AND {_UNTIL[interval]} >= $first"""
    for rank, interval in enumerate(INTERVALS)
}
# One series is found by its name's place in the parts' pages; many by joining their names. ``sid`` is its number.
_ONE = """(
    SELECT 0 AS sid, * FROM read_parquet($paths_{0}, hive_partitioning = false)
    WHERE provider = $provider AND provider_id = $provider_id)"""
_MANY = """(
    SELECT * FROM read_parquet($paths_{0}, hive_partitioning = false)
    JOIN (SELECT unnest($sids::INT[]) AS sid, unnest($providers::VARCHAR[]) AS provider,
                 unnest($ids::VARCHAR[]) AS provider_id) USING (provider, provider_id))"""
_EXTRA = """
  SELECT 0 AS sid, 0 AS rank, $extra_currency AS currency, date, date AS until, open, high, low, close, volume,
         'infinity'::TIMESTAMPTZ AS fetched_at, flags
  FROM extra WHERE date BETWEEN $first AND $last"""

# One row for a date: the person's own price before the provider's, then what was fetched last.
WINS = f"(flags & {MANUAL}) DESC, fetched_at DESC, flags, close, volume"
_BEST = f"""
  SELECT * FROM bars QUALIFY row_number() OVER (PARTITION BY sid, rank, date ORDER BY {WINS}) = 1"""

_SEGMENTS = """
  SELECT unnest($places::INT[]) AS place, unnest($ranks::INT[]) AS rank,
         unnest($firsts::DATE[]) AS first, unnest($lasts::DATE[]) AS last"""
_SPANS = """
  SELECT unnest($span_sids::INT[]) AS sid, unnest($starts::DATE[]) AS start, unnest($stops::DATE[]) AS stop,
         unnest($price_factors::DOUBLE[]) AS price_factor, unnest($volume_factors::DOUBLE[]) AS volume_factor"""

# A day belongs to the coarsest piece that covers it, among those no coarser than what the segment shows.
_PLACED = """
  SELECT segments.*, best.* EXCLUDE (rank), best.rank AS piece
  FROM best JOIN segments ON best.rank <= segments.rank AND best.until BETWEEN segments.first AND segments.last"""
_COARSEST = """
  SELECT * FROM placed AS fine WHERE NOT EXISTS (
    SELECT 1 FROM placed AS coarse
    WHERE coarse.sid = fine.sid AND coarse.place = fine.place AND coarse.piece > fine.piece
      AND coarse.date <= fine.until AND fine.date <= coarse.until)"""

# The same arithmetic as model/adjust.py: the shortest decimal of the float32 that the provider would show.
_SHOWN = "CASE WHEN price_factor = 1 THEN {0} ELSE ({0} / price_factor)::FLOAT::VARCHAR::DOUBLE END AS {0}"
# Whole shares only of the sum: a week comes out the same from its days and from its pieces.
_SCALED = f"""
  SELECT coarsest.sid, place, rank, first, date, currency, flags,
    {", ".join(_SHOWN.format(name) for name in ("open", "high", "low", "close"))},
    volume * volume_factor AS volume, volume_factor = 1 AS as_traded,
    CASE rank WHEN 0 THEN date WHEN 1 THEN date_trunc('week', date)::DATE ELSE date_trunc('month', date)::DATE
    END AS period
  FROM coarsest JOIN spans ON coarsest.sid = spans.sid AND coarsest.date BETWEEN spans.start AND spans.stop"""
_ROLLED = f"""
  SELECT sid, least(min(date), greatest(period, first)) AS day,
    min_by(open, date) FILTER (WHERE open IS NOT NULL), max(high), min(low),
    max_by(close, date) FILTER (WHERE close IS NOT NULL),
    CASE WHEN bool_and(as_traded) THEN sum(volume) WHEN rank = 0 THEN floor(sum(volume) + 0.5)
    ELSE floor(round(sum(volume), 4) + 0.5) END,
    rank, bool_or((flags & {LIVE}) <> 0), min(currency), max(currency)
  FROM scaled GROUP BY sid, place, rank, first, period ORDER BY sid, place, day"""

# One segment of days of one series, none of them in a week or month: nothing is left to place or to roll up. Ten years
# out of a thousand assets' take 30 ms so and 42 ms by way of the steps above; as traded, 28.
_DAYS = f"""
  SELECT sid, date, {{}}, 0, (flags & {LIVE}) <> 0, currency, currency
  FROM best {{}} WHERE date BETWEEN $from AND $to ORDER BY date"""
_AS_TRADED = _DAYS.format("open, high, low, close, volume", "")
_ADJUSTED = _DAYS.format(
    ", ".join(_SHOWN.format(name) for name in ("open", "high", "low", "close"))
    + ", CASE WHEN volume_factor = 1 THEN volume ELSE floor(volume * volume_factor + 0.5) END",
    "JOIN spans ON date BETWEEN start AND stop",
).replace("SELECT sid", "SELECT best.sid")

_TRADED = "SELECT date, open, high, low, close, volume, flags, currency FROM best WHERE rank = 0 ORDER BY date"

_PIECES = "SELECT rank, date, until FROM bars WHERE rank > 0 ORDER BY date, rank"

# The last close before each day. One from long before is not the close that a dividend was taken from.
_CLOSES = """
  SELECT wanted.sid, wanted.day, best.until, best.close
  FROM (SELECT unnest($day_sids::INT[]) AS sid, unnest($days::DATE[]) AS day) AS wanted
  ASOF JOIN best ON wanted.sid = best.sid AND wanted.day > best.until
  WHERE best.until >= wanted.day - 14"""

_WANTED = "(SELECT unnest($providers::VARCHAR[]) AS provider, unnest($ids::VARCHAR[]) AS provider_id)"
_ACTIONS = f"""
  SELECT provider, provider_id, ex_date, kind, value, currency FROM (
    SELECT * FROM read_parquet($paths, hive_partitioning = false) SEMI JOIN {_WANTED} USING (provider, provider_id)
    QUALIFY row_number() OVER (
      PARTITION BY provider, provider_id, ex_date, kind ORDER BY fetched_at DESC, withdrawn, value) = 1)
  WHERE NOT withdrawn ORDER BY provider, provider_id, ex_date, kind"""
_COVERAGE = f"""
  SELECT provider, provider_id, first_day, last_day FROM read_parquet($paths, hive_partitioning = false)
  SEMI JOIN {_WANTED} USING (provider, provider_id) ORDER BY provider, provider_id, first_day"""
_TRADED_OF_MANY = f"""
  SELECT provider, provider_id, date, open, high, low, close, volume, flags, currency
  FROM read_parquet($paths, hive_partitioning = false)
  JOIN (SELECT unnest($providers::VARCHAR[]) AS provider, unnest($ids::VARCHAR[]) AS provider_id,
               unnest($firsts::DATE[]) AS first, unnest($lasts::DATE[]) AS last) USING (provider, provider_id)
  WHERE date BETWEEN first AND last
  QUALIFY row_number() OVER (
    PARTITION BY provider, provider_id, date
    ORDER BY (flags & {MANUAL}) DESC, fetched_at DESC, flags, close, volume) = 1
  ORDER BY provider, provider_id, date"""
_LAST_CLOSES = f"""
  SELECT provider, provider_id, max(coalesce(until, date)),
    arg_max(close, (coalesce(until, date), flags & {MANUAL}, fetched_at)),
    arg_max(currency, (coalesce(until, date), flags & {MANUAL}, fetched_at))
  FROM read_parquet($paths, hive_partitioning = false) SEMI JOIN {_WANTED} USING (provider, provider_id)
  WHERE close IS NOT NULL GROUP BY provider, provider_id"""

# Weeks and months that an ex-date cuts: it was not known, or stood elsewhere, when they were rolled up.
_TORN = """
  SELECT DISTINCT provider, provider_id, piece.date, piece.until FROM ({}) AS piece
  JOIN (
    SELECT * FROM read_parquet($paths, hive_partitioning = false)
    QUALIFY row_number() OVER (
      PARTITION BY provider, provider_id, ex_date, kind ORDER BY fetched_at DESC, withdrawn, value) = 1)
  USING (provider, provider_id)
  WHERE NOT withdrawn AND piece.date < ex_date AND ex_date <= piece.until ORDER BY ALL"""
_PIECE_DAYS = """
  SELECT provider, provider_id, date, until FROM read_parquet($paths_{0}, hive_partitioning = false)"""

_HELD = """
  SELECT provider, provider_id, '{0}', min(date), max({1}) FROM read_parquet($paths_{0}, hive_partitioning = false)
  GROUP BY provider, provider_id"""


class Bars:
    """The bars of some series between two days: the paths of the parts that can hold them, by interval, and bars of
    the first that are not stored (``extra``), which win over stored ones of their date."""

    def __init__(
        self,
        series: Sequence[Series],
        first: dt.date,
        last: dt.date,
        paths: Mapping[str, Sequence[str]],
        extra: Sequence[Bar] = (),
        extra_currency: str = "",
    ) -> None:
        self.extra = extra
        self.coarse = any(paths.get(interval) for interval in INTERVALS[1:])
        used = [interval for interval in INTERVALS if paths.get(interval)]
        one = len(series) == 1
        source = _ONE if one else _MANY
        stored = [_STORED[interval].format(source.format(interval)) for interval in used]
        self.sql = "\n  UNION ALL".join(stored + [_EXTRA] * bool(extra))
        self.parameters: dict[str, Any] = {"first": first, "last": last, "extra_currency": extra_currency}
        if one:
            self.parameters |= {"provider": series[0].provider, "provider_id": series[0].provider_id}
        else:
            self.parameters |= {
                "sids": list(range(len(series))),
                "providers": [each.provider for each in series],
                "ids": [each.provider_id for each in series],
            }
        for interval in used:
            self.parameters[f"paths_{interval}"] = [literal(path) for path in paths[interval]]

    def __bool__(self) -> bool:
        return bool(self.sql)


class Query:
    """One DuckDB in memory, opened when it is first needed (20 ms)."""

    def __init__(self) -> None:
        self._open: duckdb.DuckDBPyConnection | None = None

    def traded(self, bars: Bars) -> list[tuple[Any, ...]]:
        """Daily bars as traded: date, open, high, low, close, volume, flags, currency."""
        return self._bars(bars, {}, _TRADED, {})

    def traded_of_many(
        self, paths: Sequence[str], spans: Mapping[Series, tuple[dt.date, dt.date]]
    ) -> list[tuple[Any, ...]]:
        """Daily bars as traded, each series' within its own days: provider, provider_id, then as ``traded``."""
        days = {"firsts": [first for first, _ in spans.values()], "lasts": [last for _, last in spans.values()]}
        return self._of(_TRADED_OF_MANY, paths, list(spans), days)

    def pieces(self, bars: Bars) -> list[tuple[Any, ...]]:
        """Weekly and monthly pieces: rank of the interval, first and last session."""
        return self._bars(bars, {}, _PIECES, {}) if bars.coarse else []

    def closes(self, bars: Bars, days: Sequence[tuple[int, dt.date]]) -> list[tuple[int, dt.date, dt.date, float]]:
        """For each of ``days`` (with the series' number) the last session before it, at most 14 days, and its close as
        traded."""
        return self._bars(bars, {}, _CLOSES, {"day_sids": [sid for sid, _ in days], "days": [day for _, day in days]})

    def rolled(self, bars: Bars, segments: Sequence[Segment], spans: Sequence[Sequence[Span]]) -> list[tuple[Any, ...]]:
        """Adjusted bars, in order: the series' number, first day, open, high, low, close, volume, rank of the interval,
        whether one of its rows is still moving, the first and the last currency by name. ``spans``: of each series."""
        if len(spans) == 1 and [one.interval for one in segments] == ["1d"] and not bars.coarse:
            return self._days(bars, segments[0], spans[0])
        steps = {
            "segments": _SEGMENTS,
            "spans": _SPANS,
            "placed": _PLACED,
            "coarsest": _COARSEST if bars.coarse else "SELECT * FROM placed",
            "scaled": _SCALED,
        }
        parameters = {
            "places": list(range(len(segments))),
            "ranks": [INTERVALS.index(segment.interval) for segment in segments],
            "firsts": [segment.start for segment in segments],
            "lasts": [segment.end for segment in segments],
        }
        return self._bars(bars, steps, _ROLLED, parameters | _listed(spans))

    def _days(self, bars: Bars, segment: Segment, spans: Sequence[Span]) -> list[tuple[Any, ...]]:
        """What ``rolled`` gives of one segment of days of one series."""
        days = {"from": segment.start, "to": segment.end}
        if all(span.price_factor == span.volume_factor == 1 for span in spans):
            return self._bars(bars, {}, _AS_TRADED, days)
        return self._bars(bars, {"spans": _SPANS}, _ADJUSTED, days | _listed([spans]))

    def actions(self, paths: Sequence[str], series: Sequence[Series]) -> list[tuple[Any, ...]]:
        return self._of(_ACTIONS, paths, series)

    def coverage(self, paths: Sequence[str], series: Sequence[Series]) -> list[tuple[Any, ...]]:
        return self._of(_COVERAGE, paths, series)

    def last_closes(self, paths: Sequence[str], series: Sequence[Series]) -> list[tuple[Any, ...]]:
        return self._of(_LAST_CLOSES, paths, series)

    def torn(self, paths: Mapping[str, Sequence[str]], actions: Sequence[str]) -> list[tuple[Any, ...]]:
        """The weeks and months in ``paths`` (by interval) that an ex-date in the parts ``actions`` cuts: provider, its
        id, first and last session."""
        used = [interval for interval in INTERVALS[1:] if paths.get(interval)]
        if not used or not actions:
            return []
        sql = _TORN.format(" UNION ALL ".join(_PIECE_DAYS.format(interval) for interval in used))
        parameters = {f"paths_{interval}": [literal(path) for path in paths[interval]] for interval in used}
        return self._run(sql, {**parameters, "paths": [literal(path) for path in actions]})

    def held(self, paths: Mapping[str, Sequence[str]]) -> list[tuple[Any, ...]]:
        """Of all that the parts ``paths`` (by interval) hold: provider, its id, interval, first and last day."""
        used = [interval for interval in INTERVALS if paths.get(interval)]
        sql = " UNION ALL ".join(_HELD.format(interval, _UNTIL[interval]) for interval in used)
        parameters = {f"paths_{interval}": [literal(path) for path in paths[interval]] for interval in used}
        return self._run(f"{sql} ORDER BY ALL", parameters) if used else []

    def _bars(
        self, bars: Bars, steps: Mapping[str, str], answer: str, more: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        if not bars:
            return []
        named = {"bars": bars.sql, "best": _BEST, **steps}
        sql = "WITH " + ",\n".join(f"{name} AS ({text})" for name, text in named.items()) + answer
        return self._run(sql, {**bars.parameters, **more}, bars.extra)

    def _of(
        self, sql: str, paths: Sequence[str], series: Sequence[Series], more: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        if not paths:
            return []
        parameters = {
            "paths": [literal(path) for path in paths],
            "providers": [one.provider for one in series],
            "ids": [one.provider_id for one in series],
            **(more or {}),
        }
        return self._run(sql, parameters)

    def _run(self, sql: str, parameters: Mapping[str, Any], extra: Iterable[Bar] = ()) -> list[tuple[Any, ...]]:
        duckdb = driver(whole=bool(extra))
        used = {name: value for name, value in parameters.items() if f"${name}" in sql}
        try:
            connection = self._open = self._open or connect(duckdb)
            if extra:
                connection.register("extra", _arrow(extra))
            return connection.execute(sql, used).fetchall()
        except duckdb.Error as error:
            raise Damaged(f"the store cannot be read: {error}", "run `pricectl doctor`") from error


def _listed(spans: Sequence[Sequence[Span]]) -> dict[str, Any]:
    """The spans of each series as the parameters of ``_SPANS``."""
    every = [(sid, span) for sid, own in enumerate(spans) for span in own]
    return {
        "span_sids": [sid for sid, _ in every],
        "starts": [span.start for _, span in every],
        "stops": [span.end for _, span in every],
        "price_factors": [span.price_factor for _, span in every],
        "volume_factors": [span.volume_factor for _, span in every],
    }


def driver(whole: bool) -> Any:
    """DuckDB's module. Its C part alone takes 33 ms to import where the package takes 100, and is all that is needed
    unless Arrow is handed in (``whole``). It is a private name: where it is missing, the package serves."""
    if not whole:
        try:
            import _duckdb as c_part

            return c_part
        except ImportError:
            pass
    import duckdb

    return duckdb


def connect(module: Any) -> "duckdb.DuckDBPyConnection":
    # Nothing is ever fetched from a network of extensions on a person's behalf.
    offline: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection: duckdb.DuckDBPyConnection = module.connect(":memory:", config=offline)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def literal(path: str) -> str:
    # DuckDB takes every path for a pattern; a home may well be called data[1].
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def _arrow(bars: Iterable[Bar]) -> Any:
    import pyarrow as pa

    date, open_, high, low, close, volume, flags = zip(*bars, strict=True)
    return pa.table(
        {
            "date": pa.array(date, pa.date32()),
            "open": pa.array(open_, pa.float64()),
            "high": pa.array(high, pa.float64()),
            "low": pa.array(low, pa.float64()),
            "close": pa.array(close, pa.float64()),
            "volume": pa.array(volume, pa.float64()),
            "flags": pa.array(flags, pa.int32()),
        }
    )
