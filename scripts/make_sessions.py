"""Write data/sessions.txt: the opening hours, closures and early closes of the exchanges that pricectl knows.

    python -m venv calendars && calendars/bin/pip install "exchange_calendars==4.13.2" "pandas<3"
    calendars/bin/python scripts/make_sessions.py

The library is no dependency of pricectl: it brings pandas. The output depends on the library's version only, so
running this twice changes nothing. With pandas 3 the library's own offsets fall back to Easter: Tel Aviv then has
no holiday at all and Athens, Belgrade and Sofia cannot be built; ``_check_known_days`` refuses to write such a table.
"""

import datetime as dt
import sys
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd

TARGET = Path(__file__).parents[1] / "data" / "sessions.txt"
FIRST, LAST = dt.date(2000, 1, 1), dt.date(2027, 12, 31)
DAY = dt.timedelta(days=1)
MONTHS = "abcdefghijkl"

# calendar: (minutes from the close to the last official price: the closing auction; exchanges).
# An exchange is Yahoo's code, ":" and the minutes by which Yahoo's quotes lag, ":" and the suffixes of its symbols.
# The delays are the ones that Yahoo publishes, rounded up: too long a delay costs a few requests after the close.
EXCHANGES = {
    "XNYS": (
        5,
        "NYQ:0 NYS:0 NMS:0 NGM:0 NCM:0 NIM:0 NAS:0 ASE:0 PCX:0 BTS:0 SNP:0 DJI:0 PNK:15 OQB:15 OQX:15 CXI:15 CGI:15",
    ),
    "XCBF": (15, "WCB:15 CBO:15"),
    "XTSE": (10, "TOR:15:.TO VAN:15:.V CNQ:15:.CN NEO:15:.NE TSI:15"),
    "XMEX": (10, "MEX:20:.MX"),
    "BVMF": (10, "SAO:15:.SA"),
    "XBUE": (10, "BUE:30:.BA"),
    "XSGO": (10, "SGO:15:.SN"),
    "XLON": (10, "LSE:15:.L IOB:15:.IL FGI:15"),
    "XDUB": (10, "ISE:15:.IR"),
    "XETR": (10, "GER:15:.DE"),
    "XSTU": (10, "FRA:15:.F STU:15:.SG MUN:15:.MU DUS:15:.DU HAM:15:.HM BER:15:.BE HAN:15:.HA"),
    "XPAR": (10, "PAR:15:.PA ENX:15:.NX"),
    "XAMS": (10, "AMS:15:.AS"),
    "XBRU": (10, "BRU:15:.BR"),
    "XLIS": (10, "LIS:15:.LS"),
    "XMIL": (10, "MIL:20:.MI TLO:20:.TI"),
    "XMAD": (10, "MCE:15:.MC"),
    "XSWX": (10, "EBS:30:.SW VTX:30 ZRH:15"),
    "XWBO": (10, "VIE:15:.VI"),
    "XSTO": (5, "STO:15:.ST"),
    "XCSE": (5, "CPH:15:.CO"),
    "XHEL": (5, "HEL:15:.HE"),
    "XOSL": (10, "OSL:15:.OL"),
    "XICE": (5, "ICE:15:.IC"),
    "XTAL": (5, "TAL:15:.TL"),
    "XRIS": (5, "RIS:15:.RG"),
    "XLIT": (5, "LIT:15:.VS"),
    "ASEX": (10, "ATH:15:.AT"),
    "XIST": (10, "IST:15:.IS"),
    "XWAR": (10, "WSE:15:.WA"),
    "XPRA": (10, "PRA:20:.PR"),
    "XBUD": (10, "BUD:15:.BD"),
    "XMOS": (10, "MCX:15:.ME"),
    "XTAE": (15, "TLV:20:.TA"),
    "XJSE": (10, "JNB:15:.JO"),
    "XSAU": (20, "SAU:15:.SR"),
    "XTKS": (5, "JPX:20:.T OSA:20 FKA:20 SAP:20"),
    "XHKG": (15, "HKG:15:.HK"),
    "XSHG": (5, "SHH:30:.SS SHZ:30:.SZ"),
    "XTAI": (5, "TAI:20:.TW TWO:20:.TWO"),
    "XKRX": (5, "KSC:20:.KS KOE:20:.KQ"),
    "XSES": (20, "SES:20:.SI"),
    "XKLS": (10, "KLS:15:.KL"),
    "XIDX": (30, "JKT:10:.JK"),
    "XBKK": (15, "SET:15:.BK"),
    "XPHS": (15, "PHS:15:.PS"),
    "XASX": (15, "ASX:20:.AX"),
    "XNZE": (20, "NZE:20:.NZ"),
    "XBOM": (15, "NSE:15 NSI:15:.NS BSE:15:.BO"),
    "CMES": (10, "CME:10:=F CBT:10 CMX:10 NYM:10"),
    "IEPA": (10, "NYB:30:.NYB"),
}

