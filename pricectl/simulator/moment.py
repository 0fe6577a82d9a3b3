"""A tape at an instant: the price now, the session that is or was last open, the scale known by now."""

import datetime as dt
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from pricectl.model.asset import Asset
from pricectl.model.bar import Bar
from pricectl.simulator.listing import digits
from pricectl.simulator.tape import Session, Tape

_FORTNIGHT = dt.timedelta(days=14)


class Moment(NamedTuple):
    """What a provider knows at an instant. Prices are as traded.

    ``bar`` is the last session's bar so far, ``time_ms`` the time of its last trade, ``before`` the bar of the
    session before it (None: there is none, or its row is lost). ``live`` is true while the provider keeps that row
    moving: during the session and for the rest of its local day.
    """

    session: Session
    bar: Bar
    before: Bar | None
    time_ms: int
    open: bool
    live: bool


def moment(tape: Tape, now_ms: int, pinned: float | None = None) -> Moment | None:
    """The tape at ``now_ms``, seen through the exchange's delay; None before its first trade.

    ``pinned`` replaces the price of the last trade, which is then just now.
    """
    seen_ms = now_ms - tape.hours.delay_ms
    today = tape.hours.date(seen_ms)
    past = [s for s in tape.sessions(today - _FORTNIGHT, today) if s.open_ms <= seen_ms]
    if not past:  # a replay that ended long ago still has its last price, as a suspended share has
        past = [s for s in tape.sessions(dt.date(1900, 1, 1), today) if s.open_ms <= seen_ms]
    known = _known(tape, past[-3:])
    if len(known) < 2:  # rows are lost one at a time, so this is the rare way
        known = _known(tape, past[-12:])
    if not known:
        return None
    session, bar = known[-1]
    running = seen_ms < session.close_ms
    time_ms = seen_ms if running else session.close_ms + (0 if tape.hours.round_the_clock else 1000)
    if running:
        bar = so_far(bar, session.share(seen_ms), tape.asset)
    live = tape.hours.date(now_ms) == session.date
    if live and not tape.exact:
        bar = _approximate(bar, tape.asset)
    if pinned is not None:
        time_ms = seen_ms
        bar = bar._replace(close=pinned, high=max(bar.high, pinned), low=min(bar.low, pinned))
    return Moment(session, bar, known[-2][1] if len(known) > 1 else None, time_ms, running, live)


def so_far(bar: Bar, share: float, asset: Asset) -> Bar:
    """``bar`` when ``share`` (0 to 1) of its session has passed; whole at 1. Never outside the final low and high."""
    swing = (bar.high - bar.low) * 0.5 * math.sin(math.pi * share)
    price = bar.open + (bar.close - bar.open) * share + swing * math.sin(41.0 * share + bar.close % 6.0)
    places = digits(bar.high, asset)
    price = round(min(bar.high, max(bar.low, price)), places)
    highest = max(bar.open, price, bar.open + (bar.high - bar.open) * share)
    lowest = min(bar.open, price, bar.open + (bar.low - bar.open) * share)
    volume = (
        None
        if bar.volume is None
        else round(bar.volume * share, 5 if asset.type == "crypto" and asset.provider != "yahoo" else 0)
    )
    return Bar(bar.date, bar.open, round(highest, places), round(lowest, places), price, volume)


def last_before(tape: Tape, day: dt.date) -> Bar | None:
    """The last bar of a session before ``day``; a replay may have to look back far for it."""
    eve = day - dt.timedelta(days=1)
    for start in (day - _FORTNIGHT, tape.first):
        found = _known(tape, tape.sessions(start, eve)[-3:])
        if found:
            return found[-1][1]
    return None


def scale(tape: Tape, day: dt.date, today: dt.date) -> Fraction:
    """New shares today for one share of ``day``: by what Yahoo divides its prices when asked on ``today``."""
    factor = Fraction(1)
    for ex_date, ratio in tape.splits():
        if day < ex_date <= today:
            factor *= Fraction(ratio).limit_denominator(1000)
    return factor


def _known(tape: Tape, sessions: Sequence[Session]) -> list[tuple[Session, Bar]]:
    return [(session, bar) for session, bar in zip(sessions, tape.bars(sessions), strict=True) if bar]


def _approximate(bar: Bar, asset: Asset) -> Bar:
    """The row as it stands on its own day: Yahoo's first open and volume differ from the final ones by a little
    (recorded for AAPL, 2024-10-11: open 229.32 and volume 31,759,188, later 229.30 and 31,668,000)."""
    places = digits(bar.high, asset)
    step: float = 10.0**-places
    first = min(bar.high, round(bar.open + 2 * step, places))
    return bar._replace(open=first, volume=None if bar.volume is None else float(round(bar.volume * 1.0029)))
