"""What is to be stored, as rows of the three tables. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pricectl.model.asset import Series
from pricectl.model.bar import LIVE, Action, Bar

_DAY = dt.timedelta(days=1)
Days = tuple[dt.date, dt.date]


class Addition(NamedTuple):
    """What a provider said of one series, all as traded. ``covered`` are the days that were asked for, bars or not.
    ``actions_span``: within these days ``actions`` are all there are, so others stored there are withdrawn.
    ``symbol`` is the canonical one, for people who open the store with other tools."""

    series: Series
    currency: str
    bars: Sequence[Bar]
    actions: Sequence[Action]
    covered: Sequence[Days]
    actions_span: Days | None = None
    symbol: str = ""


def merged(spans: Iterable[Days]) -> list[Days]:
    """The same days in as few spans as can be, oldest first; both ends are inclusive."""
    result: list[Days] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1] + _DAY:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def bar_rows(additions: Iterable[Addition], fetched: dt.datetime) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the bars table by the folder of their partition, in the order in which they compress best."""
    rows = [
        (
            one.symbol or str(one.series), one.series.provider, one.series.provider_id, one.currency,
            bar.date, None, None, bar.open, bar.high, bar.low, bar.close, bar.volume, fetched, bar.flags,
        )
        for one in additions
        for bar in one.bars
    ]  # fmt: skip
    if any(row[-1] & LIVE for row in rows):
        raise ValueError("a bar that is still moving is never stored")
    rows.sort(key=lambda row: (row[4].year, *row[:3], row[4]))
    return {f"interval=1d/year={year:04d}": list(found) for year, found in groupby(rows, lambda row: row[4].year)}


def action_rows(
    additions: Iterable[Addition], stored: Mapping[Series, Sequence[Action]], fetched: dt.datetime
) -> list[tuple[Any, ...]]:
    """The actions that are new or other than stored, and those stored that the provider no longer tells."""
    rows = []
    for one in additions:
        before = {(action.ex_date, action.kind): action for action in stored.get(one.series, ())}
        now = {(action.ex_date, action.kind): action for action in one.actions}
        changed = [(action, False) for key, action in now.items() if before.get(key) != action]
        if one.actions_span:
            start, end = one.actions_span
            gone = [before[key] for key in before.keys() - now.keys() if start <= key[0] <= end]
            changed += [(action, True) for action in gone]
        rows += [
            (*one.series, action.ex_date, action.kind, action.value, action.currency, withdrawn, fetched)
            for action, withdrawn in changed
        ]
    return sorted(rows, key=lambda row: row[:4])


def coverage_rows(
    additions: Iterable[Addition], stored: Mapping[Series, Sequence[Days]], fetched: dt.datetime
) -> list[tuple[Any, ...]]:
    """The spans that are not known as covered yet."""
    rows = []
    for one in additions:
        before = merged(stored.get(one.series, ()))
        rows += [
            (*one.series, start, end, fetched)
            for start, end in merged(one.covered)
            if not any(first <= start and end <= last for first, last in before)
        ]
    return sorted(rows)
