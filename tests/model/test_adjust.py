"""Traded and adjusted prices: exact inverses, and recorded figures."""

import datetime as dt
import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.model.adjust import (
    Span,
    factor_spans,
    shown,
    shown_volume,
    span_on,
    to_paid,
    to_traded,
    to_traded_volume,
)
from pricectl.model.bar import Action
from pricectl.model.number import float32, shortest32

DAY = dt.timedelta(days=1)
# Ratios that exist: forward and reverse splits, and spin-offs folded in (IBM 2021: 1046:1000).
RATIOS = st.sampled_from([4.0, 10.0, 40.0, 1.5, 1.25, 1.046, 0.1, 1 / 3, 1 / 15, 2.0, 7.0, 78.45, 224.0, 3.0])
PRICES = st.floats(width=32, min_value=float32(1e-6), max_value=float32(1e6))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def split(ex_date: str, value: float) -> Action:
    return Action(day(ex_date), "split", value)


@pytest.mark.parametrize(
    ("wire", "factor", "traded"),
    [
        (75.0875015258789, 4.0, 300.35),  # AAPL 2020-01-02, before the 4:1 of 2020-08-31
        (13.237000465393066, 40.0, 529.48),  # NVDA 2021-02-01, before 4:1 and 10:1
        (166.69000244140625, 1.0, 166.69),
        (1518.0, 1.0, 1518.0),
        (13.237, 40.0, 529.48),  # not a float32: multiplied out
        (244.87, 1.0, 244.87),
    ],
)
def test_a_recorded_price_is_turned_back_to_what_was_traded(wire: float, factor: float, traded: float) -> None:
    assert to_traded(wire, factor) == traded


def test_a_traded_price_is_shown_as_the_provider_shows_it() -> None:
    assert shown(300.35, 4.0) == 75.0875
    assert shown(529.48, 40.0) == 13.237
    assert shown(300.35, 1.0) == 300.35


@given(PRICES, RATIOS)
def test_turned_back_and_shown_again_is_the_providers_figure(wire: float, factor: float) -> None:
    traded = to_traded(wire, factor)
    assert float32(traded / factor) == wire
    assert shown(traded, factor) == shortest32(wire)


@given(st.integers(1, 999_999), RATIOS)
def test_a_price_in_cents_below_10000_survives_the_providers_float32(cents: int, factor: float) -> None:
    price = float(Decimal(cents) / 100)
    assert to_traded(float32(price / factor), factor) == price


@given(st.integers(0, 10**10), st.sampled_from([2.0, 4.0, 10.0, 40.0, 1.5, 1.25, 1.046]))
def test_a_traded_volume_survives_a_forward_split(shares: int, factor: float) -> None:
    assert to_traded_volume(shown_volume(float(shares), factor), factor) == shares


@given(st.integers(0, 10**10), st.sampled_from([0.1, 0.5, 0.05]))
def test_a_shown_volume_survives_a_reverse_split(volume: int, factor: float) -> None:
    assert shown_volume(to_traded_volume(float(volume), factor), factor) == volume


def test_volumes_of_the_recorded_days() -> None:
    assert to_traded_volume(135480400.0, 4.0) == 33870100.0
    assert to_traded_volume(217204000.0, 40.0) == 5430100.0
    assert to_traded_volume(0.5, 1.0) == 0.5


@pytest.mark.parametrize(
    ("amount", "factor", "paid"),
    [
        (1.548757, 1.046, 1.62),  # IBM 2021 before the spin-off
        (0.1925, 4.0, 0.77),  # AAPL 2020-02
        (0.000956, 78.45, 0.075),  # IBM 1962
        (0.205, 1.0, 0.205),
        (0.0, 4.0, 0.0),
        (0.12345678, 2.0, 0.24691356),
    ],
)
def test_a_dividend_is_turned_back_to_what_was_paid(amount: float, factor: float, paid: float) -> None:
    assert to_paid(amount, factor) == paid


