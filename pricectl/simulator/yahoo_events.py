"""Yahoo's events: the dividends and splits of the window only, whatever the prices are adjusted for."""

import datetime as dt
from fractions import Fraction
from typing import Any

from pricectl.simulator.moment import Moment, scale
from pricectl.simulator.tape import Tape
from pricectl.simulator.yahoo_meta import whole
from pricectl.simulator.yahoo_rows import Window


def events_in(tape: Tape, at: Moment, window: Window, wanted: str, now_ms: int) -> dict[str, Any]:
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
