"""What is suggested for a symbol that is not there."""

import pytest

from pricectl.catalogue.near import Near, slips
from pricectl.catalogue.shipped import Shipped
from pricectl.model.asset import Asset


@pytest.fixture(scope="module")
def shipped() -> Near:
    return Near(Shipped.load().all().values())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("BRK-B", ["BRK.B"]),
        ("brk/b", ["BRK.B"]),
        ("BTCUSDT", ["BTC"]),
        ("BTC-USD", ["BTC"]),
        ("EUR/USD", ["EURUSD"]),
        ("JPY=X", ["USDJPY"]),
        ("GSPC", ["^GSPC"]),
        ("OCDO", ["OCDO.L"]),
        ("DXY", ["DX-Y.NYB"]),
        ("bitcoin", ["BTC"]),
        ("nestle", ["NESN.SW"]),
        ("unitedhe", ["UNH"]),
        ("nvidia", ["NVDA"]),
        ("NVIDA", ["NVDA"]),
        ("TLSA", ["TSLA", "TLS.AX"]),
        ("MSTF", ["MSFT", "MSTR"]),
        ("QQQQQQQQ", []),
        ("", []),
        ("///", []),
    ],
)
def test_near_misses(shipped: Near, typed: str, meant: list[str]) -> None:
    assert shipped.to(typed) == meant


def test_no_more_than_three_are_suggested(shipped: Near) -> None:
    assert len(shipped.to("vanguard")) == 3


@pytest.mark.parametrize(
    ("typed", "meant", "one"),
    [
        ("AAPL", "AAPL", True),
        ("AAPLE", "AAPL", True),
        ("APL", "AAPL", True),
        ("AAPX", "AAPL", True),
        ("APAL", "AAPL", True),
        ("XAPX", "AAPL", False),
        ("AP", "AAPL", False),
        ("LPAA", "AAPL", False),
        ("", "A", True),
        ("", "AB", False),
    ],
)
def test_one_slip_of_the_keys(typed: str, meant: str, one: bool) -> None:
    assert (meant.lower() in set(slips(typed.lower()))) is one


def test_a_providers_own_spelling_goes_before_a_code() -> None:
    there = Asset("X.L", "There", "stock", "Energy", "ABC", "yahoo", "X.L", "GBp", "LSE")
    spelt = Asset("USDABC", "Spelt", "fx", "Major", "USDABC", "yahoo", "ABC", "ABC", "CCY")
    assert Near([there, spelt]).to("ABC") == ["USDABC"]
    assert Near([there]).to("ABC") == ["X.L"]
