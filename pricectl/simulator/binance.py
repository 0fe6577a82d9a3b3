"""Binance's spot market data bodies: string decimals, integer times, error codes and request weights.

Paths, weights, codes and key order are those of Binance's published spot API description and of answers recorded
from 2019 to 2026. Candles of a day, a week and a month are simulated; other intervals are refused as unknown.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pricectl.model.asset import Asset
from pricectl.model.bar import Bar
from pricectl.simulator.listing import digits
from pricectl.simulator.market import Market
from pricectl.simulator.moment import Moment, so_far
from pricectl.simulator.tape import Tape

PREFIX = "/api/v3/"
PAGE = 1000
_DAY_MS = 86_400_000
_SYMBOL = re.compile(r"[\w.\-]{1,20}")
_LEGAL = "legal range is '^[A-Z0-9-_.]{1,20}$'"
_LEGAL_LIST = 'legal range is \'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\''
_MINI = (
    "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime",
    "firstId", "lastId", "count",
)  # fmt: skip
_STATUSES = ("TRADING", "HALT", "BREAK")
Answer = tuple[int, Any]


class Refusal(Exception):
    """An answer with an error code."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "msg": message}


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


def amount(value: float) -> str:
    """A price or quantity as Binance writes it: eight decimals, never an exponent."""
    return f"{value:.8f}"


def _ping(market: Market, params: Mapping[str, str]) -> Any:
    return {}


def _time(market: Market, params: Mapping[str, str]) -> Any:
    return {"serverTime": market.now_ms()}


def _price(market: Market, params: Mapping[str, str]) -> Any:
    now_ms = market.now_ms()

    def item(asset: Asset) -> dict[str, Any]:
        at = _moment(market, asset, now_ms)
        return {"symbol": asset.provider_id, "price": amount(at.bar.close if at else 0.0)}

    return _each(market, params, item)


def _ticker(market: Market, params: Mapping[str, str]) -> Any:
    kind = params.get("type", "FULL")
    if kind not in ("FULL", "MINI"):
        raise Refusal(-1139, "Invalid ticker type.")
    now_ms = market.now_ms()

    def item(asset: Asset) -> dict[str, Any]:
        at = _moment(market, asset, now_ms)
        full = _dead(asset, now_ms) if at is None else _full(asset, at, now_ms)
        return full if kind == "FULL" else {key: full[key] for key in _MINI}

    return _each(market, params, item)


def _each(market: Market, params: Mapping[str, str], item: Callable[[Asset], dict[str, Any]]) -> Any:
    """``symbol`` gives an object, ``symbols`` and neither give a list; one unknown symbol fails them all."""
    status = params.get("symbolStatus", "")
    if status and status not in _STATUSES:
        raise Refusal(-1122, "Invalid symbolStatus.")
    if "symbol" in params and "symbols" in params:
        said = "Recommendation: 'symbol' and 'symbols' cannot both be sent."
        raise Refusal(-1128, f"Combination of optional parameters invalid. {said}")
    if "symbol" in params:
        asset = _asset(market, _legal(params["symbol"], "symbol", _LEGAL))
        if status and _status(market, asset) != status:
            raise Refusal(-1220, "The symbol's status does not match the requested symbolStatus.")
        return item(asset)
    if "symbols" in params:
        assets = [_asset(market, symbol) for symbol in _symbols(params["symbols"])]
    else:
        assets = market.assets("binance")
    return [item(asset) for asset in assets if not status or _status(market, asset) == status]


def _symbols(text: str) -> list[str]:
    try:
        symbols = json.loads(text)
    except ValueError:
        symbols = None
    listed = isinstance(symbols, list) and all(isinstance(symbol, str) for symbol in symbols)
    if not listed or json.dumps(symbols, separators=(",", ":"), ensure_ascii=False) != text:
        raise Refusal(-1100, f"Illegal characters found in parameter 'symbols'; {_LEGAL_LIST}.")
    names: list[str] = [_legal(symbol, "symbols", _LEGAL_LIST) for symbol in symbols]
    if not names:
        raise Refusal(-1105, "Parameter 'symbols' was empty.")
    if len(set(names)) < len(names):
        raise Refusal(-1151, "Symbol is present multiple times in the list.")
    return names


