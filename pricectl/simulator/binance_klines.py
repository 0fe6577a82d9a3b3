"""Binance's candles: pages over the opens of UTC days, ISO weeks and months."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pricectl.model.bar import Bar
from pricectl.simulator.binance_asking import LEGAL, Refusal, amount, known, legal, trades, whole
from pricectl.simulator.market import Market
from pricectl.simulator.moment import Moment
from pricectl.simulator.tape import Tape

PAGE = 1000
_DAY_MS = 86_400_000


def klines(market: Market, params: Mapping[str, str]) -> Any:
    """``klines``: the oldest page from ``startTime`` on, or the newest up to ``endTime``; the running candle too."""
    for name in ("symbol", "interval"):
        if not params.get(name):
            raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    asset = known(market, legal(params["symbol"], "symbol", LEGAL))
    interval = params["interval"]
    if interval not in ("1d", "1w", "1M"):
        raise Refusal(-1120, "Invalid interval.")
    limit = whole(params, "limit", 500)
    if limit < 1:
        raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    tape = market.tape("binance", asset.provider_id)
    at = market.moment(tape, market.now_ms()) if tape else None
    if tape is None or at is None or market.halted(asset.series):
        return []
    start, end = whole(params, "startTime", -1), whole(params, "endTime", 1 << 62)
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
        trades(quote),
        amount(round(volume * 0.51, 5)),
        amount(quote * 0.51),
        "0",
    ]


def _open_ms(day: dt.date) -> int:
    return (day.toordinal() - 719_163) * _DAY_MS
