"""A price path that can be entered at any day without walking there.

The logarithm of the price is a random walk laid in three steps: year ends from an anchor year outwards, months as
a bridge between two year ends, days as a bridge between two month ends. So the bar of a day costs one year's and
one month's draws whatever window asks for it, and is the same for every window: 0.03 ms for the first bar of a
month, nothing for the rest of it. A walk day by day from the listing would cost 10 ms for one current price.
"""

import calendar
import itertools
import math
import random
import threading
from typing import NamedTuple

ANCHOR_YEAR = 2026
# Swings of the larger spans are damped: fifty years of undamped daily volatility would carry prices past 1e9.
_YEAR_SHARE = 0.45
_KEPT_MONTHS = 12  # 45 kB a series: a market of 2900 fits in 130 MB, and the months in use are kept
_drawing = threading.Lock()


class Shape(NamedTuple):
    """One day of a path: its bar at any scale (only ratios matter) and its volume relative to the usual (1.0)."""

    open: float
    high: float
    low: float
    close: float
    volume: float


class Walk:
    """The path of one series: ``day`` gives the bar of any day from 1900 on.

    ``level`` is the price at the start of ``ANCHOR_YEAR``, ``volatility`` the standard deviation of a year's
    logarithmic return, ``drift`` its mean. ``gaps`` says whether a day opens away from the previous close (an
    exchange's session) or exactly on it (a market that never closes).
    """

    __slots__ = ("_ahead", "_back", "_drift", "_gaps", "_key", "_level", "_months", "_volatility", "_years")

    def __init__(self, key: str, level: float, volatility: float, drift: float, gaps: bool) -> None:
        self._key = key
        self._level = math.log(level)
        self._volatility = volatility
        self._drift = drift
        self._gaps = gaps
        self._ahead: list[float] = []
        self._back: list[float] = []
        self._years: dict[int, list[float]] = {}
        self._months: dict[int, list[Shape]] = {}

    def day(self, year: int, month: int, day: int) -> Shape:
        """The bar of that day of the proleptic Gregorian calendar."""
        return self.month(year, month)[day - 1]

    def month(self, year: int, month: int) -> list[Shape]:
        """The bars of a month, one for each calendar day."""
        at = year * 12 + month - 1
        known = self._months.get(at)
        if known is None:
            with _drawing:
                known = self._months[at] = self._draw_month(year, month)
                while len(self._months) > _KEPT_MONTHS:
                    self._months.pop(next(iter(self._months)))
        return known

    def _year_start(self, year: int) -> float:
        steps, past = year - ANCHOR_YEAR, year < ANCHOR_YEAR
        side = self._back if past else self._ahead
        if len(side) <= abs(steps):
            draw = random.Random(f"{self._key}/{'back' if past else 'ahead'}")
            drift = -self._drift if past else self._drift
            levels = [self._level]
            for _ in range(abs(steps) + 3):
                levels.append(levels[-1] + drift + draw.gauss(0.0, self._volatility * _YEAR_SHARE))
            side[:] = levels
        return side[abs(steps)]

    def _month_starts(self, year: int) -> list[float]:
        known = self._years.get(year)
        if known is None:
            draw = random.Random(f"{self._key}/{year}")
            spread = self._volatility * 0.8 / math.sqrt(12)
            known = self._years[year] = _bridge(draw, 12, self._year_start(year), self._year_start(year + 1), spread)
        return known

    def _draw_month(self, year: int, month: int) -> list[Shape]:
        starts = self._month_starts(year)
        days = calendar.monthrange(year, month)[1]
        draw = random.Random(f"{self._key}/{year}-{month}")
        spread = self._volatility / math.sqrt(365)
        path = _bridge(draw, days, starts[month - 1], starts[month], spread)
        uniform, shapes = draw.random, []
        for before, after in itertools.pairwise(path):
            gap = (uniform() - 0.5) * spread * 0.8 if self._gaps else 0.0
            first, last = math.exp(before + gap), math.exp(after)
            high = max(first, last) * (1.0 + uniform() * spread)
            low = min(first, last) / (1.0 + uniform() * spread)
            shapes.append(Shape(first, high, low, last, 0.4 + 1.2 * uniform() + 20.0 * abs(after - before)))
        return shapes


def _bridge(draw: random.Random, steps: int, start: float, end: float, spread: float) -> list[float]:
    """``steps + 1`` levels from ``start`` to ``end``, the last exactly ``end``."""
    level, path = start, [start]
    for _ in range(steps):
        # The difference of two uniforms has the spread of a normal step at a third of gauss()'s cost.
        level += (draw.random() - draw.random()) * 2.45 * spread
        path.append(level)
    slope = (end - level) / steps
    path = [at + slope * number for number, at in enumerate(path)]
    path[-1] = end
    return path
