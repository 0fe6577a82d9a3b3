"""What the other providers list: the fallbacks that the catalogue names for an asset."""

from collections.abc import Iterator

from pricectl.model.asset import Asset

_EXCHANGES = {"kraken": "KRAKEN", "coinbase": "COINBASE"}
_ENDS = ("USDT", "USD", "EUR")


def elsewhere(own: Asset) -> Iterator[tuple[Asset, bool]]:
    """The assets under which other providers list ``own``, and whether their prices move as its own do.

    The ECB lists currencies against the euro only, so a cross needs two of them.
    """
    for provider, one in own.chain:
        legs = [f"EUR{money}" for money in (one[:3], one[3:]) if money != "EUR"] if provider == "ecb" else [one]
        for listed in legs:
            yield _listed(own, provider, listed), listed == one


def _listed(own: Asset, provider: str, one: str) -> Asset:
    money = one[-3:] if own.type == "fx" else own.currency
    if own.type == "crypto":
        money = one.partition("-")[2] or next(end for end in _ENDS if one.endswith(end))
    exchange = _EXCHANGES.get(provider, own.exchange)
    return Asset(one, own.name, own.type, own.category, own.code, provider, one, money, exchange)
