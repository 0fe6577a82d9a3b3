"""Yahoo's chart and spark bodies: the keys, types and oddities of the recorded ones.

The rules are those of answers recorded from 2024 to 2026: prices are float32 widened to double and whole ones are
integers; all are divided by every split up to the day of the request, while ``events`` lists only those in the
window; a day's row is stamped with its session's open, the last one with the time of the last trade on its own day;
a row that starts exactly at ``period2`` is returned.
"""

import datetime as dt
from array import array
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from pricectl.model.bar import Bar
from pricectl.simulator.market import Market
from pricectl.simulator.moment import Moment, last_before, scale
from pricectl.simulator.tape import Session, Tape
from pricectl.simulator.yahoo_meta import delisted_meta, meta, neat, whole

SPARK_LIMIT = 20
_GROUPS = ("1wk", "1mo", "3mo")
_INTERVALS = ("1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h", "4h", "1d", "5d", *_GROUPS)
_DAYS = {"1d": 0, "5d": 6, "1mo": 31, "3mo": 92, "6mo": 184, "1y": 366, "2y": 731, "5y": 1827, "10y": 3653}

_OLDEST = -5_000_000_000  # 1811: before anything traded, and still a date everywhere

Answer = tuple[int, dict[str, Any]]


class Window(NamedTuple):
    """What was asked: seconds since the epoch, both inclusive, and the name of the range if that was asked."""

    start: int
    end: int
    range: str
    interval: str


class Rows(NamedTuple):
    """Rows on the shown scale: stamp in seconds, bar (None: nulls), the session they are from."""

    stamps: list[int]
    bars: list[Bar | None]
    sessions: list[Session]
    factors: list[float]


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
        window = _window(tape, at, params, interval, now_ms)
    except ValueError as bad:
        return error("chart", 400, "Bad Request", f"Invalid input - {bad}")
    if interval not in ("1d", *_GROUPS):
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
        window = _window(tape, at, {"range": "1d"} | dict(params), "1d", now_ms)
        rows = _rows(tape, at, window, now_ms)
        body: dict[str, Any] = {"meta": meta(tape, at, now_ms, window.range, "1d", _previous(tape, rows, window, at))}
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


