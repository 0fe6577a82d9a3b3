"""The views of ``sql``: the store's bars and actions over one listing of parts, and small tables of other facts.

``bars``, ``daily``, ``weekly`` and ``monthly`` are adjusted for splits as of today, whole ISO weeks and months, each
day in one bar only; ``bars_raw`` and ``actions`` are what lies in the parts. What costs is left out where the listing
shows that it cannot matter: only parts that overlap another one are searched for the row that counts (a window over
all 2.5 million rows takes 1.4 s, a plain scan 40 ms).
"""
# ruff: noqa: S608 - the texts are put together from this file's own constants and from paths, which are quoted

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pricectl.model.adjust import factor_spans
from pricectl.model.bar import INTERVALS, MANUAL, SPLITS, Action
from pricectl.store.query import literal
from pricectl.store.tables import ACTIONS, BARS, Part

if TYPE_CHECKING:
    from pricectl.store import Store


class Facts(NamedTuple):
    """A small table that is not the store's: its columns with DuckDB's types, and how to come by its rows."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: Callable[[], Sequence[Sequence[Any]]]


LATEST_COLUMNS = (
    ("symbol", "VARCHAR"),
    ("price", "DOUBLE"),
    ("currency", "VARCHAR"),
    ("change24h", "DOUBLE"),
    ("updated_at", "TIMESTAMPTZ"),
    ("fetched_at", "TIMESTAMPTZ"),
    ("fresh_until", "TIMESTAMPTZ"),
    ("provider", "VARCHAR"),
    ("provider_id", "VARCHAR"),
)
# The specification's names beside our own.
ALIASES = {
    "price_history": "bars",
    "price_history_daily": "daily",
    "price_history_weekly": "weekly",
    "price_history_monthly": "monthly",
    "system_metrics": "metrics",
    "provider_rate_limits": "provider_limits",
    "corporate_actions": "actions",
    "refresh_runs": "runs",
}
_TIERS = {"daily": "1d", "weekly": "1wk", "monthly": "1mo"}
_BARS = (*_TIERS, "bars", "bars_raw")
_STORES = (*_BARS, "actions", "latest_prices")
NAMES = frozenset((*_STORES, "assets", "runs", "metrics", "provider_limits"))

_RAW = (
    "provider, provider_id, currency, date, coalesce(until, date) AS until, "
    "coalesce(sessions, 1) AS sessions, open, high, low, close, volume, fetched_at, flags"
)
_EMPTY_RAW = """(SELECT ''::VARCHAR AS provider, ''::VARCHAR AS provider_id, ''::VARCHAR AS currency,
  NULL::DATE AS date, NULL::DATE AS until, NULL::INTEGER AS sessions, NULL::DOUBLE AS open, NULL::DOUBLE AS high,
  NULL::DOUBLE AS low, NULL::DOUBLE AS close, NULL::DOUBLE AS volume, NULL::TIMESTAMPTZ AS fetched_at,
  NULL::INTEGER AS flags WHERE false)"""
# One row for a date: the person's own price before the provider's, then what was fetched last (as in query.py).
_BEST = f"""QUALIFY row_number() OVER (PARTITION BY provider, provider_id, date
  ORDER BY (flags & {MANUAL}) DESC, fetched_at DESC, flags, close, volume) = 1"""
_SHOWN = "CASE WHEN price_factor IS NULL THEN {0} ELSE ({0} / price_factor)::FLOAT::VARCHAR::DOUBLE END AS {0}"
_SCALED = f"""SELECT provider, provider_id, currency, date, until, sessions,
  {", ".join(_SHOWN.format(name) for name in ("open", "high", "low", "close"))},
  volume * coalesce(volume_factor, 1) AS volume, coalesce(volume_factor, 1) = 1 AS as_traded
FROM {{0}} AS raw LEFT JOIN parts.spans USING (provider, provider_id)
WHERE spans.start IS NULL OR raw.date BETWEEN spans.start AND spans.stop"""
# Whole shares only of the sum, as in query.py: a week is the same from its days and from its pieces.
_DAYS = """SELECT * REPLACE (CASE WHEN as_traded THEN volume ELSE floor(volume + 0.5) END AS volume) FROM ({0})"""
_ROLLED = """SELECT provider, provider_id, min(currency) AS currency, min(date) AS date, max(until) AS until,
  sum(sessions)::INTEGER AS sessions, min_by(open, date) FILTER (WHERE open IS NOT NULL) AS open, max(high) AS high,
  min(low) AS low, max_by(close, date) FILTER (WHERE close IS NOT NULL) AS close,
  CASE WHEN bool_and(as_traded) THEN sum(volume) ELSE floor(round(sum(volume), 4) + 0.5) END AS volume
