"""Stored bars against fetched ones. Prices are of sessions 2026-12-07 (Monday) to 2026-12-18 (Friday)."""

import datetime as dt

import pytest

from pricectl.engine import overlap
from pricectl.engine.overlap import compare, rescaled, untold
from pricectl.model.adjust import shown
from pricectl.model.bar import LIVE, MANUAL, PROVISIONAL, Action, Bar

# Traded, in an uneven row: open, high, low, close.
WEEK = {
    7: (300.35, 302.4, 299.1, 301.87),
    8: (301.9, 305.0, 301.2, 304.66),
    9: (304.7, 306.13, 300.01, 300.02),
    10: (300.5, 303.3, 298.87, 303.21),
    11: (303.0, 304.44, 301.15, 302.5),
}


def d(number: int) -> dt.date:
    return dt.date(2026, 12, number)


def bar(number: int, prices, volume: float | None = 1000.0, flags: int = 0) -> Bar:
    return Bar(d(number), *prices, volume, flags)


def weekdays(start: dt.date, end: dt.date) -> list[dt.date]:
    span = [start + dt.timedelta(days=n) for n in range((end - start).days + 1)]
    return [day for day in span if day.weekday() < 5]


def weigh(stored, recorded, fetched, told):
    return overlap.weigh(stored, recorded, fetched, told, weekdays)


STORED = [bar(number, prices) for number, prices in WEEK.items()]


def divided(bars: list[Bar], ratio: float) -> list[Bar]:
    """As a provider shows them once a split is in its prices: float32, volumes multiplied."""
    return [
        Bar(one.date, *(shown(price, ratio) for price in one[1:5]), (one.volume or 0) * ratio, one.flags)
        for one in bars
    ]


def verdict(stored, fetched):
    found = compare(stored, fetched)
    return found.kind, found.ratio, [day.day for day in found.differing]


def test_the_same_prices_are_the_same_whatever_the_volume():
    assert verdict(STORED, [one._replace(volume=999.0) for one in STORED]) == ("same", 1.0, [])


def test_a_millionth_is_noise_and_two_are_not():
    near = [one._replace(close=one.close * (1 + 0.9e-6)) for one in STORED]
    far = [*STORED[:4], STORED[4]._replace(close=302.5 * (1 + 2e-6))]
    assert verdict(STORED, near) == ("same", 1.0, [])
    assert verdict(STORED, far) == ("restated", 1.0, [11])


def test_only_days_in_both_are_compared():
    other_days = [bar(14, (1.0, 1.0, 1.0, 1.0)), bar(4, (2.0, 2.0, 2.0, 2.0))]
    assert verdict(STORED, other_days) == ("same", 1.0, [])
    assert compare(STORED, other_days).compared == 0
    assert compare(STORED, STORED[2:]).compared == 3


def test_what_was_not_final_is_exempt():
    wrong = bar(11, (303.1, 304.44, 301.15, 302.4))
    assert verdict([*STORED[:4], wrong._replace(flags=PROVISIONAL)], STORED) == ("same", 1.0, [])
    assert verdict(STORED, [*STORED[:4], wrong._replace(flags=LIVE)]) == ("same", 1.0, [])
    assert verdict(STORED, [*STORED[:4], wrong._replace(flags=PROVISIONAL)]) == ("same", 1.0, [])
    assert verdict([*STORED[:4], wrong._replace(flags=MANUAL)], STORED) == ("same", 1.0, [])
    assert verdict([*STORED[:4], wrong], STORED) == ("restated", 1.0, [11])


@pytest.mark.parametrize("ratio", [4.0, 10.0, 0.1, 0.25, 1.5, 1.046, 20.0, 1.25])
def test_a_constant_ratio_is_a_split(ratio):
    assert verdict(STORED, divided(STORED, ratio)) == ("split", ratio, [7, 8, 9, 10, 11])


@pytest.mark.parametrize("slip", [100.0, 0.01, 1000.0, 0.001])
def test_pounds_for_pence_are_no_split(slip):
    assert verdict(STORED, divided(STORED, slip))[0] == "restated"


def test_a_single_bar_is_too_little_to_infer_a_split_from():
    assert verdict(STORED[:1], divided(STORED[:1], 4.0))[0] == "restated"
    assert verdict(STORED[:2], divided(STORED[:2], 4.0))[0] == "split"


def test_unequal_ratios_are_a_restatement():
    assert verdict(STORED, [*divided(STORED[:3], 4.0), *STORED[3:]]) == ("restated", 1.0, [7, 8, 9])
    assert verdict(STORED, [*divided(STORED[:3], 4.0), *divided(STORED[3:], 2.0)])[0] == "restated"


def test_a_real_crash_is_not_a_restatement():
    # -40 % from one session to the next, equally in both
    crash = [*STORED, bar(14, (181.5, 183.0, 170.2, 181.5))]
    assert verdict(crash, crash) == ("same", 1.0, [])


