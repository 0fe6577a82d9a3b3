"""The simulator as a server: HTTP over loopback, in threads, with a journal and a script of faults.

The providers' paths do not overlap, so one port serves them all. Binance's request weight is counted by the minute as
Binance does: over the limit 429 with Retry-After, going on all the same 418.
"""

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from importlib.util import find_spec
from types import TracebackType
from typing import Any, NamedTuple, Self, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from pricectl.config import PROVIDERS
from pricectl.model.instant import Clock
from pricectl.simulator import binance, control, yahoo
from pricectl.simulator.faults import Fault, Match, Script, usual_body
from pricectl.simulator.limits import Meter
from pricectl.simulator.market import Market

_CHART = "/v8/finance/chart/"
_SPARK = "/v7/finance/spark"
_GZIP_FROM = 600  # bytes; below that the providers' fronts send bodies as they are
_JSON = {"yahoo": "application/json;charset=utf-8", "binance": "application/json;charset=UTF-8"}
_PLAIN_JSON = "application/json; charset=utf-8"
# The wires of one module each; its PREFIXES say which paths are its own.
_WIRES: dict[str, Any] = {
    name: import_module(f"pricectl.simulator.{name}")
    for name in PROVIDERS
    if name not in _JSON and find_spec(f"pricectl.simulator.{name}")
}


class Entry(NamedTuple):
    """One request as it came. ``ms`` is the market's time; ``status`` what was answered (0: nothing)."""

    provider: str
    method: str
    path: str
    params: dict[str, str]
    symbols: tuple[str, ...]
    status: int
    weight: int
    ms: int
    headers: dict[str, str]
    fault: str


class Answer(NamedTuple):
    """What goes out: the body is bytes already, ``headers`` without the usual ones."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Simulator:
    """A running market on a loopback port; a context manager, closed on leaving.

    ``market`` default: the shipped catalogue's, with ``seed`` and ``clock``. ``weight_limit`` is Binance's limit by
    the minute. ``url`` is its address without a closing slash, ``env`` the variables that point pricectl at it.
    """

    def __init__(
        self,
        market: Market | None = None,
        *,
        seed: int = 1,
        clock: Clock | None = None,
        port: int = 0,
        weight_limit: int = 6000,
    ) -> None:
        self.market = market or Market(seed=seed, clock=clock)
        self.closing = threading.Event()
        self._script = Script()
        self._meter = Meter(weight_limit)
        self._journal: list[Entry] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {f"PRICECTL_{name.upper()}_URL": self.url for name in PROVIDERS}
        self._accepting = threading.Thread(target=self._accept, name="simulator", daemon=True)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def journal(self) -> list[Entry]:
        """The requests so far, oldest first; requests to the control paths are not in it."""
        with self._lock:
            return list(self._journal)

    def forget(self) -> None:
        """Empty the journal."""
        with self._lock:
            self._journal.clear()

    def script(self, fault: Fault, match: Match = Match(), times: int | None = None) -> None:  # noqa: B008
        """``fault`` strikes the next ``times`` requests that ``match`` (None: until the script is cleared)."""
        self._script.add(fault, match, times)

    def clear(self) -> None:
        """No more faults; the weight counted and a ban earned are forgotten too."""
        self._script.clear()
        self._meter.reset()

    def close(self) -> None:
        """Stop serving: hanging answers end, open connections are closed. Safe to call twice."""
        if self.closing.is_set():
            return
        self.closing.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass  # wakes accept(): closing a listening socket does not, on every platform
        self._accepting.join(timeout=5)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            if self.closing.is_set():
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            _Handler(connection, address, cast("Any", self))
        except OSError:
            pass  # the client has gone: its own affair
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> tuple[Answer, Fault | None, Entry]:
        """What a request gets, the fault that strikes it, and its entry in the journal."""
        path, _, query = target.partition("?")
        params = dict(parse_qsl(query, keep_blank_values=True))
        provider = _provider(path)
        symbols = _symbols(provider, path, params)
        fault = self._script.next(provider, path, symbols)
        now_ms = self.market.now_ms()
        weight, refused = 1, 0
        extra: tuple[tuple[str, str], ...] = ()
        if provider == "binance":
            weight = binance.weight(path.removeprefix(binance.PREFIX), params)
            used, refused, wait_s = self._meter.spend(weight, now_ms)
            extra = _weights(fault.size if fault and fault.kind == "lie_weight" else used)
            if refused:
                extra += (("Retry-After", str(wait_s)),)
        elif provider == "yahoo":
            agent = headers.get("user-agent", "")
            refused, wait_s = 429 if not agent or agent.startswith("python-requests") else 0, 0
        elif not getattr(_WIRES[provider], "lets_in", bool)(headers):
            refused, wait_s = 401, 0
        if fault and fault.kind in ("status", "garbage", "html", "redirect", "bomb"):
            answer = _faulty(fault, provider, now_ms)
        elif refused:
            kind, text = usual_body(provider, refused, now_ms + wait_s * 1000)
            answer = Answer(refused, kind, text.encode())
        elif method != "GET":
            answer = Answer(405, "text/plain", b"Method Not Allowed")
        else:
            answer = self._right(provider, path, params)
        answer = answer._replace(headers=answer.headers + extra)
        status = 0 if fault and fault.kind in ("hang", "drop") else answer.status
        name = fault.kind if fault else ""
        entry = Entry(provider, method, path, params, symbols, status, weight, now_ms, dict(headers), name)
        with self._lock:
            self._journal.append(entry)
        return answer, fault, entry

    def control(self, method: str, target: str, body: bytes) -> Answer:
        """The answer to a request under ``/_control/``."""
        status, said = control.answer(self, method, urlsplit(target).path, body)
        return Answer(status, "application/json", json.dumps(said).encode())

    def _right(self, provider: str, path: str, params: Mapping[str, str]) -> Answer:
        status: int
        said: Any
        if provider in _WIRES:
            status, said = _WIRES[provider].answer(self.market, path, params)
            if isinstance(said, str):
                return Answer(status, "text/csv", said.encode())
        elif provider == "binance":
            status, said = binance.answer(self.market, path.removeprefix(binance.PREFIX), params)
        elif path.startswith(_CHART):
            status, said = yahoo.chart(self.market, unquote(path[len(_CHART) :]), params)
        elif path == _SPARK:
            status, said = yahoo.spark(self.market, params)
        else:
            status, said = yahoo.error("finance", 404, "Not Found", "HTTP 404 Not Found")
        text = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
        return Answer(status, _JSON.get(provider, _PLAIN_JSON), text.encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _take(self) -> None:
        simulator = cast("Simulator", self.server)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path.startswith(control.PREFIX):
            self._send(simulator, simulator.control(self.command, self.path, body), None, "")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer, fault, entry = simulator.answer(self.command, self.path, headers)
        if fault and fault.kind in ("hang", "drop"):
            if fault.kind == "hang":
                simulator.closing.wait(fault.seconds or None)
            self.close_connection = True
        else:
            if fault and fault.kind == "delay":
                simulator.closing.wait(fault.seconds)
            self._send(simulator, answer, fault, entry.provider)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _take  # noqa: N815

    def _send(self, simulator: Simulator, answer: Answer, fault: Fault | None, provider: str) -> None:
        body, packed = answer.body, fault is not None and fault.kind == "bomb"
        if not packed and len(body) >= _GZIP_FROM and "gzip" in self.headers.get("accept-encoding", ""):
            body, packed = gzip.compress(body, 1), True
        head = [f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('Unknown',))[0]}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        head.append(f"Content-Type: {answer.content_type}")
        head.append(f"Date: {formatdate(simulator.market.now_ms() // 1000, usegmt=True)}")
        head += _FRONT.get(provider, ())
        if packed:
            head.append("Content-Encoding: gzip")
        head.append(f"Content-Length: {len(body)}")
        whole = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body
        self._write(simulator, whole, len(whole) - len(body), fault)

    def _write(self, simulator: Simulator, whole: bytes, head: int, fault: Fault | None) -> None:
        """Head and body in one write; cut short or byte by byte where the fault says so."""
        if fault and fault.kind == "cut":
            self.wfile.write(whole[: head + fault.size])
            self.close_connection = True
        elif fault and fault.kind == "trickle":
            self.wfile.write(whole[:head])
            for at in range(head, len(whole)):
                self.wfile.write(whole[at : at + 1])
                if simulator.closing.wait(fault.seconds):
                    break
            self.close_connection = True
        else:
            self.wfile.write(whole)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the journal is the log."""


