"""What was traded: sessions, bars and actions of one series, drawn from a walk or replayed from given bars.

A tape knows no clock: it holds the past and the future alike, all prices as traded. What part of it a provider may
show at an instant, and on which scale, is decided by ``moment`` and the wire modules.
"""

import bisect
import datetime as dt
import math
import zlib
from calendar import monthrange
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from pricectl.model.asset import Asset
from pricectl.model.bar import Action, Bar
from pricectl.sessions import Calendar, calendar
from pricectl.simulator.listing import Listing, digits

_EPOCH = dt.date(1970, 1, 1).toordinal()
_DAY_MS = 86_400_000


class Session(NamedTuple):
    """A session's date in its exchange's zone, and its first and last instant in milliseconds since the epoch."""

    date: dt.date
    open_ms: int
    close_ms: int

    def share(self, ms: int) -> float:
        """How much of the session has passed at ``ms``: 0 to 1."""
        return min(1.0, max(0.0, (ms - self.open_ms) / (self.close_ms - self.open_ms)))


class Tape(Protocol):
    """A series' past and future."""

    asset: Asset
    hours: "Hours"
    exact: bool  # live rows must carry the bar's own figures (a replay), not a provider's first approximation
    first: dt.date  # the first session

    def sessions(self, start: dt.date, end: dt.date) -> list[Session]:
        """The sessions dated within [start, end]."""
        ...

    def bars(self, sessions: Sequence[Session]) -> list[Bar | None]:
        """Their bars as traded; None where the provider has lost the row."""
        ...

    def splits(self) -> Sequence[tuple[dt.date, float]]:
        """All splits, oldest first."""
        ...

    def payouts(self, start: dt.date, end: dt.date) -> list[Action]:
        """Dividends and gains with an ex-date within [start, end], oldest first."""
        ...


