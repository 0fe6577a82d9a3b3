"""The rows of a Yahoo chart: which sessions the window holds, on which scale, grouped how."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pricectl.model.bar import Bar
from pricectl.simulator.moment import Moment, last_before, scale
from pricectl.simulator.tape import Session, Tape

GROUPS = ("1wk", "1mo", "3mo")
_DAYS = {"1d": 0, "5d": 6, "1mo": 31, "3mo": 92, "6mo": 184, "1y": 366, "2y": 731, "5y": 1827, "10y": 3653}
_OLDEST = -5_000_000_000  # 1811: before anything traded, and still a date everywhere


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


def asked_window(tape: Tape, at: Moment, params: Mapping[str, str], interval: str, now_ms: int) -> Window:
    """The window of a request; ``range`` counts where both it and the periods are sent. Raises ValueError."""
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


def window_rows(tape: Tape, at: Moment, window: Window, now_ms: int) -> Rows:
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
    return Rows(stamps, shown, sessions)


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


def previous_close(tape: Tape, rows: Rows, window: Window, at: Moment) -> float | None:
    """The close before the first bar of the window, on its scale: what chartPreviousClose means."""
    if rows.sessions:
        past = at.before if rows.sessions[0].date == at.session.date else last_before(tape, rows.sessions[0].date)
    else:
        past = last_before(tape, min(tape.hours.date(window.start * 1000), at.session.date))
    if past is None:
        return None
    return past.close / float(scale(tape, past.date, max(at.session.date, past.date)))


def adjusted_closes(tape: Tape, rows: Rows, today: dt.date) -> list[float | None]:
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


def grouped(
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
    return Rows(stamps, list(bars), sessions), closes


def _period(day: dt.date, interval: str) -> dt.date:
    if interval == "1wk":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1, month=day.month if interval == "1mo" else (day.month - 1) // 3 * 3 + 1)
