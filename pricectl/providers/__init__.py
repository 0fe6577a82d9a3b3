"""Tier 3: one module for each source of prices. ``get`` imports only the one that is asked for."""

from importlib import import_module
from typing import cast

from pricectl.config import PROVIDERS as NAMES
from pricectl.errors import UsageError
from pricectl.providers.protocol import Provider

__all__ = ["NAMES", "Provider", "get"]


def get(name: str) -> Provider:
    """The provider called ``name`` (one of ``NAMES``): the class of that name in the module of that name.

    Raises UsageError for any other.
    """
    if name not in NAMES:
        raise UsageError(f"there is no provider {name[:40]!r}", f"the providers are {', '.join(NAMES)}")
    module = import_module(f"pricectl.providers.{name}")
    return cast("Provider", getattr(module, name.capitalize())())
