"""How far a long run has come: one line on stderr that overwrites itself, for a person who waits."""

from types import TracebackType

from pricectl.model.instant import Clock
from pricectl.output.stream import say

PATIENCE_S = 0.5  # nothing is shown before: most runs are over by then
_EVERY_S = 0.1


class Progress:
    """``with context.progress("fetching", 50) as progress: ... progress.step()``. Silent unless ``watched``."""

    def __init__(self, label: str, total: int, clock: Clock, watched: bool) -> None:
        self._label, self._total, self._clock, self._watched = label, total, clock, watched
        self._done = 0
        self._next_s = clock.monotonic() + PATIENCE_S
        self._shown = False

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        now_s = self._clock.monotonic()
        if self._watched and now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            self._shown = True
            say(f"\r{self._label} {self._done}/{self._total}\x1b[K", end="")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            say("\r\x1b[K", end="")
