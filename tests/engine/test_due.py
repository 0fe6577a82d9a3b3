"""What an unattended run has to do, decided from the hours and from what is known."""

import datetime as dt

import pytest

from loopback import at
from pricectl.engine import due
from pricectl.engine.due import EMPTY, FAILED, PROVISIONAL, REFUSED, Tried
from pricectl.model.asset import Asset
from pricectl.model.quote import Quote
from pricectl.net.host import Host
from pricectl.sessions import calendar

D = dt.date
NEW_YORK = calendar("NMS", "stock")
NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z


def _quote(age_s: float, fresh_s: float) -> Quote:
    """A quote fetched ``age_s`` before noon, fresh until ``fresh_s`` after it."""
    return Quote("yahoo", "AAPL", "1", "USD", None, 0, NOON_MS - round(age_s * 1000), NOON_MS + round(fresh_s * 1000))


@pytest.mark.parametrize(
    ("quote", "is_open", "expected"),
    [
        (None, False, True),  # nothing is known of it
        (_quote(600, 0), False, True),  # stale this very instant
        (_quote(600, 1), False, False),  # closed, and good until the open
        (_quote(60, 15), True, True),  # of the last run: stale before the next has written
        (_quote(20, 55), True, True),
        (_quote(14, 61), True, False),  # just fetched by a person
        (_quote(60, 76), True, False),  # outlives the next run
        (_quote(-3600, 7200), True, True),  # fetched an hour from now: a clock was set back
    ],
)
def test_a_quote_is_due_when_it_would_be_stale_before_the_next_run_has_written(
    quote: Quote | None, is_open: bool, expected: bool
) -> None:
    assert due.quote_is_due(quote, is_open, NOON_MS, NOON_MS + 75_000) is expected


def test_open_markets_come_first_and_in_each_the_stalest() -> None:
    def wanted(symbol: str, is_open: bool, fetched_ms: int) -> due.Wanted:
        return due.Wanted(Asset(symbol, "", "stock", "", "", "yahoo", symbol, "USD", "NMS"), is_open, fetched_ms)

    found = due.in_order(
        [
            wanted("D", False, 0),
            wanted("B", True, 50),
            wanted("A", True, 70),
            wanted("C", True, 0),
            wanted("E", False, 5),
        ]
    )
    assert [one.asset.symbol for one in found] == ["C", "B", "A", "D", "E"]


TUESDAY_EVENING = "2026-11-24T21:30:00"  # New York closed at 21:00 UTC
ALL = (D(1900, 1, 1), D(2026, 11, 23))


@pytest.mark.parametrize(
    ("now", "covered", "expected"),
    [
        # Thanksgiving is no session, the day after it ends at 18:00 UTC.
        (TUESDAY_EVENING, [ALL], (D(2026, 11, 17), D(2026, 11, 24))),
        ("2026-11-24T20:59:00", [ALL], None),
        ("2026-11-26T23:00:00", [(D(2026, 11, 1), D(2026, 11, 25))], None),
        ("2026-11-27T18:30:00", [(D(2026, 11, 1), D(2026, 11, 25))], (D(2026, 11, 19), D(2026, 11, 27))),
        ("2026-11-29T12:00:00", [(D(2026, 11, 1), D(2026, 11, 27))], None),
        # A week was missed; what lies further back is left as it is.
        (TUESDAY_EVENING, [(D(2026, 10, 1), D(2026, 11, 13)), (D(2020, 1, 1), D(2020, 2, 1))],
         (D(2026, 11, 9), D(2026, 11, 24))),
        # Nothing is stored: a month.
        (TUESDAY_EVENING, [], (D(2026, 10, 25), D(2026, 11, 24))),
    ],
)  # fmt: skip
def test_what_is_missing_since_the_last_session_that_is_covered(
    now: str, covered: list[tuple[dt.date, dt.date]], expected: tuple[dt.date, dt.date] | None
) -> None:
    assert due.bars_missing(NEW_YORK, covered, at(now)) == expected


def test_a_backfill_asks_for_everything_until_everything_is_covered() -> None:
    now, since = at(TUESDAY_EVENING), D(1900, 1, 1)
    assert due.bars_missing(NEW_YORK, [], now, since) == (since, D(2026, 11, 24))
    month = [(D(2026, 10, 25), D(2026, 11, 24))]
    # Five sessions of what is there are compared.
    assert due.bars_missing(NEW_YORK, month, now, since) == (since, D(2026, 10, 30))
    assert due.bars_missing(NEW_YORK, [(since, D(2026, 11, 24))], now, since) is None


@pytest.mark.parametrize(
    ("now", "how", "tried_ago_s", "expected"),
    [
        (TUESDAY_EVENING, PROVISIONAL, 60, True),
        ("2026-11-25T14:29:00", PROVISIONAL, 60_000, True),  # Wednesday opens at 14:30 UTC
        ("2026-11-25T14:30:00", PROVISIONAL, 60_000, False),
        (TUESDAY_EVENING, EMPTY, 3_599, True),
        (TUESDAY_EVENING, EMPTY, 3_600, False),
        (TUESDAY_EVENING, FAILED, 299, True),
        (TUESDAY_EVENING, FAILED, 300, False),
        (TUESDAY_EVENING, REFUSED, 86_399, True),
        (TUESDAY_EVENING, REFUSED, 86_400, False),
        (TUESDAY_EVENING, FAILED, -3_600, False),  # in the future: a clock was set back
        (TUESDAY_EVENING, "a later word", 0, False),
    ],
)
def test_how_soon_the_same_bars_are_asked_for_again(now: str, how: str, tried_ago_s: int, expected: bool) -> None:
    tried = Tried(D(2026, 11, 24), at(now) - tried_ago_s * 1000, how)
    assert due.too_early(NEW_YORK, tried, at(now)) is expected


def test_a_new_session_is_asked_for_whatever_became_of_the_one_before() -> None:
    for how in (PROVISIONAL, EMPTY, FAILED, REFUSED):
        tried = Tried(D(2026, 11, 23), at(TUESDAY_EVENING) - 1, how)
        assert not due.too_early(NEW_YORK, tried, at(TUESDAY_EVENING))
    assert not due.too_early(NEW_YORK, None, at(TUESDAY_EVENING))


def test_the_final_row_of_a_future_is_out_when_its_next_day_has_begun() -> None:
    gold = calendar("CMX", "commodity")  # Wednesday's session begins on Tuesday at 18:00 in New York, 23:00 UTC
    assert not due.final_row_is_out(gold, D(2026, 11, 24), at("2026-11-24T23:30:00"))
    assert due.final_row_is_out(gold, D(2026, 11, 24), at("2026-11-25T05:01:00"))


@pytest.mark.parametrize(
    ("rate", "burst", "sent", "share", "expected"),
    [
        (2.0, 30, 0, 0.5, 48),  # (120 - 24) / 2
        (2.0, 30, 35, 0.5, 13),
        (2.0, 30, 50, 0.5, 0),
        (2.0, 30, 35, 1.0, 61),
        (24.0, 200, 80, 0.5, 560),
        (0.01, 30, 0, 0.5, 0),
    ],
)
def test_bars_take_half_of_what_the_budget_brings_in_a_minute(
    rate: float, burst: int, sent: int, share: float, expected: int
) -> None:
    assert due.bars_room(Host("x", rate, burst, 4), sent, share) == expected