FROM ({0}) GROUP BY provider, provider_id, date_trunc('{1}', date)"""
_PERIODS = {"1wk": "week", "1mo": "month"}
_SHOWN_BARS = (
    "symbol, {0} AS interval, date, until, open, high, low, close, volume, sessions, currency, provider, provider_id"
)
_RAW_BARS = (
    "symbol, interval, date, until, open, high, low, close, volume, sessions, currency, fetched_at, flags, "
    "provider, provider_id"
)


class _Tier:
    """The parts of one interval: ``plain`` ones overlap no other of theirs nor of a coarser interval."""

    def __init__(self, interval: str, listed: Sequence[tuple[Part, str]]) -> None:
        self.interval = interval
        # Only those that there are: an ASOF LEFT JOIN with nothing gives nothing in DuckDB 1.4.
        held = {part.interval for part, _ in listed}
        self.coarser = [one for one in INTERVALS[INTERVALS.index(interval) + 1 :] if one in held]
        self.best = ""
        overlapping = _overlapping([part for part, _ in listed if part.interval in (interval, *self.coarser)])
        own = [(part, path) for part, path in listed if part.interval == interval]
        self.plain = [held for held in own if held[0].path not in overlapping]
        self.careful = [held for held in own if held[0].path in overlapping]


class Views:
    """Fills a connection with the views of which ``wanted`` names some; the others are there, and empty. ``paths``
    are the files that the views read: none other needs to be opened."""

    def __init__(self, connection: Any, store: "Store", facts: Sequence[Facts], wanted: Collection[str]) -> None:
        self.paths: list[str] = []
        self._connection = connection
        self._store = store
        self._facts = facts
        self._wanted = {ALIASES.get(name, name) for name in wanted}

    def fill(self) -> None:
        """Make the views. Raises Damaged and StoreError for what the wanted ones need of the store."""
        self._connection.execute("CREATE SCHEMA parts")  # what the views are made of: not for statements
        for one in self._facts:
            wanted = one.name in self._wanted or (one.name == "assets" and not self._wanted.isdisjoint(_STORES))
            self._table(one.name, one.columns, one.rows() if wanted else [])
        # Bars first, then actions: a split is written before the bars that it speaks of.
        bars = self._store.listed(BARS) if not self._wanted.isdisjoint(_BARS) else []
        self._bars(bars)
        self._actions(self._store.listed(ACTIONS) if bars or "actions" in self._wanted else [])
        self._latest()
        for alias, name in ALIASES.items():
            self._connection.execute(f"CREATE VIEW {alias} AS FROM {name}")

    def _bars(self, listed: Sequence[tuple[Part, str]]) -> None:
        self._names(listed)
        self._table("parts.spans", _SPAN_COLUMNS, [])  # filled when the actions are known
        tiers = {interval: _Tier(interval, listed) for interval in INTERVALS}
        for tier in tiers.values():
            tier.best = f"SELECT * FROM ({self._read(tier.careful)}) {_BEST}"
            self._view(f'parts."raw_{tier.interval}"', f"({self._read(tier.plain)}) UNION ALL ({tier.best})")
        for name, interval in _TIERS.items():
            tier = tiers[interval]
            kept = f"({self._read(tier.plain)}) UNION ALL ({_uncovered(tier.best, tier.coarser)})"
            self._view(f'parts."kept_{interval}"', kept if tier.careful else f'FROM parts."raw_{interval}"')
            scaled = _SCALED.format(f'parts."kept_{interval}"')
            rolled = _DAYS.format(scaled) if interval == "1d" else _ROLLED.format(scaled, _PERIODS[interval])
            columns = _SHOWN_BARS.format(f"'{interval}'")
            self._view(name, f"SELECT {columns} FROM ({rolled}) JOIN parts.names USING (provider, provider_id)")
        self._view("bars", " UNION ALL ".join(f"(FROM {name})" for name in _TIERS))
        raw = " UNION ALL ".join(
            f"""(SELECT '{interval}' AS interval, * FROM parts."raw_{interval}")""" for interval in tiers
        )
        self._view("bars_raw", f"SELECT {_RAW_BARS} FROM ({raw}) JOIN parts.names USING (provider, provider_id)")

    def _names(self, listed: Sequence[tuple[Part, str]]) -> None:
        """The symbol of each stored series: the catalogue's, or the series itself."""
        self._connection.execute(
            f"""CREATE TABLE parts.names AS
            SELECT provider, provider_id, coalesce(min(assets.symbol), provider || ':' || provider_id) AS symbol
            FROM (SELECT DISTINCT provider, provider_id FROM ({self._read(listed)}))
              LEFT JOIN assets USING (provider, provider_id)
            GROUP BY provider, provider_id"""
        )

    def _actions(self, listed: Sequence[tuple[Part, str]]) -> None:
        columns = "provider, provider_id, ex_date, kind, value, currency, fetched_at"
        if listed:
            self._view(
                "parts.known_actions",
                f"""SELECT {columns} FROM (SELECT * FROM {self._parquet(listed)} QUALIFY row_number() OVER (
                PARTITION BY provider, provider_id, ex_date, kind ORDER BY fetched_at DESC, withdrawn, value) = 1)
                WHERE NOT withdrawn""",
            )
            self._spans()
        else:
            self._table("parts.known_actions", _ACTION_COLUMNS, [])
        self._view(
            "actions",
            """SELECT coalesce(symbol, provider || ':' || provider_id) AS symbol,
            ex_date, kind, value, known_actions.currency, fetched_at, provider, provider_id
            FROM parts.known_actions LEFT JOIN (SELECT provider, provider_id, min(symbol) AS symbol FROM assets
            GROUP BY ALL) USING (provider, provider_id)""",
        )

    def _spans(self) -> None:
        """The scales of the series that were ever split."""
        found: dict[tuple[str, str], list[Action]] = {}
        kinds = ", ".join(f"'{kind}'" for kind in SPLITS)
        query = f"SELECT provider, provider_id, ex_date, kind, value FROM parts.known_actions WHERE kind IN ({kinds})"
        for provider, provider_id, *action in self._connection.execute(query).fetchall():
            found.setdefault((provider, provider_id), []).append(Action(*action))
        rows = [
            (*series, span.start, span.end, span.price_factor, span.volume_factor)
            for series, actions in found.items()
            for span in factor_spans(actions, "split")
        ]
        self._insert("parts.spans", _SPAN_COLUMNS, rows)

    def _latest(self) -> None:
        rows: Iterable[Sequence[Any]] = ()
        if "latest_prices" in self._wanted:
            symbols: dict[tuple[str, str], str] = {}
            query = "SELECT provider, provider_id, min(symbol) FROM assets GROUP BY ALL"
            for provider, provider_id, symbol in self._connection.execute(query).fetchall():
                symbols[provider, provider_id] = symbol
            rows = [
                (
                    symbols.get(series, str(series)), float(quote.price), quote.currency,
                    None if quote.change24h is None else float(quote.change24h),
                    quote.updated_ms, quote.fetched_ms, quote.fresh_until_ms or None, *series,
                )
                for series, quote in sorted(self._store.all_latest().items())
            ]  # fmt: skip
        self._table("latest_prices", LATEST_COLUMNS, list(rows))

    # How

    def _read(self, held: Sequence[tuple[Part, str]]) -> str:
        return f"SELECT {_RAW} FROM {self._parquet(held)}" if held else f"SELECT * FROM {_EMPTY_RAW}"

    def _parquet(self, held: Sequence[tuple[Part, str]]) -> str:
        paths = [path for _, path in held]
        self.paths += [*paths, *map(literal, paths)]  # a name with a bracket is asked for both ways
        return f"read_parquet({_paths(paths)}, hive_partitioning = false)"

    def _view(self, name: str, sql: str) -> None:
        self._connection.execute(f"CREATE VIEW {name} AS {sql}")

    def _table(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        described = ", ".join(f"{column} {kind}" for column, kind in columns)
        self._connection.execute(f"CREATE TABLE {name} ({described})")
        self._insert(name, columns, rows)

    def _insert(self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> None:
        """Column by column as lists: 1500 rows in 3 ms, where one statement a row takes 900. Instants are given in
        milliseconds."""
        if not rows:
            return
        given = [
            "make_timestamptz(unnest(?::BIGINT[]) * 1000)" if kind == "TIMESTAMPTZ" else f"unnest(?::{kind}[])"
            for _, kind in columns
        ]
        self._connection.execute(
            f"INSERT INTO {name} SELECT {', '.join(given)}", [list(column) for column in zip(*rows, strict=True)]
        )


_SPAN_COLUMNS = (
    ("provider", "VARCHAR"),
    ("provider_id", "VARCHAR"),
    ("start", "DATE"),
    ("stop", "DATE"),
    ("price_factor", "DOUBLE"),
    ("volume_factor", "DOUBLE"),
)
_ACTION_COLUMNS = (
    ("provider", "VARCHAR"),
    ("provider_id", "VARCHAR"),
    ("ex_date", "DATE"),
    ("kind", "VARCHAR"),
    ("value", "DOUBLE"),
    ("currency", "VARCHAR"),
    ("fetched_at", "TIMESTAMPTZ"),
)


def _paths(paths: Sequence[str]) -> str:
    return "[" + ", ".join("'" + literal(path).replace("'", "''") + "'" for path in paths) + "]"


def _overlapping(parts: Sequence[Part]) -> set[str]:
    """The paths of those that may hold a row of the same series and day as another one."""
    ordered = sorted(parts, key=lambda part: part.first)
    found = set()
    for place, part in enumerate(ordered):
        for later in range(place + 1, len(ordered)):
            other = ordered[later]
            if other.first > part.last:
                break
            same = part.provider_low <= other.provider_high and other.provider_low <= part.provider_high
            if same and part.id_low <= other.id_high and other.id_low <= part.id_high:
                found |= {part.path, other.path}
    return found


def _uncovered(fine: str, coarser: Sequence[str]) -> str:
    """The rows of ``fine`` of which no coarser piece holds a day: a day belongs to the coarsest piece."""
    for interval in coarser:
        fine = f"""SELECT fine.* FROM ({fine}) AS fine ASOF LEFT JOIN parts."raw_{interval}" AS coarse
          ON fine.provider = coarse.provider AND fine.provider_id = coarse.provider_id AND fine.until >= coarse.date
          WHERE coarse.until IS NULL OR coarse.until < fine.date"""
    return fine
