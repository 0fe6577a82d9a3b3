"""Yahoo's chart and spark bodies: the keys, types and oddities of the recorded ones.

The rules are those of answers recorded from 2024 to 2026: prices are float32 widened to double and whole ones are
integers; all are divided by every split up to the day of the request, while ``events`` lists only those in the
window; a day's row is stamped with its session's open, the last one with the time of the last trade on its own day;
a row that starts exactly at ``period2`` is returned.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from pricectl.model.bar import Bar
from pricectl.simulator.market import Market
from pricectl.simulator.moment import Moment
from pricectl.simulator.tape import Tape
from pricectl.simulator.yahoo_events import events_in
from pricectl.simulator.yahoo_meta import delisted_meta, meta, neat
from pricectl.simulator.yahoo_rows import (
    GROUPS,
    Window,
    adjusted_closes,
    asked_window,
    grouped,
    previous_close,
    window_rows,
)

SPARK_LIMIT = 20
_INTERVALS = ("1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h", "4h", "1d", "5d", *GROUPS)
Answer = tuple[int, dict[str, Any]]


def error(envelope: str, status: int, code: str, description: str = "") -> Answer:
    """An answer in the error envelope of ``chart``, ``spark`` or ``finance``."""
    said = {"code": code} | ({"description": description} if description else {})
    return status, {envelope: {"result": None, "error": said}}


def chart(market: Market, symbol: str, params: Mapping[str, str]) -> Answer:
    """The answer to ``/v8/finance/chart/{symbol}``."""
    interval = params.get("interval", "1d")
    if interval not in _INTERVALS:
        listed = ", ".join(_INTERVALS)
        said = f"Invalid input - interval={interval} is not supported. Valid intervals: [{listed}]"
        return error("chart", 400, "Bad Request", said)
    now_ms = market.now_ms()
    tape = market.tape("yahoo", symbol)
    at = market.moment(tape, now_ms) if tape else None
    if tape is None or at is None:
        return error("chart", 404, "Not Found", "No data found, symbol may be delisted")
    try:
        window = asked_window(tape, at, params, interval, now_ms)
    except ValueError as bad:
        return error("chart", 400, "Bad Request", f"Invalid input - {bad}")
    if interval not in ("1d", *GROUPS):
        said = f"{interval} data not available for startTime={window.start} and endTime={window.end}."
        return error("chart", 422, "Unprocessable Entity", f"{said} Only days and longer are simulated.")
    if market.halted(tape.asset.series):
        empty: dict[str, Any] = {"quote": [{}], "adjclose": [{}]}
        return 200, _result({"meta": delisted_meta(tape, at, now_ms, interval), "indicators": empty})
    first_ms = tape.sessions(tape.first, tape.first)[0].open_ms
    if not window.range and (window.end * 1000 < first_ms or window.start * 1000 > now_ms):
        said = f"Data doesn't exist for startDate = {window.start}, endDate = {window.end}"
        return error("chart", 400, "Bad Request", said)
    return 200, _result(_chart_result(tape, at, window, params, now_ms))


def spark(market: Market, params: Mapping[str, str]) -> Answer:
    """The answer to ``/v7/finance/spark``: closes only, unknown symbols left out."""
    symbols = [symbol for symbol in params.get("symbols", "").split(",") if symbol]
    if not symbols or len(symbols) > SPARK_LIMIT:
        return error("spark", 400, "Bad Request", f"Only 1 to {SPARK_LIMIT} symbols are allowed" if symbols else "")
    now_ms, results = market.now_ms(), []
    for symbol in dict.fromkeys(symbols):
        tape = market.tape("yahoo", symbol)
        at = market.moment(tape, now_ms) if tape else None
        if tape is None or at is None or market.halted(tape.asset.series):
            continue
        window = asked_window(tape, at, {"range": "1d"} | dict(params), "1d", now_ms)
        rows = window_rows(tape, at, window, now_ms)
        body: dict[str, Any] = {
            "meta": meta(tape, at, now_ms, window.range, "1d", previous_close(tape, rows, window, at))
        }
        closes: dict[str, Any] = {}
        if rows.stamps:
            body["timestamp"] = rows.stamps
            closes["close"] = [neat(bar.close, tape.asset) if bar else None for bar in rows.bars]
        body["indicators"] = {"quote": [closes]}
        results.append({"symbol": symbol, "response": [body]})
    if not results:
        return error("spark", 404, "Not Found", "No data found for spark symbols")
    return 200, {"spark": {"result": results, "error": None}}


def _result(result: dict[str, Any]) -> dict[str, Any]:
    return {"chart": {"result": [result], "error": None}}


def _chart_result(tape: Tape, at: Moment, window: Window, params: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    rows = window_rows(tape, at, window, now_ms)
    previous = previous_close(tape, rows, window, at)
    result: dict[str, Any] = {"meta": meta(tape, at, now_ms, window.range, window.interval, previous)}
    adjusted = adjusted_closes(tape, rows, tape.hours.date(now_ms))
    if window.interval in GROUPS:
        rows, adjusted = grouped(tape, rows, adjusted, window.interval, at)
    if not rows.stamps:
        return result | {"indicators": {"quote": [{}], "adjclose": [{}]}}
    result["timestamp"] = rows.stamps
    events = events_in(tape, at, window, params.get("events", ""), now_ms)
    if events:
        result["events"] = events
    result["indicators"] = {
        "quote": [
            {
                "open": float32([bar and bar.open for bar in rows.bars]),
                "high": float32([bar and bar.high for bar in rows.bars]),
                "low": float32([bar and bar.low for bar in rows.bars]),
                "close": float32([bar and bar.close for bar in rows.bars]),
                "volume": [bar and _volume(bar) for bar in rows.bars],
            }
        ],
        "adjclose": [{"adjclose": float32(adjusted)}],
    }
    return result


def float32(values: Sequence[float | None]) -> list[float | int | None]:
    """The values as Yahoo sends them: float32 widened to double, whole ones as integers."""
    narrow = array("f", [0.0 if value is None else value for value in values]).tolist()
    return [
        None if value is None else int(near) if near.is_integer() else near
        for value, near in zip(values, narrow, strict=True)
    ]


def _volume(bar: Bar) -> int | None:
    return None if bar.volume is None else round(bar.volume)
