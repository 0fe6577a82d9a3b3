"""An engine over a home of its own, asking a simulated market; the clock may be set."""

from pathlib import Path

from pricectl.config import load
from pricectl.engine import Engine
from pricectl.home import Home
from pricectl.model.instant import Clock
from pricectl.simulator import Simulator


class SetClock(Clock):
    """Wall time that moves only when told (milliseconds since the epoch, UTC); the monotonic clock is the real one."""

    def __init__(self, now_ms: int) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms


class RunningClock(SetClock):
    """Wall time that moves only when told, and a monotonic clock that moves with it and runs by itself as well: so
    budgets and pauses pass as they would, and waits in between end."""

    def __init__(self, now_ms: int) -> None:
        super().__init__(now_ms)
        self._since = now_ms

    def monotonic(self) -> float:
        return super().monotonic() + (self.ms - self._since) / 1000


def engine(home: Path, market: Simulator, clock: Clock, said: list[str] | None = None, **flags: str) -> Engine:
    """An engine in ``home`` on ``market``; its warnings are appended to ``said``. ``flags``: settings by name,
    ``__`` for the dot."""
    settings = load(Home(str(home)), market.env, {name.replace("__", "."): text for name, text in flags.items()})
    return Engine(settings, clock, (said if said is not None else []).append)
