"""The whole table: against rules of the calendar worked out here, against itself, and against other data."""

import csv
import datetime as dt
import gzip
import itertools
import random
import statistics
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import shared_data
from pricectl import sessions as room
from pricectl.errors import ConfigError
from pricectl.sessions import Calendar, calendar

DAY = dt.timedelta(days=1)
TABLE = Path(__file__).parents[2] / "data" / "sessions.txt"
INDEX = [line.split() for line in TABLE.read_text().split("\n\n")[1].splitlines()]
CODES = [words[0] for words in INDEX]
CALENDARS = sorted({words[1]: words[0] for words in INDEX}.items())
EASTER = ["LSE", "GER", "PAR", "AMS", "MIL", "EBS", "STO", "CPH", "OSL", "HEL", "ASX", "NZE", "HKG"]
GOOD_FRIDAY = [*EASTER, "NMS", "SES", "TOR", "SAO", "JNB", "MEX", "CME"]

# Every exchange of the shipped list of assets, and of the lists that it was compiled from.
CATALOGUE = """
AMS ASX BINANCE BRU BSE BTS CBT CCY CME CMX CPH DJI EBS FGI GER HEL HKG IST JKT JNB JPX KLS KSC LIS LSE MCE MCX
MEX MIL NCM NGM NIM NMS NSE NSI NYB NYM NYQ NYS NZE OSA OSL PAR PCX SAO SES SET SHH SHZ SNP STO TAI TLV TOR TSI
VIE WCB ZRH
"""


