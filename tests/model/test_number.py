"""Decimal text: the provider's digits, and float32 noise. The judge of 'shortest' is DuckDB's FLOAT printing."""

from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.model.number import denoised, float32, plain, shortest32

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**99), max_value=2.0**99)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("65000.10000000", "65000.1"),
        ("0.00000123", "0.00000123"),
        ("0.00000000", "0"),
        ("-0.000", "0"),
        ("100", "100"),
        ("100.00", "100"),
        ("1.23e-6", "0.00000123"),
        ("1E3", "1000"),
        (1e-07, "0.0000001"),
        (166.69, "166.69"),
        (34, "34"),
        (-37.63, "-37.63"),
        (Decimal("9912.33000000"), "9912.33"),
    ],
)
def test_plain_keeps_the_digits_and_one_notation(value: Decimal | str | int | float, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    "bad", ["", " 1", "1 ", "1_000", "NaN", "Infinity", "-inf", "1,5", "0x10", "١٢", "1e", ".5", "1.", "+1", "--1"]
)
def test_plain_refuses_what_is_no_number(bad: str) -> None:
    with pytest.raises(ValueError, match="not a decimal number"):
        plain(bad)


def test_plain_refuses_numbers_that_would_fill_the_memory() -> None:
    with pytest.raises(ValueError, match="range"):
        plain("1e999")
    with pytest.raises(ValueError, match="not a decimal number"):
        plain("1e9999999")
    with pytest.raises(ValueError, match="not a decimal number"):
        plain("9" * 10_000)
    with pytest.raises(ValueError, match="not a decimal number"):
        plain(float("inf"))


@given(st.decimals(min_value="-1e12", max_value="1e12", places=8))
def test_plain_changes_no_value(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert "e" not in text.lower()
    assert not (("." in text) and text.endswith(("0", ".")))


@pytest.mark.parametrize(
    ("noisy", "clean"),
    [
        (166.69000244140625, "166.69"),
        ("75.0875015258789", "75.0875"),
        (Decimal("13.237000465393066"), "13.237"),
        ("1.0823123456", "1.0823123456"),  # not a float32: nothing is taken from it
        ("244.87", "244.87"),
        ("0.0000012", "0.0000012"),
        ("1234567936", "1234567936"),  # a whole number is not noise
        ("-166.69000244140625", "-166.69"),
    ],
)
def test_float32_noise_is_removed_and_nothing_else(noisy: Decimal | str | float, clean: str) -> None:
    assert denoised(noisy) == clean


def test_the_shortest_decimal_of_a_tie_is_the_value_itself() -> None:
    assert shortest32(2756463.25) == 2756463.25
    assert shortest32(5319.59375) == 5319.59375
    assert shortest32(float32(5319.594)) == 5319.594


@given(st.lists(FLOAT32, min_size=1, max_size=200))
def test_the_shortest_decimal_is_what_duckdb_prints(values: list[float]) -> None:
    floats = pa.table({"x": pa.array(values, pa.float64())})
    with duckdb.connect() as con:
        printed = con.execute("SELECT x::FLOAT::VARCHAR::DOUBLE FROM floats").fetchall()
    assert floats.num_rows == len(printed)
    assert [shortest32(value) for value in values] == [row[0] for row in printed]
