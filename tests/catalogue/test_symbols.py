"""What may stand as a symbol, and what a text finds."""

import pytest

from pricectl.catalogue.symbols import canonical, matching, shown
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
    with pytest.raises(UsageError, match="'stooq' is not a provider") as caught:
        canonical("stooq:XBT")
    assert caught.value.hint == "one of: binance, yahoo, kraken, coinbase, frankfurter, ecb, tiingo"


def test_a_message_repeats_text_without_what_a_terminal_would_act_on() -> None:
    assert shown("\x1b[2J\u202e") == r"'\x1b[2J\u202e'"
    assert shown("x" * 1000) == "'" + "x" * 40 + "...'"


def _asset(symbol: str, name: str, category: str = "Energy") -> Asset:
    return Asset(symbol, name, "stock", category, symbol.partition(".")[0], "yahoo", symbol, "USD", "NYQ")


def test_a_symbol_that_begins_so_goes_before_a_name() -> None:
    assets = [_asset("AAA", "Gold first"), _asset("GOLDX", "Mine"), _asset("GOLD", "Z"), _asset("BBB", "Old gold")]
    assert [one.symbol for one in matching("gold", assets)] == ["GOLD", "GOLDX", "AAA", "BBB"]


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
