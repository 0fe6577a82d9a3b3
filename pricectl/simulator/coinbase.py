"""Coinbase Exchange's tickers and candles, as recorded from 2017 to 2024: ``[time, low, high, open, close, volume]``,
newest first; more than 300 candles are refused."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pricectl.simulator.listing import digits
from pricectl.simulator.market import Market
from pricectl.simulator.tape import Tape

PREFIXES = ("/products/",)
_LIMIT = 300
_DAY_S = 86_400
_TOO_MANY = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
Answer = tuple[int, Any]


def symbols(path: str, params: Mapping[str, str]) -> tuple[str, ...]:
    """The product that a path names."""
    return (path.removeprefix(PREFIXES[0]).partition("/")[0],)


def answer(market: Market, path: str, params: Mapping[str, str]) -> Answer:
    """Status and body for a path under ``/products/``."""
    product, _, what = path.removeprefix(PREFIXES[0]).partition("/")
    tape = market.tape("coinbase", product)
    if tape is None or what not in ("ticker", "candles"):
        return 404, {"message": "NotFound"}
    return _ticker(market, tape) if what == "ticker" else _candles(market, tape, params)


def _ticker(market: Market, tape: Tape) -> Answer:
    now_ms = market.now_ms()
    at = None if market.halted(tape.asset.series) else market.moment(tape, now_ms)
    price = at.bar.close if at else 0.0
    text = f"{price:.{max(2, digits(price, tape.asset))}f}"
    time = dt.datetime.fromtimestamp((at.time_ms if at else 0) / 1000, dt.UTC)
    volume = f"{(at.bar.volume if at else 0.0) or 0.0:.8f}"
    return 200, {
        "ask": text, "bid": text, "volume": volume, "trade_id": 18502105, "price": text, "size": "0.00730812",
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "rfq_volume": "0.000000",
    }  # fmt: skip


def _candles(market: Market, tape: Tape, params: Mapping[str, str]) -> Answer:
    try:
        start, end = (dt.datetime.fromisoformat(params[name]).astimezone(dt.UTC) for name in ("start", "end"))
        step = int(params["granularity"])
    except (KeyError, ValueError):
        return 400, {"message": "start, end and granularity must be given"}
    if step != _DAY_S:
        return 400, {"message": "Unsupported granularity"}
    if start > end:
        return 400, {"message": "start must be before end"}
    if (end - start).days > _LIMIT:
        return 400, {"message": _TOO_MANY}
    at = None if market.halted(tape.asset.series) else market.moment(tape, market.now_ms())
    if at is None:
        return 200, []
    sessions = tape.sessions(start.date(), min(end.date(), at.session.date))
    rows = []
    for session, bar in zip(sessions, tape.bars(sessions), strict=True):
        shown = at.bar if session.date == at.session.date else bar
        if shown is not None:
            rows.append([session.open_ms // 1000, shown.low, shown.high, shown.open, shown.close, shown.volume or 0.0])
    return 200, rows[::-1]