_FRONT = {
    "yahoo": ("Cache-Control: public, max-age=10, stale-while-revalidate=20", "Age: 0", "Server: ATS",
              "Vary: Origin,Accept-Encoding"),
    "binance": ("Server: nginx", "Cache-Control: no-cache, no-store, must-revalidate"),
}  # fmt: skip


def _weights(used: int) -> tuple[tuple[str, str], ...]:
    return (("X-MBX-USED-WEIGHT", str(used)), ("X-MBX-USED-WEIGHT-1M", str(used)))


def _provider(path: str) -> str:
    if path.startswith("/api/"):
        return "binance"
    return next((name for name, wire in _WIRES.items() if path.startswith(wire.PREFIXES)), "yahoo")


def _symbols(provider: str, path: str, params: Mapping[str, str]) -> tuple[str, ...]:
    """The symbols that a request names."""
    if provider in _WIRES:
        named: tuple[str, ...] = _WIRES[provider].symbols(path, params)
        return named
    if path.startswith(_CHART):
        return (unquote(path[len(_CHART) :]),)
    if "symbol" in params:
        return (params["symbol"],)
    listed = params.get("symbols", "")
    return tuple(name.strip('"') for name in listed.strip("[]").split(",") if name)


def _faulty(fault: Fault, provider: str, now_ms: int) -> Answer:
    if fault.kind == "garbage":
        return Answer(200, _JSON.get(provider, _PLAIN_JSON), b'\x00\xff\xfe{"chart":[\x80\x81,,}')
    if fault.kind == "html":
        return Answer(200, "text/html", b"<html><body><h1>Will be right back</h1></body></html>")
    if fault.kind == "redirect":
        return Answer(fault.code, "text/html", b"", (("Location", fault.text or ""),))
    if fault.kind == "bomb":
        return Answer(200, _JSON.get(provider, _PLAIN_JSON), gzip.compress(b" " * fault.size, 9))
    after = fault.retry_after
    wait_ms = int(float(after) * 1000) if after and after.replace(".", "", 1).isdigit() else 120_000
    kind, text = usual_body(provider, fault.code, now_ms + wait_ms)
    if fault.text is not None:
        kind, text = _JSON.get(provider, _PLAIN_JSON) if fault.text.startswith(("{", "[")) else "text/plain", fault.text
    return Answer(fault.code, kind, text.encode(), (("Retry-After", after),) if after else ())
