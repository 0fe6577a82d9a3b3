"""Tier 3: one module for each source of prices. ``get`` imports only the one that is asked for."""

from pricectl.config import PROVIDERS as NAMES
from pricectl.errors import UsageError
from pricectl.providers.protocol import Provider

__all__ = ["NAMES", "Provider", "get"]


def get(name: str) -> Provider:
    """The provider called ``name`` (one of ``NAMES``). Raises UsageError for any other."""
    if name == "binance":
        from pricectl.providers.binance import Binance

        return Binance()
    if name == "yahoo":
        from pricectl.providers.yahoo import Yahoo

        return Yahoo()
    raise UsageError(f"there is no provider {name[:40]!r}", f"the providers are {', '.join(NAMES)}")
