"""Asks a server through the whole pipeline, over a home of its own; time passes only by sleeping."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pricectl.config import Settings, load
from pricectl.errors import PricectlError
from pricectl.home import Home
from pricectl.model.instant import Clock
from pricectl.net import Host, Http, Reply, Request
from pricectl.state import Ledger

NOON_MS = 1_795_521_600_000  # 2026-11-24T12:00:00Z
HOST = Host("yahoo", rate_per_s=1000.0, burst=1000, at_once=4)


class SleptClock(Clock):
    """Both clocks stand still until ``sleep``; ``slept`` lists the seconds."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.wall_ms = NOON_MS
        self.passed = 1000.0

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic(self) -> float:
        return self.passed

    def advance(self, seconds: float) -> None:
        self.passed += seconds
        self.wall_ms += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


class Asker:
    """One run: a home, a clock and an Http on ``url``."""

    def __init__(self, home: Path, url: str, host: Host = HOST, clock: Clock | None = None) -> None:
        self.clock = clock or SleptClock()
        self.host = host
        self.settings: Settings = load(Home(str(home)), {"PRICECTL_YAHOO_URL": url, "PRICECTL_BINANCE_URL": url})
        self.ledger = Ledger(self.settings, self.clock)

    def http(self, **options: Any) -> Http:
        sleep = self.clock.sleep if isinstance(self.clock, SleptClock) else None
        return Http(self.settings, self.ledger, self.clock, sleep=sleep, **options)

    def ask(
        self,
        read: Callable[[Reply], Any] = Reply.json,
        within_s: float | None = None,
        request: Request = Request("/x"),  # noqa: B008
    ) -> Any:
        """What one request gives, or the error it raises, as a value."""

        async def run() -> Any:
            async with self.http() as http:
                if within_s is not None:
                    http.deadline = self.clock.monotonic() + within_s
                try:
                    return await http.ask(self.host, request, read)
                except PricectlError as error:
                    return error

        return asyncio.run(run())
