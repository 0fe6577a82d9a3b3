"""Signals for commands that commit: the first one asks for an end, the second one is the end."""

import os
import signal
import time
from types import FrameType, TracebackType
from typing import Self

_LOOK_S = 0.05


class Stop:
    """Inside the block a first SIGINT or SIGTERM only sets ``number``: the run winds up and keeps what is whole. A
    second one ends the process at once; the store is a whole version all the same."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, object] = {}

    def __call__(self) -> bool:
        return self.number != 0

    @property
    def exit_code(self) -> int:
        """130 after SIGINT, 143 after SIGTERM."""
        return 128 + self.number

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake up soon after a signal."""
        end = time.monotonic() + seconds
        while not self.number and (left_s := end - time.monotonic()) > 0:
            time.sleep(min(_LOOK_S, left_s))

    def __enter__(self) -> Self:
        # Also where SIGINT is ignored, as in a job in the background: it was sent to end us.
        self._before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal() itself gave back

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            os._exit(self.exit_code)
        self.number = number
