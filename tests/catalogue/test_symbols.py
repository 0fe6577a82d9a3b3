"""What may stand as a symbol, and what is suggested for one that is not there."""

import pytest

from pricectl.catalogue.shipped import Shipped
from pricectl.catalogue.symbols import canonical, matching, nearest, one_slip, shown
from pricectl.errors import UsageError
from pricectl.model.asset import Asset


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("btc", "BTC"),
        ("^gspc", "^GSPC"),
        ("gc=f", "GC=F"),
        ("brk.b", "BRK.B"),
        ("m&m.ns", "M&M.NS"),
        ("Yahoo:nvda", "yahoo:NVDA"),
        ("BINANCE:ethbtc", "binance:ETHBTC"),
        ("x" * 64, "X" * 64),
    ],
)
def test_symbols_are_written_in_capitals(asked: str, meant: str) -> None:
    assert canonical(asked) == meant


@pytest.mark.parametrize(
    "asked",
    ["", " ", " BTC", "BTC ", "A B", "../etc/passwd", "..", "A..B", ".A", "-A", "a/b", "a\\b", "'", 'A"B', "A;B", "A,B",
     "\0", "BTC\0", "BTC\n", "\x1b[31m", "😀", "ＢＴＣ", "ß", "é", "%41", "$(x)", "yahoo:", ":BTC", "yahoo:../x",
     "x" * 65, "X" * 10_000, "yahoo:" + "X" * 60],
)  # fmt: skip
def test_what_cannot_be_a_symbol_is_a_usage_error(asked: str) -> None:
    with pytest.raises(UsageError) as caught:
        canonical(asked)
    assert caught.value.exit_code == 2
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250
    assert caught.value.hint


def test_an_unknown_provider_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'kraken' is not a provider") as caught:
        canonical("kraken:XBT")
    assert caught.value.hint == "one of: binance, yahoo"


def test_a_message_repeats_text_without_what_a_terminal_would_act_on() -> None:
    assert shown("\x1b[2J\u202e") == r"'\x1b[2J\u202e'"
    assert shown("x" * 1000) == "'" + "x" * 40 + "...'"


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
        ("nvidia", ["NVDA"]),
        ("NVIDA", ["NVDA"]),
        ("TLSA", ["TSLA", "TLS.AX"]),
        ("MSTF", ["MSFT", "MSTR"]),
        ("QQQQQQQQ", []),
        ("", []),
        ("///", []),
    ],
)
def test_near_misses(typed: str, meant: list[str]) -> None:
    assert nearest(typed, Shipped.load().all().values()) == meant


def test_no_more_than_three_are_suggested() -> None:
    assert len(nearest("vanguard", Shipped.load().all().values())) == 3


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
    assert one_slip(typed, meant) is one


def _asset(symbol: str, name: str, category: str = "Energy") -> Asset:
    return Asset(symbol, name, "stock", category, symbol.partition(".")[0], "yahoo", symbol, "USD", "NYQ")


def test_search_finds_every_word_in_any_field_best_first() -> None:
    assets = [
        _asset("GOLD", "Gold.com"),
        _asset("AU", "AngloGold Ashanti"),
        _asset("GS", "Goldman Sachs", "Financials"),
        _asset("NESN.SW", "Nestlé"),
        _asset("AA", "Alcoa", "Golden things"),
    ]
    assert [one.symbol for one in matching("gold", assets)] == ["GOLD", "GS", "AA", "AU"]
    assert [one.symbol for one in matching("sachs  GOLD", assets)] == ["GS"]
    assert [one.symbol for one in matching("nestle", assets)] == ["NESN.SW"]
    assert [one.symbol for one in matching("NESTLÉ", assets)] == ["NESN.SW"]
    assert [one.symbol for one in matching("nesn", assets)] == ["NESN.SW"]
    assert matching("gold silver", assets) == []
    assert matching("  ", assets) == []
