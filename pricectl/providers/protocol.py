"""What the engine asks of every provider. Asking and reading are pure functions in the provider's own module;
these methods only join them through net, so nothing here sleeps, retries or keeps state."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from pricectl.model.bar import History
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host


class Provider(Protocol):
    """One source of prices; ``host`` is what net must know of it."""

    @property
    def host(self) -> Host: ...

    def check_id(self, provider_id: str) -> str:
        """The provider's own spelling of ``provider_id``. Raises UsageError for what no symbol of it can be."""

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The fewest requests that answer ``ids``: each tuple is one call of ``quotes``. Duplicates go."""

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        """A quote, or a Miss with the reason, for each of ``ids`` in their order; ``Miss.symbol`` is the id.

        Prices in ``Quote.currency``, the provider's own spelling. Raises ProviderError when the whole request
        failed; an unknown symbol never sinks the others.
        """

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        """The daily bars dated from ``start`` to ``end`` (inclusive, dates of the exchange's own zone), as traded,
        and all splits and dividends from ``start`` to now. An empty list where there was no session.

        Raises UnknownSymbol, and every other ProviderError.
        """