# Closures that the library does not have: the first and the last day.
CLOSED_TOO = {
    "XMOS": (dt.date(2022, 2, 28), dt.date(2022, 3, 23)),  # the war's first weeks
}

# What no library has to tell.
BY_HAND = """\
24/7 UTC 0 - -
hours 2000-01-01 1234567=00:00-24:00

# Yahoo counts currencies in London days. The week runs from Sunday 17:00 to Friday 17:00 in New York, which is
# 22:00 in London, or 21:00 while only one of the two has summer time: the earlier opening and the later close stand
# here. The last price of a week is stamped half an hour after it. No holidays: prices come on all weekdays.
FX Europe/London 30 - -
hours 2000-01-01 1=<21:00-24:00 234=00:00-24:00 5=00:00-22:00

# An exchange that nobody knows: the weekday somewhere on Earth, so it is taken as open from Monday morning in
# Auckland on, and a day counts as over when it is over in UTC (New York has closed by then).
WEEKDAYS UTC 0 - -
hours 2000-01-01 1=<21:00-24:00 2345=00:00-24:00
"""
BY_HAND_EXCHANGES = "BINANCE 24/7 0\nCCC 24/7 0 -USD\nCCY FX 0 =X\n"


class Span(NamedTuple):
    """Minutes from the session date's local midnight; the evening before is negative."""

    start: int
    end: int


Hours = tuple[Span, ...]


def _clock(minute: int) -> str:
    before, minute = ("<", minute + 1440) if minute < 0 else ("", minute)
    return f"{before}{minute // 60:02d}:{minute % 60:02d}"


def _text(hours: Hours) -> str:
    return "+".join(f"{_clock(span.start)}-{_clock(span.end)}" for span in hours)


def _us_summer(day: dt.date) -> bool:
    noon = dt.datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo("America/New_York"))
    return bool(noon.dst())


def _corrected(name: str, day: dt.date, hours: Hours) -> Hours:
    """What the library simplifies, as the exchange has it."""
    (start, end) = (hours[0].start, hours[-1].end)
    if name == "CMES" and end == 17 * 60:  # Globex stops for an hour at 16:00 in Chicago
        end = 16 * 60
    if name == "CMES":  # in New York's time, which Yahoo's stamps have; the two zones keep the same summer
        return (Span(start + 60, end + 60),)
    if name == "IEPA" and end == 18 * 60:  # New York 17:00
        return (Span(start, 17 * 60),)
    if name == "XMEX" and day >= dt.date(2022, 10, 31) and _us_summer(day):
        return (Span(start - 60, end - 60),)  # Mexico gave up summer time in 2022; its exchange follows New York
    if name == "BVMF" and day >= dt.date(2019, 11, 4) and _us_summer(day):
        return (Span(start, end - 60),)  # Brazil gave it up in 2019; the close follows New York, the open does not
    return hours