def test_spans_of_two_splits() -> None:
    spans = factor_spans([split("2024-06-10", 10.0), split("2021-07-20", 4.0)], "split")
    assert spans == [
        Span(dt.date.min, day("2021-07-19"), 40.0, 40.0),
        Span(day("2021-07-20"), day("2024-06-09"), 10.0, 10.0),
        Span(day("2024-06-10"), dt.date.max, 1.0, 1.0),
    ]


def test_without_adjustment_or_actions_there_is_one_span() -> None:
    whole = [Span(dt.date.min, dt.date.max, 1.0, 1.0)]
    assert factor_spans([], "split") == whole
    assert factor_spans([split("2021-07-20", 4.0)], "none") == whole
    assert factor_spans([Action(day("2021-07-20"), "dividend", 1.0)], "split") == whole


def test_a_split_taken_back_leaves_exactly_one() -> None:
    # 1 / 49 is one of the ratios whose float, multiplied by 49, is not 1.
    spans = factor_spans([split("2020-01-01", 1 / 49), split("2021-01-01", 49.0)], "split")
    assert spans[0].price_factor == 1.0
    assert spans[0].volume_factor == 1.0


def test_an_action_said_twice_counts_once() -> None:
    assert factor_spans([split("2020-01-01", 4.0)] * 2, "split")[0].price_factor == 4.0


def test_a_dividend_leaves_its_part_of_the_price_and_no_volume_changes() -> None:
    spans = factor_spans(
        [Action(day("2020-02-07"), "dividend", 5.0)], "all", {day("2020-02-07"): (day("2020-02-06"), 100.0)}
    )
    assert [span.start for span in spans] == [dt.date.min, day("2020-02-07")]
    assert 100.0 / spans[0].price_factor == pytest.approx(95.0, rel=1e-12)
    assert spans[0].volume_factor == 1.0
    assert spans[1] == Span(day("2020-02-07"), dt.date.max, 1.0, 1.0)


def test_a_dividend_on_the_day_of_a_split_is_counted_in_new_shares() -> None:
    # 400 before a 4:1 is 100 a new share; 5 paid on each leaves 95 of 100.
    actions = [split("2020-08-31", 4.0), Action(day("2020-08-31"), "dividend", 5.0)]
    spans = factor_spans(actions, "all", {day("2020-08-31"): (day("2020-08-28"), 400.0)})
    assert 400.0 / spans[0].price_factor == pytest.approx(95.0, rel=1e-12)
    assert spans[0].volume_factor == 4.0


def test_a_dividend_without_a_close_or_larger_than_it_changes_nothing() -> None:
    paid = [Action(day("2020-02-07"), "dividend", 5.0)]
    assert factor_spans(paid, "all")[0].price_factor == 1.0
    assert factor_spans(paid, "all", {day("2020-02-07"): (day("2020-02-06"), 4.0)})[0].price_factor == 1.0


def test_a_gain_counts_as_a_dividend() -> None:
    closes = {day("2020-02-07"): (day("2020-02-06"), 10.0)}
    assert factor_spans([Action(day("2020-02-07"), "gain", 5.0)], "all", closes)[0].price_factor == 2.0


DATES = st.dates(dt.date(1962, 1, 1), dt.date(2030, 1, 1))


@given(st.lists(st.builds(Action, DATES, st.just("split"), RATIOS), max_size=6), DATES)
def test_every_day_lies_in_one_span(actions: list[Action], when: dt.date) -> None:
    spans = factor_spans(actions, "split")
    assert spans[0].start == dt.date.min
    assert spans[-1].end == dt.date.max
    assert all(a.end + DAY == b.start for a, b in itertools.pairwise(spans))
    assert [s for s in spans if s.start <= when <= s.end] == [span_on(spans, when)]
    later = {action for action in actions if action.ex_date > when}
    expected = 1.0
    for action in later:
        expected *= action.value
    assert span_on(spans, when).price_factor == pytest.approx(expected, rel=1e-9)
