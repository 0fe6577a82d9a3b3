"""Frankfurter's rates, as described by it and recorded in 2026: the latest fix, or those of a span of days."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pricectl.simulator.fixes import fixes, latest
from pricectl.simulator.market import Market

PREFIXES = ("/v1/",)
_BACK = dt.timedelta(days=10)
Answer = tuple[int, dict[str, Any]]
_NOT_FOUND: Answer = (404, {"message": "not found"})


def symbols(path: str, params: Mapping[str, str]) -> tuple[str, ...]:
    """The pairs that a request names."""
    base = params.get("base", "EUR")
    return tuple(base + money for money in params.get("symbols", "").split(",") if money)


def answer(market: Market, path: str, params: Mapping[str, str]) -> Answer:
    """Status and body for ``/v1/latest`` and ``/v1/{start}..{end}``."""
    base = params.get("base", "EUR")
    pairs = symbols(path, params) or tuple(
        asset.provider_id for asset in market.assets("frankfurter") if asset.provider_id.startswith(base)
    )
    asked = path.removeprefix(PREFIXES[0])
    first, _, last = asked.partition("..")
    try:
        end = latest(market) if asked == "latest" else dt.date.fromisoformat(last)
        start = end - _BACK if asked == "latest" else dt.date.fromisoformat(first)
    except ValueError:
        return _NOT_FOUND
    known = {pair: found for pair in pairs if (found := fixes(market, "frankfurter", pair, start, end)) is not None}
    if not known:
        return _NOT_FOUND
    days = sorted({day for found in known.values() for day in found})
    rates = {str(day): {pair[3:]: found[day] for pair, found in known.items() if day in found} for day in days}
    if asked != "latest":
        return 200, {"amount": 1.0, "base": base, "start_date": first, "end_date": last, "rates": rates}
    return 200, {"amount": 1.0, "base": base, "date": str(days[-1]), "rates": rates[str(days[-1])]}
