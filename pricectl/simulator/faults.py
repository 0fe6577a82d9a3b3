"""What can be made to go wrong, as values: a fault, what it strikes, how often.

``script(status(503), Match(provider="yahoo"), times=2)`` reads as it says. A fault without ``times`` strikes until
the script is cleared.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

KINDS = (
    "status", "delay", "hang", "cut", "drop", "garbage", "html", "redirect", "lie_weight", "trickle", "bomb",
)  # fmt: skip


class Fault(NamedTuple):
    """One thing that goes wrong; made by the functions below. ``text`` is a body, or where a redirect leads."""

    kind: str
    code: int = 200
    seconds: float = 0.0
    size: int = 0
    text: str | None = None
    retry_after: str | None = None


def status(code: int, retry_after: float | str | None = None, body: str | None = None) -> Fault:
    """This status with the body that the provider is known to send with it, or with ``body``.

    ``retry_after`` is sent as it is: seconds, or an HTTP date.
    """
    return Fault("status", code, text=body, retry_after=None if retry_after is None else str(retry_after))


def delay(seconds: float) -> Fault:
    """The right answer, so many seconds late."""
    return Fault("delay", seconds=seconds)


def hang(seconds: float = 0.0) -> Fault:
    """No answer: the connection stays open until the simulator closes, or for ``seconds``, and is then dropped."""
    return Fault("hang", seconds=seconds)


def cut(size: int) -> Fault:
    """The right head, the first ``size`` bytes of the body as sent, and the connection closed."""
    return Fault("cut", size=size)


def drop() -> Fault:
    """The connection closed without an answer."""
    return Fault("drop")


def garbage() -> Fault:
    """Status 200, said to be JSON, and bytes that are neither JSON nor UTF-8."""
    return Fault("garbage")


def html() -> Fault:
    """Status 200 and a page for people, as Yahoo sends when it is down."""
    return Fault("html")


def redirect(url: str, code: int = 307) -> Fault:
    """A redirect to ``url``."""
    return Fault("redirect", code, text=url)


def lie_weight(used: int) -> Fault:
    """The right answer, and a header that says that ``used`` weight is used up (Binance)."""
    return Fault("lie_weight", size=used)


def trickle(seconds: float) -> Fault:
    """The right answer, a byte each ``seconds``: no single read ever times out."""
    return Fault("trickle", seconds=seconds)


def bomb(size: int) -> Fault:
    """Status 200 and a gzip body of ``size`` spaces once unpacked."""
    return Fault("bomb", size=size)


class Match(NamedTuple):
    """Which requests a fault strikes; what is empty matches all. ``path`` is the beginning of the path."""

    provider: str = ""
    path: str = ""
    symbol: str = ""

    def holds(self, provider: str, path: str, symbols: tuple[str, ...]) -> bool:
        """Whether a request for ``symbols`` at ``path`` of ``provider`` is meant."""
        return (
            self.provider in ("", provider)
            and path.startswith(self.path)
            and (not self.symbol or self.symbol in symbols)
        )


class Script:
    """The faults to come, in the order in which they were scripted; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, Match, int | None]] = []

    def add(self, fault: Fault, match: Match, times: int | None) -> None:
        """``fault`` strikes the next ``times`` requests that ``match`` (None: all of them)."""
        if fault.kind not in KINDS:
            raise ValueError(f"no fault is called {fault.kind!r}; there are {', '.join(KINDS)}")
        with self._lock:
            self._pending.append((fault, match, times))

    def clear(self) -> None:
        """Nothing goes wrong from now on."""
        with self._lock:
            self._pending.clear()

    def next(self, provider: str, path: str, symbols: tuple[str, ...]) -> Fault | None:
        """The fault that strikes this request, counted off."""
        with self._lock:
            for number, (fault, match, times) in enumerate(self._pending):
                if match.holds(provider, path, symbols):
                    if times is not None:
                        left = times - 1
                        self._pending[number : number + 1] = [(fault, match, left)] if left > 0 else []
                    return fault
        return None


def from_json(said: Mapping[str, Any]) -> tuple[Fault, Match, int | None]:
    """A fault, its match and its count from the body of a control request. Raises ValueError."""
    try:
        times = said.get("times")
        retry_after = said["fault"].get("retry_after")
        fault = Fault(**{**said["fault"], "retry_after": None if retry_after is None else str(retry_after)})
        return fault, Match(**said.get("match", {})), None if times is None else int(times)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a scripted fault: {error}") from error


_TOO_MUCH = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket"
_BINANCE = {
    403: "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>Request blocked.</BODY>"
         "</HTML>",
    418: {"code": -1003, "msg": "Way too much request weight used; IP banned until {until}. Please use WebSocket "
          "Streams for live updates to avoid bans."},
    429: {"code": -1003, "msg": f"{_TOO_MUCH} Streams for live updates to avoid polling the API."},
    451: {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility' in the "
          "terms."},
    500: {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."},
    503: {"code": -1008, "msg": "Server is currently overloaded with other requests. Please try again in a few "
          "minutes."},
    504: {"code": -1007, "msg": "Timeout waiting for response from backend server. Send status unknown; execution "
          "status unknown."},
}  # fmt: skip


def usual_body(provider: str, code: int, until_ms: int) -> tuple[str, str]:
    """The content type and the body that ``provider`` sends with ``code``; ``until_ms`` ends a ban."""
    if provider == "binance":
        said = _BINANCE.get(code, {"code": -1000, "msg": "An unknown error occurred while processing the request."})
        if isinstance(said, str):
            return "text/html", said
        text = json.dumps(said, separators=(",", ":"), indent=2 if code == 451 else None)
        return "application/json;charset=UTF-8", text.replace("{until}", str(until_ms))
    if provider != "yahoo":
        return "text/html", f"<html><head><title>{provider}</title></head><body>{code}</body></html>"
    if code == 429:
        return "text/plain", "Too Many Requests\r\n"
    if code == 401:
        said_401 = {"finance": {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}}
        return "application/json;charset=utf-8", json.dumps(said_401, separators=(",", ":"))
    if code == 404:
        gone = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return "application/json;charset=utf-8", json.dumps({"chart": {"result": None, "error": gone}})
    return "text/html", f"<html><head><title>Yahoo</title></head><body>{code}: Will be right back</body></html>"
