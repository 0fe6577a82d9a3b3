"""A provider on loopback that answers what a test says, and the real Http that asks it."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pricectl.config import PROVIDERS, ensure_home, load
from pricectl.home import Home
from pricectl.model.instant import Clock
from pricectl.net import Http
from pricectl.state import Ledger
from provider_bodies import NOW_MS


class Asked(NamedTuple):
    """One request as it arrived: the raw target, and its parts."""

    target: str
    path: str
    params: dict[str, str]
    headers: Mapping[str, str]


class Said(NamedTuple):
    """One answer. ``date`` false: without a Date header."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json;charset=utf-8"


class Provider:
    """``asked`` holds the requests so far; ``answer`` makes each answer; ``url`` is the address."""

    def __init__(self, answer: Callable[[Asked], Said]) -> None:
        self.asked: list[Asked] = []
        self.answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator["Provider"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, parts.path, dict(parse_qsl(parts.query)), headers)
            provider.asked.append(asked)
            said = provider.answer(asked)
            self.send_response_only(said.status)
            self.send_header("Date", formatdate(NOW_MS / 1000, usegmt=True))
            self.send_header("Content-Type", said.content_type)
            self.send_header("Content-Length", str(len(said.body)))
            for name, value in said.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    return Handler


async def _no_sleep(_: float) -> None:
    return None


class Frozen(Clock):
    """A wall clock that is three years slow, and a monotonic one that a test may move."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now_ms(self) -> int:
        return NOW_MS - 3 * 365 * 86_400_000 + int(self.passed_s * 1000)

    def monotonic(self) -> float:
        return self.passed_s


def http(root: Path, url: str, clock: Clock | None = None) -> Http:
    """The real Http, with budgets under ``root``, that finds every provider at ``url`` and never sleeps."""
    env = {f"PRICECTL_{name.upper()}_URL": url for name in PROVIDERS} | {"PRICECTL_TIINGO_TOKEN": "a-token"}
    settings = load(Home(str(root)), env)
    ensure_home(settings)
    clock = clock or Clock()
    return Http(settings, Ledger(settings, clock), clock, sleep=_no_sleep)
