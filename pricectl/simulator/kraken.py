"""Kraken's public market data: the envelope, keys and rows of recorded answers (2017 to 2026).

Errors come with status 200. Old pairs answer under a longer key than the one asked for (XBTUSD: XXBTZUSD). Candles are
of days, at most 720 closed ones and the open one; ``last`` is the open of the last closed one.
"""

from collections.abc import Mapping
from typing import Any

from pricectl.model.asset import Asset
from pricectl.simulator.listing import digits
from pricectl.simulator.market import Market

PREFIXES = ("/0/public/",)
CLOSED = 720
_OLD = frozenset({"XBT", "ETH", "LTC", "XRP", "ETC", "XLM", "XMR", "ZEC", "REP", "MLN"})
_DAY_S = 86_400


class _Refusal(Exception):
    pass


def symbols(path: str, params: Mapping[str, str]) -> tuple[str, ...]:
    """The pairs that a request names."""
    return tuple(filter(None, params.get("pair", "").split(",")))


def answer(market: Market, path: str, params: Mapping[str, str]) -> tuple[int, Any]:
    """Status and body for a path under ``/0/public/``."""
    name = path.removeprefix(PREFIXES[0])
    answers = {"Ticker": _tickers, "OHLC": _candles, "AssetPairs": _pairs, "Time": _time}
    try:
        if name not in answers:
            raise _Refusal("EGeneral:Unknown method")
        return 200, {"error": [], "result": answers[name](market, params)}
    except _Refusal as refusal:
        return 200, {"error": [str(refusal)]}


def _known(market: Market, params: Mapping[str, str]) -> list[Asset]:
    found = [market.tape("kraken", name) for name in symbols("", params)]
    if not found:
        raise _Refusal("EGeneral:Invalid arguments")
    assets = [tape.asset for tape in found if tape]
    if len(assets) < len(found):
        raise _Refusal("EQuery:Unknown asset pair")
    return assets


def _parts(asset: Asset) -> tuple[str, str, str]:
    """The key, base and quote of a pair as Kraken names them."""
    base = asset.provider_id.removesuffix(asset.currency)
    long_base = f"X{base}" if base in _OLD else base
    if base not in _OLD or asset.currency not in ("USD", "EUR", "GBP", "CAD", "JPY", "XBT"):
        return asset.provider_id, long_base, asset.currency
    money = f"{'X' if asset.currency == 'XBT' else 'Z'}{asset.currency}"
    return long_base + money, long_base, money


def _text(value: float, asset: Asset) -> str:
    return f"{value:.{max(1, digits(value, asset))}f}"


def _tickers(market: Market, params: Mapping[str, str]) -> Any:
    return {_parts(asset)[0]: _ticker(market, asset) for asset in _known(market, params)}


def _ticker(market: Market, asset: Asset) -> dict[str, Any]:
    tape = market.tape(*asset.series)
    at = None if tape is None or market.halted(asset.series) else market.moment(tape, market.now_ms())
    if at is None:
        none = ["0.00000", "0", "0.000"]
        pair = ["0.00000", "0.00000"]
        return {"a": none, "b": none, "c": pair, "v": pair, "p": pair, "t": [0, 0], "l": pair, "h": pair, "o": "0.0"}
    bar = at.bar
    price, low, high = (_text(value, asset) for value in (bar.close, bar.low, bar.high))
    volume = f"{bar.volume or 0.0:.8f}"
    mean = _text((bar.high + bar.low) / 2, asset)
    return {
        "a": [price, "1", "1.000"],
        "b": [price, "1", "1.000"],
        "c": [price, "0.00100000"],
        "v": [volume, volume],
        "p": [mean, mean],
        "t": [1200, 2400],
        "l": [low, low],
        "h": [high, high],
        "o": _text(bar.open, asset),
    }


def _candles(market: Market, params: Mapping[str, str]) -> Any:
    (asset,) = _known(market, params)
    if params.get("interval", "1") != "1440":
        raise _Refusal("EGeneral:Invalid arguments")
    tape = market.tape(*asset.series)
    at = market.moment(tape, market.now_ms()) if tape else None
    rows: list[list[Any]] = []
    last = 0
    if tape and at and not market.halted(asset.series):
        sessions = [one for one in tape.sessions(tape.first, at.session.date) if one.open_ms <= at.session.open_ms]
        bars = tape.bars(sessions)
        now_ms = market.now_ms()
        for session, bar in list(zip(sessions, bars, strict=True))[-CLOSED - 1 :]:
            shown = at.bar if session.date == at.session.date else bar
            if shown is None:
                continue
            opened_s = session.open_ms // 1000
            last = opened_s if (opened_s + _DAY_S) * 1000 <= now_ms else last
            prices = [_text(value, asset) for value in (shown.open, shown.high, shown.low, shown.close)]
            mean = _text((shown.high + shown.low) / 2, asset)
            rows.append([opened_s, *prices, mean, f"{shown.volume or 0.0:.8f}", 1000])
    since = int(params.get("since", "0"))
    return {_parts(asset)[0]: [row for row in rows if row[0] > since], "last": last}


def _pairs(market: Market, params: Mapping[str, str]) -> Any:
    found = {}
    for asset in _known(market, params) if "pair" in params else market.assets("kraken"):
        key, base, money = _parts(asset)
        short = asset.provider_id.removesuffix(asset.currency)
        found[key] = {
            "altname": asset.provider_id, "wsname": f"{short}/{asset.currency}", "aclass_base": "currency",
            "base": base, "aclass_quote": "currency", "quote": money, "pair_decimals": 5, "lot_decimals": 8,
            "status": "online",
        }  # fmt: skip
    return found


def _time(market: Market, params: Mapping[str, str]) -> Any:
    return {"unixtime": market.now_ms() // 1000}
