"""HTTP dates and Retry-After, read strictly."""

import pytest

from pricectl.net.dates import http_date, retry_after

NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("Tue, 24 Nov 2026 12:00:00 GMT", NOON_MS),
        ("Tuesday, 24-Nov-26 12:00:00 GMT", NOON_MS),
        ("Tue Nov 24 12:00:00 2026", NOON_MS),
        ("Sun Nov  6 08:49:37 1994", 784_111_777_000),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777_000),
        ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199_000),
    ],
)
def test_the_three_formats(text, ms):
    assert http_date(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Tue, 31 Feb 2026 12:00:00 GMT",
        "Tue, 29 Feb 2026 12:00:00 GMT",
        "Tue, 24 Nov 2026 25:00:00 GMT",
        "Tue, 24 Nov 2026 12:00:00 CET",
        "Tue, 24 Nov 99999 12:00:00 GMT",
        "Tue, 24 Nov 0000 12:00:00 GMT "[:-1].replace("0000", "000"),
        "Tue, 24 Nov 2026 12:00:00 GMT and more",
        "Tue, ٢٤ Nov 2026 12:00:00 GMT",
        "2026-11-24T12:00:00Z",
    ],
)
def test_anything_else_is_no_date(text):
    assert http_date(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("17", 17.0),
        ("00120", 120.0),
        ("999999999", 999_999_999.0),
        ("Tue, 24 Nov 2026 12:02:00 GMT", 120.0),
        ("Tuesday, 24-Nov-26 12:00:05 GMT", 5.0),
        ("Tue Nov 24 12:00:01 2026", 1.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),  # in the past
    ],
)
def test_retry_after(text, seconds):
    assert retry_after(text, NOON_MS) == seconds


@pytest.mark.parametrize(
    "text",
    [None, "", "-1", "+1", "1.5", "1e3", "inf", "nan", "٣", "²", "1 ", " 1", "1_000", "0x10", "soon", "9999999999",
     "Tue, 31 Feb 2026 12:00:00 GMT", "Tue, 24 Nov 99999 12:00:00 GMT", "9" * 10_000, "\x00"],
)  # fmt: skip
def test_nonsense_in_retry_after_counts_as_absent(text):
    assert retry_after(text, NOON_MS) is None
