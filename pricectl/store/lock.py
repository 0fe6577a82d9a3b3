"""The writers' lock: one flock, freed by the kernel when its holder dies, so nothing ever has to be cleaned up."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from pricectl.errors import Busy
from pricectl.model.instant import Clock

_PAUSE_S = 0.02


@contextlib.contextmanager
def writers_lock(path: str, mode: int, clock: Clock, wait_s: float) -> Iterator[None]:
    """Held inside the block; waits at most ``wait_s`` seconds. Raises Busy, or OSError where the file cannot
    be made. The file is never unlinked: two processes would then hold two locks (reproduced)."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        deadline = clock.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.monotonic() >= deadline:
                    raise Busy(
                        f"another run has been writing the store for {wait_s:g} s", "try again when it has ended"
                    ) from None
                time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(file)