def _tel_aviv() -> type[exchange_calendars.ExchangeCalendar]:
    """Before 2026 the library calls every Sunday an early close, holidays too, and then refuses its own dates."""
    original = exchange_calendars.calendar_utils._default_calendar_factories["XTAE"]

    class Sessions(exchange_calendars.exchange_calendar.HolidayCalendar):
        def __init__(self, dates: object, sessions: pd.DatetimeIndex) -> None:
            super().__init__(rules=[])
            self._dates, self._sessions = dates, sessions

        def holidays(self, start=None, end=None, return_name=False):  # type: ignore[no-untyped-def]
            return self._dates.holidays(start, end).intersection(self._sessions)  # type: ignore[attr-defined]

    class TelAviv(original):  # type: ignore[misc, valid-type]
        @property
        def special_closes(self) -> list[tuple[dt.time, object]]:
            days = pd.date_range(str(FIRST), str(LAST), freq=self.day)
            return [(time, Sessions(dates, days)) for time, dates in super().special_closes]

    return TelAviv


class Calendar(NamedTuple):
    zone: str
    first: dt.date  # known from here
    last: dt.date  # to here
    sessions: dict[dt.date, Hours]


@cache
def _read(name: str) -> Calendar:
    factory = exchange_calendars.calendar_utils._default_calendar_factories[name]
    low, high = factory.bound_min(), factory.bound_max()
    start = max(pd.Timestamp(FIRST), low) if low is not None else pd.Timestamp(FIRST)
    end = min(pd.Timestamp(LAST), high) if high is not None else pd.Timestamp(LAST)
    made = (_tel_aviv() if name == "XTAE" else factory)(start=start, end=end)
    zone = ZoneInfo(str(made.tz))
    sessions = {}
    for stamp, *times in made.schedule[["open", "break_start", "break_end", "close"]].itertuples():
        day = stamp.date()
        if name in CLOSED_TOO and CLOSED_TOO[name][0] <= day <= CLOSED_TOO[name][1]:
            continue
        minutes = [_minute(time.tz_convert(zone), day) for time in times if not pd.isna(time)]
        hours = tuple(Span(*minutes[at : at + 2]) for at in range(0, len(minutes), 2))
        sessions[day] = _corrected(name, day, hours)
    named = "America/New_York" if name == "CMES" else str(zone)
    return Calendar(named, start.date(), end.date(), sessions)


def _minute(time: pd.Timestamp, day: dt.date) -> int:
    return (time.date() - day).days * 1440 + time.hour * 60 + time.minute


