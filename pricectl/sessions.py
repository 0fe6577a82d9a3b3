"""When exchanges trade: sessions, hours, closures and early closes, from the shipped table ``sessions.txt``.

A session is dated in the exchange's own zone; a session that begins the evening before (futures) bears the date on
which it ends. Instants are milliseconds since the epoch, UTC. The table (data/README.md describes it, and
scripts/make_sessions.py writes it) knows 2000 to 2027 for most exchanges; outside of that a session is every
weekday but the closures of the same date each year, and ``Calendar.known`` says so. Only the asked exchange's
section is read (1 ms); importing this module reads nothing.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pricectl.errors import ConfigError
from pricectl.home import shipped

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pricectl.model.asset import Asset

_DAY = dt.timedelta(days=1)
_MONTHS = "abcdefghijkl"
_BY_TYPE = {"crypto": "CCC", "fx": "CCY"}  # for an exchange that the table does not have


class Span(NamedTuple):
    """A stretch of trading: minutes of local time from the session date's midnight; the evening before is negative."""

    start: int
    end: int


Hours = tuple[Span, ...]  # more than one where there is a lunch break


class Table(NamedTuple):
    """One section of the shipped table."""

    name: str
    tz: str
    auction_s: float
    known_from: dt.date | None
    known_until: dt.date | None
    weeks: list[tuple[int, dict[int, Hours]]]  # usual hours by weekday (1 = Monday), from this day's ordinal on
    yearly: frozenset[tuple[int, int]]  # (month, day) without a session in any year
    closed: frozenset[int]  # ordinals
    special: dict[int, Hours]  # by ordinal: other hours than usual, or a session on a day that usually has none


