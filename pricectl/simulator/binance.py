"""Binance's spot market data: paths, weights, and what they answer.

Paths, weights, codes and key order are those of Binance's published spot API description and of answers recorded
from 2019 to 2026: prices and amounts are strings of eight decimals, times are integer milliseconds. Candles of a
day, a week and a month are simulated; other intervals are refused as unknown.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pricectl.model.asset import Asset
from pricectl.simulator.binance_asking import Refusal, each, status_of
from pricectl.simulator.binance_klines import klines
from pricectl.simulator.binance_ticker import last_price, ticker
from pricectl.simulator.market import Market

PREFIX = "/api/v3/"
Answer = tuple[int, Any]


class Endpoint(NamedTuple):
    """What answers a path, the parameters it reads, and the weight of a request with the given parameters."""

    answer: Callable[[Market, Mapping[str, str]], Any]
    reads: frozenset[str]
    weight: Callable[[Mapping[str, str]], int]


def answer(market: Market, name: str, params: Mapping[str, str]) -> Answer:
    """Status and body for ``/api/v3/{name}``."""
    endpoint = ENDPOINTS.get(name)
    if endpoint is None:
        return 404, {"code": -1000, "msg": "An unknown error occurred while processing the request."}
    try:
        read = sum(name in endpoint.reads for name in params)
        if read < len(params):
            said = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(params)}'."
            raise Refusal(-1104, said)
        return 200, endpoint.answer(market, params)
    except Refusal as refusal:
        return refusal.status, refusal.body


def weight(name: str, params: Mapping[str, str]) -> int:
    """The request weight that Binance counts for ``/api/v3/{name}``."""
    endpoint = ENDPOINTS.get(name)
    return endpoint.weight(params) if endpoint else 1


def _ping(market: Market, params: Mapping[str, str]) -> Any:
    return {}


def _time(market: Market, params: Mapping[str, str]) -> Any:
    return {"serverTime": market.now_ms()}


def _exchange_info(market: Market, params: Mapping[str, str]) -> Any:
    symbols = each(market, params, lambda asset: _rules(asset, status_of(market, asset)))
    limits = (
        ("REQUEST_WEIGHT", "MINUTE", 1, 6000), ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200000), ("RAW_REQUESTS", "MINUTE", 5, 300000),
    )  # fmt: skip
    return {
        "timezone": "UTC",
        "serverTime": market.now_ms(),
        "rateLimits": [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in limits
        ],
        "exchangeFilters": [],
        "symbols": symbols if isinstance(symbols, list) else [symbols],
    }


def _rules(asset: Asset, status: str) -> dict[str, Any]:
    return {
        "symbol": asset.provider_id,
        "status": status,
        "baseAsset": asset.provider_id.removesuffix(asset.currency),
        "baseAssetPrecision": 8,
        "quoteAsset": asset.currency,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "isSpotTradingAllowed": status == "TRADING",
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.00000001", "maxPrice": "1000000.00000000",
             "tickSize": "0.00000001"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
        ],
        "permissions": ["SPOT"],
    }  # fmt: skip


def _weight_of_tickers(params: Mapping[str, str], one: int, all_: int) -> int:
    if "symbol" in params:
        return one
    asked = params.get("symbols", "").count(",") + 1 if "symbols" in params else 1 << 30
    return one if asked <= 20 else 40 if asked <= 100 else all_


_SYMBOLS = frozenset({"symbol", "symbols", "symbolStatus"})
ENDPOINTS: dict[str, Endpoint] = {
    "ping": Endpoint(_ping, frozenset(), lambda _: 1),
    "time": Endpoint(_time, frozenset(), lambda _: 1),
    "exchangeInfo": Endpoint(_exchange_info, _SYMBOLS | {"permissions", "showPermissionSets"}, lambda _: 20),
    "klines": Endpoint(
        klines, frozenset({"symbol", "interval", "startTime", "endTime", "timeZone", "limit"}), lambda _: 2
    ),
    "ticker/24hr": Endpoint(ticker, _SYMBOLS | {"type"}, lambda params: _weight_of_tickers(params, 2, 80)),
    "ticker/price": Endpoint(last_price, _SYMBOLS, lambda params: 2 if "symbol" in params else 4),
}
