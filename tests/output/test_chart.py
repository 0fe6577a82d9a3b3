"""The chart of ``history --chart``."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.output import chart


def test_a_rise_and_a_fall() -> None:
    points = [("mon", 1.0), ("tue", 3.0), ("wed", 2.0)]
    assert chart.lines(points, "BTC", width=12, height=3) == [
        "BTC",
        "3.0 ┤  ╭─╮",
        "    ┤  │ ╰─",
        "1.0 ┤──╯",
        "    └──────",
        "        wed",
    ]


def test_a_chart_in_ascii() -> None:
    lines = chart.lines([("2026-01-01", 1.0), ("2026-01-31", 2.0)], "BTC", width=40, unicode=False, height=2)
    assert lines == [
        "BTC",
        "2.0 |                 +----------------",
        "1.0 |-----------------+",
        "    +----------------------------------",
        "     2026-01-01              2026-01-31",
    ]


def test_no_points_are_no_chart() -> None:
    assert chart.lines([], "BTC") == []
    assert chart.lines([("a", float("nan"))], "BTC") == []


def test_a_flat_series_is_one_line_in_the_middle() -> None:
    assert [line.count("─") for line in chart.lines([("a", 5.0), ("b", 5.0)], "T", width=20, height=3)] == [
        0,
        0,
        12,
        0,
        12,
        0,
    ]


def test_a_spike_among_many_points_is_seen() -> None:
    points = [(str(day), 100.0) for day in range(1000)]
    points[501] = ("501", 40.0)
    lines = chart.lines(points, "T", width=60)
    assert lines[12].startswith(" 40.0 ┤")
    assert set(lines[12].partition("┤")[2].strip()) == {"╰", "╯"}


def test_the_last_column_is_the_last_point() -> None:
    points = [(str(day), 100.0) for day in range(1000)]
    points[998] = ("998", 40.0)
    lines = chart.lines(points, "T", width=60)
    assert (lines[1][-1], lines[12].rstrip()[-1]) == ("─", "┤")


def test_small_prices_keep_digits_that_differ() -> None:
    labels = [line.partition("┤")[0].strip() for line in chart.lines([("a", 1.23e-06), ("b", 1.29e-06)], "T")[1:-2]]
    shown = [label for label in labels if label]
    assert shown[0] == "0.0000012900"
    assert shown[-1] == "0.0000012300"
    assert len(set(shown)) == len(shown)


@given(
    st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=300),
    st.integers(40, 200),
    st.booleans(),
)
def test_any_chart_fits_and_holds_its_last_point(values: list[float], width: int, unicode: bool) -> None:
    points = [(f"2026-01-{day:04}", value) for day, value in enumerate(values)]
    lines = chart.lines(points, "T", width, unicode)
    assert len(lines) == chart.HEIGHT + 3
    assert max(map(len, lines)) <= width
    assert lines[-1].endswith(points[-1][0])
    assert unicode or all(line.isascii() for line in lines)


@pytest.mark.parametrize("width", [1, 10, 20])
def test_a_narrow_screen_is_no_reason_to_fail(width: int) -> None:
    assert len(chart.lines([("2026-01-01", 1.0), ("2026-01-02", 2.0)], "T", width)) == chart.HEIGHT + 3
