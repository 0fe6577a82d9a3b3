"""The simulator steered from another process: ``/_control/`` takes and gives JSON.

| request | body or answer |
|---|---|
| ``POST /_control/script`` | ``{"fault": {"kind": "status", "code": 503}, "match": {"provider": "yahoo"}, "times": 2}`` |
| ``DELETE /_control/script`` | no more faults |
| ``GET /_control/journal``, ``DELETE`` | the requests so far; forget them |
| ``POST /_control/pin`` | ``{"provider": "binance", "provider_id": "BTCUSDT", "price": 65000.1}`` (null lets go) |
| ``POST /_control/act`` | ``{"provider", "provider_id", "actions": [[date, kind, value]...], "blanks": [date...]}`` |
| ``POST /_control/replay`` | ``{"provider", "provider_id", "bars": [[date, o, h, l, c, v]...], "actions", "adjusted"}`` |
| ``POST /_control/remove`` | ``{"provider", "provider_id"}``: unknown from now on |
| ``POST /_control/halt`` | ``{"provider", "provider_id"}``: dead from now on |
"""

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from pricectl.model.bar import Action, Bar
from pricectl.simulator.faults import from_json

if TYPE_CHECKING:
    from pricectl.simulator.server import Simulator

PREFIX = "/_control/"


def answer(simulator: "Simulator", method: str, path: str, body: bytes) -> tuple[int, Any]:
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


def _order(simulator: "Simulator", name: str, said: dict[str, Any]) -> None:
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
        bars = [Bar(_day(row[0]), *(_number(cell) for cell in row[1:6])) for row in said["bars"]]
        market.replay(provider, provider_id, bars, _actions(said), adjusted=bool(said.get("adjusted")))
    elif name == "remove":
        market.remove(provider, provider_id)
    else:
        market.halt(provider, provider_id)


def _actions(said: dict[str, Any]) -> list[Action]:
    return [Action(_day(row[0]), str(row[1]), float(row[2])) for row in said.get("actions", ())]


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _number(cell: float | None) -> float:
    return float("nan") if cell is None else float(cell)