class Hours:
    """The stamps of an exchange as Yahoo and Binance give them: a bar's time is its session's open."""

    def __init__(self, asset: Asset) -> None:
        self.calendar: Calendar = calendar(asset.exchange, asset.type)
        # Yahoo counts currencies in London days, futures in New York days, coins in UTC days, and stamps midnight.
        midnight = {"fx": "Europe/London", "commodity": "America/New_York", "crypto": "UTC"}
        # So it counts what trades from the evening before, such as the dollar index at ICE.
        monday = dt.date(2026, 1, 5)
        evening = self.calendar.day_of(self.calendar.hours(monday)[0]) < monday
        self.round_the_clock = asset.type in midnight or evening
        self.zone = midnight.get(asset.type, self.calendar.tz)
        self.tz = ZoneInfo(self.zone)
        self.delay_ms = int(self.calendar.delay_s * 1000)

    def date(self, ms: int) -> dt.date:
        """The local date of an instant."""
        return dt.datetime.fromtimestamp(ms // 1000, self.tz).date()

    def session(self, day: dt.date) -> Session:
        """The stamps of the session of that day."""
        if self.zone == "UTC":
            start = (day.toordinal() - _EPOCH) * _DAY_MS
            return Session(day, start, start + _DAY_MS - 60_000)
        if self.round_the_clock:
            start = int(dt.datetime(day.year, day.month, day.day, tzinfo=self.tz).timestamp()) * 1000
            return Session(day, start, min(start + _DAY_MS - 60_000, self.calendar.hours(day)[1]))
        return Session(day, *self.calendar.hours(day))

    def sessions(self, start: dt.date, end: dt.date) -> list[Session]:
        """The sessions dated within [start, end], oldest first."""
        found: list[Session] = []
        for month in range(start.year * 12 + start.month - 1, end.year * 12 + end.month):
            found += _sessions_of(self, month)
        lo = bisect.bisect_left(found, start, key=_date)
        return found[lo : bisect.bisect_right(found, end, lo, key=_date)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hours) and (self.calendar, self.zone) == (other.calendar, other.zone)

    def __hash__(self) -> int:
        return hash((id(self.calendar), self.zone))


def _date(session: Session) -> dt.date:
    return session.date


@lru_cache(maxsize=8192)  # working out a month's stamps costs 0.15 ms, and 120 of them have to be had in 60 ms
def _sessions_of(hours: Hours, month: int) -> tuple[Session, ...]:
    first = dt.date(month // 12, month % 12 + 1, 1)
    days = hours.calendar.sessions(first, first.replace(day=monthrange(first.year, first.month)[1]))
    return tuple(hours.session(day) for day in days)


class WalkTape:
    """A seeded tape: the bar of a day is the same whoever asks, whenever, in whatever window."""

    def __init__(self, listing: Listing) -> None:
        self.asset = listing.asset
        self.exact = listing.asset.provider != "yahoo"
        self.hours = Hours(listing.asset)
        self._listing = listing
        self._blank: set[dt.date] = set()
        self._extra: list[Action] = []
        self._paid: dict[int, list[Action]] = {}
        self._key = zlib.crc32(f"{listing.asset.series}".encode())
        self._splits = [(self._on_session(day), ratio) for day, ratio in listing.splits if day > listing.first]
        self.first = self._on_session(listing.first)

    def add(self, actions: Iterable[Action], blanks: Iterable[dt.date]) -> None:
        """More splits and dividends on this tape, and days whose row the provider has lost."""
        actions = list(actions)
        self._splits = sorted(self._splits + [(a.ex_date, a.value) for a in actions if a.kind == "split"])
        self._extra += [a for a in actions if a.kind != "split"]
        self._blank |= set(blanks)
        self._paid.clear()

    def sessions(self, start: dt.date, end: dt.date) -> list[Session]:
        return self.hours.sessions(max(start, self._listing.first), end)

    def bars(self, sessions: Sequence[Session]) -> list[Bar | None]:
        scale, pending, bars = 1.0, [], []
        if sessions:
            pending = [split for split in self._splits if split[0] > sessions[0].date]
            scale = math.prod(ratio for _, ratio in pending)
        for session in sessions:
            while pending and pending[0][0] <= session.date:
                scale = math.prod(ratio for _, ratio in pending[1:])
                del pending[0]
            bars.append(self._bar(session.date, scale))
        return bars

    def splits(self) -> Sequence[tuple[dt.date, float]]:
        return self._splits

    def payouts(self, start: dt.date, end: dt.date) -> list[Action]:
        found = [action for action in self._extra if start <= action.ex_date <= end]
        for year in range(max(start, self._listing.first).year, end.year + 1):
            found += [action for action in self._payouts_of(year) if start <= action.ex_date <= end]
        return sorted(found)

    def _bar(self, day: dt.date, scale: float) -> Bar | None:
        if day in self._blank or self._lost(day):
            return None
        shape = self._listing.walk.day(day.year, day.month, day.day)
        places = digits(shape.high * scale, self.asset)
        volume = self._listing.day_volume * shape.volume / scale
        return Bar(
            day,
            round(shape.open * scale, places),
            round(shape.high * scale, places),
            round(shape.low * scale, places),
            round(shape.close * scale, places),
            round(volume, 5) if self.asset.type == "crypto" and self.exact else float(round(volume, -2)),
        )

    def _lost(self, day: dt.date) -> bool:
        """Yahoo has whole rows of nulls among its currencies (recorded: INR=X, 2017-07-11): one in 400 here."""
        if self.asset.type != "fx" or self.exact:
            return False
        return zlib.crc32(day.toordinal().to_bytes(4, "big"), self._key) % 400 == 0

    def _on_session(self, day: dt.date) -> dt.date:
        found = self.hours.sessions(day, day + dt.timedelta(days=14))
        return found[0].date if found else day

    def _payouts_of(self, year: int) -> list[Action]:
        if year not in self._paid:
            rate, paid = self._listing.payouts, []
            for month in (2, 5, 8, 11) if rate else ():
                ex_date = self._on_session(dt.date(year, month, 3 + self._key % 10))
                before = self.sessions(ex_date - dt.timedelta(days=14), ex_date - dt.timedelta(days=1))
                last = self.bars(before[-1:])
                if last and last[0]:
                    paid.append(Action(ex_date, "dividend", max(0.01, round(last[0].close * rate / 4, 2))))
            self._paid[year] = paid
        return self._paid[year]


class ReplayTape:
    """Exactly the given bars and actions, as traded: a day without a bar is a day without a session."""

    exact = True

    def __init__(self, asset: Asset, bars: Iterable[Bar], actions: Iterable[Action]) -> None:
        self.asset = asset
        self.hours = Hours(asset)
        self._bars = {bar.date: bar for bar in bars}
        self._dates = sorted(self._bars)
        self._actions = sorted(actions)
        self.first = self._dates[0] if self._dates else dt.date(2000, 1, 1)

    def sessions(self, start: dt.date, end: dt.date) -> list[Session]:
        lo = bisect.bisect_left(self._dates, start)
        return [self.hours.session(day) for day in self._dates[lo : bisect.bisect_right(self._dates, end, lo)]]

    def bars(self, sessions: Sequence[Session]) -> list[Bar | None]:
        return [None if self._bars[s.date].close != self._bars[s.date].close else self._bars[s.date] for s in sessions]

    def splits(self) -> Sequence[tuple[dt.date, float]]:
        return [(action.ex_date, action.value) for action in self._actions if action.kind == "split"]

    def payouts(self, start: dt.date, end: dt.date) -> list[Action]:
        return [a for a in self._actions if a.kind != "split" and start <= a.ex_date <= end]
