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


def engine(home: Path, market: Simulator, clock: Clock, said: list[str] | None = None, **flags: str) -> Engine:
    """An engine in ``home`` on ``market``; its warnings are appended to ``said``. ``flags``: settings by name,
    ``__`` for the dot."""
    settings = load(Home(str(home)), market.env, {name.replace("__", "."): text for name, text in flags.items()})
    return Engine(settings, clock, (said if said is not None else []).append)
