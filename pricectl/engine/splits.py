"""Splits as a provider tells them against what its prices show: told too early, or for a day nearby. Pure.

Bars come turned back by the splits told. Prices that did not know a split yet then stand too high by its ratio, and
fall by the ratio's square at the ex-date. Prices that change a day or two beside it are right as traded, but the split
is not of the day told: until it is moved, the days between are shown on the wrong scale.
"""

import datetime as dt
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pricectl.engine.overlap import TOLERANCE
from pricectl.model.adjust import shown, shown_volume
from pricectl.model.bar import UNADJUSTED, Action, Bar

# Smaller ones (spin-offs at 1046:1000) cannot be told from a day's trading.
_VISIBLE = math.log(1.4)
# How near a change of price comes to the ratio of the split that makes it.
_NEAR = 0.3
_NEARBY = 2  # sessions
_SAME = dt.timedelta(days=7)  # a split told for a day so near one that was moved is that one


class Told(NamedTuple):
    """``bars`` as traded and the ``actions`` that they agree with. ``early``: splits that the prices did not know, so
    the bars before were taken as traded and flagged; ``moved``: splits with the day on which the prices change."""

    bars: list[Bar]
    actions: list[Action]
    early: list[Action]
    moved: list[tuple[Action, dt.date]]


def settle(bars: Sequence[Bar], told: Sequence[Action], recorded: Iterable[Action] = ()) -> Told:
    """Hold the splits ``told`` against ``bars`` (oldest first). A split of which the bars show nothing stays where it
    was ``recorded`` to be after an earlier look."""
    moved_before = [one for one in recorded if one.kind == "inferred"]
    kept, early, moved = list(bars), [], []
    actions = []
    for action in told:
        if action.kind != "split" or abs(math.log(action.value)) < _VISIBLE:
            actions.append(action)
            continue
        shows = _shows(bars, action)
        if shows == "early":
            early.append(action)
            kept = [_as_shown(bar, action) for bar in kept]
        day = _nearby(moved_before, action) if shows is None else shows
        if isinstance(day, dt.date) and day != action.ex_date:
            if shows is not None:
                moved.append((action, day))
            action = action._replace(ex_date=day, kind="inferred")
        actions.append(action)
    return Told(kept, actions, early, moved)


def _shows(bars: Sequence[Bar], split: Action) -> dt.date | str | None:
    """The day on which the prices change by the split, ``early`` if they did not know it, None if they do not tell."""
    place = bisect_left(bars, split.ex_date, key=lambda bar: bar.date)
    if not 0 < place < len(bars):
        return None
    size = math.log(split.value)
    falls = {
        near: math.log(bars[near - 1].close / bars[near].open)
        for near in range(max(place - _NEARBY, 1), min(place + _NEARBY + 1, len(bars)))
        if bars[near - 1].close > 0 and bars[near].open > 0
    }
    if place not in falls or abs(falls[place] - size) <= _NEAR * abs(size):
        return split.ex_date
    if abs(falls[place] - 2 * size) <= _NEAR * abs(size):
        return "early"
    if abs(falls[place]) > _NEAR * abs(size):
        return split.ex_date  # it did change, by something else as well
    beside = [near for near, fall in falls.items() if abs(fall - size) <= _NEAR * abs(size)]
    return bars[beside[0]].date if len(beside) == 1 else split.ex_date


def _nearby(moved: Iterable[Action], split: Action) -> dt.date | None:
    for one in moved:
        if abs(one.value / split.value - 1) <= TOLERANCE and abs(one.ex_date - split.ex_date) <= _SAME:
            return one.ex_date
    return None


def _as_shown(bar: Bar, split: Action) -> Bar:
    if bar.date >= split.ex_date:
        return bar
    open_, high, low, close = (shown(price, split.value) for price in bar[1:5])
    volume = None if bar.volume is None else shown_volume(bar.volume, split.value)
    return Bar(bar.date, open_, high, low, close, volume, bar.flags | UNADJUSTED)
