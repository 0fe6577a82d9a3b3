"""Tiingo's reference prices and days, as it describes them: raw figures, adjusted ones beside them, and each day's
split and dividend. Any token opens it, none does not."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pricectl.simulator.market import Market
from pricectl.simulator.moment import scale
from pricectl.simulator.tape import Tape

PREFIXES = ("/tiingo/", "/iex/")
_DAILY = "/tiingo/daily/"
Answer = tuple[int, Any]
_NOT_FOUND: Answer = (404, {"detail": "Not found."})


def lets_in(headers: Mapping[str, str]) -> bool:
    """Whether a request shows a token; ``revoked`` is one that no longer counts."""
    word, _, token = headers.get("authorization", "").partition(" ")
    return word == "Token" and token not in ("", "revoked")


def symbols(path: str, params: Mapping[str, str]) -> tuple[str, ...]:
    """The tickers that a request names."""
    if path.startswith(_DAILY):
        return (path.removeprefix(_DAILY).partition("/")[0],)
    return tuple(filter(None, params.get("tickers", "").split(",")))


def answer(market: Market, path: str, params: Mapping[str, str]) -> Answer:
    """Status and body for ``/iex/`` and ``/tiingo/daily/{ticker}/prices``."""
    if path == "/iex/":
        tapes = [market.tape("tiingo", ticker) for ticker in symbols(path, params)]
        return 200, [_price(market, tape) for tape in tapes if tape]
    tape = market.tape("tiingo", symbols(path, params)[0]) if path.endswith("/prices") else None
    if tape is None:
        return _NOT_FOUND
    try:
        start = dt.date.fromisoformat(params["startDate"])
    except (KeyError, ValueError):
        return 400, {"detail": "startDate must be a date"}
    return 200, _days(market, tape, start)


def _price(market: Market, tape: Tape) -> dict[str, Any]:
    at = None if market.halted(tape.asset.series) else market.moment(tape, market.now_ms())
    time = dt.datetime.fromtimestamp((at.time_ms if at else 0) // 1000, tape.hours.tz)
    return {
        "ticker": tape.asset.provider_id,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.186520297%z"),
        "last": None,
        "tngoLast": at.bar.close if at else None,
        "prevClose": _before(tape, at.before.close, at.before.date, at.session.date) if at and at.before else None,
        "open": at.bar.open if at else None,
        "high": at.bar.high if at else None,
        "low": at.bar.low if at else None,
        "volume": at.bar.volume if at else None,
    }


def _before(tape: Tape, close: float, day: dt.date, today: dt.date) -> float:
    return round(close / float(scale(tape, day, today)), 6)


def _days(market: Market, tape: Tape, start: dt.date) -> list[dict[str, Any]]:
    now_ms = market.now_ms()
    today = tape.hours.date(now_ms)
    sessions = [one for one in tape.sessions(start, today) if one.close_ms <= now_ms]
    splits = dict(tape.splits())
    paid = {one.ex_date: one.value for one in tape.payouts(start, today) if one.kind == "dividend"}
    rows = []
    for session, bar in zip(sessions, tape.bars(sessions), strict=True):
        if bar is None:
            continue
        factor = float(scale(tape, session.date, today))
        rows.append(
            {
                "date": f"{session.date}T00:00:00.000Z",
                "close": bar.close, "high": bar.high, "low": bar.low, "open": bar.open, "volume": bar.volume,
                "adjClose": bar.close / factor, "adjHigh": bar.high / factor, "adjLow": bar.low / factor,
                "adjOpen": bar.open / factor, "adjVolume": (bar.volume or 0.0) * factor,
                "divCash": paid.get(session.date, 0.0), "splitFactor": splits.get(session.date, 1.0),
            }
        )  # fmt: skip
    return rows