class Calendar:
    """The sessions of one exchange.

    ``delay_s`` is by how much the provider's quotes of this exchange lag; ``auction_s`` how long after the close its
    last official price (closing auction) can come. ``always_open`` is true for markets without a close (crypto).
    """

    def __init__(self, table: Table, delay_s: float) -> None:
        self.name = table.name
        self.tz = table.tz
        self.delay_s = delay_s
        self.auction_s = table.auction_s
        self.known_from = table.known_from
        self.known_until = table.known_until
        self.always_open = table.name == "24/7"
        self._table = table

    @cached_property
    def _zone(self) -> ZoneInfo:
        return _zone(self.tz)

    def known(self, day: dt.date) -> bool:
        """Whether holidays of that day are known; outside of the table a session is a guess by the weekday."""
        return (self.known_from or day) <= day <= (self.known_until or day)

    def is_session(self, day: dt.date) -> bool:
        ordinal = day.toordinal()
        if ordinal in self._table.special:
            return True
        if ordinal in self._table.closed or (day.month, day.day) in self._table.yearly:
            return False
        return day.isoweekday() in self._week(ordinal)

    def sessions(self, start: dt.date, end: dt.date) -> list[dt.date]:
        """The sessions dated within [start, end], oldest first."""
        days = map(dt.date.fromordinal, range(start.toordinal(), end.toordinal() + 1))
        return [day for day in days if self.is_session(day)]

    def last_session(self, start: dt.date, end: dt.date) -> dt.date | None:
        """The last session dated within [start, end], None if there is none."""
        for ordinal in range(end.toordinal(), start.toordinal() - 1, -1):
            day = dt.date.fromordinal(ordinal)
            if self.is_session(day):
                return day
        return None

    def hours(self, day: dt.date) -> tuple[int, int]:
        """(open, close) of that day's session, lunch included; for a day without one, the usual hours."""
        spans = self._hours(day)
        return self._ms(day, spans[0].start), self._ms(day, spans[-1].end)

    def is_open(self, now_ms: int) -> bool:
        """Whether it trades at ``now_ms``: from the open up to, not including, the close, but for the lunch break."""
        today = self.day_of(now_ms)
        spans = self._spans(today) + self._spans(
            today + _DAY
        )  # tomorrow's can begin this evening; none ends after 24:00
        return any(start <= now_ms < end for start, end in spans)

    def next_open(self, now_ms: int) -> int:
        """When trading next starts after ``now_ms``: an open, or the end of a lunch break."""
        day = self.day_of(now_ms)
        while True:
            for start, _ in self._spans(day):
                if start > now_ms:
                    return start
            day += _DAY

    def last_close(self, now_ms: int) -> int:
        """When trading last stopped, at or before ``now_ms``: a close, or the start of a lunch break."""
        day = self.day_of(now_ms) + _DAY
        while True:
            day -= _DAY
            for _, end in reversed(self._spans(day)):
                if end <= now_ms:
                    return end

    def last_completed(self, now_ms: int) -> dt.date:
        """The last session whose official closing price the provider has: its close, the closing auction and the
        provider's delay have passed. For a 24/7 market yesterday, in UTC."""
        settled_ms = now_ms - round((self.delay_s + self.auction_s) * 1000)
        day = self.day_of(settled_ms)
        while not (self.is_session(day) and self.hours(day)[1] <= settled_ms):
            day -= _DAY
        return day

    def day_of(self, ms: int) -> dt.date:
        """The date of an instant in the exchange's zone (for futures in the evening not yet that of the session)."""
        return dt.datetime.fromtimestamp(ms // 1000, self._zone).date()

    def _week(self, ordinal: int) -> dict[int, Hours]:
        weeks = self._table.weeks
        return weeks[max(bisect_right(weeks, ordinal, key=_start) - 1, 0)][1]

    def _hours(self, day: dt.date) -> Hours:
        ordinal = day.toordinal()
        if ordinal in self._table.special:
            return self._table.special[ordinal]
        week = self._week(ordinal)
        return week.get(day.isoweekday()) or next(iter(week.values()))

    def _spans(self, day: dt.date) -> list[tuple[int, int]]:
        if not self.is_session(day):
            return []
        return [(self._ms(day, span.start), self._ms(day, span.end)) for span in self._hours(day)]

    def _ms(self, day: dt.date, minute: int) -> int:
        midnight = dt.datetime(day.year, day.month, day.day, tzinfo=self._zone)
        # Adding to an aware datetime moves the wall clock, which is what an exchange's hours are.
        return round((midnight + dt.timedelta(minutes=minute)).timestamp()) * 1000

    def __repr__(self) -> str:
        return f"<Calendar {self.name}>"


@lru_cache
def calendar(exchange: str, type_: str) -> Calendar:
    """The calendar of a provider's exchange code (``NMS``, ``LSE``, ``CCY``, ``BINANCE``).

    For a code that the table does not have ``type_`` decides: crypto trades round the clock, fx around the week;
    anything else has the calendar ``WEEKDAYS``: open all through the weekdays, wherever on Earth, in UTC.
    Raises ConfigError when the shipped table cannot be read.
    """
    index, sections = _parts()
    name, delay_s = index.get(exchange) or index.get(_BY_TYPE.get(type_, "")) or ("WEEKDAYS", 0.0)
    return Calendar(_section(name, sections[name]), delay_s)


def calendar_of(asset: Asset) -> Calendar:
    """The calendar of an asset; where its exchange is not known, that of the ending of its Yahoo symbol: ``VOD.L``
    is London's, ``GC=F`` Chicago's, one without an ending New York's (so with Tiingo's, all of them American)."""
    if asset.exchange or asset.provider not in ("yahoo", "tiingo"):
        return calendar(asset.exchange, "crypto" if asset.provider == "binance" else asset.type)
    return calendar(_exchange_of(asset.provider_id), asset.type)


def _exchange_of(yahoo_id: str) -> str:
    for length in (4, 3, 2):
        code = _suffixes().get(yahoo_id[-length:])
        if code:
            return code
    return "" if "." in yahoo_id or yahoo_id.startswith("^") else "NMS"


def _start(week: tuple[int, dict[int, Hours]]) -> int:
    return week[0]


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ConfigError(f"this machine has no time zone {name}", "install the system's tzdata package") from error


@lru_cache(maxsize=1)
def _text() -> str:
    try:
        with open(shipped("sessions.txt"), encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the table of exchange sessions: {error}", "install pricectl again") from error


@lru_cache(maxsize=1)
def _parts() -> tuple[dict[str, tuple[str, float]], dict[str, str]]:
    """Exchange code -> (calendar, delay in seconds); calendar -> its section, not read yet."""
    blocks = [_without_comments(block) for block in _text().split("\n\n")]
    index = {}
    for line in blocks[1].splitlines():
        code, name, minutes = line.split()[:3]
        index[code] = (name, float(minutes) * 60)
    return index, {block.partition(" ")[0]: block for block in blocks[2:]}


@lru_cache(maxsize=1)
def _suffixes() -> dict[str, str]:
    _parts()
    words = (line.split() for line in _text().split("\n\n")[1].splitlines())
    return {suffix: code for code, _, _, *suffixes in words for suffix in suffixes}


def _without_comments(block: str) -> str:
    return "\n".join(line for line in block.splitlines() if not line.startswith("#"))


def _section(name: str, text: str) -> Table:
    head, *lines = text.splitlines()
    _, tz, auction, first, last = head.split()
    weeks, yearly, closed, special = [], set(), set[int](), dict[int, Hours]()
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "hours":
            day, *groups = rest.split()
            weeks.append((dt.date.fromisoformat(day).toordinal(), _read_week(groups)))
        elif kind == "yearly":
            yearly = {(_MONTHS.index(word[0]) + 1, int(word[1:])) for word in rest.split()}
        elif kind == "closed":
            closed = set(_dates(rest))
        elif kind == "on":
            hours, _, dates = rest.partition(" ")
            special.update(dict.fromkeys(_dates(dates), _read_hours(hours)))
    known_from, known_until = (None if word == "-" else dt.date.fromisoformat(word) for word in (first, last))
    return Table(
        name, tz, float(auction) * 60, known_from, known_until, weeks, frozenset(yearly), frozenset(closed), special
    )


def _read_week(groups: list[str]) -> dict[int, Hours]:
    """``1234=09:59-17:15 5=09:59-13:50``"""
    week: dict[int, Hours] = {}
    for group in groups:
        weekdays, _, hours = group.partition("=")
        week |= {int(weekday): _read_hours(hours) for weekday in weekdays}
    return week


def _read_hours(text: str) -> Hours:
    """``09:00-11:30+12:30-15:30``; ``<18:00-17:00`` begins the evening before."""
    return tuple(Span(*(_read_minute(end) for end in span.split("-"))) for span in text.split("+"))


def _read_minute(text: str) -> int:
    hour, minute = text.lstrip("<").split(":")
    return int(hour) * 60 + int(minute) - (1440 if text[0] == "<" else 0)


def _dates(text: str) -> Iterator[int]:
    """The ordinals of ``2026a01l25 2027a01``: a year, then letters for months and two digits for days."""
    for word in text.split():
        year = int(word[:4])
        for at in range(4, len(word), 3):
            yield dt.date(year, _MONTHS.index(word[at]) + 1, int(word[at + 1 : at + 3])).toordinal()