def _legal(symbol: str, parameter: str, legal: str) -> str:
    if not symbol:
        raise Refusal(-1105, f"Parameter '{parameter}' was empty.")
    if not _SYMBOL.fullmatch(symbol) or any("a" <= character <= "z" for character in symbol):
        raise Refusal(-1100, f"Illegal characters found in parameter '{parameter}'; {legal}.")
    return symbol


def _asset(market: Market, symbol: str) -> Asset:
    tape = market.tape("binance", symbol)
    if tape is None:
        raise Refusal(-1121, "Invalid symbol.")
    return tape.asset


def _status(market: Market, asset: Asset) -> str:
    return "BREAK" if market.halted(asset.series) else "TRADING"


def _moment(market: Market, asset: Asset, now_ms: int) -> Moment | None:
    """The series now; None when it has no price: halted, or not traded yet."""
    series = asset.series
    tape = None if market.halted(series) else market.tape(*series)
    return market.moment(tape, now_ms) if tape else None


def _full(asset: Asset, at: Moment, now_ms: int) -> dict[str, Any]:
    """The rolling day: from the same moment of the day before until now."""
    bar, before = at.bar, at.before
    share = at.session.share(now_ms)
    passed = so_far(before, share, asset) if before else bar._replace(close=bar.open)
    first, last = passed.close, bar.close
    places = digits(max(first, last), asset)
    step = 10.0**-places
    high = max(bar.high, first, before.close if before else 0.0)
    low = min(bar.low, first, before.close if before else bar.low)
    left = (before.volume or 0.0) - (passed.volume or 0.0) if before else 0.0
    volume = (bar.volume or 0.0) + max(0.0, left)
    mean = (first + last + high + low) / 4
    count = _trades(volume * mean)
    return {
        "symbol": asset.provider_id,
        "priceChange": amount(last - first),
        "priceChangePercent": f"{100 * (last - first) / first if first else 0.0:.3f}",
        "weightedAvgPrice": amount(mean),
        "prevClosePrice": amount(first),
        "lastPrice": amount(last),
        "lastQty": amount(round(volume / count, 5)),
        "bidPrice": amount(last - step),
        "bidQty": amount(round(volume / count * 3, 5)),
        "askPrice": amount(last),
        "askQty": amount(round(volume / count * 2, 5)),
        "openPrice": amount(first),
        "highPrice": amount(high),
        "lowPrice": amount(low),
        "volume": amount(volume),
        "quoteVolume": amount(volume * mean),
        "openTime": now_ms - _DAY_MS,
        "closeTime": now_ms,
        "firstId": 1000,
        "lastId": 999 + count,
        "count": count,
    }


def _dead(asset: Asset, now_ms: int) -> dict[str, Any]:
    """A pair that no longer trades, as the all-symbols answer still lists it: zeros, and times of days ago."""
    zero, stopped = amount(0.0), now_ms - 9 * _DAY_MS
    prices = dict.fromkeys(("lastPrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty"), zero)
    day = dict.fromkeys(("openPrice", "highPrice", "lowPrice", "volume", "quoteVolume"), zero)
    return {
        "symbol": asset.provider_id, "priceChange": zero, "priceChangePercent": "0", "weightedAvgPrice": "0",
        "prevClosePrice": amount(0.079081), **prices, **day, "openTime": stopped - _DAY_MS, "closeTime": stopped,
        "firstId": -1, "lastId": -1, "count": 0,
    }  # fmt: skip


