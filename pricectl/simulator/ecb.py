"""The ECB's data service, as recorded in 2026: CSV of the fixes of some currencies, in units for one euro."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pricectl.simulator.fixes import fixes, latest
from pricectl.simulator.market import Market

PREFIXES = ("/service/data/EXR/",)
_HEAD = "KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE\r\n"
_FIRST = dt.date(1999, 1, 4)


def symbols(path: str, params: Mapping[str, str]) -> tuple[str, ...]:
    """The pairs against the euro that a path names."""
    key = path.removeprefix(PREFIXES[0]).split(".")
    return tuple(f"EUR{money}" for money in key[1].split("+")) if len(key) == 5 else ()


def answer(market: Market, path: str, params: Mapping[str, str]) -> tuple[int, Any]:
    """Status and body for ``/service/data/EXR/D.USD+JPY.EUR.SP00.A``."""
    try:
        start = dt.date.fromisoformat(params.get("startPeriod", str(_FIRST)))
        end = dt.date.fromisoformat(params.get("endPeriod", str(latest(market))))
        newest = int(params.get("lastNObservations", "0"))
    except ValueError:
        return 400, "Invalid value for a parameter"
    if newest:
        start = end - dt.timedelta(days=10)
    lines = []
    for pair in sorted(symbols(path, params)):
        found = fixes(market, "ecb", pair, start, end) or {}
        key = f"EXR.D.{pair[3:]}.EUR.SP00.A,D,{pair[3:]},EUR,SP00,A"
        lines += [f"{key},{day},{found[day]:g}\r\n" for day in sorted(found)[-newest:]]
    return (200, _HEAD + "".join(lines)) if lines else (404, "No results found.")
