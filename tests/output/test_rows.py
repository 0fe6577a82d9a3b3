"""Records: the names under which things are shown."""

import datetime as dt

from pricectl.errors import RateLimited
from pricectl.model.asset import Asset
from pricectl.model.bar import Row
from pricectl.model.quote import Miss
from pricectl.output import rows


def test_a_bar() -> None:
    bar = Row(dt.date(2026, 1, 2), 1.0, 2.0, 0.5, 1.5, None, "1d")
    assert rows.bar(bar) == {
        "date": "2026-01-02", "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": None, "interval": "1d",
    }  # fmt: skip
    assert tuple(rows.bar(bar)) == rows.BAR
    assert rows.bar(bar._replace(final=False))["final"] is False


def test_an_asset() -> None:
    asset = Asset("BRK.B", "Berkshire Hathaway", "stock", "", "", "yahoo", "BRK-B", "USD", "NYQ", followed=True)
    assert rows.asset(asset) == {
        "symbol": "BRK.B", "name": "Berkshire Hathaway", "type": "stock", "category": None, "code": None,
        "provider": "yahoo", "provider_id": "BRK-B", "currency": "USD", "exchange": "NYQ", "active": True,
        "followed": True, "fallbacks": None,
    }  # fmt: skip


def test_errors() -> None:
    error = RateLimited("binance asks for a pause", "try again in 60 s")
    assert rows.miss(Miss("BTC", error)) == {
        "symbol": "BTC", "code": "rate_limited", "message": "binance asks for a pause",
    }  # fmt: skip
    assert rows.error(error) == {
        "error": {"code": "rate_limited", "message": "binance asks for a pause", "hint": "try again in 60 s"},
        "schemaVersion": 1,
    }
