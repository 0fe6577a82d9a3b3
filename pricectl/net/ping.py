"""Telling a monitor that a run began and how it ended: ``URL/start``, then ``URL/<exit code>``, as healthchecks.io has
it (https://healthchecks.io/docs/http_api/, with a run id, so that overlapping runs are told apart).

A ping is never in the way: ``start`` does not wait, ``finish`` at most 3 seconds, and neither raises. The
address is a secret (whoever has it can say that all is well): no message repeats it.
"""

import os
import threading
import time
import uuid
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from pricectl import __version__
from pricectl.errors import UsageError

LIMIT_S = 3.0
_BODY_MAX = 10_000  # characters; healthchecks keeps the first 100 kB


def address(given: str) -> str:
    """The address that ``given`` is, or that the file holds which ``@FILE`` names: an option is seen by everybody on
    the machine, a file is not. Raises UsageError, which does not repeat the address."""
    if given.startswith("@"):
        path = os.path.expanduser(given[1:])
        try:
            with open(path, encoding="ascii") as file:
                given = file.read(4096).strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not ASCII text"
            raise UsageError(
                f"cannot read the ping URL from {path}: {reason}", "correct the path or its mode"
            ) from None
    _split(given)
    return given


class Ping:
    """The pings of one run to ``url`` (``https://hc-ping.com/<uuid>``). Raises UsageError for what is no address."""

    def __init__(self, url: str) -> None:
        self._parts = _split(url)
        self._run = str(uuid.uuid4())
        self._started = _Sending(None, "", "", LIMIT_S)

    def start(self) -> None:
        """Say that the run begins; returns at once."""
        self._started = _Sending(None, self._target("start"), "", LIMIT_S)
        self._started.begin()

    def finish(self, code: int, body: str = "", limit_s: float = LIMIT_S) -> str:
        """Say that the run ended with exit code ``code``, with ``body`` as its log; waits ``limit_s`` seconds at most.

        Gives "" when the monitor took it, otherwise one line that says why not.
        """
        ending = _Sending(self._started, self._target(str(code)), body[:_BODY_MAX], limit_s)
        ending.begin()
        return ending.wait()

    def _target(self, word: str) -> str:
        query = "&".join(part for part in (self._parts.query, urlencode({"rid": self._run})) if part)
        return urlunsplit(self._parts._replace(path=f"{self._parts.path.rstrip('/')}/{word}", query=query, fragment=""))


class _Sending:
    """One ping, sent by a thread of its own: a name that does not resolve hangs in the C library, where no time-out
    reaches it. The thread is a daemon and dies with the process."""

    def __init__(self, before: "_Sending | None", target: str, body: str, limit_s: float) -> None:
        self._before = before
        self._target = target
        self._body = body
        self._limit_s = limit_s
        self._problem = f"the ping was not answered within {limit_s:g} s"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._until = time.monotonic() + limit_s

    def begin(self) -> None:
        try:
            self._thread.start()
        except RuntimeError:  # no thread to be had
            self._problem = "the ping was not sent: this process may start no more threads"

    def wait(self) -> str:
        if self._thread.ident is not None:
            self._thread.join(max(self._until - time.monotonic(), 0.0))
        return self._problem

    def _run(self) -> None:
        if self._before is not None and self._before._thread.ident is not None:
            # The monitor wants them in order; a start that hangs gets half the time.
            self._before._thread.join(self._limit_s / 2)
        try:
            self._problem = _sent(self._target, self._body, max(self._until - time.monotonic(), 0.1))
        except (OSError, HTTPException, ValueError) as error:
            reason: Any = getattr(error, "reason", error)  # urllib wraps what happened
            said = getattr(reason, "strerror", None) or type(reason).__name__
            self._problem = f"the ping did not go through: {said}"


def _sent(target: str, body: str, timeout_s: float) -> str:
    """Send one ping; "" for an answer that takes it, otherwise what is wrong with it. Raises OSError (urllib's own
    errors among them), HTTPException, ValueError."""
    # The standard library's client: httpx takes three times as long to import, and a run may have nothing to ask.
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

    from pricectl.net.client import is_loopback

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            """Follow nowhere: the next host would be told the secret."""

    request = Request(target, body.encode() or None, {"User-Agent": f"pricectl/{__version__}"})  # noqa: S310
    opener = build_opener(Stay, *([ProxyHandler({})] if is_loopback(target) else []))
    try:
        with opener.open(request, timeout=timeout_s):
            return ""
    except HTTPError as error:
        error.close()
        return f"the ping was not taken: HTTP {error.code}"


def _split(url: str) -> SplitResult:
    wrong = UsageError("the ping URL is not an http(s) address", "it looks like https://hc-ping.com/<uuid>")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not all("!" <= c <= "~" for c in url):
        raise wrong
    if "@" in parts.netloc:
        raise UsageError("the ping URL holds a user name", "a monitor that wants one is not supported")
    return parts
