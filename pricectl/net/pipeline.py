"""One polite GET: deadline > retry > breaker > shared budget > bounded httpx."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pricectl.config import Settings
from pricectl.errors import BadPayload, ProviderError, RateLimited, Refused, Transient
from pricectl.model.instant import Clock
from pricectl.net import faults
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.state import Ledger, Outcome

if TYPE_CHECKING:
    from pricectl.net.client import Client, Raw

T = TypeVar("T")

REQUEST_S = 10.0  # an attempt, whole: httpx's own time-outs start again with every byte
FAIR_S = 2.0  # an attempt that our own deadline cut off earlier says nothing of the provider
RETRIES, RETRY_SHARE = 10, 0.1  # of a run: a provider that fails for all is not asked three times for all


class _Line:
    """What this run holds for one host: its connections, its places, its queue."""

    def __init__(self, host: Host, client: "Client", keys: list[str]) -> None:
        import asyncio

        self.client = client
        self.keys = keys  # the one in use first; empty where the host wants none
        self.places = asyncio.Semaphore(host.at_once)
        self.queue = asyncio.Lock()  # one waits for the budget, the others behind it: first come, first served


class Http:
    """Requests of one run; an async context manager. ``person`` false: cron, which leaves a share to people.

    ``deadline`` (on ``clock.monotonic``) ends every wait and every attempt; the caller sets it and is free to hold an
    ``asyncio.timeout`` of its own around. ``requests`` counts the attempts sent, by host name.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        clock: Clock,
        *,
        person: bool = True,
        transport: Any = None,
        sleep: Callable[[float], Awaitable[Any]] | None = None,
    ) -> None:
        self.deadline: float | None = None
        self.requests: dict[str, int] = {}
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._person = person
        self._transport = transport
        self._sleeper = sleep
        self._lines: dict[str, _Line] = {}
        self._asked = self._retried = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines.values():
            await line.client.aclose()

    async def ask(self, host: Host, request: Request, read: Callable[[Reply], T]) -> T:
        """What ``read`` makes of the answer; ``read`` runs within the retry, so a Transient of its own is retried.

        Raises ProviderError: Transient after the last attempt; RateLimited when the provider asks for a pause, is in
        one, or the shared budget is used up for longer than there is time; Refused while its breaker is open or where
        the door is closed; what ``read`` raises. ConfigError for an unusable address or proxy.
        """
        self._asked += 1
        try:
            return await self._attempt(host, request, read)
        except Transient as failed:
            from pricectl.net import retry

            return await retry.again(
                lambda: self._attempt(host, request, read),
                failed,
                allowed=lambda: self._may_retry(host),
                left_s=self._left_s,
                sleep=self._sleep,
            )

    async def _attempt(self, host: Host, request: Request, read: Callable[[Reply], T]) -> T:
        line = self._line(host)
        async with line.places:
            shown = line.keys[:1]
            try:
                return await self._once(line, host, request, read)
            except faults.WrongKey:
                if line.keys[:1] == shown:  # else another request has turned to the next key meanwhile
                    if len(line.keys) < 2:
                        raise
                    del line.keys[0]
            return await self._once(line, host, request, read)

    async def _once(self, line: _Line, host: Host, request: Request, read: Callable[[Reply], T]) -> T:
        async with line.queue:
            await self._admitted(host, request.weight)
        self.requests[host.name] = self.requests.get(host.name, 0) + 1
        return await self._sent(line, host, request, read)

    async def _admitted(self, host: Host, weight: int) -> None:
        if self._left_s() <= 0.0:
            error = Transient(f"there was no time left to ask {host.name}", "allow more time with --timeout", host.name)
            raise _unasked(error)
        while (wait_s := self._ledger.take(host, weight, self._person)) > 0.0:
            if wait_s >= self._left_s():
                over = RateLimited(
                    f"the request budget of {host.name} is used up for the next {wait_s:.1f} s",
                    "try again then, or allow more time with --timeout",
                    host.name,
                    wait_s,
                )
                raise _unasked(over)
            await self._sleep(wait_s)

    async def _sent(self, line: _Line, host: Host, request: Request, read: Callable[[Reply], T]) -> T:
        import asyncio

        reply = None
        outcome = Outcome.ABANDONED
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(min(REQUEST_S, max(self._left_s(), 0.0))):
                raw = await line.client.get(request, *line.keys[:1])
            reply = self._reply(raw)
            faults.check(host, reply)
            value = _understood(host, reply, read)
            outcome = Outcome.ANSWERED
            return value
        except ProviderError as error:
            if not error.provider:  # raised by a reading function, which need not know who it reads for
                error.provider, error.args = host.name, (f"{host.name}: {error}",)
            outcome = faults.outcome(error, reply.status if reply else 0)
            if isinstance(error, RateLimited):
                raise self._paused(host, error, reply) from error
            raise
        except (TimeoutError, asyncio.CancelledError) as error:
            # The caller's own deadline may be over an instant before ours: the provider let it pass all the same.
            over = isinstance(error, TimeoutError) or self._left_s() <= 0.05
            outcome = Outcome.FAILED if over and clock() - started >= FAIR_S else Outcome.ABANDONED
            if isinstance(error, TimeoutError):
                late = faults.transport(host, error)
                late.asked = outcome is Outcome.FAILED
                raise late from None
            raise
        finally:
            self._ledger.report(host, outcome, *_counted(host, reply))

    def _paused(self, host: Host, error: RateLimited, reply: Reply | None) -> RateLimited:
        # The count first: a pause of unsaid length lasts until the minute that it tells of has turned.
        self._ledger.report(host, Outcome.ABANDONED, *_counted(host, reply))
        said = f"HTTP {reply.status}" if reply and reply.status != 200 else "in its answer"
        pause_s = self._ledger.cool_down(host, error.retry_after_s, said, error.banned)
        return faults.paused(host, error, pause_s)

    def _reply(self, raw: "Raw") -> Reply:
        from pricectl.net.dates import http_date

        now_ms = self._clock.now_ms()
        server_ms = http_date(raw.headers.get("date", ""))
        return Reply(raw.status, raw.headers, raw.body, now_ms if server_ms is None else server_ms, now_ms)

    def _line(self, host: Host) -> _Line:
        if host.name not in self._lines:
            from pricectl.net.client import Client

            keys = self._keys(host)
            client = Client(host, self._settings.url(host.name), self._transport)
            self._lines[host.name] = _Line(host, client, keys)
        return self._lines[host.name]

    def _keys(self, host: Host) -> list[str]:
        if host.key is None:
            return []
        from pricectl.net.client import is_loopback

        keys, name = self._settings.keys(host.name), f"PRICECTL_{host.name.upper()}"
        if not keys:
            raise Refused(f"{host.name} wants a key", f"set {name}_TOKEN, or {name}_TOKEN_FILE", host.name)
        base = self._settings.url(host.name)
        if not base.startswith("https://") and not is_loopback(base):
            raise Refused(
                f"a key is not sent to {host.name} in clear", f"set {name}_URL to an https address", host.name
            )
        return keys

    def _left_s(self) -> float:
        return float("inf") if self.deadline is None else self.deadline - self._clock.monotonic()

    def _may_retry(self, host: Host) -> bool:
        # Behind an open breaker the failure itself says more than "not asked".
        if self._retried >= RETRIES + RETRY_SHARE * self._asked or self._ledger.snapshot(host).breaker == "open":
            return False
        self._retried += 1
        return True

    async def _sleep(self, seconds: float) -> None:
        import asyncio

        await (self._sleeper or asyncio.sleep)(seconds)


def _unasked(error: ProviderError) -> ProviderError:
    error.asked = False
    return error


def _understood(host: Host, reply: Reply, read: Callable[[Reply], T]) -> T:
    try:
        return read(reply)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise BadPayload(
            f"{host.name} answered in a shape that is not its own ({type(error).__name__})", faults.LATER, host.name
        ) from error


def _counted(host: Host, reply: Reply | None) -> tuple[int | None, float]:
    """The weight that the provider says was used (None: it does not count), and the seconds left of its minute."""
    if reply is None or not host.weight_per_minute:
        return None, 0.0
    text = reply.headers.get(host.used_weight_header, "")
    used = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
    return used, 60.0 - reply.server_ms // 1000 % 60