def test_prices_of_zero_or_less_do_not_divide():
    oil = [bar(7, (1.0, 1.0, -37.63, -37.63)), bar(8, (0.0, 1.0, -1.0, 0.0))]
    assert verdict(oil, oil) == ("same", 1.0, [])
    assert verdict(oil, divided(STORED[:2], 4.0))[0] == "restated"


def test_rescaled_gives_the_traded_prices_back_exactly():
    assert rescaled(divided(STORED, 4.0), [Action(d(14), "inferred", 4.0)]) == STORED
    assert rescaled(divided(STORED, 3.0), [Action(d(14), "inferred", 3.0)]) == STORED
    assert rescaled(STORED, [Action(d(7), "inferred", 4.0)]) == STORED
    half = rescaled(divided(STORED, 4.0), [Action(d(10), "inferred", 4.0)])
    assert half == [*STORED[:3], *divided(STORED, 4.0)[3:]]


def test_untold_are_the_splits_that_the_provider_does_not_list():
    inferred, old = Action(d(14), "inferred", 4.0), Action(d(1), "split", 2.0)
    paid = Action(d(10), "dividend", 0.5)
    assert untold([inferred, old, paid], [old]) == [inferred]
    assert untold([inferred, old, paid], [old, Action(d(16), "split", 4.0)]) == []
    assert untold([inferred], [Action(d(16), "split", 5.0)]) == [inferred]
    assert untold([inferred], [Action(dt.date(2027, 2, 16), "split", 4.0)]) == [inferred]
    # a split that the provider told is another one when it is told for another day
    assert untold([old], [Action(d(2), "split", 2.0)]) == [old]


NEW = [bar(14, (75.9, 76.5, 75.2, 76.1), 4000.0), bar(15, (76.0, 77.1, 75.9, 77.0), 4000.0)]


def test_an_unlisted_split_is_inferred_at_the_first_new_session():
    bars, splits, found = weigh(STORED, [], [*divided(STORED, 4.0), *NEW], [])
    assert found.kind == "split"
    assert splits == [Action(d(14), "inferred", 4.0)]
    assert bars == [*STORED, *NEW]


def test_an_inferred_split_explains_the_same_ratio_the_next_time():
    known = [Action(d(14), "inferred", 4.0)]
    bars, splits, found = weigh([*STORED, *NEW], known, [*divided(STORED, 4.0), *NEW], [])
    assert (bars, splits, found.kind) == ([*STORED, *NEW], known, "same")


def test_an_inferred_split_gives_way_when_the_provider_lists_it():
    told = [Action(d(14), "split", 4.0)]
    bars, splits, found = weigh([*STORED, *NEW], [Action(d(14), "inferred", 4.0)], [*STORED, *NEW], told)
    assert (bars, splits, found.kind) == ([*STORED, *NEW], [], "same")


def test_a_split_listed_for_a_later_day_replaces_the_bars_in_between():
    # inferred at the 14th and told for the 15th: the 14th still traded at the old price
    told = [Action(d(15), "split", 4.0)]
    traded = bar(14, (303.6, 306.0, 300.8, 304.4))
    bars, splits, found = weigh([*STORED, *NEW], [Action(d(14), "inferred", 4.0)], [*STORED, traded, NEW[1]], told)
    assert (bars, splits, found.kind) == ([*STORED, traded, NEW[1]], [], "same")


def test_a_split_that_the_provider_withdrew_is_dropped_when_prices_agree_without_it():
    recorded = [Action(d(11), "split", 4.0)]
    bars, splits, found = weigh(STORED, recorded, [*STORED, *NEW], [])
    assert (bars, splits, found.kind) == ([*STORED, *NEW], [], "same")


def test_a_split_listed_before_the_prices_know_it_is_not_believed_yet():
    # turned back by 4 although not divided by 4: four times too high
    told = [Action(d(14), "split", 4.0)]
    high = [Bar(one.date, *(price * 4 for price in one[1:5]), 250.0) for one in STORED]
    _, splits, found = weigh(STORED, [], [*high, *NEW], told)
    assert (splits, found.kind) == ([], "restated")


def test_a_ratio_that_ends_before_what_is_stored_is_a_restatement():
    later = [bar(16, (76.0, 77.1, 75.9, 77.0))]
    newer = [bar(17, (77.0, 78.1, 76.9, 78.0))]
    found = weigh([*STORED, *later], [], [*divided(STORED, 4.0), *newer], [])
    assert (found.splits, found.verdict.kind) == ([], "restated")


def test_a_split_before_its_first_session_takes_effect_with_the_next_one():
    # Friday's row was still moving when it was stored; on Monday morning all is divided, and nothing is listed
    stored = [*STORED[:4], STORED[4]._replace(flags=PROVISIONAL)]
    bars, splits, found = weigh(stored, [], divided(STORED, 4.0), [])
    assert (bars, splits, found.kind) == (STORED, [Action(d(14), "inferred", 4.0)], "split")
