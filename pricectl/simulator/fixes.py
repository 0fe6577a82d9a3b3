"""The ECB's fixes on the simulated market: one a session, known from 16:00 in Frankfurt on."""

import datetime as dt
from zoneinfo import ZoneInfo

from pricectl.simulator.market import Market

_FRANKFURT = ZoneInfo("Europe/Berlin")
_HOUR = 16


def fixes(market: Market, provider: str, pair: str, start: dt.date, end: dt.date) -> dict[dt.date, float] | None:
    """The rates of ``pair`` fixed from ``start`` to ``end``, oldest first; None if the provider has no such pair."""
    tape = market.tape(provider, pair)
    if tape is None or market.halted(tape.asset.series):
        return None
    sessions = tape.sessions(start, min(end, latest(market)))
    found = {one.date: bar.close for one, bar in zip(sessions, tape.bars(sessions), strict=True) if bar}
    pinned = market.pinned(tape.asset.series)
    if pinned is not None and found:
        found[max(found)] = pinned
    return found


def latest(market: Market) -> dt.date:
    """The day whose fix is the newest that can be known."""
    now = dt.datetime.fromtimestamp(market.now_ms() // 1000, _FRANKFURT)
    return now.date() if now.hour >= _HOUR else now.date() - dt.timedelta(days=1)
