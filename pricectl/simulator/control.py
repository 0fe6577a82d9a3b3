"""The simulator steered from another process: ``/_control/`` takes and gives JSON.

``GET journal`` gives the requests so far and ``DELETE journal`` forgets them; ``POST script`` takes
``{"fault": {"kind": "status", "code": 503}, "match": {"provider": "yahoo"}, "times": 2}`` and ``DELETE script`` ends
all faults. The other orders are POSTs that name a series by ``provider`` and ``provider_id``:

- ``pin``: ``price`` (null lets it go again)
- ``act``: ``actions`` as ``[[date, kind, value]...]``, ``blanks`` as dates
- ``replay``: ``bars`` as ``[[date, open, high, low, close, volume]...]``, ``actions``, ``adjusted`` (true or false)
- ``remove``: the provider no longer knows it; ``halt``: it no longer trades
"""

import datetime as dt
import json
import math
from collections.abc import Sequence
from typing import Any, Protocol

from pricectl.model.bar import Action, Bar
from pricectl.simulator.faults import Fault, Match, from_json
from pricectl.simulator.market import Market

PREFIX = "/_control/"


class Entry(Protocol):
    """A request in the journal."""

    def _asdict(self) -> dict[str, Any]: ...


class Steered(Protocol):
    """What is steered: a running simulator."""

    market: Market

    @property
    def journal(self) -> Sequence[Entry]: ...

    def forget(self) -> None: ...

    def script(self, fault: Fault, match: Match, times: int | None) -> None: ...

    def clear(self) -> None: ...


def answer(simulator: Steered, method: str, path: str, body: bytes) -> tuple[int, Any]:
    """Status and JSON value for a request to ``path``; 400 with a message for one that cannot be read."""
    name = path.removeprefix(PREFIX)
    if name == "journal" and method in ("GET", "DELETE"):
        if method == "DELETE":
            simulator.forget()
            return 200, {}
        return 200, [entry._asdict() for entry in simulator.journal]
    if name == "script" and method == "DELETE":
        simulator.clear()
        return 200, {}
    if method != "POST" or name not in ("script", "pin", "act", "replay", "remove", "halt"):
        return 404, {"error": f"{method} {path} is not a control"}
    try:
        _order(simulator, name, json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return 400, {"error": f"{type(error).__name__}: {error}"}
    return 200, {}


def _order(simulator: Steered, name: str, said: dict[str, Any]) -> None:
    market = simulator.market
    if name == "script":
        simulator.script(*from_json(said))
        return
    provider, provider_id = str(said["provider"]), str(said["provider_id"])
    if name == "pin":
        market.pin(provider, provider_id, None if said["price"] is None else float(said["price"]))
    elif name == "act":
        market.act(provider, provider_id, _actions(said), [_day(text) for text in said.get("blanks", ())])
    elif name == "replay":
        bars = [_bar(row) for row in said["bars"]]
        market.replay(provider, provider_id, bars, _actions(said), adjusted=bool(said.get("adjusted")))
    elif name == "remove":
        market.remove(provider, provider_id)
    else:
        market.halt(provider, provider_id)


def _actions(said: dict[str, Any]) -> list[Action]:
    return [Action(_day(row[0]), str(row[1]), float(row[2])) for row in said.get("actions", ())]


def _bar(row: list[Any]) -> Bar:
    """A day and five figures; a close of null is a row of nulls."""
    first, high, low, last, volume = (math.nan if cell is None else float(cell) for cell in row[1:6])
    return Bar(_day(row[0]), first, high, low, last, volume)


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
