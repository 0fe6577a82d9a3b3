"""Days and hours that anybody can look up, exchange by exchange."""

import datetime as dt

import pytest

from pricectl.model.asset import Asset
from pricectl.sessions import calendar, calendar_of


def ms(text: str) -> int:
    """``2026-11-27 18:00`` in UTC as milliseconds."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * 1000


def hours(exchange: str, day: str) -> tuple[str, str]:
    """(open, close) of a session as UTC text."""
    instants = calendar(exchange, "stock").hours(dt.date.fromisoformat(day))
    first, last = (dt.datetime.fromtimestamp(instant / 1000, dt.UTC) for instant in instants)
    return f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}"


CLOSED = [
    ("NYQ", "2026-11-26", "Thanksgiving"),
    ("NMS", "2001-09-11", "the attacks of 2001"),
    ("NMS", "2001-09-14", "the attacks of 2001"),
    ("PCX", "2012-10-30", "hurricane Sandy"),
    ("NYQ", "2018-12-05", "mourning for George H. W. Bush"),
    ("NYQ", "2025-01-09", "mourning for Jimmy Carter"),
    ("NYQ", "2022-06-20", "Juneteenth, moved from Sunday"),
    ("NYQ", "2026-07-03", "Independence Day, moved from Saturday"),
    ("NYQ", "2026-11-28", "a Saturday"),
    ("LSE", "2026-04-03", "Good Friday"),
    ("LSE", "2026-04-06", "Easter Monday"),
    ("LSE", "2022-09-19", "the Queen's funeral"),
    ("LSE", "2020-05-08", "the May holiday moved to VE Day"),
    ("LSE", "2026-12-28", "Boxing Day, moved from Saturday"),
    ("GER", "2026-12-24", "Christmas Eve in Frankfurt"),
    ("PAR", "2026-05-01", "Labour Day"),
    ("EBS", "2026-08-01", "a Saturday"),
    ("EBS", "2025-08-01", "the Swiss national day"),
    ("STO", "2026-06-19", "Midsummer's Eve"),
    ("JPX", "2026-01-01", "New Year"),
    ("JPX", "2026-01-02", "New Year"),
    ("JPX", "2025-12-31", "New Year"),
    ("JPX", "2019-04-30", "the abdication: ten days without a session"),
    ("HKG", "2026-02-17", "Lunar New Year"),
    ("SHH", "2026-10-07", "the Golden Week"),
    ("KSC", "2020-12-31", "the year's end in Seoul"),
    ("ASX", "2026-01-26", "Australia Day"),
    ("ASX", "2026-04-25", "a Saturday"),
    ("NSI", "2026-01-26", "Republic Day"),
    ("TLV", "2026-09-21", "Yom Kippur"),
    ("TLV", "2025-10-02", "Yom Kippur"),
    ("TLV", "2026-01-11", "a Sunday, after the change to Monday to Friday"),
    ("TLV", "2025-11-28", "a Friday, before it"),
    ("SAO", "2026-02-17", "Carnival"),
    ("CME", "2026-04-03", "Good Friday"),
    ("CMX", "2026-12-25", "Christmas"),
    ("CCY", "2026-11-28", "a Saturday"),
    ("CCY", "2026-11-29", "a Sunday"),
]

OPEN = [
    ("NYQ", "2021-06-18", "Juneteenth was no holiday of the exchange yet"),
    ("NYQ", "2026-11-11", "Veterans Day closes bonds only"),
    ("LSE", "2020-05-04", "the May holiday that was moved"),
    ("JPX", "2019-04-26", "before the ten days"),
    ("JPX", "2019-05-07", "after the ten days"),
    ("ASX", "2026-10-05", "Labour Day in Sydney only"),
    ("NSI", "2025-02-01", "Saturday of the budget"),
    ("TLV", "2025-11-23", "a Sunday in 2025"),
    ("TLV", "2026-01-09", "a Friday in 2026"),
    ("CME", "2026-11-26", "futures trade on Thanksgiving morning"),
    ("CCY", "2026-12-25", "currencies are quoted on every weekday"),
    ("BINANCE", "2026-12-25", "coins never rest"),
    ("CCC", "2026-11-29", "not on Sundays either"),
]


@pytest.mark.parametrize(("exchange", "day", "why"), CLOSED)
def test_closed(exchange: str, day: str, why: str) -> None:
    assert not calendar(exchange, "stock").is_session(dt.date.fromisoformat(day)), why


@pytest.mark.parametrize(("exchange", "day", "why"), OPEN)
def test_open(exchange: str, day: str, why: str) -> None:
    assert calendar(exchange, "stock").is_session(dt.date.fromisoformat(day)), why


@pytest.mark.parametrize(
    ("exchange", "day", "first", "last"),
    [
        ("NYQ", "2026-11-27", "2026-11-27 14:30", "2026-11-27 18:00"),  # the day after Thanksgiving, to 13:00
        ("NYQ", "2026-11-30", "2026-11-30 14:30", "2026-11-30 21:00"),
        ("NYQ", "2026-10-30", "2026-10-30 13:30", "2026-10-30 20:00"),  # the last day of summer time
        ("NMS", "2013-07-03", "2013-07-03 13:30", "2013-07-03 17:00"),
        ("LSE", "2026-12-24", "2026-12-24 08:00", "2026-12-24 12:30"),
        ("LSE", "2026-07-01", "2026-07-01 07:00", "2026-07-01 15:30"),
        ("GER", "2026-11-24", "2026-11-24 08:00", "2026-11-24 16:30"),
        ("JPX", "2024-11-01", "2024-11-01 00:00", "2024-11-01 06:00"),
        ("JPX", "2024-11-05", "2024-11-05 00:00", "2024-11-05 06:30"),  # half an hour longer from this day
        ("HKG", "2011-03-04", "2011-03-04 02:00", "2011-03-04 08:00"),
        ("HKG", "2011-03-07", "2011-03-07 01:30", "2011-03-07 08:00"),
        ("HKG", "2026-02-16", "2026-02-16 01:30", "2026-02-16 04:00"),  # the eve of Lunar New Year, morning only
        ("KSC", "2016-07-29", "2016-07-29 00:00", "2016-07-29 06:00"),
        ("KSC", "2016-08-01", "2016-08-01 00:00", "2016-08-01 06:30"),
        ("ASX", "2026-10-02", "2026-10-02 00:00", "2026-10-02 06:00"),
        ("ASX", "2026-10-05", "2026-10-04 23:00", "2026-10-05 05:00"),  # summer time: the UTC day before
        ("NZE", "2026-11-24", "2026-11-23 21:00", "2026-11-24 03:45"),
        ("NSI", "2026-11-23", "2026-11-23 03:45", "2026-11-23 10:00"),
        ("TLV", "2025-11-23", "2025-11-23 07:59", "2025-11-23 13:40"),  # Sunday
        ("TLV", "2026-11-24", "2026-11-24 07:59", "2026-11-24 15:15"),
        ("TLV", "2026-11-27", "2026-11-27 07:59", "2026-11-27 11:50"),  # Friday
        ("SAO", "2026-07-01", "2026-07-01 13:00", "2026-07-01 20:00"),  # the close follows New York
        ("SAO", "2026-12-01", "2026-12-01 13:00", "2026-12-01 21:00"),
        ("MEX", "2026-07-01", "2026-07-01 13:30", "2026-07-01 20:00"),  # all of the session does
        ("MEX", "2026-12-01", "2026-12-01 14:30", "2026-12-01 21:00"),
        ("CME", "2026-11-23", "2026-11-22 23:00", "2026-11-23 22:00"),  # from Sunday evening
        ("CMX", "2026-11-26", "2026-11-25 23:00", "2026-11-26 18:00"),
        ("CBT", "2026-07-07", "2026-07-06 22:00", "2026-07-07 21:00"),
        ("CCY", "2026-11-24", "2026-11-24 00:00", "2026-11-25 00:00"),  # days of London
        ("CCY", "2026-07-07", "2026-07-06 23:00", "2026-07-07 23:00"),
        ("CCY", "2026-11-27", "2026-11-27 00:00", "2026-11-27 22:00"),
        ("BINANCE", "2026-11-24", "2026-11-24 00:00", "2026-11-25 00:00"),
    ],
)
def test_hours(exchange: str, day: str, first: str, last: str) -> None:
    assert hours(exchange, day) == (first, last)


def test_the_close_is_not_open_and_the_open_is() -> None:
    nyse = calendar("NYQ", "stock")
    at = {text: nyse.is_open(ms(f"2026-11-27 {text}")) for text in ("14:29", "14:30", "17:59", "18:00", "20:00")}
    assert at == {"14:29": False, "14:30": True, "17:59": True, "18:00": False, "20:00": False}


def test_futures_are_open_from_the_evening_before() -> None:
    chicago = calendar("CME", "stock")
    at = [
        chicago.is_open(ms(f"2026-11-{text}")) for text in ("22 22:59", "22 23:00", "23 21:59", "23 22:00", "23 23:00")
    ]
    assert at == [False, True, True, False, True]


def test_lunch_is_not_open() -> None:
    tokyo = calendar("JPX", "stock")
    assert [tokyo.is_open(ms(f"2026-11-24 {text}")) for text in ("02:29", "02:30", "03:29", "03:30")] == [
        True,
        False,
        False,
        True,
    ]
    assert tokyo.next_open(ms("2026-11-24 02:45")) == ms("2026-11-24 03:30")
    assert tokyo.last_close(ms("2026-11-24 02:45")) == ms("2026-11-24 02:30")
    assert calendar("HKG", "stock").next_open(ms("2026-11-24 04:00")) == ms("2026-11-24 05:00")
    assert calendar("SHH", "stock").is_open(ms("2026-11-24 04:00")) is False


@pytest.mark.parametrize(
    ("exchange", "now", "expected"),
    [
        ("NYQ", "2026-11-25 22:00", "2026-11-27 14:30"),  # over Thanksgiving
        ("NYQ", "2026-11-27 18:00", "2026-11-30 14:30"),
        ("NYQ", "2026-11-27 14:29", "2026-11-27 14:30"),
        ("NYQ", "2026-11-27 14:30", "2026-11-30 14:30"),  # strictly after
        ("JPX", "2019-04-26 06:00", "2019-05-07 00:00"),
        ("CME", "2026-11-20 22:00", "2026-11-22 23:00"),
        ("CME", "2026-11-23 22:30", "2026-11-23 23:00"),  # the hour's pause in the evening
        ("CCY", "2026-11-27 22:30", "2026-11-29 21:00"),
        ("BINANCE", "2026-11-24 12:00", "2026-11-25 00:00"),
        ("MCX", "2022-02-25 20:00", "2022-03-24 07:00"),  # Moscow's closure of 2022
        ("ATH", "2015-06-26 20:00", "2015-08-03 07:00"),  # Athens' of 2015
    ],
)
def test_next_open(exchange: str, now: str, expected: str) -> None:
    assert calendar(exchange, "stock").next_open(ms(now)) == ms(expected)


@pytest.mark.parametrize(
    ("exchange", "now", "expected"),
    [
        ("NYQ", "2026-11-27 18:04", "2026-11-25"),
        ("NYQ", "2026-11-27 18:05", "2026-11-27"),  # five minutes for the closing auction
        ("NYQ", "2026-11-30 12:00", "2026-11-27"),
        ("LSE", "2026-11-24 16:54", "2026-11-23"),
        ("LSE", "2026-11-24 16:55", "2026-11-24"),  # 16:30, ten minutes for the auction, fifteen of delay
        ("ASX", "2026-11-24 04:00", "2026-11-23"),
        ("ASX", "2026-11-24 05:35", "2026-11-24"),
        ("JPX", "2019-05-06 12:00", "2019-04-26"),
        ("TLV", "2025-11-23 20:00", "2025-11-23"),
        ("BINANCE", "2026-12-04 00:00", "2026-12-03"),
        ("BINANCE", "2026-12-04 23:59", "2026-12-03"),
        ("CCY", "2026-11-29 12:00", "2026-11-27"),
        ("CME", "2026-11-24 01:00", "2026-11-23"),
    ],
)
def test_last_completed(exchange: str, now: str, expected: str) -> None:
    assert calendar(exchange, "stock").last_completed(ms(now)) == dt.date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("exchange", "now", "expected"),
    [
        ("NYQ", "2026-11-27 17:59", "2026-11-25 21:00"),
        ("NYQ", "2026-11-27 18:00", "2026-11-27 18:00"),
        ("NYQ", "2026-11-30 03:00", "2026-11-27 18:00"),
        ("JPX", "2026-11-24 07:00", "2026-11-24 06:30"),  # the close, not the lunch before it
        ("CME", "2026-11-23 23:30", "2026-11-23 22:00"),
        ("BINANCE", "2026-11-24 00:00", "2026-11-24 00:00"),
    ],
)
def test_last_close(exchange: str, now: str, expected: str) -> None:
    assert calendar(exchange, "stock").last_close(ms(now)) == ms(expected)


def test_the_last_session_of_a_span() -> None:
    nyse = calendar("NYQ", "stock")
    assert nyse.last_session(dt.date(2026, 11, 20), dt.date(2026, 11, 26)) == dt.date(2026, 11, 25)
    assert nyse.last_session(dt.date(2026, 11, 27), dt.date(2026, 11, 29)) == dt.date(2026, 11, 27)
    assert nyse.last_session(dt.date(2026, 11, 28), dt.date(2026, 11, 29)) is None
    assert nyse.sessions(dt.date(2026, 11, 23), dt.date(2026, 11, 30)) == [
        dt.date(2026, 11, day) for day in (23, 24, 25, 27, 30)
    ]
    assert nyse.sessions(dt.date(2026, 11, 30), dt.date(2026, 11, 23)) == []


def test_the_local_date() -> None:
    assert calendar("ASX", "stock").day_of(ms("2026-10-04 23:00")) == dt.date(2026, 10, 5)
    assert calendar("NYQ", "stock").day_of(ms("2026-11-25 04:59")) == dt.date(2026, 11, 24)
    assert calendar("CCY", "fx").day_of(ms("2026-07-06 23:00")) == dt.date(2026, 7, 7)
    assert calendar("BINANCE", "crypto").day_of(ms("1969-12-31 12:00")) == dt.date(1969, 12, 31)


def test_a_day_without_a_session_has_the_usual_hours() -> None:
    assert hours("NYQ", "2026-11-26") == ("2026-11-26 14:30", "2026-11-26 21:00")
    assert hours("NYQ", "2026-11-29") == ("2026-11-29 14:30", "2026-11-29 21:00")


def test_outside_of_the_table_weekdays_are_a_guess_and_it_says_so() -> None:
    nyse = calendar("NYQ", "stock")
    assert (nyse.known_from, nyse.known_until) == (dt.date(2000, 1, 1), dt.date(2027, 12, 31))
    assert nyse.known(dt.date(2027, 12, 31))
    assert not nyse.known(dt.date(2028, 1, 3))
    assert not nyse.known(dt.date(1999, 12, 31))
    assert nyse.is_session(dt.date(2028, 4, 14))  # Good Friday, not known any more
    assert not nyse.is_session(dt.date(2028, 7, 4))  # the same date each year still is
    assert not nyse.is_session(dt.date(2028, 1, 15))  # a Saturday
    assert nyse.is_session(dt.date(1980, 12, 12))  # the first day of AAPL
    assert calendar("SHH", "stock").known_until == dt.date(2026, 12, 31)
    assert calendar("BINANCE", "crypto").known(dt.date(2100, 1, 1))


def test_an_unknown_exchange_is_open_on_weekdays_anywhere_on_earth() -> None:
    unknown = calendar("XYZ", "stock")
    assert (unknown.name, unknown.tz) == ("WEEKDAYS", "UTC")
    assert not unknown.is_open(ms("2026-11-28 12:00"))
    assert not unknown.is_open(ms("2026-11-29 20:59"))
    assert unknown.is_open(ms("2026-11-29 21:00"))  # 10:00 on Monday in Auckland
    assert unknown.last_completed(ms("2026-11-28 00:00")) == dt.date(2026, 11, 27)


@pytest.mark.parametrize(("type_", "expected"), [("crypto", "24/7"), ("fx", "FX"), ("index", "WEEKDAYS")])
def test_the_type_decides_where_the_exchange_is_not_known(type_: str, expected: str) -> None:
    assert calendar("", type_).name == expected


@pytest.mark.parametrize(
    ("provider", "provider_id", "exchange", "expected"),
    [
        ("yahoo", "NVDA", "", "XNYS"),
        ("yahoo", "BRK-B", "", "XNYS"),
        ("yahoo", "VOD.L", "", "XLON"),
        ("yahoo", "8299.TWO", "", "XTAI"),
        ("yahoo", "BHP.AX", "", "XASX"),
        ("yahoo", "SAP.F", "", "XSTU"),
        ("yahoo", "GC=F", "", "CMES"),
        ("yahoo", "EURUSD=X", "", "FX"),
        ("yahoo", "BTC-USD", "", "24/7"),
        ("yahoo", "DX-Y.NYB", "", "IEPA"),
        ("yahoo", "^GSPC", "", "WEEKDAYS"),
        ("yahoo", "ABC.QQ", "", "WEEKDAYS"),
        ("yahoo", "VOD.L", "NMS", "XNYS"),  # a code that is known wins
        ("binance", "ETHBTC", "", "24/7"),
    ],
)
def test_the_calendar_of_an_asset(provider: str, provider_id: str, exchange: str, expected: str) -> None:
    asset = Asset(f"{provider}:{provider_id}", "", "stock", "", "", provider, provider_id, "", exchange)
    assert calendar_of(asset).name == expected


def test_a_market_that_never_closes_says_so() -> None:
    assert calendar("BINANCE", "crypto").always_open
    assert calendar("CCC", "crypto").always_open
    assert not calendar("CCY", "fx").always_open


def test_delays() -> None:
    assert calendar("NMS", "stock").delay_s == 0
    assert calendar("LSE", "stock").delay_s == 900
    assert calendar("JPX", "stock").delay_s == 1200
    assert calendar("BINANCE", "crypto").delay_s == 0
