"""Bars and corporate actions, as traded."""

import datetime as dt
from typing import NamedTuple

# Bar.flags, a bit set kept in the store beside the row.
LIVE = 1  # the provider's moving last row (stamped with the last trade, or a candle still open)
PROVISIONAL = 2  # completed by the exchange's hours, but still the provider's moving row: replaced by its final one
SUSPECT = 4  # low..high does not hold open and close, or low is not positive: kept as said, marked
MANUAL = 8  # the person's own price: no provider's row of that day replaces it
ROUNDED = 16  # high or low was on the wrong side of open or close by a rounding (1e-6), and moved to it
UNADJUSTED = 32  # the provider told a split that its prices did not know yet: they were taken as traded
FLAGGED = SUSPECT | ROUNDED | UNADJUSTED  # accepted, though not without a remark

INTERVALS = ("1d", "1wk", "1mo")
ADJUSTMENTS = ("none", "split", "all")
# Kinds of Action that change the number of shares; an inferred one shows in the prices and is told by nobody.
SPLITS = ("split", "inferred")


class Bar(NamedTuple):
    """Open, high, low, close and volume of one session, on the scale on which it was traded.

    ``date`` is the session's date in the exchange's own time zone (crypto: the UTC day). Prices are in the
    series' currency a unit; ``volume`` is in units of the asset, None where the provider reports none.
    """

    date: dt.date
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    flags: int = 0


class Action(NamedTuple):
    """A corporate action that takes effect at the open of ``ex_date``.

    ``kind`` is ``split`` (``value`` = new shares for one old share: 4.0 for 4:1, 0.1 for 1:10, 1.046 for a
    spin-off folded in as 1046:1000), ``inferred`` (a split that only the provider's prices tell), ``dividend`` or
    ``gain`` (``value`` = the amount for one share as it was paid then, in ``currency``; empty: the series' own).
    """

    ex_date: dt.date
    kind: str
    value: float
    currency: str = ""


class Row(NamedTuple):
    """One bar of an answer: ``date`` is the first day of the period that ``interval`` covers from there."""

    date: dt.date
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    interval: str
    final: bool = True


class Segment(NamedTuple):
    """A part of an answer in one interval; ``start`` and ``end`` are inclusive dates."""

    interval: str
    start: dt.date
    end: dt.date


class History(NamedTuple):
    """What a provider said of one series over a window: bars and actions as traded, oldest first.

    ``reaches_now`` says that every split up to the request is among ``actions``, so the traded scale is certain:
    only then may it be stored. ``first_trade`` is the first session the provider knows of (None: not said).
    ``server_ms`` is the provider's clock, which decides finality. ``earliest``: the first day that the provider could
    be asked about at all (None: it has all there is); days before it are not known to be without bars.
    """

    currency: str
    bars: list[Bar]
    actions: list[Action]
    reaches_now: bool
    server_ms: int
    first_trade: dt.date | None = None
    earliest: dt.date | None = None
