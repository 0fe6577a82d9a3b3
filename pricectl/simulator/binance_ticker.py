"""Binance's current prices: the rolling 24 hours and the last price."""

from collections.abc import Mapping
from typing import Any

from pricectl.model.asset import Asset
from pricectl.simulator.binance_asking import Refusal, amount, each, trades
from pricectl.simulator.listing import digits
from pricectl.simulator.market import Market
from pricectl.simulator.moment import Moment, so_far

_DAY_MS = 86_400_000
_MINI = (
    "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime",
    "firstId", "lastId", "count",
)  # fmt: skip


def last_price(market: Market, params: Mapping[str, str]) -> Any:
    """``ticker/price``: no time in it."""
    now_ms = market.now_ms()

    def item(asset: Asset) -> dict[str, Any]:
        at = _now(market, asset, now_ms)
        return {"symbol": asset.provider_id, "price": amount(at.bar.close if at else 0.0)}

    return each(market, params, item)


def ticker(market: Market, params: Mapping[str, str]) -> Any:
    """``ticker/24hr``, long or short."""
    kind = params.get("type", "FULL")
    if kind not in ("FULL", "MINI"):
        raise Refusal(-1139, "Invalid ticker type.")
    now_ms = market.now_ms()

    def item(asset: Asset) -> dict[str, Any]:
        at = _now(market, asset, now_ms)
        full = _dead(asset, now_ms) if at is None else _full(asset, at, now_ms)
        return full if kind == "FULL" else {key: full[key] for key in _MINI}

    return each(market, params, item)


def _now(market: Market, asset: Asset, now_ms: int) -> Moment | None:
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
    count = trades(volume * mean)
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
