"""Bars among their neighbours, of weekdays from 2 January 2026. Unless said, prices rise by 1 a day from 100."""

import datetime as dt
from itertools import pairwise

import pytest

from pricectl.engine.jumps import jumps
from pricectl.model.bar import LIVE, Action, Bar


def days(count: int) -> list[dt.date]:
    every = (dt.date(2026, 1, 2) + dt.timedelta(days=n) for n in range(2 * count))
    return [day for day in every if day.weekday() < 5][:count]


def at(day: dt.date, price: float) -> Bar:
    return Bar(day, price - 0.5, price + 1.0, price - 1.0, price, 1000.0)


def rising(count: int = 60) -> list[Bar]:
    return [at(day, 100.0 + number) for number, day in enumerate(days(count))]


def times(bars: list[Bar], ratio: float, *places: int) -> list[Bar]:
    return [
        bar._replace(open=bar.open * ratio, high=bar.high * ratio, low=bar.low * ratio, close=bar.close * ratio)
        if place in places
        else bar
        for place, bar in enumerate(bars)
    ]


def found(bars: list[Bar], type_: str = "stock", actions=(), known=()) -> dict[int, str]:
    place = {bar.date: number for number, bar in enumerate(bars)}
    return {place[one.bar.date]: one.why for one in jumps(bars, type_, actions, known)}


def test_an_even_row_has_no_jumps():
    assert found(rising()) == {}
    assert found(rising(1)) == found([]) == {}


# A true crash gets through


@pytest.mark.parametrize("ratio", [0.6, 0.25, 1.8, 3.0])
def test_R_DQ5_a_fall_that_stays_is_confirmed_by_the_bars_after_it(ratio):
    assert found(times(rising(), ratio, *range(30, 60))) == {}
    assert found(times(rising(), ratio, *range(58, 60))) == {}
    assert found(times(rising(), ratio, *range(1, 60))) == {}


def test_R_DQ5_a_fall_that_is_made_up_for_in_trading_is_real():
    # it falls by 40 % overnight, and climbs back within the next session
    bars = times(rising(), 0.6, 30)
    bars[31] = bars[31]._replace(open=bars[30].close, low=bars[30].low)
    assert found(bars) == {}


def test_R_DQ5_a_fall_in_the_newest_bar_waits():
    (one,) = jumps(times(rising(), 0.6, 59), "stock")
    assert (one.rule, one.why, one.may_settle, one.rejected) == ("R-DQ5", "jump", True, False)
    # a session that is not over is not stored, so there is nothing to wait for
    bars = times(rising(), 0.6, 59)
    assert found([*bars[:59], bars[59]._replace(flags=LIVE)]) == {}


@pytest.mark.parametrize(
    ("type_", "ratio", "waits"),
    [("stock", 0.8, False), ("stock", 0.75, True), ("crypto", 0.65, False), ("crypto", 0.55, True),
     ("fx", 0.92, False), ("fx", 0.88, True), ("commodity", 0.65, False), ("index", 0.75, True)],
)  # fmt: skip
def test_R_DQ5_what_counts_as_a_jump_depends_on_the_asset(type_, ratio, waits):
    flat = [at(day, 100.0 + number / 100) for number, day in enumerate(days(60))]
    assert bool(found(times(flat, ratio, 59), type_)) == waits


def test_R_DQ5_an_asset_that_moves_much_may_move_more():
    # up and down by a fifth each day: ten times that is a sixfold
    wild = [at(day, 100.0 * (1.2 if number % 2 else 1.0)) for number, day in enumerate(days(60))]
    assert found(wild) == {}
    assert found(times(wild, 0.3, 59)) == {}
    assert found(times(wild, 0.1, 59)) == {59: "jump"}


# What was never paid does not


@pytest.mark.parametrize("ratio", [3.0, 0.4, 1.6])
def test_R_DQ5_a_price_that_is_back_within_days_is_a_spike(ratio):
    assert found(times(rising(), ratio, 30)) == {30: "spike"}
    assert found(times(rising(), ratio, 20, 40)) == {20: "spike", 40: "spike"}
    assert not jumps(times(rising(), ratio, 30), "stock")[0].may_settle