def _window(tape: Tape, at: Moment, params: Mapping[str, str], interval: str, now_ms: int) -> Window:
    if "range" not in params and "period1" in params:
        start, end = int(params["period1"]), int(params.get("period2", now_ms // 1000))
        if start > end:
            raise ValueError(f"start date cannot be after end date. startDate = {start}, endDate = {end}")
        return Window(max(start, _OLDEST), end, "", interval)
    asked = params.get("range", "1d")
    if asked == "max":
        # Years of days are not given at once: the answer comes in quarters, whatever interval was asked.
        first = tape.sessions(tape.first, tape.first)[0].open_ms // 1000
        return Window(first, now_ms // 1000, asked, "3mo" if interval == "1d" else interval)
    last = at.session.date
    if asked == "ytd":
        first_day = dt.date(last.year, 1, 1)
    elif asked in _DAYS:
        first_day = last - dt.timedelta(days=_DAYS[asked])
    else:
        raise ValueError(f"range={asked} is not supported. Valid ranges: [{', '.join(_DAYS)}, ytd, max]")
    start = int(dt.datetime(first_day.year, first_day.month, first_day.day, tzinfo=tape.hours.tz).timestamp())
    return Window(start, now_ms // 1000, asked, interval)


def _rows(tape: Tape, at: Moment, window: Window, now_ms: int) -> Rows:
    """The daily rows of the window, the last one as the provider has it now."""
    first_day = tape.hours.date(window.start * 1000) - dt.timedelta(days=1)
    last_ms = min(window.end * 1000, now_ms - tape.hours.delay_ms)
    sessions = [
        session
        for session in tape.sessions(first_day, tape.hours.date(last_ms))
        if window.start * 1000 <= session.open_ms <= last_ms
    ]
    bars = tape.bars(sessions)
    stamps = [session.open_ms // 1000 for session in sessions]
    if at.session in sessions[-3:]:  # rows lost since then stand behind it
        now = len(sessions) - 1 - sessions[::-1].index(at.session)
        bars[now] = at.bar
        if at.live:
            stamps[now] = at.time_ms // 1000
    today = tape.hours.date(now_ms)
    factors, shown = _factors(tape, sessions, today), []
    for bar, factor in zip(bars, factors, strict=True):
        if bar is None or factor == 1.0:
            shown.append(bar)
        else:
            volume = None if bar.volume is None else bar.volume * factor
            shown.append(
                Bar(bar.date, bar.open / factor, bar.high / factor, bar.low / factor, bar.close / factor, volume)
            )
    return Rows(stamps, shown, sessions, factors)


def _factors(tape: Tape, sessions: Sequence[Session], today: dt.date) -> list[float]:
    """For each session, by what its prices as traded are divided today."""
    if not sessions:
        return []
    turns = [ex_date for ex_date, _ in tape.splits() if sessions[0].date < ex_date <= today]
    if not turns:
        return [1.0] * len(sessions)
    spans = [float(scale(tape, turn - dt.timedelta(days=1), today)) for turn in turns] + [1.0]
    factors, turn = [], 0
    for session in sessions:
        while turn < len(turns) and turns[turn] <= session.date:
            turn += 1
        factors.append(spans[turn])
    return factors


def _chart_result(tape: Tape, at: Moment, window: Window, params: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    rows = _rows(tape, at, window, now_ms)
    previous = _previous(tape, rows, window, at)
    result: dict[str, Any] = {"meta": meta(tape, at, now_ms, window.range, window.interval, previous)}
    adjusted = _adjusted(tape, rows, tape.hours.date(now_ms))
    if window.interval in _GROUPS:
        rows, adjusted = _grouped(tape, rows, adjusted, window.interval, at)
    if not rows.stamps:
        return result | {"indicators": {"quote": [{}], "adjclose": [{}]}}
    result["timestamp"] = rows.stamps
    events = _events(tape, at, window, params.get("events", ""), now_ms)
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


def _previous(tape: Tape, rows: Rows, window: Window, at: Moment) -> float | None:
    """The close before the first bar of the window, on its scale: what chartPreviousClose means."""
    if rows.sessions:
        past = at.before if rows.sessions[0].date == at.session.date else last_before(tape, rows.sessions[0].date)
    else:
        past = last_before(tape, min(tape.hours.date(window.start * 1000), at.session.date))
    if past is None:
        return None
    return past.close / float(scale(tape, past.date, max(at.session.date, past.date)))


def _adjusted(tape: Tape, rows: Rows, today: dt.date) -> list[float | None]:
    """Closes adjusted for the dividends up to today as well."""
    if not rows.sessions:
        return []
    cuts: list[tuple[dt.date, float]] = []
    for paid in tape.payouts(rows.sessions[0].date + dt.timedelta(days=1), today):
        last = last_before(tape, paid.ex_date)
        if last:
            cuts.append((paid.ex_date, 1.0 - paid.value / last.close))
    adjusted: list[float | None] = []
    share = 1.0
    for session, bar in zip(reversed(rows.sessions), reversed(rows.bars), strict=True):
        while cuts and session.date < cuts[-1][0]:
            share *= cuts.pop()[1]
        adjusted.append(None if bar is None else bar.close * share)
    adjusted.reverse()
    return adjusted


def _events(tape: Tape, at: Moment, window: Window, wanted: str, now_ms: int) -> dict[str, Any]:
    """The events asked for whose session opened within the window."""
    names = {name.strip().removesuffix("s") for name in wanted.replace("|", ",").split(",")}
    first_day = tape.hours.date(window.start * 1000) - dt.timedelta(days=1)
    today = tape.hours.date(now_ms)
    events: dict[str, Any] = {}
    for paid in tape.payouts(first_day, at.session.date):
        kind = "capitalGains" if paid.kind == "gain" else "dividends"
        stamp = _stamp(tape, paid.ex_date, window)
        if stamp is None or not names & ({"capitalGain"} if paid.kind == "gain" else {"div", "dividend"}):
            continue
        amount = round(paid.value / float(scale(tape, paid.ex_date, today)), 6)
        said: dict[str, Any] = {"amount": whole(amount), "date": stamp}
        if paid.currency:
            said["currency"] = paid.currency
        events.setdefault(kind, {})[str(stamp)] = said
    for ex_date, ratio in tape.splits() if names & {"split"} else ():
        stamp = _stamp(tape, ex_date, window)
        if stamp is not None and ex_date <= at.session.date:
            above, below = _parts(ratio)
            said = {"date": stamp, "numerator": above, "denominator": below, "splitRatio": f"{above}:{below}"}
            events.setdefault("splits", {})[str(stamp)] = said
    return events


def _stamp(tape: Tape, day: dt.date, window: Window) -> int | None:
    """The session open of the day in seconds, if it lies in the window."""
    stamp = tape.hours.session(day).open_ms // 1000
    return stamp if window.start <= stamp <= window.end else None


def _parts(ratio: float) -> tuple[int, int]:
    """4.0 is 4:1, 0.1 is 1:10, and the odd factor of a spin-off is so many to a thousand, as Yahoo writes it."""
    exact = Fraction(ratio).limit_denominator(100)
    if abs(float(exact) - ratio) > 1e-9:
        return round(ratio * 1000), 1000
    return exact.numerator, exact.denominator


def _grouped(
    tape: Tape, rows: Rows, adjusted: list[float | None], interval: str, at: Moment
) -> tuple[Rows, list[float | None]]:
    """Weeks, months or quarters, each stamped local midnight of its first day; the live day stands once more as a
    row of its own at the end, though its period holds it already (recorded: AAPL 1mo, October 2024)."""
    groups: dict[dt.date, list[int]] = {}
    for number, session in enumerate(rows.sessions):
        if rows.bars[number] is not None:
            groups.setdefault(_period(session.date, interval), []).append(number)
    stamps, bars, closes, sessions = [], [], [], []
    for first, numbers in groups.items():
        held = [bar for number in numbers if (bar := rows.bars[number])]
        stamps.append(int(dt.datetime(first.year, first.month, first.day, tzinfo=tape.hours.tz).timestamp()))
        volume = sum(bar.volume or 0.0 for bar in held)
        high, low = max(bar.high for bar in held), min(bar.low for bar in held)
        bars.append(Bar(first, held[0].open, high, low, held[-1].close, volume))
        closes.append(adjusted[numbers[-1]])
        sessions.append(rows.sessions[numbers[0]])
    if at.live and rows.sessions and rows.sessions[-1].date == at.session.date:
        stamps.append(rows.stamps[-1])
        bars.append(rows.bars[-1])  # type: ignore[arg-type]
        closes.append(adjusted[-1])
        sessions.append(rows.sessions[-1])
    return Rows(stamps, list(bars), sessions, []), closes


def _period(day: dt.date, interval: str) -> dt.date:
    if interval == "1wk":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1, month=day.month if interval == "1mo" else (day.month - 1) // 3 * 3 + 1)
