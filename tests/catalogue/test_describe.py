"""From what is said of an asset to all that is known of it."""

import pytest

from pricectl.catalogue.describe import described, differences, outside
from pricectl.errors import UsageError
from pricectl.model.asset import Asset

APPLE = Asset("AAPL", "Apple", "stock", "Information Technology", "AAPL", "yahoo", "AAPL", "USD", "NMS")


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ({"symbol": "joby"}, ("JOBY", "JOBY", "stock", "stock", "JOBY", "yahoo", "JOBY", "", "")),
        ({"symbol": "yahoo:JOBY"}, ("JOBY", "JOBY", "stock", "stock", "JOBY", "yahoo", "JOBY", "", "")),
        (
            {"symbol": "PEPE2", "type": "crypto"},
            ("PEPE2", "PEPE2", "crypto", "crypto", "PEPE2", "binance", "PEPE2USDT", "USDT", "BINANCE"),
        ),
        (
            {"symbol": "binance:ethbtc", "name": " Ether in Bitcoin "},
            ("ETHBTC", "Ether in Bitcoin", "crypto", "crypto", "ETHBTC", "binance", "ETHBTC", "BTC", "BINANCE"),
        ),
        (
            {"symbol": "EURSGD", "provider_id": "eursgd=x"},
            ("EURSGD", "EURSGD", "fx", "fx", "EURSGD", "yahoo", "EURSGD=X", "SGD", "CCY"),
        ),
        (
            {"symbol": "DOGEUSD", "provider_id": "DOGE-USD"},
            ("DOGEUSD", "DOGEUSD", "crypto", "crypto", "DOGEUSD", "yahoo", "DOGE-USD", "", "CCC"),
        ),
        ({"symbol": "^NYFANG"}, ("^NYFANG", "^NYFANG", "index", "index", "NYFANG", "yahoo", "^NYFANG", "", "")),
        ({"symbol": "MCL=F"}, ("MCL=F", "MCL=F", "commodity", "commodity", "MCL", "yahoo", "MCL=F", "", "")),
        (
            {"symbol": "FUND1", "type": "fund", "category": "Blend", "code": "F1", "provider": "yahoo",
             "provider_id": "0P0000XVU2.L", "currency": "GBp", "exchange": "LSE", "name": "A Fund"},
            ("FUND1", "A Fund", "fund", "Blend", "F1", "yahoo", "0P0000XVU2.L", "GBp", "LSE"),
        ),
    ],
)  # fmt: skip
def test_what_is_not_said_is_inferred(said: dict[str, str], whole: tuple[str, ...]) -> None:
    assert described(said, None) == Asset(*whole)


def test_what_is_known_stays_unless_something_else_is_said() -> None:
    assert described({"symbol": "AAPL"}, APPLE) == APPLE
    assert described({"symbol": "AAPL", "name": "Apple Computer"}, APPLE) == APPLE._replace(name="Apple Computer")


def test_another_series_does_not_keep_currency_and_exchange() -> None:
    asset = described({"symbol": "AAPL", "provider_id": "APC.DE"}, APPLE)
    assert asset[5:9] == ("yahoo", "APC.DE", "", "")
    assert asset.name == "Apple"
    assert described({"symbol": "AAPL", "provider": "binance"}, APPLE)[5:9] == (
        "binance",
        "AAPLUSDT",
        "USDT",
        "BINANCE",
    )


@pytest.mark.parametrize(
    "said",
    [
        {"symbol": ""},
        {"symbol": "a b"},
        {"symbol": "A", "type": "bond"},
        {"symbol": "A", "provider": "stooq"},
        {"symbol": "A", "provider_id": "../A"},
        {"symbol": "A", "provider_id": "yahoo:A"},
        {"symbol": "A", "provider": "binance", "provider_id": "BTC-USDT"},
        {"symbol": "yahoo:A", "provider": "binance"},
        {"symbol": "A", "name": "a\x1bb"},
        {"symbol": "A", "name": "a\nb"},
        {"symbol": "A", "name": "n" * 121},
        {"symbol": "A", "currency": "U$"},
        {"symbol": "A", "exchange": "N" * 13},
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        described(said, None)


def test_a_series_outside_the_catalogue_stands_for_itself() -> None:
    assert outside("yahoo", "JOBY") == Asset("yahoo:JOBY", "JOBY", "stock", "stock", "JOBY", "yahoo", "JOBY", "", "")
    assert outside("binance", "ETHBTC")[5:9] == ("binance", "ETHBTC", "BTC", "BINANCE")


def test_differences_in_words() -> None:
    assert differences(APPLE, APPLE) == ""
    assert (
        differences(APPLE, APPLE._replace(currency="EUR", name="X")) == "name is Apple, not X; currency is USD, not EUR"
    )
    assert differences(APPLE._replace(currency=""), APPLE) == ""