def test_R_DQ5_a_tall_spike_may_last_some_days_and_a_smaller_one_was_paid():
    assert found(times(rising(), 3.0, 30, 31, 32)) == {30: "spike", 31: "spike", 32: "spike"}
    assert found(times(rising(), 3.0, *range(30, 36))) == {}
    # AIG, 12 to 22 September 2008, after a quieter summer
    aig = [at(day, 20.0 + number % 3 / 10) for number, day in enumerate(days(50))]
    closes = [(13.0, 12.14), (9.4, 4.76), (3.8, 3.75), (2.7, 2.05), (2.4, 2.39), (3.85, 3.85), (4.6, 4.72)]
    for opened, close in closes:
        day = aig[-1].date + dt.timedelta(days=1)
        aig.append(Bar(day, opened, max(opened, close), min(opened, close), close, 1e8))
    assert found(aig) == {}


def test_R_DQ5_only_the_close_slipped():
    bars = rising()
    bars[30] = bars[30]._replace(close=260.0, high=260.0)
    assert found(bars) == {30: "spike"}


@pytest.mark.parametrize("ratio", [100.0, 0.01, 1000.0, 0.001])
@pytest.mark.parametrize("places", [(30,), (59,), (58, 59), tuple(range(20, 32)), tuple(range(5))])
def test_R_DQ6_a_slip_of_the_unit_wherever_it_is(ratio, places):
    assert found(times(rising(), ratio, *places)) == dict.fromkeys(places, "unit")
    assert not any(one.may_settle for one in jumps(times(rising(), ratio, *places), "stock"))


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
@pytest.mark.parametrize("place", [30, 59])
def test_R_DQ6_a_single_price_slipped(field, place):
    bars = rising()
    ratio = 0.01 if field == "low" else 100.0
    slipped = bars[place]._replace(**{field: getattr(bars[place], field) * ratio})
    bars[place] = slipped._replace(high=max(slipped[1:5]), low=min(slipped[1:5]))
    assert found(bars) == {place: "unit"}


def test_R_DQ6_what_is_stored_tells_which_side_is_right():
    # five stored bars and twelve new ones, a hundredfold: the many are wrong
    bars = times(rising(17), 100.0, *range(5, 17))
    stored = {bar.date for bar in bars[:5]}
    assert found(bars, known=stored) == dict.fromkeys(range(5, 17), "unit")
    assert found(bars) == dict.fromkeys(range(5), "unit")


def test_R_DQ6_a_collapse_by_the_hour_is_no_slip():
    # as LUNA's of May 2022: each day opens where the last one closed and loses 99 %
    bars = [at(day, 80.0) for day in days(30)]
    last = bars[-1].date
    down = [80.0, 0.8, 0.008]
    for number, (opened, closed) in enumerate(pairwise(down), 1):
        bars.append(Bar(last + dt.timedelta(days=number), opened, opened, closed * 0.9, closed, 1e9))
    bars += [
        at(last + dt.timedelta(days=10 + n), 0.008)._replace(open=0.008, high=0.0081, low=0.0079) for n in range(3)
    ]
    assert found(bars, "crypto") == {}


# The scale


def test_a_reverse_split_is_no_jump():
    one_for_hundred = Action(rising()[30].date, "split", 0.01)
    assert found(times(rising(), 100.0, *range(30, 60)), actions=[one_for_hundred]) == {}
    assert found(times(rising(), 4.0, *range(30)), actions=[Action(rising()[30].date, "split", 4.0)]) == {}


def test_what_is_stored_is_never_found_wanting():
    bars = times(rising(), 3.0, 30)
    assert found(bars, known={bars[30].date}) == {}


def test_prices_below_zero_are_left_out():
    bars = rising()
    bars[30] = Bar(bars[30].date, 1.0, 1.0, -37.63, -37.63, 1.0)
    assert found(bars) == {}


# A year with everything in it: 252 bars, a split, a dividend, a block a hundredfold, two spikes, a crash, a halt


def test_a_mixed_year():
    sessions = [day for day in days(262) if day not in days(262)[120:130]]  # a halt of ten days
    split = Action(sessions[60], "split", 4.0)
    price, bars = 400.0, []
    for number, day in enumerate(sessions):
        price *= {60: 0.25, 100: 0.98, 180: 0.6}.get(number, 1.002 if number % 2 else 0.999)
        bars.append(Bar(day, price * 1.001, price * 1.01, price * 0.99, price, 1e6))
    bars = times(bars, 100.0, *range(200, 206))
    bars = times(times(bars, 2.5, 30), 0.3, 230)
    wrong = {30: "spike", 230: "spike", **dict.fromkeys(range(200, 206), "unit")}
    assert len(bars) == 252
    assert found(bars, actions=[split]) == wrong
