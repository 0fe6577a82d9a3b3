"""Splits told against splits shown. Bars are of 7 to 18 December 2026, as a provider's reader turns them back."""

import datetime as dt

import pytest

from pricectl.engine.splits import settle
from pricectl.model.bar import UNADJUSTED, Action, Bar

WEEKDAYS = [dt.date(2026, 12, number) for number in (7, 8, 9, 10, 11, 14, 15, 16, 17, 18)]


def bars(*prices: float) -> list[Bar]:
    return [Bar(day, p, p * 1.01, p * 0.99, p, 400.0) for day, p in zip(WEEKDAYS, prices, strict=False)]


def d(number: int) -> dt.date:
    return dt.date(2026, 12, number)


FALLS = bars(400, 404, 400, 396, 400, 101, 100, 99, 100, 101)  # 4:1 on the 14th
SPLIT = Action(d(14), "split", 4.0)


def test_a_split_that_shows_on_its_day_stays():
    assert settle(FALLS, [SPLIT]) == (FALLS, [SPLIT], [], [])
    assert settle(FALLS, [SPLIT, Action(d(10), "dividend", 1.0)]).actions == [SPLIT, Action(d(10), "dividend", 1.0)]


@pytest.mark.parametrize("told", [10, 11, 15, 16])
def test_a_split_told_for_a_day_nearby_is_moved_to_where_the_prices_change(told):
    wrong = Action(d(told), "split", 4.0)
    assert settle(FALLS, [wrong]) == (FALLS, [Action(d(14), "inferred", 4.0)], [], [(wrong, d(14))])


def test_further_off_than_two_sessions_it_stays():
    wrong = Action(d(17), "split", 4.0)
    assert settle(FALLS, [wrong]).actions == [wrong]


def test_a_split_that_the_prices_do_not_know_yet():
    # shown 100 all along, and turned back by 4 before the 14th
    early = bars(1600, 1616, 1600, 1584, 1600, 101, 100, 99, 100, 101)
    taken = settle(early, [SPLIT])
    assert [bar.close for bar in taken.bars] == [400, 404, 400, 396, 400, 101, 100, 99, 100, 101]
    assert [bar.volume for bar in taken.bars[:1]] == [1600.0]
    assert [bar.flags for bar in taken.bars] == [UNADJUSTED] * 5 + [0] * 5
    assert (taken.actions, taken.early) == ([SPLIT], [SPLIT])


def test_a_reverse_split():
    rises = bars(10, 10.1, 10, 10.2, 10, 100, 101, 100, 99, 100)
    reverse = Action(d(14), "split", 0.1)
    assert settle(rises, [reverse]).actions == [reverse]
    assert settle(rises, [reverse._replace(ex_date=d(15))]).actions == [Action(d(14), "inferred", 0.1)]


def test_two_splits_in_one_week_do_not_take_each_others_place():
    twice = bars(600, 603, 300, 301, 300, 100, 101, 100, 99, 100)
    told = [Action(d(9), "split", 2.0), Action(d(14), "split", 3.0)]
    assert settle(twice, told) == (twice, told, [], [])


def test_a_spin_off_is_too_small_to_show():
    small = Action(d(15), "split", 1.046)
    assert settle(FALLS, [small]).actions == [small]


def test_a_crash_on_the_day_of_the_split_moves_nothing():
    # 4:1 and a fall of 40 % at once
    crash = bars(400, 404, 400, 396, 400, 60, 61, 60, 59, 60)
    assert settle(crash, [SPLIT]) == (crash, [SPLIT], [], [])


def test_bars_that_do_not_show_the_day_leave_it_where_an_earlier_look_put_it():
    moved = Action(d(14), "inferred", 4.0)
    told = Action(d(15), "split", 4.0)
    assert settle(FALLS[:3], [told]).actions == [told]
    assert settle(FALLS[:3], [told], [moved]) == (FALLS[:3], [moved], [], [])
    assert settle(FALLS[:3], [told._replace(value=3.0)], [moved]).actions == [told._replace(value=3.0)]
    assert settle(FALLS[:3], [told._replace(ex_date=d(25))], [moved]).actions == [told._replace(ex_date=d(25))]
    assert settle([], [told]).actions == [told]
