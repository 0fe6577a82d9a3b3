"""Text from outside: what reaches a terminal of it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.output.text import cut, safe, width

GONE = "\ufffd"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Apple Inc.", "Apple Inc."),
        ("Zürcher – 株式会社 €", "Zürcher – 株式会社 €"),
        ("\x1b[2J\x1b[31mred", f"{GONE}[2J{GONE}[31mred"),
        ("\x1b]0;title\x07", f"{GONE}]0;title{GONE}"),
        ("\x9b31m", f"{GONE}31m"),
        ("a\nb", f"a{GONE}b"),
        ("a\r\nb", f"a{GONE}{GONE}b"),
        ("a\tb", f"a{GONE}b"),
        ("a\x00b", f"a{GONE}b"),
        ("a\x7fb", f"a{GONE}b"),
        ("a\x08b", f"a{GONE}b"),
        ("\u202eevil", f"{GONE}evil"),
        ("\u2066x\u2069", f"{GONE}x{GONE}"),
        ("zero\u200bwidth", f"zero{GONE}width"),
        ("\ufeffbom", f"{GONE}bom"),
        ("line\u2028sep\u2029", f"line{GONE}sep{GONE}"),
        ("\ud800", GONE),
        ("\ue000", GONE),
        ("a\u00a0b\u3000c", "a b c"),
    ],
)
def test_what_steers_a_terminal_is_replaced(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text())
def test_nothing_unseen_is_left(text: str) -> None:
    kept = safe(text)
    assert len(kept) == len(text)
    # Cf, Co, Cs, Cn and Zl, Zp, Cc: R-OU1. No separators but the blank either.
    assert all(unicodedata.category(c)[0] != "C" and (unicodedata.category(c)[0] != "Z" or c == " ") for c in kept)


def test_a_limit_ends_in_an_ellipsis() -> None:
    assert safe("x" * 200, 200) == "x" * 200
    assert safe("x" * 201, 200) == "x" * 199 + "…"
    assert safe("x" * 10_000) == "x" * 10_000


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("", 0), ("é", 1), ("e\u0301", 1), ("株", 2), ("ａ", 2)])
def test_width_is_counted_in_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("株式会社", 5, "株式…"),
        ("株式会社", 4, "株…"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
    ],
)
def test_a_cut_fits_and_says_so(text: str, columns: int, shown: str) -> None:
    assert cut(text, columns) == shown
