"""What a cell of somebody's file may stand for."""

import datetime as dt
from decimal import Decimal

import pytest

from pricectl.engine import cells

NEW_YORK = dt.timezone(dt.timedelta(hours=-5))


@pytest.mark.parametrize(
    "said",
    [
        "2024-02-29",
        " 2024-02-29 ",
        "2024/02/29",
        "20240229",
        "2024-02-29 00:00:00",
        "2024-02-29T00:00:00Z",
        "2024-02-29T00:00:00.000000",
        "2024-02-29 00:00:00-05:00",
        dt.date(2024, 2, 29),
        dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
        dt.datetime(2024, 2, 29, tzinfo=NEW_YORK),
    ],
)
def test_a_day_in_every_spelling_that_means_one_day(said):
    assert cells.day(said) == dt.date(2024, 2, 29)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "no date"),
        (None, "no date"),
        ("01/02/2024", "may begin with the day or the month"),
        ("31/01/2024", "may begin with the day or the month"),
        ("1.2.2024", "may begin with the day or the month"),
        ("2023-02-29", "a day that does not exist"),
        ("2024-13-01", "a day that does not exist"),
        ("2024-02-29 16:00", "has a time of day"),
        ("2024-02-29T16:00:00Z", "has a time of day"),
        (dt.datetime(2024, 2, 29, 16, tzinfo=dt.UTC), "has a time of day"),
        ("24-02-29", "is not a date"),
        ("2024-2-9", "is not a date"),
        ("2024-02/29", "is not a date"),
        ("29 Feb 2024", "is not a date"),
        ("1709164800", "is not a date"),
        ("٢٠٢٤-٠٢-٢٩", "is not a date"),
        ("2024-02-29\x00", "is not a date"),
        ("x" * 10_000, "is not a date"),
        ("1899-12-31", "is before 1900-01-01"),
    ],
)
def test_a_day_that_is_none_or_could_be_two_is_refused_with_the_reason(said, why):
    with pytest.raises(ValueError, match=why) as refused:
        cells.day(said)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("said", "order", "day"),
    [
        ("01/02/2024", "dmy", dt.date(2024, 2, 1)),
        ("01/02/2024", "mdy", dt.date(2024, 1, 2)),
        ("1.2.2024", "dmy", dt.date(2024, 2, 1)),
        ("1-2-2024", "mdy", dt.date(2024, 1, 2)),
        ("2024-02-01", "dmy", dt.date(2024, 2, 1)),
    ],
)
def test_the_order_of_a_date_is_what_the_person_says(said, order, day):
    assert cells.day(said, order) == day


def test_an_order_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not exist"):
        cells.day("31/01/2024", "mdy")


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("166.69", 166.69),
        (" 1e3 ", 1000.0),
        ("+5", 5.0),
        (".5", 0.5),
        ("7.", 7.0),
        ("0.1000000000000000055511151231257827", 0.1),
        (3, 3.0),
        (Decimal("2.5"), 2.5),
    ],
)
def test_a_number(said, number):
    assert cells.number(said, "close") == number


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "no close"),
        (None, "no close"),
        ("nan", "is not a number"),
        ("NaN", "is not a number"),
        ("inf", "is not a number"),
        ("1e999", "is not a finite number"),
        ("1,234.5", "without separators"),
        ("12,5", "without separators"),
        ("$12", "is not a number"),
        ("=1+1", "is not a number"),
        ("=cmd|'/c calc'!A0", "is not a number"),
        ("0x10", "is not a number"),
        ("1_000", "is not a number"),
        ("١٢", "is not a number"),
        ("1\x002", "is not a number"),
        ("9" * 10_000, "is not a number"),
        (float("nan"), "is not a finite number"),
        (float("inf"), "is not a finite number"),
        (10**400, "is not a finite number"),
        (True, "is not a number"),
        (dt.date(2024, 1, 1), "is not a number"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(said, why):
    with pytest.raises(ValueError, match=why) as refused:
        cells.number(said, "close")
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("0", "low is 0"),
        ("-0.0", "low is 0"),
        ("-37.63", "is negative"),
        ("1e16", "out of every price's range"),
        ("1e-20", "out of every price's range"),
    ],
)
def test_a_price_that_cannot_be(said, why):
    with pytest.raises(ValueError, match=why):
        cells.price(said, "low")


def test_only_where_they_have_traded_so_prices_may_be_negative():
    assert cells.price("-37.63", "low", may_be_negative=True) == -37.63
    with pytest.raises(ValueError, match="low is 0"):
        cells.price("0", "low", may_be_negative=True)


def test_a_missing_volume_is_none_and_never_0():
    assert cells.volume("") is None
    assert cells.volume("  ") is None
    assert cells.volume(None) is None
    assert cells.volume("0") == 0.0


@pytest.mark.parametrize(("said", "why"), [("-1", "negative"), ("1e21", "range"), ("n/a", "is not a number")])
def test_a_volume_that_cannot_be(said, why):
    with pytest.raises(ValueError, match=why):
        cells.volume(said)


def test_a_cell_that_should_be_text_is_text():
    assert cells.word(" AAPL ") == "AAPL"
    assert cells.word(None) == ""
    with pytest.raises(ValueError, match="is not text"):
        cells.word(5)