def _rules(calendar: Calendar) -> dict[dt.date, dict[int, Hours]]:
    """From which Monday on which hours are usual on which weekday: a change is one that seven of the next eleven
    weeks follow."""
    first, last = min(calendar.sessions), max(calendar.sessions)
    monday = first - (first.isoweekday() - 1) * DAY
    mondays = [monday + 7 * week * DAY for week in range((last - monday).days // 7 + 1)]
    rules: dict[dt.date, dict[int, Hours]] = {}
    usual: dict[int, Hours | None] = dict.fromkeys(range(1, 8))
    for weekday in usual:
        found = [calendar.sessions.get(monday + (weekday - 1) * DAY) for monday in mondays]
        for at, hours in enumerate([max(found[:11], key=found[:11].count), *found[1:]]):
            ahead = found[at : at + 11]
            if hours != usual[weekday] and len(ahead) > 5 and ahead.count(hours) > 0.6 * len(ahead):
                usual[weekday] = hours
                rules.setdefault(max(mondays[at], FIRST), {})[weekday] = hours or ()
    week: dict[int, Hours] = {}
    for day in sorted(rules):
        week = week | rules[day]
        rules[day] = {weekday: hours for weekday, hours in sorted(week.items()) if hours}
    return rules


def _week_text(week: dict[int, Hours]) -> str:
    by_hours: dict[Hours, str] = {}
    for weekday, hours in week.items():
        by_hours[hours] = by_hours.get(hours, "") + str(weekday)
    return " ".join(f"{weekdays}={_text(hours)}" for hours, weekdays in by_hours.items())


def _usual(rules: dict[dt.date, dict[int, Hours]], day: dt.date) -> Hours | None:
    start = max((start for start in rules if start <= day), default=min(rules))
    return rules[start].get(day.isoweekday())


def _yearly(calendar: Calendar, rules: dict[dt.date, dict[int, Hours]]) -> list[str]:
    """The days of the year on which there never was a session though the weekday would have had one, at least twelve
    times: they stay closed after the table's end, and save a third of its size."""
    open_, shut = set(), dict[str, int]()
    for ordinal in range(calendar.first.toordinal(), calendar.last.toordinal() + 1):
        day = dt.date.fromordinal(ordinal)
        if day in calendar.sessions:
            open_.add(_month_day(day))
        elif _usual(rules, day):
            shut[_month_day(day)] = shut.get(_month_day(day), 0) + 1
    return sorted(name for name, times in shut.items() if times >= 12 and name not in open_)


def _month_day(day: dt.date) -> str:
    return f"{MONTHS[day.month - 1]}{day.day:02d}"


def _dates_text(dates: list[dt.date]) -> str:
    """``2026a01l25``: the year, then a letter for the month and two digits for the day."""
    years: dict[int, str] = {}
    for day in sorted(dates):
        years[day.year] = years.get(day.year, str(day.year)) + _month_day(day)
    return " ".join(years.values())


def _section(name: str, auction: int) -> str:
    calendar = _read(name)
    rules = _rules(calendar)
    lines = [f"{name} {calendar.zone} {auction} {calendar.first} {calendar.last}"]
    lines += [f"hours {day} {_week_text(rules[day])}" for day in sorted(rules)]
    closed: list[dt.date] = []
    special: dict[Hours, list[dt.date]] = {}
    for ordinal in range(calendar.first.toordinal(), calendar.last.toordinal() + 1):
        day = dt.date.fromordinal(ordinal)
        usual, actual = _usual(rules, day), calendar.sessions.get(day)
        if actual is None and usual is not None:
            closed.append(day)
        elif actual is not None and actual != usual:
            special.setdefault(actual, []).append(day)
    yearly = _yearly(calendar, rules)
    lines += [f"yearly {' '.join(yearly)}"] if yearly else []
    lines += [f"closed {_dates_text([day for day in closed if _month_day(day) not in yearly])}"]
    lines += [f"on {_text(hours)} {_dates_text(special[hours])}" for hours in sorted(special)]
    return "\n".join(lines) + "\n"


def _check_known_days() -> None:
    """Days that everybody knows, one for each way in which the library computes them."""
    closed = {
        "XTAE": "2026-09-21",
        "XNYS": "2026-04-03",
        "XLON": "2026-04-03",
        "XHKG": "2026-02-17",
        "ASEX": "2026-04-13",
    }
    for name, day in closed.items():
        if dt.date.fromisoformat(day) in _read(name).sessions:
            sys.exit(f"{name} is open on {day}: this pandas ({version('pandas')}) breaks the library, use pandas<3")
    if dt.date(2025, 2, 1) not in _read("XBOM").sessions:
        sys.exit("XBOM is closed on Saturday 2025-02-01, the day of the budget: use pandas<3")


def _index() -> str:
    lines = []
    for name, (_, exchanges) in EXCHANGES.items():
        for exchange in exchanges.split():
            code, delay, *suffix = exchange.split(":")
            lines.append(" ".join([code, name, delay, *suffix]))
    return "\n".join(sorted(lines + BY_HAND_EXCHANGES.split("\n")[:-1])) + "\n"


def main() -> None:
    warnings.simplefilter("ignore")  # pandas' performance remarks
    _check_known_days()
    head = (
        "# Exchange sessions, written by scripts/make_sessions.py: do not edit. The format is described in README.md.\n"
        f"# exchange_calendars {version('exchange_calendars')}, {FIRST} to {LAST}\n"
    )
    sections = [_section(name, auction) for name, (auction, _) in sorted(EXCHANGES.items())]
    TARGET.write_text("\n".join([head, _index(), BY_HAND, *sections]), encoding="utf-8")


if __name__ == "__main__":
    main()
