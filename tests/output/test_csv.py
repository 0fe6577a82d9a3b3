"""CSV: quoted as RFC 4180 says, and nothing in it that a spreadsheet runs."""

import csv as standard
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.output import csv
from pricectl.output.rows import Number


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", ""),
        (True, "true"),
        (-1.5, "-1.5"),
        (-3, "-3"),
        (float("nan"), ""),
        (Number("-0.00000123"), "-0.00000123"),
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        (" blank", '" blank"'),
        ("a\nb", "a\ufffdb"),
        ("\x1b[31m", "\ufffd[31m"),
        ("^GSPC", "^GSPC"),
        (["a", 1], '"[""a"", 1]"'),
    ],
)
def test_one_cell(value: Any, cell: str) -> None:
    assert csv.cell(value) == cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", " =1", "  @x", "\u3000=1"],
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert csv.cell(text).lstrip('"').startswith("'")


def test_lines_have_a_header_and_a_cell_for_each_column() -> None:
    records = [{"symbol": "BTC", "price": Number("1.10"), "asked": "btc"}, {"symbol": "ETH", "price": None}]
    assert list(csv.lines(("symbol", "price", "asked"), records)) == [
        "symbol,price,asked\n",
        "BTC,1.10,btc\n",
        "ETH,,\n",
    ]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_read_back_exactly(numbers: list[float]) -> None:
    (cells,) = standard.reader(io.StringIO(csv.line(numbers)))
    assert [float(cell) for cell in cells] == numbers


@given(st.lists(st.text(st.characters(categories=("L", "N", "P", "S"))), min_size=2))
def test_any_visible_text_is_one_cell(texts: list[str]) -> None:
    (cells,) = standard.reader(io.StringIO(csv.line(texts)))
    assert [cell.removeprefix("'") for cell in cells] == [text.removeprefix("'") for text in texts]
