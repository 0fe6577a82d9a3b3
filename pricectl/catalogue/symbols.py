"""What may stand as a symbol, and what somebody probably meant who typed another."""

from collections.abc import Collection, Iterable

from pricectl.config import PROVIDERS
from pricectl.errors import UsageError
from pricectl.model.asset import Asset

LONGEST = 64
_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789^")
_REST = _FIRST | frozenset(".=&_-")
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


def shown(text: str) -> str:
    """``text`` as a message may repeat it: short, quoted, without anything that a terminal would act on."""
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def nearest(asked: str, assets: Collection[Asset], limit: int = 3) -> list[str]:
    """The symbols that ``asked`` probably meant, best first.

    The same letters and digits (``BRK-B`` -> ``BRK.B``), a provider's own spelling (``JPY=X`` -> ``USDJPY``), a
    code without its exchange (``OCDO`` -> ``OCDO.L``), a name (``bitcoin`` -> ``BTC``), one slip of the keys.
    """
    wanted = _letters(asked)
    if not wanted:
        return []
    ranked = [(rank, len(one.symbol), one.symbol) for one in assets if (rank := _rank(wanted, one)) < _FAR]
    best = min(ranked, default=(_FAR,))[0]
    return [symbol for rank, _, symbol in sorted(ranked) if rank == best][:limit]


_FAR = 9


def _rank(wanted: str, asset: Asset) -> int:
    symbol = _letters(asset.symbol)
    if wanted in (symbol, _letters(asset.provider_id)):
        return 0
    if wanted == _letters(asset.code):
        return 1
    name = _letters(asset.name)
    if wanted == name:
        return 2
    if len(wanted) > 3 and name.startswith(wanted):
        return 3
    if len(wanted) > 2 and (one_slip(wanted, symbol) or one_slip(wanted, _letters(asset.provider_id))):
        return 4
    return 5 if len(wanted) > 4 and one_slip(wanted, name) else _FAR


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).upper()


def one_slip(typed: str, meant: str) -> bool:
    """Whether one letter was changed, left out, added, or two neighbours swapped."""
    if abs(len(typed) - len(meant)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(typed, meant, strict=False)) if a != b), min(len(typed), len(meant)))
    rest, goal = typed[at:], meant[at:]
    return (
        rest[1:] == goal[1:]
        or rest[1:] == goal
        or rest == goal[1:]
        or (rest[:2] == goal[1::-1] and rest[2:] == goal[2:])
    )


def matching(text: str, assets: Iterable[Asset]) -> list[Asset]:
    """The assets in which every word of ``text`` occurs (symbol, name, code, category, provider's spelling).

    Best first: the symbol itself, its beginning, the name's beginning, then the rest by symbol. Case and accents
    do not matter.
    """
    words = [word for word in map(_folded, text.split()) if word]
    whole = _folded(text.strip())
    found = []
    for asset in assets:
        symbol, name, code = _folded(asset.symbol), _folded(asset.name), _folded(asset.code)
        if words and all(
            any(word in field for field in (symbol, name, code, _folded(asset.category), _folded(asset.provider_id)))
            for word in words
        ):
            order = (whole not in (symbol, code), not symbol.startswith(whole), not name.startswith(whole), symbol)
            found.append((order, asset))
    return [asset for _, asset in sorted(found)]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    from unicodedata import combining, normalize

    return "".join(letter for letter in normalize("NFKD", text) if not combining(letter)).casefold()