def _klines(market: Market, params: Mapping[str, str]) -> Any:
    for name in ("symbol", "interval"):
        if not params.get(name):
            raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    asset = _asset(market, _legal(params["symbol"], "symbol", _LEGAL))
    interval = params["interval"]
    if interval not in ("1d", "1w", "1M"):
        raise Refusal(-1120, "Invalid interval.")
    limit = _whole(params, "limit", 500)
    if limit < 1:
        raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    tape = market.tape("binance", asset.provider_id)
    at = market.moment(tape, market.now_ms()) if tape else None
    if tape is None or at is None or market.halted(asset.series):
        return []
    start, end = _whole(params, "startTime", -1), _whole(params, "endTime", 1 << 62)
    opens = _opens(tape, interval, at.session.date)
    found = [day for day in opens if start <= _open_ms(day) <= end]
    page = min(limit, PAGE)
    found = found[:page] if start >= 0 else found[-page:]
    return _candles(tape, found, interval, at)


def _opens(tape: Tape, interval: str, last: dt.date) -> list[dt.date]:
    """The first days of all candles from the listing to ``last``."""
    days = (session.date for session in tape.sessions(tape.first, last))
    if interval == "1d":
        return list(days)
    return list(dict.fromkeys(_period(day, interval) for day in days))


def _period(day: dt.date, interval: str) -> dt.date:
    return day.replace(day=1) if interval == "1M" else day - dt.timedelta(days=day.weekday())


def _next(day: dt.date, interval: str) -> dt.date:
    if interval == "1M":
        return (day + dt.timedelta(days=31)).replace(day=1)
    return day + dt.timedelta(days=1 if interval == "1d" else 7)


def _candles(tape: Tape, opens: list[dt.date], interval: str, at: Moment) -> list[list[Any]]:
    if not opens:
        return []
    sessions = tape.sessions(opens[0], min(at.session.date, _next(opens[-1], interval) - dt.timedelta(days=1)))
    held: dict[dt.date, list[Bar]] = {}
    for session, bar in zip(sessions, tape.bars(sessions), strict=True):
        if bar is not None:  # an outage of the exchange leaves a hole, not a flat candle
            first = session.date if interval == "1d" else _period(session.date, interval)
            held.setdefault(first, []).append(at.bar if session.date == at.session.date else bar)
    return [_candle(day, held[day], interval) for day in opens if day in held]


def _candle(day: dt.date, bars: list[Bar], interval: str) -> list[Any]:
    volume = sum(bar.volume or 0.0 for bar in bars)
    quote = sum((bar.volume or 0.0) * (bar.open + bar.close) / 2 for bar in bars)
    return [
        _open_ms(day),
        amount(bars[0].open),
        amount(max(bar.high for bar in bars)),
        amount(min(bar.low for bar in bars)),
        amount(bars[-1].close),
        amount(volume),
        _open_ms(_next(day, interval)) - 1,
        amount(quote),
        _trades(quote),
        amount(round(volume * 0.51, 5)),
        amount(quote * 0.51),
        "0",
    ]


def _trades(quote_volume: float) -> int:
    return 1 + int(quote_volume / 400)


def _open_ms(day: dt.date) -> int:
    return (day.toordinal() - 719_163) * _DAY_MS


def _whole(params: Mapping[str, str], name: str, otherwise: int) -> int:
    text = params.get(name)
    if text is None:
        return otherwise
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise Refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def _exchange_info(market: Market, params: Mapping[str, str]) -> Any:
    symbols = _each(market, params, lambda asset: _rules(asset, _status(market, asset)))
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
        _klines, frozenset({"symbol", "interval", "startTime", "endTime", "timeZone", "limit"}), lambda _: 2
    ),
    "ticker/24hr": Endpoint(_ticker, _SYMBOLS | {"type"}, lambda params: _weight_of_tickers(params, 2, 80)),
    "ticker/price": Endpoint(_price, _SYMBOLS, lambda params: 2 if "symbol" in params else 4),
}
