"""The rules about single bars. The asset is a stock unless said; today is Friday, 18 December 2026."""

import datetime as dt
import math

import pytest

from pricectl.engine.quality import Finding, counted, page_fails, screen
from pricectl.model.bar import LIVE, MANUAL, PROVISIONAL, ROUNDED, SUSPECT, Bar

TODAY = dt.date(2026, 12, 18)


def bar(open_=10.0, high=11.0, low=9.0, close=10.5, volume: float | None = 100.0, flags=0, day=17) -> Bar:
    return Bar(dt.date(2026, 12, day), open_, high, low, close, volume, flags)


def found(*bars: Bar, type_: str = "stock") -> list[tuple[str, str, bool]]:
    return [(one.rule, one.why, one.rejected) for one in screen(bars, type_, TODAY).findings]


def test_a_sound_bar_is_accepted_as_it_is():
    sound = [bar(), bar(volume=None, day=18), bar(10.0, 10.0, 10.0, 10.0, 0.0, day=16)]
    assert screen(sound, "stock", TODAY) == (sorted(sound), [])


@pytest.mark.parametrize("field", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_R_DQ1_what_is_no_number_is_rejected(field, value):
    assert found(bar()._replace(**{field: value})) == [("R-DQ1", "not a number", True)]


def test_R_DQ1_no_price_and_no_volume_is_below_zero():
    assert found(bar(volume=-1.0)) == [("R-DQ1", "negative volume", True)]
    assert found(bar(close=0.0, low=0.0)) == [("R-DQ1", "not positive", True)]
    assert found(bar(close=-1.0, low=-1.0)) == [("R-DQ1", "not positive", True)]
    assert found(bar(close=-1.0, low=-1.0), type_="crypto") == [("R-DQ1", "not positive", True)]


def test_R_DQ1_crude_oil_below_zero_is_kept_aside_and_may_be_confirmed():
    # WTI of May 2020, on 20 April 2020
    oil = bar(17.73, 17.85, -40.32, -37.63, 247947.0)
    assert screen([oil], "commodity", TODAY).findings == [Finding(oil, "R-DQ1", "not positive", False, True)]


def test_R_DQ2_a_rounding_is_widened_and_flagged():
    assert screen([bar(11.000001, 11.0, close=11.0)], "stock", TODAY).bars == [
        bar(11.000001, 11.000001, close=11.0, flags=ROUNDED)
    ]
    assert screen([bar(8.9999999, low=9.0)], "stock", TODAY).bars == [bar(8.9999999, low=8.9999999, flags=ROUNDED)]


@pytest.mark.parametrize(
    "stray",
    [
        bar(11.2),  # the open above the high
        bar(close=8.8),
        bar(10.0, 10.5, 10.6, 10.55),  # AOS on 2014-05-19: the high below the low
        bar(13.7),  # the VIX of the nineties: 24 % off, as it was published
    ],
)
def test_R_DQ2_what_strays_is_accepted_and_flagged(stray):
    assert screen([stray], "stock", TODAY).bars == [stray._replace(flags=SUSPECT)]


@pytest.mark.parametrize(
    "slip",
    [
        Bar(dt.date(2016, 5, 19), 35.19, 35.785, 35.085, 17.87, 1231722.0),  # LNT: the close at half the price
        Bar(dt.date(2006, 2, 8), 41.6, 13.61, 12.76, 12.83, None),  # VIX: the open three times too high
        bar(low=0.0),  # VFINX on 2025-04-01
        bar(1000.0, 11.0),
    ],
)
def test_R_DQ2_what_is_far_outside_its_range_is_kept_aside(slip):
    assert found(slip) == [("R-DQ2", "outside its range", False)]


def test_R_DQ3_tomorrow_is_rejected():
    assert found(bar(day=19)) == [("R-DQ3", "in the future", True)]
    assert found(bar(day=18, flags=LIVE)) == []


def test_R_DQ4_two_equal_rows_of_a_day_are_one():
    assert screen([bar(), bar()], "stock", TODAY) == ([bar()], [])
    assert screen([bar(), bar(flags=MANUAL)], "stock", TODAY).bars == [bar()]


def test_R_DQ4_two_rows_of_a_day_that_differ():
    # 4063.T before its split stood twice in a recorded answer
    assert found(bar(), bar(close=10.6)) == [("R-DQ4", "twice", False)] * 2
    assert screen([bar(), bar(close=10.6), bar(day=16)], "stock", TODAY).bars == [bar(day=16)]
    # the later one replaces a row that was not final, and not the other way round
    live = bar(close=10.6, flags=LIVE)
    assert screen([live, bar()], "stock", TODAY) == ([bar()], [])
    assert screen([bar(), live], "stock", TODAY) == ([bar()], [])
    assert screen([bar(flags=PROVISIONAL), live], "stock", TODAY) == ([live], [])


def test_R_DQ11_an_answer_fails_when_a_fifth_of_it_is_in_doubt():
    doubt = [Finding(bar(), "R-DQ6", "unit")] * 3
    assert not page_fails(15, doubt)
    assert page_fails(14, doubt)
    assert page_fails(10, doubt)
    assert not page_fails(9, doubt)  # of so few, each stands for itself
    assert not page_fails(0, [])


def test_what_was_found_is_counted_by_word():
    words = ["jump", "unit", "unit", "spike"]
    assert counted(Finding(bar(), "", word) for word in words) == "2 unit, 1 jump, 1 spike"