def easter(year: int) -> dt.date:
    """Easter Sunday, by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, f = b // 4, b % 4, (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    lead = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * lead) // 451
    month, day = divmod(h + lead - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)


@pytest.mark.parametrize("exchange", GOOD_FRIDAY)
def test_good_friday_is_closed(exchange: str) -> None:
    good_fridays = [easter(year) - 2 * DAY for year in range(2001, 2027)]
    assert [day for day in good_fridays if calendar(exchange, "stock").is_session(day)] == []


@pytest.mark.parametrize("exchange", EASTER)
def test_easter_monday_is_closed(exchange: str) -> None:
    mondays = [easter(year) + DAY for year in range(2001, 2027)]
    assert [day for day in mondays if calendar(exchange, "stock").is_session(day)] == []


def test_thanksgiving_is_closed_and_short_the_day_after() -> None:
    nyse, new_york = calendar("NYQ", "stock"), ZoneInfo("America/New_York")
    for year in range(2000, 2028):
        first = dt.date(year, 11, 1)
        thanksgiving = first + ((3 - first.weekday()) % 7 + 21) * DAY
        assert not nyse.is_session(thanksgiving)
        close = dt.datetime.fromtimestamp(nyse.hours(thanksgiving + DAY)[1] / 1000, new_york)
        assert (close.hour, close.minute) == (13, 0)


def test_new_york_has_about_252_sessions_a_year() -> None:
    nyse = calendar("NYQ", "stock")
    counts = {year: len(nyse.sessions(dt.date(year, 1, 1), dt.date(year, 12, 31))) for year in range(2000, 2028)}
    # As published by the exchange: 2001 lost four sessions, 2012 two; 2026 has 251.
    assert [counts[year] for year in (2000, 2001, 2008, 2012, 2020, 2024, 2025, 2026)] == [
        252,
        248,
        253,
        250,
        253,
        252,
        250,
        251,
    ]
    assert all(248 <= count <= 253 for count in counts.values())


def test_all_exchanges_of_the_catalogue_are_known() -> None:
    assert [code for code in CATALOGUE.split() if code not in CODES] == []


def test_the_shipped_list_of_assets_names_no_other_exchange() -> None:
    with (TABLE.parent / "assets.csv").open(newline="") as file:
        assert {row["exchange"] for row in csv.DictReader(file)} - set(CODES) == set()


@pytest.mark.parametrize(("name", "exchange"), CALENDARS)
def test_instants_agree_with_each_other(name: str, exchange: str) -> None:
    """Opens, closes and sessions, asked at random instants, against a plain list of all hours of the year around."""
    asked = calendar(exchange, "stock")
    draw = random.Random(name)
    for _ in range(25):
        day = dt.date.fromordinal(draw.randrange(dt.date(2000, 3, 1).toordinal(), dt.date(2029, 1, 1).toordinal()))
        now = int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()) * 1000 + draw.randrange(86_400_000)
        days = asked.sessions(day - 50 * DAY, day + 50 * DAY)
        hours = [asked.hours(one) for one in days]
        assert all(start < end for start, end in hours)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(hours))
        within = [start for start, end in hours if start <= now < end]
        assert asked.is_open(now) == bool(within) or _at_lunch(asked, now)
        if not _has_lunch(name):
            assert asked.next_open(now) == min(start for start, _ in hours if start > now)
            assert asked.last_close(now) == max(end for _, end in hours if end <= now)
        settled = now - (asked.delay_s + asked.auction_s) * 1000
        done = [one for one, (_, end) in zip(days, hours, strict=True) if end <= settled]
        assert asked.last_completed(now) == done[-1]
        assert asked.last_session(day - 50 * DAY, day) == max(one for one in days if one <= day)


def _has_lunch(name: str) -> bool:
    return name in {"XTKS", "XHKG", "XSHG", "XKRX"}


def _at_lunch(asked: Calendar, now_ms: int) -> bool:
    local = dt.datetime.fromtimestamp(now_ms / 1000, ZoneInfo(asked.tz)).time()
    return _has_lunch(asked.name) and dt.time(11, 30) <= local <= dt.time(13)


# Where the other table is not the one to follow: Tel Aviv's holidays there fall on Easter, as the library that both
# come from has them under pandas 3. (Bombay's two Saturdays are missing there too, for the same reason: it lists no
# day that is open in spite of its week.)
WRONG_THERE = "XTAE"


def _shared() -> list[dict[str, str]]:
    with shared_data.data("calendars/calendars.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _shared_days() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    with gzip.open(shared_data.data("calendars/closures_2000_2027.csv.gz"), "rt", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["calendar"], {})[row["date"]] = row["local_close"]
    return found


@shared_data.needs_shared_data
def test_closures_and_early_closes_agree_with_other_data() -> None:
    days, compared = _shared_days(), 0
    for row in _shared():
        if row["calendar"] == WRONG_THERE:
            continue
        for code in row["yahoo_exchange_codes"].split():
            asked = calendar(code, "stock")
            first, last = dt.date.fromisoformat(row["first"]), dt.date.fromisoformat(row["last"])
            open_days = set(asked.sessions(first, last))
            every = [first + n * DAY for n in range((last - first).days + 1)]
            closed = {str(day) for day in every if day.isoweekday() < 6 and day not in open_days}
            theirs = days[row["calendar"]]
            assert closed == {day for day, close in theirs.items() if not close}, code
            assert _early(asked, sorted(open_days), row["calendar"]) == {
                day: close for day, close in theirs.items() if close
            }, code
            compared += 1
    assert compared > 35


def _early(asked: Calendar, days: list[dt.date], theirs: str) -> dict[str, str]:
    """The sessions that end before the sessions around them do, with the local time at which they end."""
    if theirs in {"BVMF", "XMEX"}:  # whose close moves with New York's summer time
        return {}
    zone = ZoneInfo("America/Chicago" if theirs == "CMES" else asked.tz)
    closes = [f"{dt.datetime.fromtimestamp(asked.hours(day)[1] / 1000, zone):%H:%M}" for day in days]
    around = [statistics.mode(closes[max(at - 15, 0) : at + 16]) for at in range(len(days))]
    changes = {"XTKS": "2024-11-05", "XKRX": "2016-08-01"}.get(theirs)
    return {
        str(day): close
        for day, close, usual in zip(days, closes, around, strict=True)
        if close < usual and not (changes and abs((day - dt.date.fromisoformat(changes)).days) < 30)
    }


@shared_data.needs_shared_data
def test_zones_agree_with_other_data() -> None:
    # Futures stand in New York's time, which Yahoo's stamps have, an hour ahead of Chicago's all year.
    zones = {row["calendar"]: row["tz"] for row in _shared()} | {"CMES": "America/New_York"}
    for row in _shared():
        for code in row["yahoo_exchange_codes"].split():
            assert calendar(code, "stock").tz == zones[row["calendar"]]


def test_reading_one_calendar_reads_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    original = room._section
    monkeypatch.setattr(room, "_section", lambda name, text: read.append(name) or original(name, text))
    calendar.cache_clear()
    calendar("LSE", "stock")
    calendar("LSE", "stock")
    assert read == ["XLON"]
    calendar.cache_clear()


def test_importing_reads_nothing_and_no_heavy_module() -> None:
    program = (
        "import sys, builtins; opened = []; original = builtins.open\n"
        "def spy(file, *rest, **more): opened.append(str(file)); return original(file, *rest, **more)\n"
        "builtins.open = spy\n"
        "import pricectl.sessions\n"
        "print([name for name in opened if 'sessions.txt' in name],"
        " sorted({'zoneinfo', 'tomllib', 'csv', 'asyncio', 'dataclasses', 'json'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_a_table_that_is_missing_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(room, "shipped", lambda name: str(tmp_path / name))
    for cached in (room.calendar, room._parts, room._text):
        cached.cache_clear()
    with pytest.raises(ConfigError, match="table of exchange sessions") as caught:
        calendar("LSE", "stock")
    assert caught.value.hint == "install pricectl again"


def test_a_machine_without_the_zone_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="no time zone Mars/Olympus") as caught:
        room._zone("Mars/Olympus")
    assert "tzdata" in caught.value.hint


def test_the_table_is_compact_and_says_where_it_comes_from() -> None:
    text = TABLE.read_text()
    assert TABLE.stat().st_size < 60_000
    assert "exchange_calendars 4." in text
    assert "2000-01-01 to 2027-12-31" in text
