"""On which scale a person's prices are: as traded, or divided by the splits since. Never guessed."""

import datetime as dt
from typing import TYPE_CHECKING

from pricectl.engine.gaps import expected, missing
from pricectl.model.adjust import factor_spans, span_on, to_traded, to_traded_volume
from pricectl.model.asset import Asset
from pricectl.model.bar import SPLITS, Bar
from pricectl.model.number import float32, shortest32

if TYPE_CHECKING:
    from pricectl.engine import Engine

PRICES = ("traded", "split-adjusted")

_SAID = {"": "", "none": "traded", "traded": "traded", "split": "split-adjusted", "split-adjusted": "split-adjusted"}
# Of these the number of units never changes.
_NEVER_SPLIT = frozenset(("crypto", "fx", "index", "commodity"))
_LATE = dt.timedelta(days=7)  # the newest sessions are covered only once their rows are final


def said(adjusted: str, prices: str) -> str:
    """The scale of a row: what its column ``adjusted`` and the option ``--prices`` say, empty where neither does.
    Raises ValueError where they contradict each other, or the prices are adjusted for dividends too."""
    if adjusted == "all":
        raise ValueError("adjusted for dividends too, which is not turned back: export it with --adjust none")
    if adjusted not in _SAID:
        raise ValueError("adjusted is none of none, split, all")
    scale = _SAID[adjusted]
    if scale and prices and scale != prices:
        raise ValueError(f"adjusted is {adjusted}, and --prices says {prices}")
    return scale if scale == "traded" else prices or (scale and "unsure")


class Splits:
    """The splits of an asset since ``first``, as far as they are known here. ``completed``: its last session."""

    def __init__(self, engine: "Engine", asset: Asset, first: dt.date, completed: dt.date) -> None:
        self._symbol = asset.symbol
        self._first = first
        actions = engine.store.actions(asset.series)
        self._since = [one.ex_date for one in actions if one.kind in SPLITS and one.ex_date > first]
        self._known = asset.type in _NEVER_SPLIT
        if not self._known:
            # What a provider is asked for comes with all splits since, so they are known of the days covered.
            gaps = missing(first, completed - _LATE, engine.store.coverage(asset.series))
            self._known = not expected(gaps, engine.calendar(asset).last_session)
        self._spans = factor_spans(actions, "split")

    def traded(self, bar: Bar, scale: str) -> Bar:
        """``bar`` as traded. Raises ValueError where the scale is not said and makes a difference, or the splits that
        it takes are not known."""
        if scale == "traded" or (self._known and not self._since):
            return bar
        if scale != "split-adjusted":
            why = f"splits since {self._first}" if self._since else f"splits since {self._first} that are not known yet"
            raise ValueError(
                f"{self._symbol} {'has' if self._since else 'may have'} {why}: say --prices traded or --prices "
                "split-adjusted (for all splits up to today)"
            )
        if not self._known:
            raise ValueError(
                f"the splits of {self._symbol} since {self._first} are not known: `pricectl history {self._symbol} "
                f"--from {self._first}` asks for them"
            )
        span = span_on(self._spans, bar.date)
        open_, high, low, close = (_turned_back(price, span.price_factor) for price in bar[1:5])
        volume = None if bar.volume is None else to_traded_volume(bar.volume, span.volume_factor)
        return Bar(bar.date, open_, high, low, close, volume, bar.flags)


def _turned_back(price: float, factor: float) -> float:
    """The price as traded. One that is written as the shortest decimal of a float32, as pricectl and Yahoo show them,
    is that float32: so 704.6606 with the factor 0.4184 was 294.83, where the product is 294.82999504."""
    rounded = float32(price)
    return to_traded(rounded if shortest32(rounded) == price else price, factor)
