"""A person's own bars, from a file into the store: every row is good and all are stored in one commit, or none is and
every bad row is named. What is imported is the person's own (MANUAL): no provider's row ever replaces it.
"""

import datetime as dt
import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from pricectl.engine import cells, scales
from pricectl.engine.overlap import TOLERANCE
from pricectl.errors import NotFound, Unwritable, UsageError
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import MANUAL, SUSPECT, Bar
from pricectl.store.files import Tabular, format_of

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.sessions import Calendar
    from pricectl.state.runs import Run

FORMATS = ("csv", "parquet", "arrow")
MOST_ROWS = 1_000_000  # all of a file is one commit and so is in memory: 600 bytes a row, 270 MB for 250,000 rows

# What a column may be called, in any case, blanks and underscores aside; the first name is the one in messages.
_NAMES = {
    "symbol": ("symbol", "ticker"),
    "date": ("date", "day"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close", "price", "nav"),
    "volume": ("volume",),
    "currency": ("currency",),
    "provider": ("provider",),
    "providerid": ("providerid",),
    "interval": ("interval",),
    "adjusted": ("adjusted",),
}
_KINDS = {"date": "day", "open": "number", "high": "number", "low": "number", "close": "number", "volume": "number"}
_PRICES = ("open", "high", "low", "close")


class Options(NamedTuple):
    """What the person says of a file: the format (empty: its ending says), and what its columns do not. ``prices`` is
    ``traded``, ``split-adjusted`` or empty; ``dates`` ``dmy``, ``mdy`` or empty."""

    format: str = ""
    symbol: str = ""
    currency: str = ""
    prices: str = ""
    dates: str = ""


class Refused(NamedTuple):
    """A row that cannot be taken: its line in a CSV file (the header is line 1) or its number in another, the symbol,
    and why."""

    line: int
    symbol: str
    reason: str


class Own(NamedTuple):
    """The bars of one asset that are to be stored, as traded, oldest first, all flagged MANUAL. ``added`` are new,
    ``replaced`` take the place of an own price, ``over`` of a provider's; ``same`` were stored like that already."""

    asset: Asset
    currency: str
    bars: list[Bar]
    added: int
    replaced: int
    over: int
    same: int
    start: dt.date
    end: dt.date


class Checked(NamedTuple):
    """What a file holds. ``notes`` are for the person; ``doubtful`` bars are taken as said and marked."""

    own: list[Own]
    refused: list[Refused]
    notes: list[str]
    doubtful: list[Refused]


class _Row(NamedTuple):
    line: int
    bar: Bar
    scale: str  # traded, split-adjusted, or empty where the file does not say


def read(engine: "Engine", path: str, options: Options) -> Checked:
    """What the file at ``path`` (``-``: standard input) holds, checked against the catalogue, the calendar and the
    store; nothing is stored yet. Raises UsageError where it cannot be read as a whole, StoreError."""
    reader = _Reader(engine, options)
    with _opened(path) as file:
        reader.take(file, options.format or format_of(path) or ("csv" if path == "-" else ""), _called(path))
    return reader.checked()


def store(engine: "Engine", own: Sequence[Own], fetched_ms: int) -> None:
    """Store all of ``own`` in one commit, durable when this returns. Raises Unwritable, Damaged, NewerFormat."""
    from pricectl.config import ensure_home
    from pricectl.store import Addition
    from pricectl.store.disk import writing

    additions = [Addition(one.asset.series, one.currency, one.bars, (), (), None, one.asset.symbol) for one in own]
    if any(one.bars for one in additions):
        if not engine.settings.read_only:
            with writing(engine.settings.home.root):
                ensure_home(engine.settings)
        engine.store.add_all([one for one in additions if one.bars], fetched_ms)


class _Reader:
    def __init__(self, engine: "Engine", options: Options) -> None:
        self._engine = engine
        self._options = options
        self._rows: dict[Series, dict[dt.date, _Row]] = {}
        self._assets: dict[str, Asset | str] = {}  # by the file's spelling; a text says why there is none
        self._currencies: dict[Series, str] = {}
        self._refused: list[Refused] = []
        self._doubtful: list[Refused] = []
        self._notes: list[str] = []
        self._twice = 0
        self._completed: dict[Series, tuple[dt.date, Calendar]] = {}

    def take(self, file: IO[bytes], format_: str, name: str) -> None:
        """Check every row of the file."""
        if format_ not in FORMATS:
            raise UsageError(f"{name} may hold anything", f"say --format {'|'.join(FORMATS)}")
        if format_ == "csv":
            from pricectl.engine.sheet import Sheet

            self._sheet = Sheet(file, name)  # kept until the file is closed: it would be complained of otherwise
            columns = self._columns(self._sheet.names, name)
            rows: Iterator[tuple[int, Sequence[Any] | str]] = self._sheet.rows(list(columns.values()))
        else:
            table = Tabular(file, format_, name)
            columns = self._columns(table.names, name)
            wanted = [(place, _KINDS.get(meaning, "text")) for meaning, place in columns.items()]
            rows = enumerate(table.rows(wanted), 1)
        meanings = list(columns)
        for count, (line, values) in enumerate(rows):
            if count == MOST_ROWS:
                raise UsageError(f"{name} has more than {MOST_ROWS} rows", "split it by symbol or by year")
            if isinstance(values, str):
                self._refused.append(Refused(line, "", values))
            else:
                self._row(line, dict(zip(meanings, values, strict=True)))

    def _columns(self, names: Sequence[str], file: str) -> dict[str, int]:
        """The place of each column that means something, by its meaning."""
        plain = [name.lower().replace(" ", "").replace("_", "").strip() for name in names]
        found: dict[str, int] = {}
        for meaning, called in _NAMES.items():
            places = [place for place, name in enumerate(plain) if name in called]
            if len(places) > 1:
                raise UsageError(f"{file}: more than one column is the {called[0]}", "take all but one away")
            if places:
                found[meaning] = places[0]
        ignored = [cells.shown(name) for place, name in enumerate(names) if place not in found.values() and name]
        if ignored:
            self._notes.append(f"columns left aside: {', '.join(ignored[:20])}{', ...' if len(ignored) > 20 else ''}")
        lacking = [name for name in ("date", *_PRICES) if name not in found]
        if lacking == ["open", "high", "low"]:
            self._notes.append("no open, high and low: each bar is its close")
        elif lacking:
            hint = "separate its columns by commas" if len(names) == 1 and ";" in names[0] else "name it in the header"
            raise UsageError(f"{file}: no column {' and no column '.join(lacking)}", hint)
        if ("symbol" in found) == bool(self._options.symbol):
            both = "it has a symbol column and --symbol names one" if self._options.symbol else "no column symbol"
            raise UsageError(f"{file}: {both}", "give --symbol where the file has no such column, and only there")
        return found

    def _row(self, line: int, said: dict[str, Any]) -> None:
        symbol = ""
        try:
            symbol = self._options.symbol or cells.word(said["symbol"])
            asset = self._asset(symbol)
            self._agrees(asset, said)
            bar = self._bar(asset, said)
            row = _Row(line, bar, scales.said(cells.word(said.get("adjusted")), self._options.prices))
            before = self._rows.setdefault(asset.series, {}).setdefault(bar.date, row)
            if before.line != line:
                if before[1:] != row[1:]:
                    raise ValueError(f"{bar.date} stands on line {before.line} already, with other prices")
                self._twice += 1
            elif doubt := _doubt(bar, self._end(asset)[1]):
                self._doubtful.append(Refused(line, asset.symbol, doubt))
        except ValueError as error:
            self._refused.append(Refused(line, symbol[:64], str(error)))

    def _asset(self, asked: str) -> Asset:
        if asked not in self._assets:
            try:
                if not asked:
                    raise UsageError("no symbol")
                self._assets[asked] = self._engine.catalogue.find(asked)
            except (UsageError, NotFound) as error:
                self._assets[asked] = f"{error}; {error.hint}" if error.hint else str(error)
        found = self._assets[asked]
        if isinstance(found, str):
            raise ValueError(found)
        return found

    def _agrees(self, asset: Asset, said: dict[str, Any]) -> None:
        """What the row says of its asset is so, and its currency is known. Nothing is relabelled."""
        for name, known in (("provider", asset.provider), ("providerid", asset.provider_id)):
            other = cells.word(said.get(name))
            if other and other != known:
                raise ValueError(f"{asset.symbol} is {asset.series} here, not {cells.shown(other)}")
        interval = cells.word(said.get("interval"))
        if interval not in ("", "1d"):
            raise ValueError(f"a bar of interval {cells.shown(interval)}: only daily bars (1d) are imported")
        currency = cells.word(said.get("currency"))
        if currency and self._options.currency and currency != self._options.currency:
            raise ValueError(f"in {cells.shown(currency)}, and --currency says {self._options.currency}")
        currency = currency or self._options.currency or asset.currency
        if not currency:
            raise ValueError(f"the currency of {asset.symbol} is not known: say --currency")
        if len(currency) > 8 or not currency.isascii() or not currency.isalpha():
            raise ValueError(f"{cells.shown(currency)} is not a currency")
        known = self._currencies.setdefault(asset.series, asset.currency or currency)
        if currency != known:
            raise ValueError(f"{asset.symbol} is in {known}, not in {currency}")

    def _bar(self, asset: Asset, said: dict[str, Any]) -> Bar:
        day = cells.day(said["date"], self._options.dates)
        completed, calendar = self._end(asset)
        if day > completed:
            raise ValueError(f"{day} is not over: the last completed session of {asset.symbol} is {completed}")
        # A stock's Sunday is a date shifted by a day, as zones do; a holiday may well have traded somewhere.
        if calendar.known(day) and day.isoweekday() > 5 and not calendar.is_session(day):
            raise ValueError(f"{day} is a {day:%A}: no session of {asset.symbol}")
        negative = asset.type == "commodity"  # a future may trade below 0: oil did on 20 April 2020
        names = _PRICES if "open" in said else ("close",) * 4
        open_, high, low, close = (cells.price(said[name], name, negative) for name in names)
        if high < low:
            raise ValueError(f"high {high:g} is below low {low:g}")
        slack = TOLERANCE * abs(high)
        held = low - slack <= min(open_, close) and max(open_, close) <= high + slack and low > 0.0
        return Bar(day, open_, high, low, close, cells.volume(said.get("volume")), MANUAL if held else MANUAL | SUSPECT)

    def _end(self, asset: Asset) -> "tuple[dt.date, Calendar]":
        if asset.series not in self._completed:
            calendar = self._engine.calendar(asset)
            self._completed[asset.series] = calendar.last_completed(self._engine.clock.now_ms()), calendar
        return self._completed[asset.series]

    def checked(self) -> Checked:
        """What was found, on the scale as traded, compared with what is stored."""
        if self._twice:
            self._notes.append(f"{self._twice} rows stand there twice, and count once")
        by_series = {asset.series: asset for asset in self._assets.values() if isinstance(asset, Asset)}
        own = []
        for series, rows in self._rows.items():
            if rows:
                try:
                    own.append(self._own(by_series[series], [rows[day] for day in sorted(rows)]))
                except ValueError as error:
                    line = min(row.line for row in rows.values())
                    self._refused.append(Refused(line, by_series[series].symbol, str(error)))
        if not own and not self._refused:
            self._notes.append("no bars in it")
        return Checked(own, sorted(self._refused), self._notes, self._doubtful)

    def _own(self, asset: Asset, rows: list[_Row]) -> Own:
        splits = scales.Splits(self._engine, asset, rows[0].bar.date, self._end(asset)[0])
        bars = [splits.traded(row.bar, row.scale) for row in rows]
        start, end = bars[0].date, bars[-1].date
        currency, stored = self._engine.store.traded(asset.series, start, end)
        if currency and currency != self._currencies[asset.series]:
            raise ValueError(f"what is stored of {asset.symbol} is in {currency}")
        before = {bar.date: bar for bar in stored}
        new = [bar for bar in bars if before.get(bar.date) != bar]
        held = [before[bar.date] for bar in new if bar.date in before]
        replaced = sum(1 for bar in held if bar.flags & MANUAL)
        return Own(
            asset,
            self._currencies[asset.series],
            new,
            len(new) - len(held),
            replaced,
            len(held) - replaced,
            len(bars) - len(new),
            start,
            end,
        )


def _doubt(bar: Bar, calendar: "Calendar") -> str:
    """Why a bar is taken with a warning; empty where it is as it should be."""
    if bar.flags & SUSPECT and bar.low <= 0.0:
        return f"{bar.date}: low {bar.low:g} is not positive"
    if bar.flags & SUSPECT:
        return f"{bar.date}: open {bar.open:g} or close {bar.close:g} lies outside low {bar.low:g} to high {bar.high:g}"
    return f"{bar.date} is a holiday" if calendar.known(bar.date) and not calendar.is_session(bar.date) else ""


def _called(path: str) -> str:
    return "standard input" if path == "-" else path


def _opened(path: str) -> IO[bytes]:
    if path == "-":
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return open(path, "rb")
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder", "import its files one by one") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file is called so"
        raise UsageError(f"cannot read {cells.shown(path)}: {why}", "check the path") from error


def log(engine: "Engine", run: "Run") -> None:
    """Enter an import in the run log; that failing is no reason to fail: the bars are stored."""
    from pricectl.state.runs import Runs

    at = dt.datetime.fromtimestamp(run.started_ms / 1000, dt.UTC)
    try:
        Runs(engine.settings.home).append(run._replace(run_id=f"{at:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"))
    except Unwritable as error:
        engine.warn(f"{error}; {error.hint}")
