"""Which series to ask, in which order, when an asset's own provider fails. Pure.

A fallback answers for the asset, but stays a series of its own: its quotes and bars are kept under its own name and in
its own currency, and never join those of another provider.
"""

from collections.abc import Callable, Collection

from pricectl.errors import ProviderError, UnknownSymbol
from pricectl.model.asset import Asset, Series

OWN_SHARE = 0.5  # of the time to wait: what is left of it then goes to the fallbacks


def moves_on(error: BaseException | None) -> bool:
    """Whether the next one is asked after ``error``: the provider failed, did not answer or may not be asked.

    What it does not know is no failure: another provider's asset of a similar name could be another thing.
    """
    return isinstance(error, ProviderError) and not isinstance(error, UnknownSymbol)


def fallbacks(asset: Asset, lacks_key: Callable[[str], bool]) -> tuple[Series, ...]:
    """The series to ask after the asset's own, in order; none of a provider whose key is not set."""
    return tuple(one for one in asset.chain if one != asset.series and not lacks_key(one.provider))


def as_named(asset: Asset, name: str) -> Asset:
    """``asset`` as ``name`` asks for it: one that names its provider (``binance:BTCUSDT``) has no fallbacks, for
    another's price is not what was asked for."""
    return asset._replace(fallbacks="") if ":" in name else asset


def stand_in(asset: Asset, series: Series) -> Asset:
    """``asset`` as its fallback ``series`` gives it. The currency is only known when that has answered."""
    return asset._replace(provider=series.provider, provider_id=series.provider_id, currency="", fallbacks="")


def own_time_s(timeout_s: float, chains: Collection[tuple[Series, ...]]) -> float:
    """How long to wait for the own providers, where ``chains`` are the fallbacks of what is asked."""
    return timeout_s * OWN_SHARE if any(chains) else timeout_s
