"""From what somebody says of an asset to all that must be known of it."""

from collections.abc import Mapping

from pricectl.catalogue.symbols import canonical, listed_chain, shown, spelling
from pricectl.config import PROVIDERS
from pricectl.errors import UsageError
from pricectl.model.asset import TYPES, Asset

FACTS = Asset._fields[1:10]
_LONGEST_NAME = 120
_TYPES = {
    "binance": "crypto", "kraken": "crypto", "coinbase": "crypto", "frankfurter": "fx", "ecb": "fx", "tiingo": "stock",
}  # fmt: skip
_EXCHANGES = {"binance": "BINANCE", "kraken": "KRAKEN", "coinbase": "COINBASE", "frankfurter": "CCY", "ecb": "CCY"}
_QUOTED_IN = ("USDT", "USDC", "FDUSD", "TUSD", "TRY", "EUR", "BRL", "JPY", "BTC", "ETH", "BNB")


def outside(provider: str, provider_id: str) -> Asset:
    """The asset of a series that is not in the catalogue, under its qualified symbol (``yahoo:NVDA``)."""
    asset = described({"symbol": provider_id, "provider": provider, "provider_id": provider_id}, None)
    return asset._replace(symbol=f"{provider}:{provider_id}")


def described(said: Mapping[str, str], known: Asset | None) -> Asset:
    """The asset that ``said`` describes: its cells over those of ``known``, the rest inferred.

    Inferred are: the type from the provider's spelling, the provider from the type (crypto: Binance, else
    Yahoo), the provider's id from the symbol, currency and exchange where the spelling tells them (else empty:
    not known until the provider is asked). Raises UsageError for a cell that cannot be.
    """
    given = {name: cell.strip() for name, cell in said.items() if cell and cell.strip()}
    symbol = canonical(given.pop("symbol", ""))
    provider, colon, rest = symbol.rpartition(":")
    if colon:
        symbol = rest
        if given.setdefault("provider", provider) != provider:
            raise UsageError(f"{provider}:{rest} is not {given['provider']}'s", "name the provider once")
        given.setdefault("provider_id", rest)
    _check(given)
    if "fallbacks" in given:
        given["fallbacks"] = listed_chain(given["fallbacks"])
    if "provider_id" in given:
        given["provider_id"] = spelling(given["provider_id"])
    elif known is not None and given.get("provider", known.provider) != known.provider:
        known = known._replace(provider_id="", currency="", exchange="", fallbacks="")
    if known is not None and given.get("provider_id", known.provider_id) != known.provider_id:
        known = known._replace(
            currency="", exchange="", fallbacks=""
        )  # another series: what held for the old one does not
    base = known._asdict() if known is not None else {}
    return _completed(symbol, {**{name: base[name] for name in FACTS if base.get(name)}, **given})


def differences(known: Asset, other: Asset) -> str:
    """Where ``other`` contradicts ``known``, in words: ``currency is USD, not EUR``; empty if nowhere. To tell what
    was not known is no contradiction."""
    return "; ".join(
        f"{name} is {getattr(known, name)}, not {getattr(other, name)}"
        for name in FACTS
        if getattr(known, name) and getattr(other, name) not in ("", getattr(known, name))
    )


def _completed(symbol: str, cells: dict[str, str]) -> Asset:
    provider = cells.get("provider") or ("binance" if cells.get("type") == "crypto" else "yahoo")
    provider_id = cells.get("provider_id") or _spelling(provider, symbol)
    if provider == "binance" and not provider_id.isalnum():
        raise UsageError(f"{provider_id} is not a pair of Binance", "write it as BTCUSDT")
    type_ = cells.get("type") or _type(provider, provider_id)
    return Asset(
        symbol=symbol,
        name=cells.get("name") or symbol,
        type=type_,
        category=cells.get("category") or type_,
        code=cells.get("code") or symbol.rpartition("=")[0].lstrip("^") or symbol.lstrip("^").partition(".")[0],
        provider=provider,
        provider_id=provider_id,
        currency=cells.get("currency") or _currency(provider, provider_id),
        exchange=cells.get("exchange") or _exchange(provider, provider_id),
        fallbacks=cells.get("fallbacks", ""),
    )


def _check(given: Mapping[str, str]) -> None:
    for name, allowed in (("type", TYPES), ("provider", PROVIDERS)):
        if given.get(name, allowed[0]) not in allowed:
            raise UsageError(f"{shown(given[name])} is not a {name}", f"one of: {', '.join(allowed)}")
    for name, cell in given.items():
        if not cell.isprintable() or len(cell) > _LONGEST_NAME:
            raise UsageError(f"{shown(cell)} cannot be a {name}", f"printable, at most {_LONGEST_NAME} characters")
    for name in ("currency", "exchange"):
        cell = given.get(name, "X")
        if not (cell.isascii() and cell.isalnum() and len(cell) <= 12):
            raise UsageError(f"{shown(cell)} cannot be a {name}", "letters and digits, at most 12")


def _spelling(provider: str, symbol: str) -> str:
    if provider == "binance" and not symbol.endswith(("USDT", "USDC", "FDUSD")):
        return symbol + "USDT"
    return symbol


def _type(provider: str, provider_id: str) -> str:
    if provider in _TYPES:
        return _TYPES[provider]
    if provider_id.endswith("-USD"):
        return "crypto"
    if provider_id.startswith("^"):
        return "index"
    return {"=X": "fx", "=F": "commodity"}.get(provider_id[-2:], "stock")


def _currency(provider: str, provider_id: str) -> str:
    if provider == "binance":
        return next((end for end in _QUOTED_IN if provider_id.endswith(end) and provider_id != end), "")
    if provider in ("frankfurter", "ecb"):
        return provider_id[3:]
    if provider == "coinbase":
        return provider_id.partition("-")[2]
    if provider == "tiingo":
        return "USD"
    return provider_id[-5:-2] if provider_id.endswith("=X") else ""


def _exchange(provider: str, provider_id: str) -> str:
    if provider in _EXCHANGES:
        return _EXCHANGES[provider]
    if provider_id.endswith("-USD"):
        return "CCC"
    return "CCY" if provider_id.endswith("=X") else ""
