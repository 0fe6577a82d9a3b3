"""Plain requests to a simulator, and a clock that stands still: nothing of pricectl's own client."""

import datetime as dt
import http.client
import json
from typing import Any, NamedTuple

from pricectl.model.instant import Clock
from pricectl.simulator import Simulator


class Standing(Clock):
    """A clock that says ``text`` (ISO 8601, UTC unless it says otherwise) until told otherwise."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        self.ms = at(text)

    def now_ms(self) -> int:
        return self.ms


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def at(text: str) -> int:
    """Milliseconds since the epoch of an ISO 8601 text."""
    moment = dt.datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) * 1000


def ask(
    simulator: Simulator,
    target: str,
    *,
    method: str = "GET",
    body: Any = None,
    agent: str = "Mozilla/5.0",
    timeout_s: float = 30.0,
    **headers: str,
) -> Reply:
    """One request on a connection of its own; header names in lower case in the reply."""
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=timeout_s)
    try:
        sent = {"User-Agent": agent} if agent else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, target, skip_accept_encoding=True)
        data = b"" if body is None else json.dumps(body).encode()
        for name, value in (sent | {"Content-Length": str(len(data))}).items():
            connection.putheader(name, value)
        connection.endheaders(data)
        reply = connection.getresponse()
        return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
    finally:
        connection.close()
