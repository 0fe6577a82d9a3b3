"""Small provider bodies, written out by hand after the recorded ones, and replies to put them in."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from pricectl.net.reply import Reply

# 2026-11-24T12:00:00Z: "now" of these tests, the provider's clock.
NOW_MS = 1_795_521_600_000


def utc(text: str) -> int:
    """Seconds since the epoch of an ISO time in UTC."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


def reply(body: bytes | str | Any, status: int = 200, *, server_ms: int = NOW_MS, **headers: str) -> Reply:
    """A reply with ``body`` (bytes and text as they are, anything else as JSON), received 250 ms later."""
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, body, server_ms, server_ms + 250)


def chart(
    rows: Sequence[tuple[Any, ...]],
    *,
    splits: Sequence[tuple[int, float, float]] = (),
    dividends: Sequence[tuple[int, float]] = (),
    **meta: Any,
) -> dict[str, Any]:
    """A v8 chart body: ``rows`` are (stamp, open, high, low, close, volume); ``meta`` adds to a US share's."""
    result: dict[str, Any] = {
        "meta": {
            "currency": "USD",
            "symbol": "AAPL",
            "exchangeName": "NMS",
            "instrumentType": "EQUITY",
            "firstTradeDate": 345479400,
            "regularMarketTime": rows[-1][0] if rows else NOW_MS // 1000,
            "regularMarketPrice": 100.0,
            "gmtoffset": -18000,
            "exchangeTimezoneName": "America/New_York",
            "dataGranularity": "1d",
            "range": "",
            **meta,
        },
        "indicators": {"quote": [{}], "adjclose": [{}]},
    }
    if rows:
        names = ("open", "high", "low", "close", "volume")
        result["timestamp"] = [row[0] for row in rows]
        columns = {name: [row[1 + i] for row in rows] for i, name in enumerate(names)}
        result["indicators"] = {"quote": [columns], "adjclose": [{"adjclose": columns["close"]}]}
    events: dict[str, Any] = {}
    if splits:
        events["splits"] = {str(at): {"date": at, "numerator": n, "denominator": d} for at, n, d in splits}
    if dividends:
        events["dividends"] = {str(at): {"date": at, "amount": amount} for at, amount in dividends}
    if events:
        result["events"] = events
    return {"chart": {"result": [result], "error": None}}


def yahoo_error(envelope: str, code: str, description: str) -> dict[str, Any]:
    return {envelope: {"result": None, "error": {"code": code, "description": description}}}


def spark_item(symbol: str, **meta: Any) -> dict[str, Any]:
    """One symbol of a v7 spark answer; ``meta`` adds to a US share at 100.5, 100 at the session before."""
    whole = {
        "currency": "USD",
        "symbol": symbol,
        "exchangeName": "NMS",
        "instrumentType": "EQUITY",
        "regularMarketTime": NOW_MS // 1000 - 60,
        "regularMarketPrice": 100.5,
        "chartPreviousClose": 100.0,
        "dataGranularity": "1d",
        "range": "1d",
        **meta,
    }
    return {"symbol": symbol, "response": [{"meta": whole, "timestamp": [NOW_MS // 1000], "indicators": {}}]}


def spark(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spark": {"result": list(items), "error": None}}


def ticker(symbol: str, price: str = "65000.10000000", **fields: Any) -> dict[str, Any]:
    """One pair of a 24hr ticker answer (the fields that are read, and some that are not)."""
    return {
        "symbol": symbol,
        "priceChangePercent": "1.647",
        "prevClosePrice": "64000.00000000",
        "lastPrice": price,
        "openTime": NOW_MS - 86_400_500,
        "closeTime": NOW_MS - 500,
        "firstId": 28385,
        "lastId": 28460,
        "count": 76,
        **fields,
    }


def candle(day: str, close: str = "2.00000000", **fields: Any) -> list[Any]:
    """One daily candle: 1, 3, 0.5, ``close``, 10 pieces."""
    opened_ms = utc(day) * 1000
    return [
        opened_ms,
        "1.00000000",
        "3.00000000",
        "0.50000000",
        close,
        "10.00000000",
        fields.get("closed_ms", opened_ms + 86_400_000 - 1),
        "20.00000000",
        308,
        "5.00000000",
        "10.00000000",
        fields.get("last", "0"),
    ]
