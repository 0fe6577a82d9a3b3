"""A current price, and the answer that carries it. NamedTuples: the front door may not import dataclasses."""

from typing import NamedTuple

from pricectl.errors import PricectlError
from pricectl.model.asset import Series


class Quote(NamedTuple):
    """A current price as one provider gave it.

    ``price`` and ``change24h`` (percent, None if unknown) are decimal texts in plain notation, so the provider's
    digits survive; ``currency`` is the provider's own spelling. Times are milliseconds since the epoch, UTC:
    ``updated_ms`` is the provider's time of the price, ``fetched_ms`` ours, ``fresh_until_ms`` decided by the
    engine when the quote is written (0: not decided yet).
    """

    provider: str
    provider_id: str
    price: str
    currency: str
    change24h: str | None
    updated_ms: int
    fetched_ms: int
    fresh_until_ms: int = 0

    @property
    def series(self) -> Series:
        return Series(self.provider, self.provider_id)


class Answer(NamedTuple):
    """A quote as the user asked for it. ``source`` is the tier that gave it: cache, store or provider."""

    symbol: str
    asked: str
    quote: Quote
    source: str
    stale: bool


class Miss(NamedTuple):
    """A symbol without an answer, and why: a value, so that one bad symbol never sinks a batch."""

    symbol: str
    error: PricectlError
