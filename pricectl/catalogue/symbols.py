"""What may stand as a symbol, and which assets a text finds."""

from collections.abc import Iterable

from pricectl.config import PROVIDERS
from pricectl.errors import UsageError
from pricectl.model.asset import Asset

LONGEST = 64
_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789^")
_REST = _FIRST | frozenset(".=&_-")
NO_CHAIN = "none"
_SHOWN = 40  # characters of an unacceptable text that a message repeats


def canonical(asked: str) -> str:
    """The symbol in capitals, ``provider:ID`` with the provider in small letters.

    Raises UsageError as ``spelling`` does, and for an unknown provider before the colon.
    """
    provider, colon, rest = asked.rpartition(":")
    if len(asked) > LONGEST or not colon:
        return spelling(asked)
    text = spelling(rest)
    if provider.lower() not in PROVIDERS:
        raise UsageError(f"{shown(provider)} is not a provider", f"one of: {', '.join(PROVIDERS)}")
    return f"{provider.lower()}:{text}"


def spelling(asked: str) -> str:
    """A symbol, or a provider's own, in capitals.

    Raises UsageError for what cannot be one: anything but letters, digits and ``. - = ^ & _`` (so no path, quote,
    space, control character), more than 64 characters.
    """
    text = asked.upper() if asked.isascii() else asked
    if not text or len(text) > LONGEST or text[0] not in _FIRST or not _REST.issuperset(text) or ".." in text:
        hint = "letters, digits and . - = ^ & _ only" if asked else "name one, or `pricectl assets search TEXT`"
        raise UsageError(f"{shown(asked)} is not a symbol", hint)
    return text


def listed_chain(text: str) -> str:
    """Fallbacks as they are kept: ``kraken:XBTUSD coinbase:BTC-USD``, or ``none`` in the row of a shipped symbol that
    has some. Raises UsageError for what is no such list."""
    if text.strip().lower() == NO_CHAIN:
        return NO_CHAIN
    chain = [canonical(one) for one in text.split()]
    for one in chain:
        if ":" not in one:
            raise UsageError(f"{shown(one)} does not say whose it is", "write it as kraken:XBTUSD coinbase:BTC-USD")
    return " ".join(dict.fromkeys(chain))


def shown(text: str) -> str:
    """``text`` as a message may repeat it: short, quoted, without anything that a terminal would act on."""
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def matching(text: str, assets: Iterable[Asset]) -> list[Asset]:
    """The assets in which every word of ``text`` occurs (symbol, name, code, category, provider's spelling).

    Best first: the symbol itself, its beginning, the name's beginning, then the rest by symbol. Case and accents
    do not matter.
    """
    words = [word for word in map(folded, text.split()) if word]
    whole = folded(text.strip())
    found = []
    for asset in assets:
        symbol, name, code = folded(asset.symbol), folded(asset.name), folded(asset.code)
        if words and all(
            any(word in field for field in (symbol, name, code, folded(asset.category), folded(asset.provider_id)))
            for word in words
        ):
            order = (whole not in (symbol, code), not symbol.startswith(whole), not name.startswith(whole), symbol)
            found.append((order, asset))
    return [asset for _, asset in sorted(found)]


def folded(text: str) -> str:
    """``text`` without case and accents, as people type it."""
    if text.isascii():
        return text.lower()
    from unicodedata import combining, normalize

    return "".join(letter for letter in normalize("NFKD", text) if not combining(letter)).casefold()
