"""What happens after a request failed: again, at most twice, only if it may help. The only module that knows tenacity,
imported when something has failed (32 ms)."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from pricectl.errors import Transient

T = TypeVar("T")

ATTEMPTS = 3
FIRST_S, LONGEST_S = 0.2, 8.0  # full jitter: uniform between 0 and 0.2, 0.4, ... seconds


async def again(
    attempt: Callable[[], Awaitable[T]],
    failed: Transient,
    *,
    allowed: Callable[[], bool],
    left_s: Callable[[], float],
    sleep: Callable[[float], Awaitable[Any]],
) -> T:
    """What ``attempt`` gives after it ``failed`` once. Only Transient is retried, while the retry budget has
    ``allowed`` it and the pause ends before the time ``left_s`` does. Raises the last error as it was."""
    first: list[Transient] = [failed]

    async def replayed() -> T:
        if first:
            raise first.pop()
        return await attempt()

    def too_late(state: RetryCallState) -> bool:
        return state.upcoming_sleep >= left_s()

    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS) | too_late,  # type: ignore[operator]
        wait=wait_random_exponential(multiplier=FIRST_S, max=LONGEST_S),
        retry=retry_if_exception(lambda error: isinstance(error, Transient) and allowed()),
        sleep=sleep,
        reraise=True,
    )
    return await retrying(replayed)
