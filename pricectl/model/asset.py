"""What a symbol stands for."""

from typing import NamedTuple

TYPES = ("crypto", "stock", "etf", "fx", "index", "commodity", "fund")


class Series(NamedTuple):
    """One provider's prices of one thing: the identity under which quotes and bars are kept."""

    provider: str
    provider_id: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.provider_id}"


class Asset(NamedTuple):
    """A row of the catalogue.

    ``symbol`` is canonical (``BTC``, ``BRK.B``, ``EURUSD``); for a provider-qualified symbol outside the
    catalogue it is ``yahoo:NVDA`` itself. ``provider_id`` is the provider's own spelling. ``currency`` is what
    the provider quotes in, verbatim (``USDT``, ``GBp``); empty when not known before the provider is asked.
    ``exchange`` is the provider's exchange code (``NMS``, ``LSE``, ``CCY``, ``BINANCE``).
    """

    symbol: str
    name: str
    type: str
    category: str
    code: str
    provider: str
    provider_id: str
    currency: str
    exchange: str
    fallbacks: str = ""  # who is asked where the provider fails, in this order: "kraken:XBTUSD coinbase:BTC-USD"
    active: bool = True
    followed: bool = False
    own: bool = False  # the user's own addition or change, not the shipped row

    @property
    def series(self) -> Series:
        return Series(self.provider, self.provider_id)

    @property
    def chain(self) -> tuple[Series, ...]:
        """The series of the fallbacks, in the order in which they are asked."""
        return tuple(Series(*one.split(":", 1)) for one in self.fallbacks.split() if ":" in one)
